//! The tests of `sve-state` with each set of copies that x86-64 may have, of which plain `cargo test`
//! runs the one for this processor.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};

use crate::context::Context;
use crate::machine::install::{self, QEMU_USER};
use crate::report::{self, Counted};

/// What is tested: its name, compiler flags, and a processor to emulate if it is not to be this one.
const SETS: [(&str, &str, Option<&str>); 3] = [
    ("built for AVX2", "-C target-feature=+avx2", None),
    ("the portable copies", "--cfg sve_state_portable", None),
    // It asks the processor, which answers no.
    (
        "a processor without AVX2",
        "",
        Some("qemu-x86_64 -cpu Nehalem"),
    ),
];

pub(crate) fn run(cx: &Context) -> Result<Counted> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "these sets of instructions are those of x86-64"
    );
    install::ensure(cx, &[QEMU_USER])?;
    let directory = cx.directory("isas")?;
    let mut counted = Vec::new();
    for (n, (name, flags, emulator)) in SETS.iter().enumerate() {
        // Only the workspace's own crates get the flags, so that the others are built once.
        let wrapper = directory.join(format!("rustc-{n}"));
        fs::write(&wrapper, format!("#!/bin/sh\nexec \"$@\" {flags}\n"))?;
        fs::set_permissions(&wrapper, Permissions::from_mode(0o755))?;
        let mut test = cx.cargo(&["test -p sve-state --all-features --lib --tests"]);
        test.env("CARGO_TARGET_DIR", &directory);
        test.env("RUSTC_WORKSPACE_WRAPPER", &wrapper);
        if let Some(emulator) = emulator {
            test.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", emulator);
        }
        let (tests, _) = report::tests(cx, test).context(*name)?;
        counted.push(format!("{tests}, {name}"));
    }
    Ok(counted)
}
