//! One suite for every implementation of KVM's register interface.
//!
//! A case is a sequence of operations, each with the answer that Linux gives, which is worked out here
//! without the help of `sve-state`. A case runs on any number of vCPUs side by side, each of which must give
//! the expected answer: in `cargo test` on the shim, and in `cargo harness kvm` on the shim and on Linux KVM.
//!
//! * `cases` has the cases, `ids` the register IDs that they use;
//! * `run` runs them, and words the differences;
//! * `vcpu` says what an operation and an answer are, and what a host must offer;
//! * `shim` and `kvm` are the two hosts; `guest` runs the suite where there is a KVM.

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
