//! The tests of `sve-state` as arm64 code, which is another instruction set with other copies, and
//! has parts that exist only there.

use std::fs;

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::machine::toolchain::{self, ARM64};
use crate::report::{self, Counted};

pub(crate) fn run(cx: &Context) -> Result<Counted> {
    toolchain::ensure_arm64(cx, &[])?;
    let toolchain = toolchain::arm64(cx)?;
    let cargo = |words| toolchain::arm64_cargo(cx, &toolchain, &[words]);
    let (tests, _) = report::tests(cx, cargo("test -p sve-state --all-features"))?;
    let said = cx.run(cargo("run -p sve-state --all-features --example turns"))?;
    // 1000 turns of 3 and of 5, in each lane of 64 bits.
    for line in [
        "Z0 of the first, 64 bytes: [3000, 3000, 3000, 3000, 3000, 3000, 3000, 3000]",
        "Z0 of the second, 64 bytes: [5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000]",
    ] {
        ensure!(
            said.lines().any(|l| l == line),
            "the example turns says:\n{said}"
        );
    }
    // The tests have also built the examples. The functions of `live` are only in those that call
    // them.
    let examples = cx.target.join("arm64").join(ARM64).join("debug/examples");
    for (example, functions) in [("turns", [true, true, false]), ("migrate", [false; 3])] {
        let program = fs::read(examples.join(example))?;
        for (function, wanted) in ["enter", "rdvl", "clear"].into_iter().zip(functions) {
            let found = has_symbol(&program, function);
            ensure!(
                found == wanted,
                "`{function}` of `live` in the example {example}: {found}, not {wanted}"
            );
        }
    }
    Ok(vec![format!(
        "{tests} as arm64 code; functions of `live` are in programs that call them, and in no other"
    )])
}

/// Whether a program's symbols have a function of `live`, whatever the version in its name.
fn has_symbol(program: &[u8], function: &str) -> bool {
    let name = format!("_live_{function}\0");
    program
        .windows(name.len())
        .any(|bytes| bytes == name.as_bytes())
}
