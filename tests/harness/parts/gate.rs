//! The benchmarks, and what they must keep to: ratios within one run (`benches/rules.toml`).

use std::fs;
use std::io;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::report::Counted;

/// The package that has both.
const PACKAGE: &str = "sve-state-benches";

/// Runs every benchmark under the gate; a second time where that fails.
///
/// A neighbour on the same processor makes a benchmark three times as slow, now and then. What is
/// slow twice is slow.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    // Built first, so that nothing is built while something is measured.
    cx.run(cx.cargo(&["bench", "--no-run", "--package", PACKAGE]))?;
    let first = match measure(cx) {
        Ok(verdict) => return Ok(vec![verdict]),
        Err(error) => error,
    };
    cx.step(&format!("once more, since {first:#}"));
    Ok(vec![format!("{} (in a second run)", measure(cx)?)])
}

/// One run, with no result there before.
fn measure(cx: &Context) -> Result<String> {
    let results = cx.target.join("gate");
    match fs::remove_dir_all(&results) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot empty {}", results.display()));
        }
        _ => {}
    }
    let mut gate = cx.cargo(&["run", "--quiet", "--release", "--package", PACKAGE]);
    gate.args(["--bin", "gate", "--", "benches/rules.toml", "--results"])
        .arg(&results)
        .args(["--", "cargo", "bench", "--quiet", "--package", PACKAGE])
        // A line for each benchmark.
        .args(["--", "--output-format", "bencher"]);
    let output = cx
        .run(gate)
        .context("a rule is broken or could not be judged: see the table above")?;
    // `passed: 2 of 2 rules hold`
    let verdict = output
        .lines()
        .rev()
        .find(|line| line.contains("rules hold"));
    let verdict = verdict.context("the gate gave no verdict")?;
    Ok(verdict.trim_start_matches("passed: ").to_owned())
}
