//! What [`object`](super::object) does, as a VMM's author writes it without the crate: the same state to JSON
//! and back, with SVE and without, and what the VMM wrote before is read too. Nothing else is checked.

use serde::{Deserialize, Serialize};

use super::Fd;

// (+
const VLS: u64 = 0x6060_0000_0015_ffff;
const FPSR: u64 = 0x6020_0000_0010_00d4;
const FPCR: u64 = 0x6020_0000_0010_00d5;

/// The IDs of V0 to V31.
fn v_ids() -> impl Iterator<Item = u64> {
    (0..32).map(|n| 0x6040_0000_0010_0054 + 4 * n)
}

/// The IDs of Z0 to Z31, P0 to P15 and FFR.
fn sve_ids() -> impl Iterator<Item = u64> {
    let z = (0..32).map(|n| 0x6080_0000_0015_0000 + (n << 5));
    z.chain((0..17).map(|n| 0x6050_0000_0015_0400 + (n << 5)))
}
// +)

/// As it is saved.
#[derive(Serialize, Deserialize, Debug)]
pub struct Core {
    /// The program counter, for all that is no matter here.
    pub pc: u64,
    /// V0 to V31.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vregs: Option<[u128; 32]>,
    /// FPSR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fpsr: Option<u32>,
    /// FPCR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fpcr: Option<u32>,
    // (+
    /// VLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vls: Option<Vec<u8>>,
    /// Z, P and FFR in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sve: Vec<Vec<u8>>,
    // +)
}

/// The state of a vCPU.
pub fn state<V: Fd>(fd: &V, has_sve: bool) -> Result<Core, String> {
    // (+
    let u32_of = |id| {
        let bytes = fd.get(id)?.try_into().map_err(|_| "4 bytes")?;
        Ok::<_, String>(Some(u32::from_ne_bytes(bytes)))
    };
    let (mut vregs, mut vls, mut sve) = (None, None, Vec::new());
    if has_sve {
        vls = Some(fd.get(VLS)?);
        sve = sve_ids().map(|id| fd.get(id)).collect::<Result<_, _>>()?;
    } else {
        let mut values = [0; 32];
        for (value, id) in values.iter_mut().zip(v_ids()) {
            let bytes = fd.get(id)?.try_into().map_err(|_| "16 bytes")?;
            *value = u128::from_ne_bytes(bytes);
        }
        vregs = Some(values);
    }
    // +)
    Ok(Core {
        pc: 0x8000_0000,
        vregs,
        fpsr: u32_of(FPSR)?,
        fpcr: u32_of(FPCR)?,
        // (+
        vls,
        sve,
        // +)
    })
}

/// The state to a vCPU after `KVM_ARM_VCPU_INIT`.
pub fn set_state<V: Fd>(fd: &V, core: &Core) -> Result<(), String> {
    // (+
    if let Some(vls) = &core.vls {
        fd.set(VLS, vls)?;
        fd.finalize()?;
        for (id, bytes) in sve_ids().zip(&core.sve) {
            fd.set(id, bytes)?;
        }
    }
    for (id, value) in v_ids().zip(core.vregs.iter().flatten()) {
        fd.set(id, &value.to_ne_bytes())?;
    }
    for (id, value) in [(FPSR, core.fpsr), (FPCR, core.fpcr)] {
        fd.set(id, &value.unwrap_or_default().to_ne_bytes())?;
    }
    Ok(())
    // +)
}
