//! The report on a host's KVM, for a person to paste into an issue.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lengths::Lengths;
use crate::moves::Moves;
use crate::running::Cost;

/// The lines before and after the report.
const START: &str = "---- sve-state on KVM ----";
const END: &str = "--------------------------";

/// What that means, in the place of vector lengths.
const NO_SVE: &str = "none: this host has no SVE. Its vCPUs have V0 to V31, FPSR and FPCR;
                 KVM refuses the feature, and serves no Z, P, FFR or VLS. Of
                 sve-state that leaves vCPUs without SVE, which were compared.";

/// What one kind of comparison found.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many operations were compared at each VQ, where 0 is vCPUs without SVE.
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

/// The whole report, where what is `None` did not run.
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
        let found = |found: &Found| {
            let (operations, count) = (found.total(), found.count);
            format!("{operations} operations, {count} differences")
        };
        let lengths = |lengths| match lengths {
            Lengths::NONE => NO_SVE.to_owned(),
            lengths => format!("VQ {lengths} (of 128 bits)"),
        };
        let moves = |Moves { allowed, refused }| format!("{allowed} allowed, {refused} refused");
        let running = |costs: &BTreeMap<u32, Cost>| {
            let vqs: Vec<_> = costs.keys().map(u32::to_string).collect();
            match &vqs[..] {
                [] => "none; a vCPU without SVE moved".to_owned(),
                vqs => format!("moved at VQ {}", vqs.join(",")),
            }
        };
        let verdict = match (self.passed(), self.differences()) {
            (true, _) => "no difference".to_owned(),
            (false, 0) => "FAILED".to_owned(),
            (false, n) => format!("{n} DIFFERENCES"),
        };
        let line = |name: &str, text: &str| format!("{name:16} {text}\n");
        let known = [
            ("revision", Some(self.revision.clone())),
            ("kernel", Some(self.kernel.clone())),
            ("processor", Some(self.processor.clone())),
            ("vector lengths", self.lengths.map(lengths)),
            ("conformance", self.conformance.as_ref().map(found)),
            ("random", self.random.as_ref().map(found)),
            ("moves", self.moves.map(moves)),
            ("running guest", self.running.as_ref().map(running)),
        ];
        let known = known.map(|(name, text)| text.map_or_else(String::new, |it| line(name, &it)));
        let failures = self.failures.iter().map(|failure| line("failed", failure));
        let differences = self.found().flat_map(|found| &found.differences);
        write!(
            f,
            "{START}\n{}{}",
            known.concat(),
            failures.collect::<String>()
        )?;
        for difference in differences {
            writeln!(f, "{difference}")?;
        }
        f.write_str(&line("verdict", &verdict))?;
        f.write_str(&line("repeat", &format!("kvm_check {}", self.repeat)))?;
        f.write_str(END)
    }
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, Cost, Found, Lengths, Moves, Report};

    #[test]
    fn says_what_ran_and_how_to_repeat_it_with_what_is_wrong() {
        let found = |operations: BTreeMap<u32, usize>| Found {
            operations,
            ..Found::default()
        };
        let mut report = Report {
            revision: "abc".to_owned(),
            kernel: "6.1".to_owned(),
            processor: "implementer 0x41".to_owned(),
            lengths: Some(Lengths(0b11)),
            conformance: Some(found([(1, 3), (2, 4)].into())),
            moves: Some(Moves {
                allowed: 1,
                refused: 2,
            }),
            running: Some([1, 2].map(|vq| (vq, Cost::default())).into()),
            repeat: "--seed 5".to_owned(),
            ..Report::default()
        };
        let text = "---- sve-state on KVM ----
revision         abc
kernel           6.1
processor        implementer 0x41
vector lengths   VQ 1,2 (of 128 bits)
conformance      7 operations, 0 differences
moves            1 allowed, 2 refused
running guest    moved at VQ 1,2
verdict          no difference
repeat           kvm_check --seed 5
--------------------------";
        assert_eq!(report.to_string(), text);
        report.failures.push("no VM".to_owned());
        let failed = report.to_string();
        assert!(failed.contains("2\nfailed           no VM\nverdict          FAILED\n"));
        report.random = Some(Found {
            count: 2,
            differences: vec!["GET 0x60".to_owned()],
            ..found([(1, 3)].into())
        });
        let text = report.to_string();
        assert!(!report.passed() && text.contains("random           3 operations, 2 differences"));
        assert!(text.contains("\nGET 0x60\nverdict          2 DIFFERENCES\n"));
        report.lengths = Some(Lengths::NONE);
        report.running = Some(BTreeMap::new());
        let text = report.to_string();
        assert!(text.contains("this host has no SVE") && text.contains("no Z, P, FFR or VLS"));
        assert!(text.contains("a vCPU without SVE moved"), "{text}");
    }
}
