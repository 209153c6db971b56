//! What does not compile, and what the compiler says about it. The messages are part of the
//! product: `TRYBUILD=overwrite cargo test -p sve-state-ui` writes them beside the cases, to be read
//! as a stranger would.
//!
//! Most of the words are the compiler's own, and other versions choose others, so messages are compared only under
//! the version that wrote them, and under another one these tests run nothing. Where the variable `CI` is set that
//! is a failure, and `cargo harness` sets it.

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

/// Whether messages are compared under this compiler. A machine that nobody watches must not pass without having
/// compared anything.
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

#[test]
fn every_folder_is_run() {
    let entries = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("this package");
    let folders = entries.filter_map(|entry| entry.ok().filter(|entry| entry.path().is_dir()));
    let mut names: Vec<_> = folders.map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["ids", "layouts", "pass", "vcpu"]);
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

/// Nothing is refused that should not be: names, visibilities, a strict crate around it, and as many banks as a
/// large layout may have, at every vector length. The checks of each take the compiler half a second together, and a
/// check that looks at all banks for each would be refused by its lint on long evaluations.
#[test]
fn accepted() {
    let banks = (0..256).map(|n| format!("bank R{n} at {}: 64 bits;", n << 5));
    let layout = banks.collect::<String>();
    let many = format!(
        "sve_state::register_layout! {{ pub mod many {{ arch: arm64, coproc: 0x17, vq: 1..=16; {layout} }} }}
         fn main() {{
             let image = sve_state::image::Image::<many::Layout, _>::new(sve_state::Vq::MIN, [1; 256 * 8]).unwrap();
             assert_eq!(image.get(many::R255), [1; 8]);
         }}"
    );
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/many_banks.rs");
    std::fs::write(path, many).expect("cargo's own directory");
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.pass(path);
}
