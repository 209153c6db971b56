//! The same bytes elsewhere: in signal frames, in what ptrace and core files have, and in what a debugger's stub sends.
//!
//! It uses all rooms below it, of `vmm` only the vCPU that a stub reads and writes.

pub(crate) mod fields;
pub mod gdb;
pub mod regset;
pub mod signal;
pub(crate) mod vregs;
