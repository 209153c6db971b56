//! What a VMM does through ONE_REG: the calls in the order that KVM wants, from vector lengths to restore, why one of them
//! failed, and what was captured, as bytes for a file or a wire.
//!
//! It uses `lengths`, `registers`, `state` and `kvm_api`, of that the shim only in examples, because it is for any vCPU.

pub(crate) mod error;
mod single;
#[cfg(feature = "snapshot")]
pub mod snapshot;
pub mod vcpu;
