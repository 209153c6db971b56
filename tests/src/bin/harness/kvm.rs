//! Linux KVM itself: the conformance suite, random operations, a guest whose state is moved while it
//! runs, and the migration example on a real kernel, which QEMU boots with EL2 emulated. The guest is
//! `src/bin/guest_init.rs`; it reports in marked lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;
use sve_state_harness::differential::Replay;
use sve_state_harness::running;

use crate::boot;
use crate::context::Context;
use crate::initrd::Initrd;
use crate::kernel;
use crate::qemu::Qemu;
use crate::report::{Counted, count};
use crate::toolchain::{self, ARM64};

/// The vector lengths that the architecture has, in quadwords.
const VQS: std::ops::RangeInclusive<u32> = 1..=16;

/// How many random operations there are in a boot, unless the person says how many.
const OPERATIONS: u64 = 100_000;

/// What a person can choose.
#[derive(Args, Clone, Default)]
pub(crate) struct Options {
    /// The kernel: an arm64 image (vmlinuz), a Debian package file of one, or the package's name
    /// [default: linux-image-cloud-arm64]
    #[arg(long, value_name = "IMAGE")]
    kernel: Option<String>,
    /// One vector length only, in quadwords (1 to 16)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    vq: Option<u32>,
    /// One case of the conformance suite only, and nothing else
    #[arg(long, value_name = "NAME", conflicts_with_all = ["operations", "seed"])]
    case: Option<String>,
    /// How many random operations to compare [default: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    operations: Option<u64>,
    /// What the random operations follow from [default: another number each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Repeat a difference that random operations found, and nothing else
    #[arg(long, value_name = "SEED:VQ:N,N,...")]
    #[arg(conflicts_with_all = ["vq", "case", "operations", "seed"])]
    replay: Option<Replay>,
}

impl Options {
    fn vqs(&self) -> BTreeSet<u32> {
        match self.vq {
            Some(vq) => BTreeSet::from([vq]),
            None => VQS.collect(),
        }
    }

    /// Those at which a running guest is moved.
    fn running(&self) -> BTreeSet<u32> {
        match (&self.case, self.vq) {
            (Some(_), _) => BTreeSet::new(),
            (None, Some(vq)) => BTreeSet::from([vq]),
            (None, None) => running::VQS.into(),
        }
    }

    /// How many random operations are to be compared.
    fn operations(&self) -> u64 {
        match self.case {
            Some(_) => 0,
            None => self.operations.unwrap_or(OPERATIONS),
        }
    }

    /// What the guest is told.
    fn init_arguments(&self, seed: u64) -> Result<Vec<String>> {
        if let Some(replay) = &self.replay {
            return Ok(vec!["--replay".to_owned(), replay.to_string()]);
        }
        let mut arguments = Vec::new();
        if let Some(vq) = self.vq {
            arguments.extend(["--vq".to_owned(), vq.to_string()]);
        }
        if let Some(case) = &self.case {
            // It goes through the kernel's command line, where a space would end it.
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-:".contains(c);
            ensure!(case.chars().all(plain), "--case {case}: no case's name");
            arguments.extend(["--case".to_owned(), case.clone()]);
        } else {
            let (operations, seed) = (self.operations().to_string(), seed.to_string());
            arguments.extend(["--operations".to_owned(), operations]);
            arguments.extend(["--seed".to_owned(), seed]);
        }
        Ok(arguments)
    }
}

/// Boots the kernel, and adds up what the guest reports.
pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let init_arguments = options.init_arguments(seed)?;
    let kernel = kernel::image(cx, options.kernel.as_deref())?;
    toolchain::ensure_arm64(cx, &[])?;
    let qemu = Qemu::find(cx)?;
    let initrd = initrd(cx)?;

    let mut guest = Guest {
        seed,
        ..Guest::default()
    };
    // An operation takes a third of a millisecond at the most.
    let total = boot::TOTAL + Duration::from_millis(options.operations());
    let mut heard = |message: &str| {
        cx.step(&message.replace('\t', "  "));
        guest.hear(message)
    };
    let console = boot::boot(
        cx,
        &qemu,
        &kernel,
        &initrd,
        &init_arguments,
        total,
        &mut heard,
    )?;
    let verdict = guest.verdict(options);
    if verdict.is_err() {
        console.show(cx);
    }
    verdict
}

/// Builds the guest's programs, and packs them.
fn initrd(cx: &Context) -> Result<PathBuf> {
    let toolchain = toolchain::arm64(cx)?;
    let build = |arguments: &[&str]| cx.run(toolchain::arm64_cargo(cx, &toolchain, arguments));
    let (release, harness) = ("--release", "sve-state-harness");
    build(&["build", release, "-p", harness, "--bin", "guest_init"])?;
    let migrate = ["--example", "migrate", "--features", "kvm"];
    build(&[&["build", release, "-p", "sve-state"], &migrate[..]].concat())?;

    let built = cx.target.join("arm64").join(ARM64).join("release");
    let archive = Initrd::new()
        .directory("dev")
        .program("init", &fs::read(built.join("guest_init"))?)
        .program("guest", &fs::read(guest_program(cx)?)?)
        .program("migrate", &fs::read(built.join("examples/migrate"))?)
        .finish();
    let path = cx.directory("kvm")?.join("initrd");
    fs::write(&path, archive)?;
    Ok(path)
}

/// Assembles the program of the guest whose state is moved: instructions and nothing else.
fn guest_program(cx: &Context) -> Result<PathBuf> {
    let directory = cx.directory("kvm")?;
    let (object, program) = (directory.join("guest.o"), directory.join("guest.bin"));
    let mut gcc = Command::new("aarch64-linux-gnu-gcc");
    gcc.args(["-c", "-Wa,--fatal-warnings", "-o"])
        .arg(&object)
        .arg("tests/guest/pattern.s");
    cx.run(gcc)?;
    let mut objcopy = Command::new("aarch64-linux-gnu-objcopy");
    objcopy
        .args(["-O", "binary", "-j", ".text"])
        .args([&object, &program]);
    cx.run(objcopy)?;
    Ok(program)
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
struct Guest {
    kernel: String,
    operations: BTreeMap<u32, u64>,
    differences: u64,
    /// Of the random operations.
    seed: u64,
    /// At 0: without SVE.
    random: BTreeMap<u32, u64>,
    random_vcpus: u64,
    answers: String,
    replayed: Option<u64>,
    moved: BTreeMap<u32, Moved>,
    /// The ioctls of a capture and of a restore.
    without_sve: Option<[u64; 2]>,
    migrated: BTreeSet<u32>,
    failures: Vec<String>,
    done: bool,
}

impl Guest {
    /// Takes in a line: a word, then fields `name=value`, between tabs.
    fn hear(&mut self, message: &str) -> Result<()> {
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
            "kernel" => self.kernel = text("release")?.to_owned(),
            "conformance" => {
                *self.operations.entry(vq()?).or_default() += number("operations")?;
                self.differences += number("differences")?;
            }
            "differential" => *self.random.entry(vq()?).or_default() += number("operations")?,
            "answers" => {
                self.random_vcpus = number("vcpus")?;
                self.answers = text("answers")?.to_owned();
            }
            "replayed" => self.replayed = Some(number("operations")?),
            // For the person.
            "progress" => {}
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
            "migrate" => drop(self.migrated.insert(vq()?)),
            "failed" => self.failures.push(text("what")?.to_owned()),
            "done" => self.done = true,
            _ => bail!("the guest said what the harness does not know: {message:?}"),
        }
        Ok(())
    }

    /// Whether all that was asked for happened, and what to count.
    fn verdict(&self, options: &Options) -> Result<Counted> {
        ensure!(self.differences == 0, self.difference());
        if let Some(failure) = self.failures.first() {
            return Err(anyhow!("in the guest: {failure}"));
        }
        ensure!(self.done, "the guest ended before it was done");
        if let Some(replay) = &options.replay {
            let operations = self.replayed.unwrap_or(0);
            ensure!(operations > 0, "nothing was replayed");
            return Ok(vec![format!(
                "Linux {}: {replay}, {operations} operations, no difference",
                self.kernel
            )]);
        }

        let expected = options.vqs();
        let compared = |vq: &u32| self.operations.get(vq).is_some_and(|n| *n > 0);
        let missing: Vec<_> = expected.iter().filter(|vq| !compared(vq)).collect();
        ensure!(missing.is_empty(), "nothing was compared at VQ {missing:?}");
        let mut missing = options.running();
        missing.retain(|vq| !self.moved.contains_key(vq));
        ensure!(
            missing.is_empty(),
            "no running guest was moved at VQ {missing:?}"
        );
        self.moved
            .iter()
            .try_for_each(|(vq, moved)| moved.verdict(*vq))?;
        if !self.moved.is_empty() {
            let calls = self.without_sve.context("nothing was moved without SVE")?;
            ensure!(
                calls == WITHOUT_SVE,
                "without SVE: a capture and a restore took {calls:?} ioctls, not {WITHOUT_SVE:?}"
            );
        }
        let random: u64 = self.random.values().sum();
        ensure!(
            random >= options.operations(),
            "{random} random operations were compared, not {}",
            options.operations()
        );
        if options.operations() >= OPERATIONS {
            let missing: Vec<_> = expected
                .iter()
                .filter(|vq| !self.random.contains_key(vq))
                .collect();
            ensure!(missing.is_empty(), "no random operation at VQ {missing:?}");
        }
        let migration = if options.case.is_some() {
            "no migration, as only one case was asked for".to_owned()
        } else {
            let missing: Vec<_> = expected.difference(&self.migrated).collect();
            ensure!(missing.is_empty(), "nothing was migrated at VQ {missing:?}");
            format!(
                "migrated at {}",
                count(self.migrated.len(), "vector length")
            )
        };

        let total: u64 = self.operations.values().sum();
        let mut counted = vec![format!(
            "Linux {}: {total} operations compared, no difference; {migration}",
            self.kernel
        )];
        counted.extend(per_vq(&self.operations));
        if random > 0 {
            counted.push(format!(
                "{random} random operations on {} vCPUs (--seed {}), no difference; {}",
                self.random_vcpus, self.seed, self.answers
            ));
            counted.extend(per_vq(&self.random));
        }
        if !self.moved.is_empty() {
            let ratios: Vec<_> = self
                .moved
                .iter()
                .map(|(vq, moved)| format!("VQ {vq}: {:.2}", moved.ratio))
                .collect();
            counted.push(format!(
                "a running guest moved, {0} GETs a capture and {0} SETs a restore ({1} and {2} without \
                 SVE), {3} corruptions noticed each; time beside the usual way: {4}",
                Moved::CALLS,
                WITHOUT_SVE[0],
                WITHOUT_SVE[1],
                Moved::CORRUPTIONS,
                ratios.join(", ")
            ));
        }
        Ok(counted)
    }

    fn difference(&self) -> String {
        let n = self.differences;
        format!("Linux {} and the shim differ {n} times", self.kernel)
    }
}

/// Lines of at most eight.
fn per_vq(operations: &BTreeMap<u32, u64>) -> Vec<String> {
    let entry = |(vq, n): (&u32, &u64)| match vq {
        0 => format!("no VQ: {n}"),
        vq => format!("VQ {vq}: {n}"),
    };
    let entries: Vec<_> = operations.iter().map(entry).collect();
    entries.chunks(8).map(|line| line.join(", ")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Guest, Options};

    fn guest(messages: &[&str]) -> Guest {
        let mut guest = Guest::default();
        for message in messages {
            guest.hear(message).unwrap();
        }
        guest
    }

    const VQ_3: Options = Options {
        kernel: None,
        vq: Some(3),
        case: None,
        operations: Some(5),
        seed: None,
        replay: None,
    };
    const WITHOUT_SVE: &str = "without_sve\tgets=32\tsets=32";
    const RANDOM: &str = "differential\tvq=3\toperations=5";
    const MOVED: &str = "running\tvq=3\tgets=49\tsets=49\tratio=0.5\tcorruptions=3";
    const COMPARED: &str = "conformance\tvq=3\toperations=7\tdifferences=0";

    #[test]
    fn a_complete_run_passes() {
        let guest = guest(&[
            "kernel\trelease=6.1",
            COMPARED,
            COMPARED,
            "differential\tvq=0\toperations=1",
            RANDOM,
            "answers\tvcpus=2\tanswers=5 success, 1 EPERM",
            MOVED,
            WITHOUT_SVE,
            "migrate\tvq=3",
            "done",
        ]);
        let counted = guest.verdict(&VQ_3).unwrap();
        assert!(counted[0].starts_with("Linux 6.1: 14 operations"));
        assert_eq!(counted[1], "VQ 3: 14");
        assert!(counted[2].starts_with("6 random operations on 2 vCPUs"));
        assert!(counted[2].ends_with("5 success, 1 EPERM"));
        assert_eq!(counted[3], "no VQ: 1, VQ 3: 5");
        assert!(counted[4].ends_with("VQ 3: 0.50"));
    }

    #[test]
    fn anything_less_fails() {
        let moved = |gets: u8, sets: u8, ratio: &str, corruptions: u8| {
            let ratio = format!("ratio={ratio}\tcorruptions={corruptions}");
            format!("running\tvq=3\tgets={gets}\tsets={sets}\t{ratio}")
        };
        let (more_gets, more_sets) = (moved(50, 49, "0.5", 3), moved(49, 50, "0.5", 3));
        let (slow, blind) = (moved(49, 49, "1.1", 3), moved(49, 49, "0.5", 2));
        let v_alone = "without_sve\tgets=32\tsets=31";
        let differing = "conformance\tvq=3\toperations=7\tdifferences=1";
        for (messages, reason) in [
            (&[COMPARED, "migrate\tvq=3"][..], "before it was done"),
            (
                &[COMPARED, RANDOM, MOVED, WITHOUT_SVE, "done"],
                "nothing was migrated at VQ [3]",
            ),
            (
                &[COMPARED, MOVED, WITHOUT_SVE, "migrate\tvq=3", "done"],
                "0 random operations were compared, not 5",
            ),
            (
                &[COMPARED, "migrate\tvq=3", "done"],
                "no running guest was moved at VQ {3}",
            ),
            (&[COMPARED, &more_gets, "done"], "a capture took 50 ioctls"),
            (&[COMPARED, &more_sets, "done"], "a restore took 50 ioctls"),
            (
                &[COMPARED, RANDOM, MOVED, "done"],
                "nothing was moved without SVE",
            ),
            (
                &[COMPARED, RANDOM, MOVED, v_alone, "done"],
                "took [32, 31] ioctls",
            ),
            (&[COMPARED, &slow, "done"], "1.1 times as long"),
            (&[COMPARED, &blind, "done"], "2 corruptions"),
            (&["migrate\tvq=3", "done"], "nothing was compared at VQ [3]"),
            (&[differing, "migrate\tvq=3", "done"], "differ 1 times"),
            (&["failed\twhat=no /dev/kvm", "done"], "no /dev/kvm"),
        ] {
            let error = guest(messages).verdict(&VQ_3).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let many = Options {
            operations: None,
            ..VQ_3
        };
        let elsewhere = "differential\tvq=4\toperations=100000";
        let error = guest(&[COMPARED, elsewhere, MOVED, WITHOUT_SVE, "done"]).verdict(&many);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("no random operation at VQ [3]"), "{error}");
        let all = guest(&[COMPARED, "migrate\tvq=3", "done"]).verdict(&Options::default());
        assert!(all.is_err(), "the other vector lengths are missing");
    }

    #[test]
    fn a_replay_is_that_and_nothing_else() {
        let options = Options {
            replay: Some("1:3:0,7".parse().unwrap()),
            ..Options::default()
        };
        let arguments = options.init_arguments(9).unwrap();
        assert_eq!(arguments, ["--replay", "1:3:0,7"]);
        let replayed = guest(&["replayed\toperations=2", "done"]);
        assert!(replayed.verdict(&options).unwrap()[0].contains("1:3:0,7, 2 operations"));
        let error = guest(&["done"]).verdict(&options).unwrap_err();
        assert!(error.to_string().contains("nothing was replayed"));
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        let mut guest = Guest::default();
        assert!(guest.hear("conformence\tvq=3").is_err());
        assert!(guest.hear("conformance\tvq=three").is_err());
        assert!(guest.hear("conformance").is_err());
        assert!(guest.hear("running\tvq=3\tgets=49").is_err());
    }
}
