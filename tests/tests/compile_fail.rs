//! What does not compile, and what the compiler says about it. The messages are part of the
//! product: `TRYBUILD=overwrite cargo test --test compile_fail` writes them to `ui/`, to be read
//! as a stranger would.

/// Register IDs that do not exist, or are not of the kind that is wanted.
#[test]
fn ids() {
    trybuild::TestCases::new().compile_fail("ui/ids/*.rs");
}

/// Layouts that `register_layout!` refuses.
#[test]
fn layouts() {
    trybuild::TestCases::new().compile_fail("ui/layouts/*.rs");
}

/// Calls on a vCPU out of order, which the kernel would answer with `EPERM`.
#[test]
fn vcpus() {
    trybuild::TestCases::new().compile_fail("ui/vcpu/*.rs");
}

/// That nothing is refused which should not be: names, visibilities, a strict crate around it.
#[test]
fn accepted() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}
