//! A trait object with `&self`, a core struct and JSON. Before, the core struct had V, FPSR and FPCR, and
//! a vCPU with SVE had none of them.

use serde::{Deserialize, Serialize};
// (+
use sve_state::SveError;
use sve_state::snapshot::Snapshot as SveSnapshot;
use sve_state::vcpu::{FinalizeSve, Finalized, Initialised, Status};
// +)

/// As it is saved: `sve` now, the others before.
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
    /// Since then.
    pub sve: Option<SveSnapshot>,
    // +)
}

/// A vCPU, of whatever hypervisor.
pub trait Vcpu {
    /// Its state.
    fn state(&self) -> Result<Core, String>;
    /// The state to a vCPU after `KVM_ARM_VCPU_INIT`.
    fn set_state(&self, core: &Core) -> Result<(), String>;
}

/// One of KVM.
#[derive(Debug)]
pub struct KvmVcpu<V> {
    /// The file descriptor.
    pub fd: V,
    /// Whether it was initialised with SVE.
    pub has_sve: bool,
}

impl<V> Vcpu for KvmVcpu<V>
// (+
where
    for<'a> &'a V: FinalizeSve<Error: std::fmt::Display>,
    // +)
{
    fn state(&self) -> Result<Core, String> {
        // (+
        let sve = Finalized::of(&self.fd, self.has_sve).and_then(|vcpu| vcpu.snapshot());
        // +)
        Ok(Core {
            pc: 0x8000_0000,
            vregs: None,
            fpsr: None,
            fpcr: None,
            // (+
            sve: Some(sve.map_err(|error| SveError::from(error).to_string())?),
            // +)
        })
    }

    fn set_state(&self, core: &Core) -> Result<(), String> {
        // (+
        let status = Status {
            fpsr: core.fpsr.unwrap_or_default(),
            fpcr: core.fpcr.unwrap_or_default(),
        };
        let old = core
            .vregs
            .map(|v| SveSnapshot::without_sve(&v, Some(status)));
        let snapshot = core.sve.as_ref().or(old.as_ref()).ok_or("no SVE state")?;
        let restored = Initialised::new(&self.fd).restore_snapshot(snapshot);
        restored.map(drop).map_err(|error| error.to_string())
        // +)
    }
}
