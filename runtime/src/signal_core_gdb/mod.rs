//! The same bytes elsewhere: in signal frames, in what ptrace and core files have, and in what a debugger's stub sends.
//!
//! It uses `lengths`, `registers`, `state`, `kvm_api` and, from `save_restore`, only the vCPU, which a stub reads and
//! writes, and its error.

pub(crate) mod fields;
pub mod gdb;
pub mod regset;
pub mod signal;
pub(crate) mod vregs;
