//! Reads what `kvm_check` has printed: whether it is complete, and what it counted.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use sve_state_harness::differential::Replay;
use sve_state_harness::hosts::Configuration;
use sve_state_harness::lengths::Lengths;
use sve_state_harness::running;

/// From so many random operations on, each vector length must have some.
const MANY: u64 = 10_000;

/// What was to be run.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    /// The emulated host's; `None`: a real host's, whatever they are.
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

impl Wanted {
    /// All but one case, or a replay.
    pub(super) fn everything(&self) -> bool {
        self.case.is_none() && self.replay.is_none()
    }

    /// Whether vCPUs run, and the example does.
    fn runs_guests(&self) -> bool {
        self.configuration.is_none_or(Configuration::runs_guests)
    }

    /// Those at which there is something to be; without SVE, 0.
    fn vqs(&self, host: Lengths) -> BTreeSet<u32> {
        match (self.vq, host) {
            (Some(vq), _) => BTreeSet::from([vq]),
            (None, Lengths::NONE) => BTreeSet::from([0]),
            (None, _) => host.vqs().collect(),
        }
    }
}

/// What a capture and a restore take on a vCPU without SVE: its V registers.
const WITHOUT_SVE: [u64; 2] = [32, 32];

/// What the guest reports of a running guest that it has moved.
struct Moved {
    /// The ioctls of a capture.
    gets: u64,
    /// The ioctls of a restore.
    sets: u64,
    /// How long a capture takes, as a part of the usual way's time.
    ratio: f64,
    /// Registers that were damaged on the way, and noticed.
    corruptions: u64,
}

impl Moved {
    /// What a capture takes, and all it may take; and a restore.
    const CALLS: u64 = 49;
    /// A Z, a P, and FFR.
    const CORRUPTIONS: u64 = 3;

    fn verdict(&self, vq: u32) -> Result<()> {
        let Self {
            gets,
            sets,
            ratio,
            corruptions,
        } = self;
        for (step, calls) in [("capture", gets), ("restore", sets)] {
            ensure!(
                *calls == Self::CALLS,
                "VQ {vq}: a {step} took {calls} ioctls, not {}",
                Self::CALLS
            );
        }
        ensure!(
            *corruptions == Self::CORRUPTIONS,
            "VQ {vq}: {corruptions} corruptions were tried, not {}",
            Self::CORRUPTIONS
        );
        // The aim is 0.75; what is left is for the noise of an emulator on a busy machine.
        ensure!(
            *ratio <= 1.0,
            "VQ {vq}: a capture takes {ratio} times as long as the usual way"
        );
        Ok(())
    }
}

/// What the guest has reported so far.
#[derive(Default)]
pub(crate) struct Guest {
    pub(crate) kernel: String,
    /// That KVM is in.
    pub(crate) mode: String,
    lengths: Option<Lengths>,
    operations: BTreeMap<u32, u64>,
    differences: u64,
    /// At 0: on vCPUs without SVE.
    random: BTreeMap<u32, u64>,
    replayed: Option<u64>,
    /// Allowed and refused.
    moves: Option<[u64; 2]>,
    moved: BTreeMap<u32, Moved>,
    /// The ioctls of a capture and of a restore.
    without_sve: Option<[u64; 2]>,
    /// How many vCPUs the two consumers moved.
    consumers: Option<u64>,
    migrated: BTreeSet<u32>,
    failures: Vec<String>,
    done: bool,
}

impl Guest {
    /// Takes in a line: a word, then fields `name=value`, between tabs.
    pub(super) fn hear(&mut self, message: &str) -> Result<()> {
        let mut words = message.split('\t');
        let word = words.next().unwrap_or_default();
        let fields: BTreeMap<_, _> = words.filter_map(|field| field.split_once('=')).collect();
        let text = |name: &str| {
            let found = fields.get(name).copied();
            found.with_context(|| format!("the guest gave no {name}: {message:?}"))
        };
        let number = |name: &str| -> Result<u64> {
            let text = text(name)?;
            text.parse()
                .with_context(|| format!("the guest's {name} is no number: {message:?}"))
        };
        let vq = || -> Result<u32> { Ok(u32::try_from(number("vq")?)?) };
        match word {
            "kernel" => {
                text("release")?.clone_into(&mut self.kernel);
                text("mode")?.clone_into(&mut self.mode);
            }
            "host" => self.lengths = Some(text("lengths")?.parse().map_err(|e| anyhow!("{e}"))?),
            "conformance" => {
                *self.operations.entry(vq()?).or_default() += number("operations")?;
                self.differences += number("differences")?;
            }
            "differential" => *self.random.entry(vq()?).or_default() += number("operations")?,
            "replayed" => self.replayed = Some(number("operations")?),
            "moves" => self.moves = Some([number("allowed")?, number("refused")?]),
            // For the person.
            "answers" | "progress" => {}
            "running" => {
                let moved = Moved {
                    gets: number("gets")?,
                    sets: number("sets")?,
                    ratio: text("ratio")?
                        .parse()
                        .with_context(|| format!("the ratio is no number: {message:?}"))?,
                    corruptions: number("corruptions")?,
                };
                self.moved.insert(vq()?, moved);
            }
            "without_sve" => self.without_sve = Some([number("gets")?, number("sets")?]),
            "consumers" => self.consumers = Some(number("vcpus")?),
            "migrate" => drop(self.migrated.insert(vq()?)),
            "failed" => self.failures.push(text("what")?.to_owned()),
            "done" => self.done = true,
            _ => bail!("the guest said what the harness does not know: {message:?}"),
        }
        Ok(())
    }

    /// Whether all that was asked for happened, and the guest's own report says the same.
    pub(super) fn verdict(&self, wanted: &Wanted, report: &[&str]) -> Result<()> {
        ensure!(
            self.differences == 0,
            "Linux {} and the shim differ {} times",
            self.kernel,
            self.differences
        );
        if let Some(failure) = self.failures.first() {
            return Err(anyhow!("in the guest: {failure}"));
        }
        ensure!(self.done, "the guest ended before it was done");
        let says = |line: &str| {
            let there = report.contains(&line);
            ensure!(there, "the guest's report does not say `{line}`");
            Ok(())
        };
        says("verdict          no difference")?;
        let host = self.lengths.context("the guest did not say what it has")?;
        if let Some(wanted) = wanted.lengths {
            ensure!(wanted == host, "the host has VQ {host}, not {wanted}");
        }
        if let Some(Configuration { mode, .. }) = wanted.configuration {
            let found = &self.mode;
            ensure!(found == mode.1, "KVM is in mode {found}, not {}", mode.1);
        }
        if wanted.replay.is_some() {
            ensure!(self.replayed > Some(0), "nothing was replayed");
            return Ok(());
        }

        let vqs = wanted.vqs(host);
        let compared = |vq: &u32| self.operations.get(vq).is_some_and(|n| *n > 0);
        let missing: Vec<_> = vqs.iter().filter(|vq| !compared(vq)).collect();
        ensure!(missing.is_empty(), "nothing was compared at VQ {missing:?}");
        let compared: u64 = self.operations.values().sum();
        says(&format!(
            "conformance      {compared} operations, 0 differences"
        ))?;
        if !wanted.everything() {
            return Ok(());
        }
        if wanted.runs_guests() {
            let calls = self.without_sve.context("nothing was moved without SVE")?;
            ensure!(
                calls == WITHOUT_SVE,
                "without SVE: a capture and a restore took {calls:?} ioctls, not {WITHOUT_SVE:?}"
            );
        }
        let vcpus = host.vqs().count() as u64 + 1;
        ensure!(
            self.consumers == Some(vcpus),
            "the consumers moved {:?} vCPUs, not {vcpus}",
            self.consumers
        );
        if host == Lengths::NONE {
            // Which is all there is.
            return says(
                "                 sve-state that leaves vCPUs without SVE, which were compared.",
            );
        }

        let random = self.random();
        ensure!(
            random >= wanted.operations,
            "{random} random operations were compared, not {}",
            wanted.operations
        );
        says(&format!(
            "random           {random} operations, 0 differences"
        ))?;
        if random >= MANY {
            let missing: Vec<_> = vqs
                .iter()
                .filter(|vq| !self.random.contains_key(vq))
                .collect();
            ensure!(missing.is_empty(), "no random operation at VQ {missing:?}");
        }
        ensure!(
            self.moves == Some(moves(host)),
            "moves allowed and refused: {:?}, not {:?}",
            self.moves,
            moves(host)
        );
        if !wanted.runs_guests() {
            return Ok(());
        }
        let is_run = |vq: &u32| running::VQS.contains(vq) || wanted.vq.is_some();
        let mut missing = vqs.iter().filter(|vq| is_run(vq));
        if let Some(vq) = missing.find(|vq| !self.moved.contains_key(vq)) {
            bail!("no running guest was moved at VQ {vq}");
        }
        for (vq, moved) in &self.moved {
            moved.verdict(*vq)?;
        }
        if wanted.lengths.is_some() {
            let missing: Vec<_> = vqs.difference(&self.migrated).collect();
            ensure!(missing.is_empty(), "nothing was migrated at VQ {missing:?}");
        }
        Ok(())
    }

    /// How many random operations were compared.
    pub(crate) fn random(&self) -> u64 {
        self.random.values().sum()
    }

    /// A row of the table, under [`heading`]; in its first column is the kernel, or what it is given.
    pub(crate) fn row(&self, name: &str) -> String {
        let [allowed, refused] = self.moves.unwrap_or_default();
        let ratios = self.moved.values().map(|moved| moved.ratio);
        let (least, most) = ratios.fold((f64::MAX, 0.0_f64), |(a, b), r| (a.min(r), b.max(r)));
        let ratios = match self.moved.len() {
            0 => String::new(),
            _ => format!("{least:.2} to {most:.2}"),
        };
        line([
            name,
            &self.lengths.unwrap_or_default().to_string(),
            &self.operations.values().sum::<u64>().to_string(),
            &(self.random() + self.replayed.unwrap_or(0)).to_string(),
            &format!("{allowed} + {refused}"),
            &self.moved.len().to_string(),
            &self.migrated.len().to_string(),
            &ratios,
        ])
    }
}

/// What the table's columns are: what `name` says; vector lengths in quadwords; operations; moves from other hosts,
/// allowed and refused; at how many vector lengths a running guest was moved, and the example
/// migrated; the time of a capture, beside the usual way's.
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

/// How many moves a host must allow and refuse: from all hosts, at each of their vector lengths.
fn moves(here: Lengths) -> [u64; 2] {
    let mut moves = [0, 0];
    for source in Lengths::HOSTS {
        for vq in source.vqs() {
            let refused = source.up_to(vq) != here.up_to(vq);
            moves[usize::from(refused)] += 1;
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::{Configuration, Guest, Lengths, Wanted, heading, moves};

    fn guest(messages: &[&str]) -> Guest {
        let mut guest = Guest::default();
        for message in messages {
            guest.hear(message).unwrap();
        }
        guest
    }

    const VQ_3: Wanted = Wanted {
        lengths: Some(Lengths::ALL),
        configuration: None,
        vq: Some(3),
        case: None,
        operations: 5,
        seed: 9,
        replay: None,
    };
    const HOST: &str = "host\tlengths=1-16";
    const WITHOUT_SVE: &str = "without_sve\tgets=32\tsets=32";
    const RANDOM: &str = "differential\tvq=3\toperations=5";
    const MOVES: &str = "moves\tallowed=23\trefused=4";
    const MOVED: &str = "running\tvq=3\tgets=49\tsets=49\tratio=0.5\tcorruptions=3";
    const COMPARED: &str = "conformance\tvq=3\toperations=7\tdifferences=0";
    const MIGRATED: &str = "migrate\tvq=3";
    const CONSUMERS: &str = "consumers\tvcpus=17";
    const ALL: [&str; 9] = [
        HOST,
        COMPARED,
        RANDOM,
        MOVES,
        MOVED,
        WITHOUT_SVE,
        CONSUMERS,
        MIGRATED,
        "done",
    ];
    const REPORT: [&str; 3] = [
        "verdict          no difference",
        "conformance      7 operations, 0 differences",
        "random           5 operations, 0 differences",
    ];

    /// A whole run in which a line is another one, or none.
    fn verdict_with(line: &str, instead: Option<&str>) -> String {
        let messages: Vec<_> = ALL
            .into_iter()
            .filter_map(|l| if l == line { instead } else { Some(l) })
            .collect();
        let verdict = guest(&messages).verdict(&VQ_3, &REPORT);
        verdict.map_or_else(|error| error.to_string(), |()| "passed".to_owned())
    }

    #[test]
    fn a_complete_run_passes_and_is_a_row() {
        assert_eq!(verdict_with("nothing", None), "passed");
        let mut all = guest(&ALL);
        all.hear("kernel\trelease=6.1\tmode=VHE").unwrap();
        let words =
            |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(
            words(&all.row(&all.kernel)),
            words("6.1 1-16 7 5 23 + 4 1 1 0.50 to 0.50")
        );
        assert_eq!(heading("Linux").split_whitespace().count(), 8);
    }

    #[test]
    fn anything_less_fails() {
        let v_only = "without_sve\tgets=32\tsets=31";
        for (line, instead, reason) in [
            ("done", None, "before it was done"),
            ("done", Some("failed\twhat=no /dev/kvm"), "no /dev/kvm"),
            (HOST, None, "did not say what it has"),
            (HOST, Some("host\tlengths=1,2"), "has VQ 1,2, not 1-16"),
            (COMPARED, None, "nothing was compared at VQ [3]"),
            (
                COMPARED,
                Some("conformance\tvq=3\toperations=7\tdifferences=1"),
                "differ 1 times",
            ),
            (
                COMPARED,
                Some("conformance\tvq=3\toperations=8\tdifferences=0"),
                "does not say `conformance      8 operations",
            ),
            (RANDOM, None, "0 random operations were compared, not 5"),
            (
                RANDOM,
                Some("differential\tvq=3\toperations=6"),
                "does not say `random           6 operations",
            ),
            (MOVES, None, "moves allowed and refused: None"),
            (MOVES, Some("moves\tallowed=24\trefused=3"), "[24, 3]"),
            (MOVED, None, "no running guest was moved at VQ 3"),
            (
                MOVED,
                Some("running\tvq=3\tgets=50\tsets=49\tratio=0.5\tcorruptions=3"),
                "a capture took 50 ioctls",
            ),
            (
                MOVED,
                Some("running\tvq=3\tgets=49\tsets=50\tratio=0.5\tcorruptions=3"),
                "a restore took 50 ioctls",
            ),
            (
                MOVED,
                Some("running\tvq=3\tgets=49\tsets=49\tratio=1.1\tcorruptions=3"),
                "1.1 times as long",
            ),
            (
                MOVED,
                Some("running\tvq=3\tgets=49\tsets=49\tratio=0.5\tcorruptions=2"),
                "2 corruptions",
            ),
            (WITHOUT_SVE, None, "nothing was moved without SVE"),
            (WITHOUT_SVE, Some(v_only), "took [32, 31] ioctls"),
            (CONSUMERS, None, "the consumers moved None vCPUs, not 17"),
            (MIGRATED, None, "nothing was migrated at VQ [3]"),
        ] {
            let found = verdict_with(line, instead);
            assert!(found.contains(reason), "{found}, not {reason}");
        }
        let error = guest(&ALL).verdict(&VQ_3, &REPORT[1..]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`verdict          no difference`")
        );
        let every_vq = Wanted { vq: None, ..VQ_3 };
        let error = guest(&ALL).verdict(&every_vq, &REPORT).unwrap_err();
        assert!(
            error.to_string().contains("compared at VQ [1, 2, 4"),
            "{error}"
        );
    }

    #[test]
    fn with_many_random_operations_each_vector_length_has_some() {
        let elsewhere = "differential\tvq=4\toperations=10000";
        let report = [
            REPORT[0],
            REPORT[1],
            "random           10000 operations, 0 differences",
        ];
        let messages = ALL.map(|line| if line == RANDOM { elsewhere } else { line });
        let error = guest(&messages).verdict(&VQ_3, &report).unwrap_err();
        assert_eq!(error.to_string(), "no random operation at VQ [3]");
    }

    #[test]
    fn a_real_host_has_what_it_has_and_no_example_is_migrated() {
        let lengths = None;
        let wanted = Wanted { lengths, ..VQ_3 };
        let messages = ALL.into_iter().filter(|line| *line != MIGRATED);
        let guest = guest(&messages.collect::<Vec<_>>());
        assert!(guest.verdict(&wanted, &REPORT).is_ok());
        assert!(guest.verdict(&VQ_3, &REPORT).is_err());
    }

    #[test]
    fn a_host_of_a_name_is_in_its_mode_and_runs_no_guest_if_it_cannot() {
        let verdict = |name: &str, mode: &str, left_out: &[&str]| {
            let wanted = Wanted {
                configuration: Some(Configuration::named(name).unwrap()),
                ..VQ_3
            };
            let messages = ALL.into_iter().filter(|line| !left_out.contains(line));
            let mut guest = guest(&messages.collect::<Vec<_>>());
            guest
                .hear(&format!("kernel\trelease=6.1\tmode={mode}"))
                .unwrap();
            let verdict = guest.verdict(&wanted, &REPORT);
            verdict.map_err(|error| error.to_string())
        };
        let running = [MOVED, WITHOUT_SVE, MIGRATED];
        assert_eq!(verdict("nvhe", "Hyp nVHE", &[]), Ok(()));
        let wrong = "KVM is in mode VHE, not Hyp nVHE".to_owned();
        assert_eq!(verdict("nvhe", "VHE", &[]), Err(wrong));
        for line in running {
            assert!(verdict("nvhe", "Hyp nVHE", &[line]).is_err(), "{line}");
        }
        assert_eq!(verdict("ptrauth", "VHE", &running), Ok(()));
        for line in [COMPARED, RANDOM, MOVES, CONSUMERS] {
            assert!(verdict("ptrauth", "VHE", &[line]).is_err(), "{line}");
        }
    }

    #[test]
    fn a_replay_is_that_and_nothing_else() {
        let replay = Some("1:3:0,7".parse().unwrap());
        let wanted = Wanted { replay, ..VQ_3 };
        let replayed = guest(&[HOST, "replayed\toperations=2", "done"]);
        assert!(replayed.verdict(&wanted, &REPORT).is_ok());
        let error = guest(&[HOST, "done"])
            .verdict(&wanted, &REPORT)
            .unwrap_err();
        assert!(error.to_string().contains("nothing was replayed"));
    }

    #[test]
    fn without_sve_there_is_the_suite_and_what_that_means() {
        let lengths = Some(Lengths::NONE);
        let wanted = Wanted {
            lengths,
            vq: None,
            ..VQ_3
        };
        let compared = "conformance\tvq=0\toperations=7\tdifferences=0";
        let consumers = "consumers\tvcpus=1";
        let none = "host\tlengths=none";
        let guest = guest(&[none, compared, WITHOUT_SVE, consumers, "done"]);
        let meaning =
            "                 sve-state that leaves vCPUs without SVE, which were compared.";
        assert!(
            guest
                .verdict(&wanted, &[REPORT[0], REPORT[1], meaning])
                .is_ok()
        );
        let error = guest.verdict(&wanted, &REPORT).unwrap_err().to_string();
        assert!(error.contains("vCPUs without SVE"), "{error}");
    }

    /// 27 moves: 1, 2, 3, 5 and 16. Counted by hand.
    #[test]
    fn so_many_moves_each_host_allows() {
        let counts = Lengths::HOSTS.map(moves);
        assert_eq!(counts, [[5, 22], [9, 18], [11, 16], [13, 14], [23, 4]]);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        let mut guest = Guest::default();
        assert!(guest.hear("conformence\tvq=3").is_err());
        assert!(guest.hear("conformance\tvq=three").is_err());
        assert!(guest.hear("conformance").is_err());
        assert!(guest.hear("running\tvq=3\tgets=49").is_err());
        assert!(guest.hear("host\tlengths=0").is_err());
    }
}
