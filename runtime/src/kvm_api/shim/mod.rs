//! A vCPU's SVE registers, served through ONE_REG with the kernel's answers. [`Vcpu`] does what Linux KVM does, for
//! emulators, for hypervisors that are not Linux, and for tests of a VMM on any machine, and one conformance suite
//! runs against it and against Linux.
//!
//! It keeps the SVE and FPSIMD registers, which are Z, P, FFR, V, FPSR, FPCR and the pseudo-register VLS. A vCPU's other
//! registers are its owner's to keep, and for them it answers `ENOENT`, which in the kernel's own register code means "not
//! mine, try another". The [guide](crate::guide#an-emulator) has a vCPU that is built on it.

mod fpsimd;
mod vcpu;

pub use vcpu::{Vcpu, memory_bytes};

/// Which generation of the interface to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// Linux since 5.2 (`Documentation/virt/kvm/api.rst`), where the registers of SVE exist once the vCPU is
    /// finalized, and where there are no slices past the first and, with SVE, no V registers in CORE.
    Mainline,
    /// Those of [`Vcpu::rfc`].
    Rfc,
}
