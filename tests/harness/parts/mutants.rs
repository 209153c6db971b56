//! Tests the tests: `cargo mutants` plants small faults in the code one by one, and each must fail a test.
//! `.cargo/mutants.toml` says where, and which changes are no faults.
//!
//! It takes more than an hour on two cores, so it runs only when it is named.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::context::Context;
use crate::machine::install;
use crate::report::Counted;

/// The version whose command line and whose results are read below.
const CARGO_MUTANTS: &str = "^27.1";

/// The packages that are mutated, and the tests that must notice beside the package's own. Those of the
/// library are all but the tests of messages, which take longer than all others together. (A fault in the
/// macro tends to stop other packages from being built, which counts as no fault.)
const PACKAGES: [(&str, &str); 3] = [
    ("sve-state-macros", ""),
    ("sve-state-regid", ""),
    (
        "sve-state",
        "--package=sve-state-harness --lib --test=conformance --test=decode --test=defects --test=exhaustive \
         --test=faults --test=guard_pages --test=image --test=layouts --test=from_registers --test=gdb \
         --test=one_call --test=registers --test=regset --test=rfc --test=round_trip --test=shim \
         --test=signal --test=snapshot --test=stages --test=vcpu",
    ),
];

/// Which mutants.
#[derive(clap::Args, Clone)]
pub(crate) struct Options {
    /// Every Nth mutant from the Kth on, 0 to N - 1: a sample, or a part for one of N machines
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// Only those whose description has this regular expression, as in 'shim.*replace < with'
    #[arg(long, value_name = "REGEX")]
    re: Option<String>,
}

pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    let path = install::cargo_tool(cx, "cargo-mutants", CARGO_MUTANTS)?;
    let directory = cx.directory("mutants")?;
    let mut all = Vec::new();
    for (package, tests) in PACKAGES {
        let output = directory.join(package);
        let results = output.join("mutants.out");
        // What an earlier run left is not this one's.
        if results.exists() {
            fs::remove_dir_all(&results)?;
        }
        fs::create_dir_all(&output)?;
        let mut command = cx.cargo(&["mutants", "--no-shuffle", "--colors=never"]);
        // The first two give signs of life, because it says nothing else of what goes well.
        command.args(["--caught", "--unviable", "--package", package, "--output"]);
        command.arg(&output);
        let tests = tests.split_whitespace();
        command.args(tests.map(|test| format!("--cargo-test-arg={test}")));
        if let Some(shard) = &options.shard {
            command.args(["--sharding=round-robin", "--shard", shard]);
        }
        if let Some(re) = &options.re {
            command.args(["--re", re]);
        }
        command.env("PATH", &path);
        command.env("CARGO_TARGET_DIR", directory.join("build"));
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        let run = cx.run(command);
        let read = |name: &str| -> Result<Value> {
            let text = fs::read_to_string(results.join(name));
            let text = text.with_context(|| format!("cargo-mutants left no {name}"))?;
            Ok(serde_json::from_str(&text)?)
        };
        match (run, read("outcomes.json")) {
            // With `--re`, or in a shard, a package may have none, and then there are no outcomes.
            (Ok(_), Err(_)) if read("mutants.json")?.as_array().is_some_and(Vec::is_empty) => {}
            (Err(error), Err(_)) => return Err(error),
            (run, outcomes) => {
                let outcomes = outcomes?;
                all.push(judge(&outcomes, package)?);
                // A run that broke off has no survivors in what it wrote, and yet has not passed.
                run?;
            }
        }
    }
    ensure!(!all.is_empty(), "no package has such a mutant");
    Ok(all)
}

/// What was counted, unless a mutant went unnoticed.
fn judge(outcomes: &Value, package: &str) -> Result<String> {
    let count = |name: &str| {
        let number = outcomes[name].as_u64();
        number.with_context(|| format!("outcomes.json has no `{name}`"))
    };
    let (total, caught, unviable) = (
        count("total_mutants")?,
        count("caught")?,
        count("unviable")?,
    );
    let left = survivors(outcomes);
    if !left.is_empty() {
        let left = left.join("\n  ");
        bail!("of {total} mutants in {package}, these pass all tests, or never end:\n  {left}");
    }
    ensure!(
        caught > 0,
        "of {total} mutants in {package} not one was tested"
    );
    ensure!(
        caught + unviable == total,
        "of {total} mutants in {package}, {caught} were killed and {unviable} do not compile: where are the others?"
    );
    Ok(format!(
        "{package}: {total} mutants: {caught} killed, {unviable} do not compile, none left"
    ))
}

fn survivors(outcomes: &Value) -> Vec<&str> {
    let all = outcomes["outcomes"].as_array().into_iter().flatten();
    all.filter(|one| matches!(one["summary"].as_str(), Some("MissedMutant" | "Timeout")))
        .filter_map(|one| one["scenario"]["Mutant"]["name"].as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    fn judge(outcomes: &str) -> Result<String> {
        super::judge(&serde_json::from_str(outcomes)?, "a")
    }

    const MISSED: &str = r#"{
        "total_mutants": 3, "missed": 1, "caught": 1, "timeout": 0, "unviable": 1, "success": 0,
        "outcomes": [
            {"scenario": "Baseline", "summary": "Success"},
            {"scenario": {"Mutant": {"name": "a.rs:1:2: replace + with -"}}, "summary": "MissedMutant"},
            {"scenario": {"Mutant": {"name": "a.rs:3:4: delete !"}}, "summary": "CaughtMutant"},
            {"scenario": {"Mutant": {"name": "a.rs:5:6: replace f"}}, "summary": "Unviable"}
        ]
    }"#;

    #[test]
    fn what_passes_all_tests_is_named() {
        let error = judge(MISSED).unwrap_err().to_string();
        assert!(error.contains("a.rs:1:2: replace + with -"), "{error}");
        let timeout = MISSED.replace("MissedMutant", "Timeout");
        let error = judge(&timeout).unwrap_err().to_string();
        assert!(error.contains("a.rs:1:2"), "{error}");
        let killed = MISSED.replace("MissedMutant", "CaughtMutant");
        let killed = killed.replace("\"caught\": 1", "\"caught\": 2");
        assert!(judge(&killed).is_ok());
    }

    #[test]
    fn a_run_that_tested_nothing_is_refused() {
        let nothing = r#"{"total_mutants": 1, "caught": 0, "unviable": 1, "outcomes": []}"#;
        assert!(judge(nothing).is_err());
        let lost = r#"{"total_mutants": 3, "caught": 1, "unviable": 1, "outcomes": []}"#;
        assert!(judge(lost).is_err());
        assert!(judge("{}").is_err());
    }
}
