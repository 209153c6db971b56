//! What is executed: callgrind counts the instructions and conditional branches of every operation,
//! for each vector length, register and contents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::context::Context;

/// What one operation's cases had in common, or had not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) cases: usize,
    /// Instructions, each number that occurred.
    pub(crate) instructions: BTreeSet<u64>,
    /// Conditional branches, each number that occurred, with one of its cases: by what they may depend
    /// on, which is the VQ for whole images, and for an ID the register that it names.
    pub(crate) branches: BTreeMap<String, BTreeMap<u64, String>>,
}

/// The operation that is to be refused.
pub(crate) const PLANTED: &str = "planted";

/// Runs the probe, and adds its cases up by operation.
pub(crate) fn count(cx: &Context, probe: &Path) -> Result<BTreeMap<String, Counts>> {
    let profile = cx.directory("codegen")?.join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args([
            "--tool=callgrind",
            "--branch-sim=yes",
            "--combine-dumps=yes",
        ])
        // Only within these is anything counted.
        .arg("--toggle-collect=codegen_probe::access::*")
        .arg("--toggle-collect=codegen_probe::planted::*")
        .arg("--dump-after=codegen_probe::run::case_done")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(probe)
        .arg("run");
    let cases = cx.run(valgrind)?;
    let cases = cases.lines().filter_map(|line| line.strip_prefix("case\t"));
    let profile = fs::read_to_string(&profile).context("callgrind's profile")?;
    add_up(&cases.collect::<Vec<_>>(), &profile)
}

/// Cases, a line each, `operation=get_z` among its fields; and a profile with a part for each case and
/// one for what comes after the last.
fn add_up(cases: &[&str], profile: &str) -> Result<BTreeMap<String, Counts>> {
    let totals: Vec<&str> = profile
        .lines()
        .filter_map(|l| l.strip_prefix("totals:"))
        .collect();
    let events = profile.lines().find_map(|l| l.strip_prefix("events:"));
    let events = events.context("callgrind names no events")?;
    let event = |name: &str| {
        let at = events.split_whitespace().position(|event| event == name);
        at.with_context(|| format!("callgrind does not count {name}"))
    };
    let (instructions, branches) = (event("Ir")?, event("Bc")?);
    ensure!(
        !cases.is_empty() && totals.len() == cases.len() + 1,
        "callgrind has {} counts for {} cases",
        totals.len(),
        cases.len()
    );
    let mut operations: BTreeMap<String, Counts> = BTreeMap::new();
    for (case, total) in cases.iter().zip(&totals) {
        let total: Vec<u64> = total
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        // Zeros at the end are left out.
        let number = |at: usize| total.get(at).copied().unwrap_or(0);
        ensure!(number(instructions) > 0, "nothing was counted: {case}");
        let operation = case.split('\t').find_map(|f| f.strip_prefix("operation="));
        let operation = operation.with_context(|| format!("no operation: {case}"))?;
        let counts = operations.entry(operation.to_owned()).or_default();
        counts.cases += 1;
        counts.instructions.insert(number(instructions));
        let depends = match operation {
            "decode" | "get_by_id" | "set_by_id" => "register=",
            _ => "operation=",
        };
        let group = case.split('\t').find(|field| field.starts_with(depends));
        let group = group.with_context(|| format!("no {depends}: {case}"))?;
        let group = counts.branches.entry(group.to_owned()).or_default();
        group
            .entry(number(branches))
            .or_insert_with(|| case.replace('\t', " "));
    }
    Ok(operations)
}

impl Counts {
    /// The counts of conditional branches, if they depend on nothing else, and are no more than the
    /// operation may have: `most` for a slice, whose number of bytes they do not depend on.
    pub(crate) fn verdict(&self, operation: &str, most: usize) -> Result<String, String> {
        let mut seen = BTreeSet::new();
        for counts in self.branches.values() {
            let mut counts = counts.iter();
            let (n, case) = counts.next().ok_or("no case")?;
            if let Some((m, other)) = counts.next() {
                return Err(format!(
                    "{operation}: {n} conditional branches executed ({case}), but {m} ({other})"
                ));
            }
            let slice = self.branches.len() == 1 && !operation.contains("all");
            if slice && *n > most as u64 {
                return Err(format!(
                    "{operation}: {n} conditional branches executed ({case})"
                ));
            }
            seen.insert(*n);
        }
        let (first, last) = (seen.first().copied(), seen.last().copied());
        match (first.unwrap_or(0), last.unwrap_or(0)) {
            (first, last) if first == last => Ok(first.to_string()),
            (first, last) => Ok(format!("{first} to {last}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::add_up;

    const CASES: [&str; 2] = ["operation=get_z\tvq=1", "operation=get_z\tvq=2"];

    #[test]
    fn counts_that_differ_are_refused() {
        let profile = |a: &str, b: &str| {
            format!("events: Ir Bc Bcm Bi Bim\ntotals: {a}\ntotals: {b}\ntotals: 0\n")
        };
        let verdict = |a: &str, b: &str| {
            let operations = add_up(&CASES, &profile(a, b)).expect("two cases");
            operations["get_z"].verdict("get_z", 0)
        };
        assert_eq!(verdict("22 0 0 1 1", "30 0 0 1"), Ok("0".to_owned()));
        assert!(
            verdict("22 0 0 1 1", "23 1 1")
                .unwrap_err()
                .contains("vq=2")
        );
        assert!(verdict("22 1 0 1 1", "22 1").is_err());
        add_up(&CASES, &profile("22", "0")).unwrap_err();
        add_up(&CASES, "events: Ir Bc\ntotals: 22\n").unwrap_err();
    }
}
