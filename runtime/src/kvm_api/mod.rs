//! KVM's interface to one vCPU's registers, from both sides: the trait that a VMM calls, the errnos of calls that fail
//! and the reasons for them, the trait's implementation for `kvm_ioctls::VcpuFd`, and the shim, which answers the same
//! calls as KVM does.
//!
//! It uses `lengths` and `registers`, and for the shim `state`; of `save_restore` it has only names, in remedies.

mod errno;
pub mod kvm;
mod one_reg;
pub(crate) mod refusal;
pub mod shim;
pub(crate) mod stage;

pub use errno::Errno;
pub use one_reg::{FinalizeSve, KVM_ARM_VCPU_SVE, OneReg, reg_size};
