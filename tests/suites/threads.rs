//! What threads of Linux load into their registers, and whether it is found again, in the archive of frames and by
//! `ptrace_check`.

use std::fmt::Debug;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use sve_state::Vq;
use sve_state::vcpu::Status;

/// What `ptrace_check` reports.
#[derive(Serialize, Deserialize, Debug, Default)]
pub struct Threads {
    /// The kernel's.
    pub release: String,
    /// The vector lengths at which all was right, in quadwords.
    pub vqs: Vec<u16>,
    /// Those of streaming mode.
    pub streaming: Vec<u16>,
    /// What was not right.
    pub failure: Option<String>,
}

/// FPSR and FPCR for odd seeds, and then for even ones.
pub const ODD: Status = Status {
    fpsr: 0x0800_0011,
    fpcr: 0x0240_0000,
};
/// The others.
pub const EVEN: Status = Status {
    fpsr: 0x0000_008e,
    fpcr: 0x0180_0000,
};

/// Fills the front of a buffer with registers that, by a seed, differ in each byte that can, and returns FPSR and
/// FPCR. FFR has a run of ones from its start, because it may have nothing else.
pub fn load(bytes: &mut [u8], vq: Vq, seed: usize) -> Status {
    let vq = usize::from(vq.get());
    for (k, byte) in bytes[..544 * vq].iter_mut().enumerate() {
        *byte = (31 * k + k / 251 + 97 * seed + 1).to_le_bytes()[0];
    }
    let ones = (5 * seed + 3) % (16 * vq);
    for (k, byte) in bytes[544 * vq..546 * vq].iter_mut().enumerate() {
        let ones = ones.saturating_sub(8 * k).min(8);
        *byte = ((1_u16 << ones) - 1).to_le_bytes()[0];
    }
    if seed % 2 == 1 { ODD } else { EVEN }
}

/// Refuses what was not expected.
pub fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<()> {
    let equal = found == expected;
    ensure!(equal, "{what}: {found:x?}, and not {expected:x?}");
    Ok(())
}

/// The same for bytes, of which the first that differs is named.
pub fn equal(what: &str, found: &[u8], expected: &[u8]) -> Result<()> {
    same(&format!("{what}, bytes"), found.len(), expected.len())?;
    let mut pairs = found.iter().zip(expected).enumerate();
    let different = pairs.find(|(_, (found, expected))| found != expected);
    same(what, different, None)
}
