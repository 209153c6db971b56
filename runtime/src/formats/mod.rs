//! The same bytes elsewhere: in signal frames, in what ptrace and core files have, and in what a debugger's stub sends.
//!
//! It may use `lengths`, `registers`, `image` and `one_reg`, but of `vmm` only the vCPU, which a stub reads and writes.

pub(crate) mod fields;
pub mod gdb;
pub mod regset;
pub mod signal;
pub(crate) mod vregs;
