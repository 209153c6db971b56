//! What does not compile, and what the compiler says about it. The messages are part of the
//! product: `TRYBUILD=overwrite cargo test --test compile_fail` writes them to `ui/`, to be read
//! as a stranger would.
//!
//! Most of the words are the compiler's own, and other versions choose others. So messages are
//! compared under the version that wrote them; under another one these tests run nothing, and
//! `cargo harness`, which counts the cases, fails and says so.

use std::process::Command;

/// The version that wrote the messages in `ui/`.
const COMPILER: &str = "rustc 1.95.";

fn compile_fail(cases: &str) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = version
        .expect("the compiler that built this test is there")
        .stdout;
    if version.starts_with(COMPILER.as_bytes()) {
        trybuild::TestCases::new().compile_fail(cases);
    } else {
        let version = String::from_utf8_lossy(&version);
        eprintln!("{cases}: NOT COMPARED with {COMPILER}x, this is {version}");
    }
}

/// Register IDs that do not exist, or are not of the kind that is wanted.
#[test]
fn ids() {
    compile_fail("ui/ids/*.rs");
}

/// Layouts that `register_layout!` refuses.
#[test]
fn layouts() {
    compile_fail("ui/layouts/*.rs");
}

/// Calls on a vCPU out of order, which the kernel would answer with `EPERM`.
#[test]
fn vcpus() {
    compile_fail("ui/vcpu/*.rs");
}

/// That nothing is refused which should not be: names, visibilities, a strict crate around it.
#[test]
fn accepted() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}
