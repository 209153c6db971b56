//! The vCPUs that this package's two examples show to debuggers: `gdb_server`, a stub with `gdbstub`, and
//! `core_file`, a core file as a VMM's guest dump writes it, with `object`. `cargo harness debuggers` compares
//! what gdb and LLDB show of both with the pattern below.

use std::error::Error;
use std::str::FromStr;

use sve_state::gdb::{self, Description, Reg};
use sve_state::shim::Vcpu;
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{Vls, Vq};

/// A vCPU of this crate's own.
pub type Shim = Vcpu<Box<[u8]>>;

/// A vector length in quadwords, 1 to 16, or `none` for a vCPU without SVE.
#[derive(Clone, Copy, Debug)]
pub struct Sve(pub Option<Vq>);

impl FromStr for Sve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let number = text.parse().ok().and_then(|vq| Vq::new(vq).ok());
        match number.filter(|vq| *vq <= Vq::ARCH_MAX) {
            Some(vq) => Ok(Self(Some(vq))),
            None => Err("allowed are 1 to 16, or none".to_owned()),
        }
    }
}

/// Byte `k` of gdb's register `number`, which differs between registers, and between the quadwords of a
/// register.
pub fn pattern(number: u32, k: u32) -> u8 {
    let [byte, ..] = (7 * number + 37 * k + k / 16).to_le_bytes();
    byte
}

/// A vCPU whose registers have the pattern.
pub fn vcpu(sve: Sve) -> Result<Finalized<Shim>, Box<dyn Error>> {
    let mut vcpu = Vcpu::new(Vls::up_to(sve.0.unwrap_or(Vq::MIN)))?;
    let mut vcpu = if sve.0.is_some() {
        vcpu.init_with_sve()?;
        Initialized::new(vcpu).finalize()?
    } else {
        vcpu.init_without_sve()?;
        Finalized::without_sve(vcpu)
    };
    let description = Description::from_vls(vcpu.vls())?;
    for (number, register) in (0..).zip(description.registers()) {
        if !matches!(register, Reg::Core(_) | Reg::Vg) {
            let size = description.size(register);
            let bytes: Vec<_> = (0..).map(|k| pattern(number, k)).take(size).collect();
            gdb::write_vcpu(&mut vcpu, number, &bytes)?;
        }
    }
    Ok(vcpu)
}

/// x0 to x30, sp, pc and cpsr, as a `g` packet has them.
pub fn core_registers() -> [u8; gdb::CORE_BYTES] {
    let mut bytes = [0; gdb::CORE_BYTES];
    for (number, register) in (0..gdb::CORE_REGISTERS).zip(bytes.chunks_mut(8)) {
        for (k, byte) in (0..).zip(register) {
            *byte = pattern(number, k);
        }
    }
    bytes
}
