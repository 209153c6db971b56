//! The file of counts, and the judgement of what is counted now, by that file and by rules that need none.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::count::{COUNTED, Counts};
use super::{Operation, Rule};

/// By how much, and by what fraction, a count has to change to count as another. For mispredictions, which also
/// depend on where code lies, the fraction is that of the conditional branches.
const CHANGE: [(f64, f64); 4] = [(1.0, 0.02), (0.5, 0.005), (0.5, 0.005), (0.05, 0.05)];

/// The least change of branches where an operation has a thousand instructions, because it is on a whole vCPU,
/// whose 49 registers would each have one more. Once, a change elsewhere in the benchmarks made the compiler call
/// what it had inlined, which was 9 branches and an indirect one.
const WHOLE_VCPU: f64 = 16.0;

/// What was counted, and with what.
#[derive(Debug, Default, Deserialize)]
pub struct Figures {
    /// Compiler, target, flags, libc and valgrind, on which counts depend.
    built: String,
    /// The cases, in the order of the counts.
    cases: Vec<String>,
    /// Operations that are known to break their rule.
    #[serde(default)]
    exceptions: Vec<String>,
    /// Counts by operation.
    counts: Counts,
}

/// Compiler, target, flags and libc.
pub(super) fn built() -> String {
    let libc = said("getconf", "GNU_LIBC_VERSION").unwrap_or_default();
    [env!("BUILT_WITH"), &libc].join(", ")
}

fn said(program: &str, argument: &str) -> Option<String> {
    let said = Command::new(program).arg(argument).output().ok()?.stdout;
    Some(String::from_utf8(said).ok()?.trim().to_owned())
}

impl Figures {
    /// What this program has counted on this machine.
    pub fn here(cases: &[&str], counts: Counts) -> Self {
        let valgrind = said("valgrind", "--version").unwrap_or_default();
        Self {
            built: [built(), valgrind].join(", "),
            cases: cases.iter().map(|case| (*case).to_owned()).collect(),
            exceptions: Vec::new(),
            counts,
        }
    }

    /// From a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("{}: --bless writes it", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// A file's text, with a line for each operation and the exceptions of the file before it.
    pub fn text(&self, before: &Self) -> String {
        let (built, cases, exceptions) = (&self.built, &self.cases, &before.exceptions);
        let counts = self.counts.iter();
        let counts = counts.map(|(operation, counts)| format!("{operation:?} = {counts:.2?}\n"));
        format!(
            "# Written by `gate --bless`; only exceptions are edited.\nbuilt = {built:?}\ncases = {cases:?}\n\n\
             # Operations that are known to break their rule, which holds whatever was counted before.\n\
             exceptions = {exceptions:?}\n\n\
             # Each time, by case, less those of the empty loop: {}.\n[counts]\n{}",
            COUNTED.join(", "),
            counts.collect::<String>()
        )
    }

    /// What breaks its rule and is no exception and, with the file's compiler, since another may do better, what is
    /// an exception and keeps its rule.
    pub fn broken_rules(&self, file: &Self, operations: &[Operation]) -> Vec<String> {
        let answer = |operation: &Operation| {
            let Operation { name, rule, .. } = operation;
            let known = file.exceptions.contains(name);
            match self.broken(*rule, self.counts.get(name)?) {
                Some(why) => (!known).then(|| format!("{name}: {why}")),
                None if !known || self.built != file.built => None,
                None => Some(format!("{name}: keeps its rule, so it is no exception")),
            }
        };
        operations.iter().filter_map(answer).collect()
    }

    fn broken(&self, rule: Rule, counts: &[[f64; 4]]) -> Option<String> {
        (0..COUNTED.len()).find_map(|at| {
            let of_cases = counts.iter().map(|counts| counts[at]).zip(&self.cases);
            let (most, case) = of_cases.clone().max_by(|a, b| a.0.total_cmp(&b.0))?;
            let (fewest, other) = of_cases.min_by(|a, b| a.0.total_cmp(&b.0))?;
            let what = COUNTED[at];
            let (least, more) = match (rule, what) {
                (Rule::None, _) => return None,
                (Rule::Straight, "mispredictions") => (0.0, 0.02),
                (Rule::Same, "mispredictions") => (fewest, 0.05),
                _ => (fewest, 0.01),
            };
            let found = format!("{most:.2} {what} in the case {case}, {fewest:.2} in {other}");
            let up_to = least + more;
            (most > up_to).then(|| format!("{found}: not {least:.2} to {up_to:.2}"))
        })
    }

    /// What is not as the file has it, or missing from a `whole` run; `None` if the two are of different builds.
    pub fn changed(&self, file: &Self, whole: bool) -> Option<Vec<String>> {
        if self.built != file.built {
            return None;
        }
        if self.cases != file.cases {
            let (here, there) = (&self.cases, &file.cases);
            return Some(vec![format!("cases {here:?}, not {there:?}")]);
        }
        let mut changed = Vec::new();
        let gone = |name: &&String| whole && !self.counts.contains_key(*name);
        for name in self.counts.keys().chain(file.counts.keys().filter(gone)) {
            let (Some(now), Some(once)) = (self.counts.get(name), file.counts.get(name)) else {
                changed.push(format!("{name}: not counted both here and for the file"));
                continue;
            };
            for (case, (now, once)) in self.cases.iter().zip(now.iter().zip(once)) {
                let instructions = once[0];
                for (at, (least, part)) in CHANGE.into_iter().enumerate() {
                    let whole = once[if at == 3 { 1 } else { at }];
                    let (now, once, what) = (now[at], once[at], COUNTED[at]);
                    let change = (now - once).abs();
                    let branches = at == 1 || at == 2;
                    let least = if branches && instructions >= 1000.0 {
                        WHOLE_VCPU
                    } else {
                        least
                    };
                    if change >= least && change > part * whole {
                        let than = if now < once { "fewer" } else { "more" };
                        let now = format!("{name}, {case}: {now:.2} {what}");
                        changed.push(format!("{now}, {than} than {once:.2}"));
                    }
                }
            }
        }
        Some(changed)
    }
}
