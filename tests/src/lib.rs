//! What the tests of `sve-state` share: the conformance suite and the two vCPUs that it runs
//! against, this project's shim and Linux KVM; the sweep over all register IDs; and the guest whose
//! state is moved while it runs.

pub mod conformance;
pub mod exhaustive;
pub mod running;
