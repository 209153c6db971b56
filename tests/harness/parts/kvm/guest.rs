//! Judges what `kvm_check` has reported: whether it is complete, and what it counted.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use sve_state_harness::differential::Replay;
use sve_state_harness::hosts::Configuration;
use sve_state_harness::lengths::Lengths;
use sve_state_harness::moves::Moves;
use sve_state_harness::report::{Found, Report};
use sve_state_harness::running::{self, Cost};

/// From this many random operations on, each vector length must have some.
const MANY: usize = 10_000;

/// What was to be run.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    /// The emulated host's lengths, or `None` for those of a real host, whatever they are.
    pub(crate) lengths: Option<Lengths>,
    /// The emulated host, where it is one of those that have a name.
    pub(crate) configuration: Option<&'static Configuration>,
    /// One only.
    pub(crate) vq: Option<u32>,
    pub(crate) case: Option<String>,
    pub(crate) operations: u64,
    pub(crate) seed: u64,
    pub(crate) replay: Option<Replay>,
}

/// The calls of a capture and of a restore on a vCPU without SVE, for its V registers, followed by those with SVE.
const WITHOUT_SVE: [usize; 2] = [32, 32];
const WITH_SVE: [usize; 2] = [49, 49];
/// What is damaged on the way and has to be noticed: a Z, a P, and FFR.
const CORRUPTIONS: usize = 3;

impl Wanted {
    /// Whether this is more than one case or a replay.
    pub(super) fn everything(&self) -> bool {
        self.case.is_none() && self.replay.is_none()
    }

    /// Whether vCPUs run, and the example does.
    fn runs_guests(&self) -> bool {
        self.configuration.is_none_or(Configuration::runs_guests)
    }

    /// The lengths at which something has to be there, or 0 without SVE.
    fn vqs(&self, host: Lengths) -> BTreeSet<u32> {
        match (self.vq, host) {
            (Some(vq), _) => BTreeSet::from([vq]),
            (None, Lengths::NONE) => BTreeSet::from([0]),
            (None, _) => host.vqs().collect(),
        }
    }

    /// Whether all that was asked for happened.
    pub(super) fn judge(&self, report: &Report) -> Result<()> {
        let (release, differences) = (&report.release, report.differences());
        ensure!(
            differences == 0,
            "Linux {release} and the shim differ {differences} times"
        );
        if let Some(failure) = report.failures.first() {
            bail!("in the guest: {failure}");
        }
        let host = report.lengths;
        let host = host.context("the guest did not say what it has")?;
        if let Some(wanted) = self.lengths {
            ensure!(wanted == host, "the host has VQ {host}, not {wanted}");
        }
        if let Some(Configuration { mode, .. }) = self.configuration {
            let found = &report.mode;
            ensure!(found == mode.1, "KVM is in mode {found}, not {}", mode.1);
        }
        if self.replay.is_some() {
            ensure!(random(report) > 0, "nothing was replayed");
            return Ok(());
        }

        let vqs = self.vqs(host);
        let none = Found::default();
        let missing = |found: &Option<Found>| {
            let operations = &found.as_ref().unwrap_or(&none).operations;
            let compared = |vq: &u32| operations.get(vq).is_some_and(|n| *n > 0);
            vqs.iter()
                .copied()
                .filter(|vq| !compared(vq))
                .collect::<Vec<_>>()
        };
        let not_compared = missing(&report.conformance);
        ensure!(
            not_compared.is_empty(),
            "nothing was compared at VQ {not_compared:?}"
        );
        if !self.everything() {
            return Ok(());
        }
        let calls = report.without_sve;
        ensure!(
            calls == Some(WITHOUT_SVE) || !self.runs_guests(),
            "without SVE: a capture and a restore took {calls:?} ioctls, not {WITHOUT_SVE:?}"
        );
        let (moved, vcpus) = (report.consumers, host.vqs().count() + 1);
        ensure!(
            moved == Some(vcpus),
            "the consumers moved {moved:?} vCPUs, not {vcpus}"
        );
        if host == Lengths::NONE {
            // Which is all there is.
            return Ok(());
        }

        let (random, wanted) = (random(report), self.operations);
        ensure!(
            random as u64 >= wanted,
            "{random} random operations were compared, not {wanted}"
        );
        let not_random = missing(&report.random);
        ensure!(
            not_random.is_empty() || random < MANY,
            "no random operation at VQ {not_random:?}"
        );
        let (found, expected) = (report.moves, moves(host));
        ensure!(
            found == Some(expected),
            "moves allowed and refused: {found:?}, not {expected:?}"
        );
        if !self.runs_guests() {
            return Ok(());
        }
        let is_run = |vq: &&u32| running::VQS.contains(vq) || self.vq.is_some();
        let costs = report.running.clone().unwrap_or_default();
        for vq in vqs.iter().filter(is_run) {
            let cost = costs.get(vq);
            cost.with_context(|| format!("no running guest was moved at VQ {vq}"))?;
        }
        for (vq, cost) in &costs {
            affordable(cost).with_context(|| format!("VQ {vq}"))?;
        }
        if self.lengths.is_some() {
            let missing: Vec<_> = vqs.difference(&report.migrated).collect();
            ensure!(missing.is_empty(), "nothing was migrated at VQ {missing:?}");
        }
        Ok(())
    }
}

fn affordable(cost: &Cost) -> Result<()> {
    let calls = [cost.gets, cost.sets];
    ensure!(
        calls == WITH_SVE,
        "a capture and a restore took {calls:?} ioctls, not {WITH_SVE:?}"
    );
    let corruptions = cost.corruptions;
    ensure!(
        corruptions == CORRUPTIONS,
        "{corruptions} corruptions were tried, not {CORRUPTIONS}"
    );
    // Measured are 0.77 to 0.84, and the rest allows for the noise of an emulator on a busy machine.
    let ratio = cost.ratio;
    ensure!(
        ratio <= 1.0,
        "a capture takes {ratio} times as long as the usual way"
    );
    Ok(())
}

/// How many random operations were compared.
pub(crate) fn random(report: &Report) -> usize {
    report.random.as_ref().map_or(0, Found::total)
}

/// A row of the table under [`heading`], with this name in its first column.
pub(crate) fn row(name: &str, report: &Report) -> String {
    let Moves { allowed, refused } = report.moves.unwrap_or_default();
    let costs = report.running.clone().unwrap_or_default();
    let mut ratios: Vec<_> = costs.values().map(|cost| cost.ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let ratios = match &ratios[..] {
        [] => String::new(),
        [least, ..] => format!("{least:.2} to {:.2}", ratios[ratios.len() - 1]),
    };
    line([
        name,
        &report.lengths.unwrap_or_default().to_string(),
        &report
            .conformance
            .as_ref()
            .map_or(0, Found::total)
            .to_string(),
        &random(report).to_string(),
        &format!("{allowed} + {refused}"),
        &costs.len().to_string(),
        &report.migrated.len().to_string(),
        &ratios,
    ])
}

/// The table's columns: what `name` says; vector lengths in quadwords; operations; moves from other hosts, allowed
/// and refused; at how many vector lengths a running guest was moved, and the example migrated; and the time of a
/// capture, divided by the usual way's.
pub(crate) fn heading(name: &str) -> String {
    line([
        name, "VQ", "suite", "random", "moves", "guest", "migrate", "capture",
    ])
}

fn line([kernel, vqs, suite, random, moves, guest, migrate, time]: [&str; 8]) -> String {
    format!(
        "{kernel:27} {vqs:11} {suite:>7} {random:>7} {moves:>7} {guest:>5} {migrate:>7}  {time}"
    )
    .trim_end()
    .to_owned()
}

/// How many moves a host must allow and refuse, from all hosts and at each of their vector lengths.
fn moves(here: Lengths) -> Moves {
    let mut moves = Moves::default();
    for source in Lengths::HOSTS {
        for vq in source.vqs() {
            match source.up_to(vq) == here.up_to(vq) {
                true => moves.allowed += 1,
                false => moves.refused += 1,
            }
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Configuration, Cost, Found, Lengths, Moves, Report, Wanted, heading, moves, row};

    /// A whole run at VQ 3.
    fn whole() -> Report {
        let found = |n| {
            Some(Found {
                operations: [(3, n)].into(),
                ..Found::default()
            })
        };
        let cost = Cost {
            gets: 49,
            sets: 49,
            ratio: 0.5,
            corruptions: 3,
        };
        Report {
            release: "6.1".to_owned(),
            mode: "VHE".to_owned(),
            lengths: Some(Lengths::ALL),
            conformance: found(7),
            random: found(5),
            moves: Some(moves(Lengths::ALL)),
            running: Some([(3, cost)].into()),
            without_sve: Some([32, 32]),
            consumers: Some(17),
            migrated: [3].into(),
            ..Report::default()
        }
    }

    fn wanted(name: &str) -> Wanted {
        let vq_3 = Wanted {
            lengths: Some(Lengths::ALL),
            vq: Some(3),
            operations: 5,
            ..Wanted::default()
        };
        let (lengths, vq) = (vq_3.lengths, vq_3.vq);
        let (lengths, vq, replay, configuration) = match name {
            "vq 3" => (lengths, vq, None, None),
            "every vq" => (lengths, None, None, None),
            "real host" => (None, vq, None, None),
            "no sve" => (Some(Lengths::NONE), None, None, None),
            "replay" => (lengths, vq, "1:3:0,7".parse().ok(), None),
            host => (lengths, vq, None, Configuration::named(host).ok()),
        };
        Wanted {
            lengths,
            vq,
            replay,
            configuration,
            ..vq_3
        }
    }

    #[test]
    fn a_report_that_lacks_something_is_refused() {
        let mut verdicts = 0;
        for line in include_str!("verdicts.txt").lines() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let parts: Vec<_> = line.split('|').map(str::trim).collect();
            let [name, changes, expected] = parts[..] else {
                panic!("{line}");
            };
            let without_sve = "/lengths=0 /conformance/operations={\"0\":7} /random=null /moves=null \
                               /running=null /consumers=1 /migrated=[]";
            let before = if name == "no sve" { without_sve } else { "" };
            let mut report = serde_json::to_value(whole()).unwrap();
            for change in format!("{before} {changes}").split(" /").map(str::trim) {
                if let Some((place, value)) = change.split_once('=') {
                    let place = format!("/{}", place.trim_start_matches('/'));
                    let there: &mut Value = report.pointer_mut(&place).expect(line);
                    *there = serde_json::from_str(value).expect(line);
                }
            }
            let report = serde_json::from_value(report).expect(line);
            let found = wanted(name).judge(&report);
            let found = found.map_or_else(|error| format!("{error:#}"), |()| "passed".to_owned());
            assert!(found.contains(expected), "{line}\n{found}");
            verdicts += 1;
        }
        assert_eq!(verdicts, 40);
    }

    #[test]
    fn a_whole_run_is_a_row() {
        let words = row("6.1", &whole());
        let words: Vec<_> = words.split_whitespace().collect();
        assert_eq!(words.join(" "), "6.1 1-16 7 5 23 + 4 1 1 0.50 to 0.50");
        assert_eq!(heading("Linux").split_whitespace().count(), 8);
    }

    /// 27 moves, at VQ 1, 2, 3, 5 and 16, counted by hand.
    #[test]
    fn so_many_moves_each_host_allows() {
        let counts = Lengths::HOSTS.map(moves);
        let counts = counts.map(|Moves { allowed, refused }| [allowed, refused]);
        assert_eq!(counts, [[5, 22], [9, 18], [11, 16], [13, 14], [23, 4]]);
    }
}
