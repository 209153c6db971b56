//! What does not compile, and what the compiler says about it. The messages are part of the
//! product: `TRYBUILD=overwrite cargo test -p sve-state-ui` writes them beside the cases, to be read
//! as a stranger would.
//!
//! Most of the words are the compiler's own, and other versions choose others. So messages are
//! compared under the version that wrote them; under another one these tests run nothing. Where the
//! variable `CI` is set that is a failure, as it is in `cargo harness`, which counts the cases.

use std::process::Command;

/// The version that wrote the messages.
const COMPILER: &str = "rustc 1.95.";

fn compile_fail(cases: &str) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = version
        .expect("the compiler that built this test is there")
        .stdout;
    let version = String::from_utf8_lossy(&version);
    match compares(&version, std::env::var_os("CI").is_some()) {
        Ok(true) => trybuild::TestCases::new().compile_fail(cases),
        Ok(false) => eprintln!("{cases}: {}", not_compared(&version)),
        Err(why) => panic!("{cases}: {why}"),
    }
}

/// Whether messages are compared under this compiler. A machine that nobody watches must not pass for
/// having compared nothing.
fn compares(version: &str, ci: bool) -> Result<bool, String> {
    match version.starts_with(COMPILER) {
        false if ci => Err(not_compared(version)),
        compares => Ok(compares),
    }
}

fn not_compared(version: &str) -> String {
    format!("NOT COMPARED with {COMPILER}x, this is {version}")
}

#[test]
fn another_compiler_fails_where_nobody_watches() {
    let (own, other) = (format!("{COMPILER}0 (0000)"), "rustc 1.2.3 (0000)");
    assert_eq!(
        [false, true].map(|ci| compares(&own, ci)),
        [Ok(true), Ok(true)]
    );
    assert_eq!(compares(other, false), Ok(false));
    let why = format!("NOT COMPARED with {COMPILER}x, this is {other}");
    assert_eq!(compares(other, true), Err(why));
}

/// Register IDs that do not exist, or are not of the kind that is wanted.
#[test]
fn ids() {
    compile_fail("ids/*.rs");
}

/// Layouts that `register_layout!` refuses.
#[test]
fn layouts() {
    compile_fail("layouts/*.rs");
}

/// Calls on a vCPU out of order, which the kernel would answer with `EPERM`.
#[test]
fn vcpus() {
    compile_fail("vcpu/*.rs");
}

/// That nothing is refused which should not be: names, visibilities, a strict crate around it.
#[test]
fn accepted() {
    trybuild::TestCases::new().pass("pass/*.rs");
}
