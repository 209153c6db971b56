//! One suite for every implementation of KVM's register interface.
//!
//! A case is a sequence of operations, each with the answer that Linux gives, worked out
//! here without the help of `sve-state`. The same case runs on any number of vCPUs side by
//! side: only the shim in `cargo test`, the shim and Linux KVM inside QEMU. An answer that differs
//! from the expected one is a difference, whoever gave it.

mod cases;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod guest;
pub(crate) mod ids;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub mod kvm;
pub(crate) mod run;
mod shim;
mod vcpu;

pub use cases::{CASES, CASES_WITHOUT_SVE, Case};
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub use guest::guest_main;
pub use run::{Outcome, run};
pub use shim::ShimHost;
pub use vcpu::{Answer, Host, Op, Vcpu};
