//! What the tests of `sve-state` share: the conformance suite and the two vCPUs that it runs
//! against, this project's shim and Linux KVM.

pub mod conformance;
