//! The tests of `sve-state` as arm64 code: another instruction set, other copies, and the
//! parts that only exist there.

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::machine::toolchain;
use crate::report::{Counted, Tests};

/// Runs them all under QEMU's user emulation.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    toolchain::ensure_arm64(cx, &[])?;
    let toolchain = toolchain::arm64(cx)?;
    let arguments = ["test", "-p", "sve-state", "--all-features"];
    let output = cx.run(toolchain::arm64_cargo(cx, &toolchain, &arguments))?;
    let tests = Tests::of(&output);
    ensure!(tests.passed > 0, "no test ran");
    Ok(vec![format!("{tests} as arm64 code")])
}
