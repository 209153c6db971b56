//! The tests of `sve-state` under AddressSanitizer, which sees every byte that is read or written
//! outside of a buffer, wherever the buffer lies.

use std::env::consts::ARCH;

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::machine::toolchain;
use crate::report::{self, Counted};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const SANITIZE: &str = "-Zsanitizer=address";
/// What each program says at its start if it was built with the sanitizer and told to speak.
const AWAKE: &str = "AddressSanitizer Init done";

pub(crate) fn run(cx: &Context) -> Result<Counted> {
    ensure!(
        ARCH == "x86_64",
        "this part runs on x86-64; leave it out: `cargo harness --without asan`"
    );
    let nightly = toolchain::nightly(cx, "asan")?;
    // With a target, what runs in the compiler is built without the sanitizer.
    let test = "test -p sve-state --all-features --target";
    let mut command = nightly.cargo(cx, "asan", &[test, TARGET]);
    command
        .env("RUSTFLAGS", SANITIZE)
        .env("RUSTDOCFLAGS", SANITIZE)
        .env("ASAN_OPTIONS", "verbosity=1");
    let (tests, output) = report::tests(cx, command)?;
    let programs = output.matches("     Running ").count();
    let awake = output.matches(AWAKE).count();
    ensure!(
        programs > 0 && awake >= programs,
        "{awake} programs said that the sanitizer watches them, of {programs} and doctests"
    );
    Ok(vec![format!("{tests} under AddressSanitizer")])
}
