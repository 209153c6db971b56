//! The VMM's side: the calls in the order that KVM wants, from vector lengths to restore, and why one of them failed.
//!
//! It uses `lengths`, `registers`, `image`, `one_reg` and `snapshot`, and the shim only in examples, because it is for any
//! vCPU.

pub(crate) mod error;
mod single;
mod stage;
pub mod vcpu;
