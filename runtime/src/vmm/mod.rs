//! The VMM's side: the calls in the order that KVM wants, from vector lengths to restore, and what was captured as bytes
//! for a file or a wire.
//!
//! It uses all rooms below it: `lengths`, `registers`, `image` and `kernel`, of which the shim only in tests.

#[cfg(feature = "snapshot")]
pub mod snapshot;
pub mod vcpu;
