//! What the tests of `sve-state` share: the conformance suite with the two vCPUs that it runs against,
//! this project's shim and Linux KVM; random operations on both; moves between hosts of different
//! vector lengths; the sweep over all register IDs; and the guest whose state is moved while it runs.

mod by_hand;
pub mod conformance;
pub mod consumers;
pub mod differential;
pub mod event;
pub mod exhaustive;
pub mod hosts;
pub mod lengths;
pub mod moves;
pub mod parallel;
pub mod report;
pub mod running;
pub mod threads;

#[cfg(doctest)]
#[doc = include_str!("lies.md")]
mod lies {}
