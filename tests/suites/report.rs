//! The report on a host's KVM, for a person to paste into an issue.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lengths::Lengths;
use crate::moves::Moves;
use crate::running::Cost;

/// Stands before the report, and behind it.
const START: &str = "---- sve-state on KVM ----";
const END: &str = "--------------------------";

/// What one kind of comparison found.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many operations were compared at each VQ; at 0, on vCPUs without SVE.
    pub operations: BTreeMap<u32, usize>,
    /// How many differences there were.
    pub count: usize,
    /// The differences in words, or the first of them.
    pub differences: Vec<String>,
}

impl Found {
    /// How many operations were compared.
    pub fn total(&self) -> usize {
        self.operations.values().sum()
    }
}

/// All of it; what is `None` did not run.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct Report {
    /// The revision of this project.
    pub revision: String,
    /// As `uname` has it, and the mode that KVM is in.
    pub kernel: String,
    /// The kernel's release.
    pub release: String,
    /// The mode that KVM is in.
    pub mode: String,
    /// As `/proc/cpuinfo` has it.
    pub processor: String,
    /// Those of the host, once it has been asked.
    pub lengths: Option<Lengths>,
    /// The conformance suite.
    pub conformance: Option<Found>,
    /// Random operations.
    pub random: Option<Found>,
    /// Moves from other hosts.
    pub moves: Option<Moves>,
    /// The vector lengths at which a running guest was moved, and what that cost.
    pub running: Option<BTreeMap<u32, Cost>>,
    /// The ioctls of a capture and of a restore of a vCPU without SVE.
    pub without_sve: Option<[usize; 2]>,
    /// How many vCPUs the consumers moved.
    pub consumers: Option<usize>,
    /// The vector lengths at which the example migrated.
    pub migrated: BTreeSet<u32>,
    /// What went wrong, differences aside.
    pub failures: Vec<String>,
    /// The arguments to repeat it with.
    pub repeat: String,
}

impl Report {
    /// How many differences there are.
    pub fn differences(&self) -> usize {
        self.found().map(|found| found.count).sum()
    }

    /// What was compared.
    pub fn found(&self) -> impl Iterator<Item = &Found> {
        [&self.conformance, &self.random].into_iter().flatten()
    }

    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.differences() == 0 && self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{START}")?;
        writeln!(f, "revision         {}", self.revision)?;
        writeln!(f, "kernel           {}", self.kernel)?;
        writeln!(f, "processor        {}", self.processor)?;
        match self.lengths {
            None => {}
            Some(Lengths::NONE) => f.write_str(
                "vector lengths   none: this host has no SVE. Its vCPUs have V0 to V31, FPSR and FPCR;\n\
                 \x20                KVM refuses the feature, and serves no Z, P, FFR or VLS. Of\n\
                 \x20                sve-state that leaves vCPUs without SVE, which were compared.\n",
            )?,
            Some(lengths) => writeln!(f, "vector lengths   VQ {lengths} (of 128 bits)")?,
        }
        let found = [
            ("conformance      ", &self.conformance),
            ("random           ", &self.random),
        ];
        for (name, found) in found {
            if let Some(found) = found {
                let (operations, count) = (found.total(), found.count);
                writeln!(f, "{name}{operations} operations, {count} differences")?;
            }
        }
        if let Some(Moves { allowed, refused }) = self.moves {
            writeln!(f, "moves            {allowed} allowed, {refused} refused")?;
        }
        match &self.running {
            None => {}
            Some(costs) if costs.is_empty() => {
                writeln!(f, "running guest    none; a vCPU without SVE moved")?;
            }
            Some(costs) => {
                let vqs: Vec<_> = costs.keys().map(u32::to_string).collect();
                writeln!(f, "running guest    moved at VQ {}", vqs.join(","))?;
            }
        }
        for failure in &self.failures {
            writeln!(f, "failed           {failure}")?;
        }
        for difference in self.found().flat_map(|found| &found.differences) {
            writeln!(f, "{difference}")?;
        }
        let verdict = match (self.passed(), self.differences()) {
            (true, _) => "no difference".to_owned(),
            (false, 0) => "FAILED".to_owned(),
            (false, n) => format!("{n} DIFFERENCES"),
        };
        writeln!(f, "verdict          {verdict}")?;
        writeln!(f, "repeat           kvm_check {}", self.repeat)?;
        write!(f, "{END}")
    }
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, Cost, END, Found, Report, START};
    use crate::lengths::Lengths;
    use crate::moves::Moves;

    fn report() -> Report {
        Report {
            revision: "abc".to_owned(),
            kernel: "6.1".to_owned(),
            processor: "implementer 0x41".to_owned(),
            lengths: Some(Lengths(0b11)),
            conformance: Some(Found {
                operations: [(1, 3), (2, 4)].into(),
                ..Found::default()
            }),
            moves: Some(Moves {
                allowed: 1,
                refused: 2,
            }),
            running: Some([1, 2].map(|vq| (vq, Cost::default())).into()),
            repeat: "--seed 5".to_owned(),
            ..Report::default()
        }
    }

    #[test]
    fn says_what_ran_and_how_to_repeat_it() {
        let text = report().to_string();
        assert!(text.starts_with(START) && text.ends_with(END), "{text}");
        for line in [
            "kernel           6.1",
            "processor        implementer 0x41",
            "vector lengths   VQ 1,2 (of 128 bits)",
            "conformance      7 operations, 0 differences",
            "moves            1 allowed, 2 refused",
            "running guest    moved at VQ 1,2",
            "verdict          no difference",
            "repeat           kvm_check --seed 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("random"), "what did not run is not there");
    }

    #[test]
    fn a_difference_is_shown_and_counted_and_so_is_a_failure() {
        let mut wrong = report();
        wrong.random = Some(Found {
            operations: [(1, 3)].into(),
            count: 2,
            differences: vec!["GET 0x60".to_owned()],
        });
        let text = wrong.to_string();
        assert!(!wrong.passed());
        assert!(text.contains("\nGET 0x60\nverdict          2 DIFFERENCES\n"));
        let mut failed = report();
        failed.failures.push("no VM".to_owned());
        let text = failed.to_string();
        assert!(!failed.passed());
        assert!(text.contains("failed           no VM\nverdict          FAILED\n"));
    }

    #[test]
    fn a_host_without_sve_is_told_what_that_means() {
        let mut none = report();
        none.lengths = Some(Lengths::NONE);
        none.running = Some(BTreeMap::new());
        let text = none.to_string();
        assert!(text.contains("this host has no SVE") && text.contains("no Z, P, FFR or VLS"));
        assert!(text.contains("a vCPU without SVE moved"), "{text}");
    }
}
