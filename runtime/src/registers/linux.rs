//! The layouts that Linux has today. `macros/src/tests/expected.rs` shows what the macro makes of one.

use core::fmt;

use crate::layout::{Bank, find};
use crate::register_layout;

register_layout! {
    /// The SVE registers of an arm64 KVM vCPU, in the order of `sve_state`.
    ///
    /// Source: `KVM_REG_ARM64_SVE_*` in Linux's `arch/arm64/include/uapi/asm/kvm.h`, and the
    /// section on `KVM_SET_ONE_REG` of `Documentation/virt/kvm/api.rst`. Bytes are in little-endian
    /// order, whatever the host's is.
    pub mod sve {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;

        /// Scalable vector registers.
        bank Z[32] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
        /// Predicate registers, which have a bit for each byte of a vector.
        bank P[16] at 0x400 step 32: slice 256 bits, width 16 * vq bits;
        /// First-fault register, which has a predicate's shape.
        bank FFR at 0x600: slice 256 bits, width 16 * vq bits;
        /// Vector-length set, which has a bit for each vector length of the vCPU.
        pseudo VLS at 0xffff: 512 bits;
    }

    /// The FPSIMD registers of an arm64 KVM vCPU, inside the CORE registers.
    ///
    /// IDs count 32-bit words of `struct kvm_regs`. On a vCPU without SVE this is where the vector
    /// registers are; with SVE, V(n) is the low 128 bits of Z(n), and KVM since Linux 5.2 serves it
    /// only as Z(n).
    ///
    /// Source: `KVM_REG_ARM_CORE_REG(fp_regs.…)` in Linux's `arch/arm64/include/uapi/asm/kvm.h`.
    pub mod fpsimd {
        arch: arm64, coproc: 0x10, vq: 1..=16;

        /// Vector registers of 128 bits, in the host's byte order.
        view V[32] at 0x54 step 4: 128 bits, low bits of sve::Z;
        /// Floating-point status register.
        bank FPSR at 0xd4: 32 bits;
        /// Floating-point control register.
        bank FPCR at 0xd5: 32 bits;
    }
}

/// The register slice of either layout that has this ID, as [`find`] gives it.
#[inline(never)]
pub(crate) fn find_in_either(id: u64) -> Option<(&'static Bank, u32, u32)> {
    find::<sve::Layout>(id).or_else(|| find::<fpsimd::Layout>(id))
}

/// A register's ID, as ONE_REG takes it.
///
/// `Display` is the name of the register: `Z3`, `FPSR`. If neither layout has the ID, it is the number, as
/// in `Debug` and `LowerHex`.
///
/// ```
/// use sve_state::RegId;
///
/// let id = RegId(0x6080_0000_0015_0060);
/// assert_eq!(format!("{id} {id:?} {id:x}"), "Z3 0x6080000000150060 6080000000150060");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegId(pub u64);

impl fmt::Display for RegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match find_in_either(self.0) {
            Some((bank, number, slice)) => bank.write_slice(f, number, slice),
            None => fmt::Debug::fmt(self, f),
        }
    }
}

impl fmt::Debug for RegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::text::write(f, "%g", &[self.0], &[])
    }
}

impl fmt::LowerHex for RegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}
