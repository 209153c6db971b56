//! Random operations on two implementations of KVM's register interface, whose every answer must be the
//! same, to the errno and the byte. A sequence with a difference is shrunk, and can be replayed. What is
//! left of a vCPU at the end is moved to a new one on each side, which must read the same.
//!
//! Where the conformance suite holds each implementation to an answer that was worked out, this finds the
//! questions that nobody thought of.

mod generate;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod guest;
mod round_trip;
mod run;
mod shrink;

pub use generate::Life;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub use guest::{guest_main, guest_replay};
pub use run::{Hosts, Options, Outcome, Replay, replay, run};
