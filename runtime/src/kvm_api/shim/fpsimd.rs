//! The CORE register space, as far as it concerns the vector unit: V, FPSR and FPCR.
//!
//! A CORE ID is an offset into `struct kvm_regs`, in 32-bit words.

use crate::fpsimd::{self, Reg};
use crate::kvm_api::{Errno, reg_size};
use crate::registers::layout::{ARCH_MASK, COPROC_MASK, Register, SIZE_MASK};

use super::Rules;

/// What a CORE ID names: words of a V register, or one of the two status registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoreReg {
    V(Part),
    Fpsr,
    Fpcr,
}

/// Whole words of one V register, which are all four unless the RFC's rules allow less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) register: fpsimd::V,
    /// Where the words start within the register's value, in bytes.
    pub(super) start: usize,
    /// How many bytes they have.
    pub(super) len: usize,
}

/// `sizeof(struct kvm_regs)` in 32-bit words, past which the kernel answers for nothing.
const KVM_REGS_WORDS: u64 = 216;
const V_START: u64 = offset(fpsimd::V0.id());
const V_WORDS: u64 = offset(fpsimd::V1.id()) - V_START;
/// One past the last word of the last V register.
const V_LIMIT: u64 = offset(fpsimd::V31.id()) + V_WORDS;

/// All of an ID that is not architecture, size or coprocessor. Stray bits above the low 16 stay in, and make
/// the offset too large to name anything.
const fn offset(id: u64) -> u64 {
    id & !(ARCH_MASK | SIZE_MASK | COPROC_MASK)
}

/// The register of an ID in the CORE space, or the kernel's answer where there is none.
pub(super) fn parse(id: u64, rules: Rules) -> Result<CoreReg, Errno> {
    match rules {
        Rules::Mainline => parse_mainline(id),
        Rules::Rfc => parse_rfc(id),
    }
}

fn parse_mainline(id: u64) -> Result<CoreReg, Errno> {
    let offset = offset(id);
    let words = reg_size(id) as u64 / 4;
    // Both are far below 2^63, so the sum cannot overflow. The kernel compares with `>=` and not with `>`, so
    // it refuses the last word too, which is padding.
    if offset < V_START || offset + words >= KVM_REGS_WORDS {
        return Err(Errno::ENOENT);
    }
    match Reg::decode(id) {
        Ok(reg) => Ok(status(reg)),
        Err(_) => Err(Errno::EINVAL),
    }
}

fn parse_rfc(id: u64) -> Result<CoreReg, Errno> {
    match parse_v(id) {
        // Not a V register, so it is another parser's turn.
        Err(Errno::ENOENT) => Reg::decode(id).map(status).map_err(|_| Errno::ENOENT),
        v => v.map(CoreReg::V),
    }
}

fn status(reg: Reg) -> CoreReg {
    match reg {
        Reg::V(register) => CoreReg::V(Part::whole(register)),
        Reg::FPSR(_) => CoreReg::Fpsr,
        Reg::FPCR(_) => CoreReg::Fpcr,
    }
}

/// The RFC's V parser: `ENOENT` for an ID that has nothing to do with the V registers, `EINVAL` for one that
/// has but is not part of a single register.
fn parse_v(id: u64) -> Result<Part, Errno> {
    let (offset, len) = (offset(id), reg_size(id));
    let words = (len as u64).div_ceil(4);
    // First, whether the ID is one of V at all, without a sum that could overflow.
    let ends_before = offset < V_START && words <= V_START - offset;
    if ends_before || offset >= V_LIMIT {
        return Err(Errno::ENOENT);
    }
    let within = offset.checked_sub(V_START).ok_or(Errno::EINVAL)?;
    let (number, word) = (within / V_WORDS, within % V_WORDS);
    if len % 4 != 0 || words > V_WORDS - word {
        return Err(Errno::EINVAL);
    }
    let number = u32::try_from(number).map_err(|_| Errno::EINVAL)?;
    Ok(Part {
        register: Register::new(number).map_err(|_| Errno::EINVAL)?,
        start: usize::try_from(4 * word).map_err(|_| Errno::EINVAL)?,
        len,
    })
}

impl Part {
    fn whole(register: fpsimd::V) -> Self {
        Self {
            register,
            start: 0,
            len: 16,
        }
    }

    /// The words, out of the value of the whole register. CORE registers are integers in the host's byte
    /// order, whereas the image is little-endian on every host.
    pub(super) fn get(self, image: [u8; 16], data: &mut [u8]) {
        let value = u128::from_le_bytes(image).to_ne_bytes();
        data.copy_from_slice(&value[self.start..][..self.len]);
    }

    /// The value of the whole register with these words replaced.
    pub(super) fn set(self, image: [u8; 16], data: &[u8]) -> [u8; 16] {
        let mut value = u128::from_le_bytes(image).to_ne_bytes();
        value[self.start..][..self.len].copy_from_slice(data);
        u128::from_ne_bytes(value).to_le_bytes()
    }
}
