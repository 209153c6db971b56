//! The kernel's side: `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` as a trait, their errnos, a vCPU that answers them as KVM
//! does, and KVM's own vCPU.
//!
//! It uses `lengths`, `registers` and `image`, and knows nothing of what a VMM does with the answers.

pub(crate) mod errno;
pub mod kvm;
pub(crate) mod one_reg;
pub mod shim;
