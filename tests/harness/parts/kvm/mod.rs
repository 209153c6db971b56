//! Linux KVM itself: the conformance suite, random operations, moves between hosts of different vector lengths, a
//! guest whose state is moved while it runs, and the migration example, on the kernels that people run. QEMU boots
//! them with EL2 emulated. What runs there is `programs/kvm_check.rs`, which runs on arm64 hosts too and reports
//! by an event (`suites/event.rs`).

pub(super) mod guest;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use sve_state_harness::conformance::{CASES, CASES_WITHOUT_SVE};
use sve_state_harness::differential::Replay;
use sve_state_harness::lengths::Lengths;
use sve_state_harness::parallel;
use sve_state_harness::report::Report;

use crate::context::Context;
use crate::machine::boot;
use crate::machine::initrd::initrd;
use crate::machine::kernel::Kernels;
use crate::machine::qemu::Qemu;
use crate::machine::toolchain::{self, ARM64};
use crate::report::Counted;
use guest::Wanted;

/// How many random operations there are on all kernels together, unless the user says how many, and on each host
/// that is there for its vector lengths.
const OPERATIONS: u64 = 1_050_000;
const HOST_OPERATIONS: u64 = 10_000;

/// What a person can choose.
#[derive(Args, Clone, Default)]
pub(crate) struct Options {
    #[command(flatten)]
    kernels: Kernels,
    /// Emulate a host with these vector lengths, in quadwords; or `none` [default: 1-16, and on the last
    /// kernel also none; 1; 1,2; 1,2,4; 1,2,4,8,16]
    #[arg(long, value_name = "N,N,...")]
    lengths: Option<Lengths>,
    /// Run on this machine's own /dev/kvm: it must be an arm64 host. It makes VMs, nothing else
    #[arg(long, conflicts_with_all = ["kernel", "lengths"])]
    host: bool,
    /// How many random operations to compare, on all kernels together [default: 1050000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    operations: Option<u64>,
    #[command(flatten)]
    what: What,
}

/// What to run on each host.
#[derive(Args, Clone, Default)]
pub(super) struct What {
    /// One vector length only, in quadwords (1 to 16)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    vq: Option<u32>,
    /// One case of the conformance suite only, and nothing else
    #[arg(long, value_name = "NAME", conflicts_with_all = ["operations", "seed"], value_parser = case_names())]
    case: Option<String>,
    /// What the random operations follow from [default: another number each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Repeat a difference that random operations found, and nothing else
    #[arg(long, value_name = "SEED:VQ:N,N,...")]
    #[arg(conflicts_with_all = ["vq", "case", "operations", "seed"])]
    replay: Option<Replay>,
}

/// The cases for hosts with SVE and those for hosts without, of which some are both.
fn case_names() -> PossibleValuesParser {
    let names = CASES.iter().chain(CASES_WITHOUT_SVE).map(|case| case.name);
    PossibleValuesParser::new(names.collect::<BTreeSet<_>>())
}

impl What {
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            vq: self.vq,
            case: self.case.clone(),
            seed: self.seed.unwrap_or_else(|| fastrand::u64(..)),
            replay: self.replay.clone(),
            ..Wanted::default()
        }
    }
}

impl Options {
    /// The runs, each with the index of its kernel and a host's vector lengths, or `None` for the host's own.
    fn runs(&self, kernels: usize) -> Vec<(usize, Wanted)> {
        let same = self.what.wanted();
        let all = self.operations.unwrap_or(OPERATIONS);
        let share = all.div_ceil(kernels as u64);
        let wanted = |lengths: Option<Lengths>, operations: u64| Wanted {
            lengths,
            operations,
            ..same.clone()
        };
        if self.host {
            return vec![(0, wanted(None, all))];
        }
        let lengths = self.lengths.unwrap_or(Lengths::ALL);
        let mut runs: Vec<_> = (0..kernels)
            .map(|kernel| (kernel, wanted(Some(lengths), share)))
            .collect();
        let everything = self.lengths.is_none() && same.everything();
        if everything {
            let hosts = Lengths::HOSTS
                .into_iter()
                .filter(|host| *host != Lengths::ALL);
            let hosts = [Lengths::NONE].into_iter().chain(hosts);
            let hosts = hosts.filter(|host| same.vq.is_none_or(|vq| host.has(vq)));
            let few = share.min(HOST_OPERATIONS);
            runs.extend(hosts.map(|host| (kernels - 1, wanted(Some(host), few))));
        }
        // Otherwise all kernels would be asked the same.
        for (k, (_, wanted)) in (0..).zip(&mut runs) {
            wanted.seed = same.seed.wrapping_add(k);
        }
        runs
    }
}

/// Boots the kernels, and adds up what the guests report.
pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    let (kernels, runs) = match options.host {
        true => (vec!["this host"], options.runs(1)),
        false => {
            let kernels = options.kernels.names();
            let runs = options.runs(kernels.len());
            (kernels, runs)
        }
    };
    let machine = match options.host {
        true => None,
        false => Some(Machine::new(
            cx,
            Qemu::find(cx)?,
            options.kernels.images(cx)?,
        )?),
    };
    let names = runs.iter().map(|(kernel, wanted)| {
        let on = wanted.lengths.map(|lengths| format!(", VQ {lengths}"));
        format!("{}{}", kernels[*kernel], on.unwrap_or_default())
    });
    let reports = all(
        cx,
        &names.collect::<Vec<_>>(),
        &runs,
        |name, (kernel, wanted)| match &machine {
            Some(machine) => machine.boot(cx, name, *kernel, wanted),
            None => on_this_host(cx, name, wanted),
        },
    )?;
    let mut lines = vec![guest::heading("Linux")];
    lines.extend(reports.iter().map(|it| guest::row(&it.release, it)));
    lines.push(in_all(&reports));
    Ok(lines)
}

/// Runs all, each with its name, as many at a time as the machine has processors. One that fails does not keep the
/// others from their turn, because it is worth knowing whether one fails or all do.
pub(super) fn all<T: Sync>(
    cx: &Context,
    names: &[String],
    runs: &[T],
    run: impl Fn(&str, &T) -> Result<Report> + Sync,
) -> Result<Vec<Report>> {
    let (mut reports, mut failures) = (Vec::new(), Vec::new());
    let named: Vec<_> = names.iter().zip(runs).collect();
    let results = parallel::map(&named, |(name, it)| run(name, it));
    for (name, result) in names.iter().zip(results) {
        match result {
            Ok(report) => reports.push(report),
            Err(error) => {
                let failure = format!("{name}: {error:#}");
                cx.step(&format!("FAILED: {failure}"));
                failures.push(failure);
            }
        }
    }
    let n = runs.len();
    if !failures.is_empty() {
        bail!("{} of {n} runs: {}", failures.len(), failures.join("; "));
    }
    Ok(reports)
}

/// The table's last line.
pub(super) fn in_all(reports: &[Report]) -> String {
    let random: usize = reports.iter().map(guest::random).sum();
    format!("no difference; {random} random operations in all")
}

/// What it takes to emulate a host.
pub(super) struct Machine {
    qemu: Qemu,
    initrd: PathBuf,
    /// The kernels' images.
    images: Vec<PathBuf>,
}

impl Machine {
    pub(super) fn new(cx: &Context, qemu: Qemu, images: Vec<PathBuf>) -> Result<Self> {
        toolchain::ensure_arm64(cx, &[])?;
        Ok(Self {
            qemu,
            initrd: packed(cx)?,
            images,
        })
    }

    pub(super) fn boot(
        &self,
        cx: &Context,
        name: &str,
        kernel: usize,
        wanted: &Wanted,
    ) -> Result<Report> {
        let (processor, mode) = match wanted.configuration {
            Some(host) => (host.processor.to_owned(), host.mode.0),
            None => (boot::processor(wanted.lengths.unwrap_or_default()), None),
        };
        let (image, arguments) = (&self.images[kernel], wanted.arguments());
        let command = boot::command(
            &self.qemu,
            image,
            &processor,
            mode,
            &self.initrd,
            &arguments,
        );
        listen(cx, name, command, wanted)
    }
}

/// Runs what was built on this machine's own `/dev/kvm`.
fn on_this_host(cx: &Context, name: &str, wanted: &Wanted) -> Result<Report> {
    let native = cfg!(all(target_os = "linux", target_arch = "aarch64"));
    if !native {
        toolchain::ensure_arm64(cx, &[])?;
    }
    build(cx)?;
    let program = built(cx).join("kvm_check");
    ensure!(
        native,
        "--host: this machine is {}, not arm64 Linux; copy {} to one that has /dev/kvm, and run it there",
        env::consts::ARCH,
        program.display()
    );
    let mut command = Command::new(program);
    command.args(wanted.arguments());
    listen(cx, name, command, wanted)
}

/// Runs the program, here or in a machine of its own, and judges what it reports.
fn listen(cx: &Context, name: &str, command: Command, wanted: &Wanted) -> Result<Report> {
    // An operation takes a third of a millisecond at the most.
    let total = boot::TOTAL + Duration::from_millis(wanted.operations);
    let report = boot::run(cx, name, command, total, &|report: &Report| {
        if wanted.lengths.is_none() {
            println!("{report}");
        }
        wanted.judge(report)
    })?;
    Ok(report)
}

/// Builds the program that compares.
fn build(cx: &Context) -> Result<toolchain::Toolchain> {
    let toolchain = toolchain::arm64(cx)?;
    let build = "build --release -p sve-state-harness --bin kvm_check";
    let mut command = toolchain::arm64_cargo(cx, &toolchain, &[build]);
    // For its report, which says where there is no git that it does not know the commit.
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"])
        .current_dir(&cx.root);
    if let Ok(output) = git.output() {
        let revision = String::from_utf8_lossy(&output.stdout);
        command.env("SVE_STATE_REVISION", revision.trim());
    }
    cx.run(command)?;
    Ok(toolchain)
}

fn built(cx: &Context) -> PathBuf {
    cx.target.join("arm64").join(ARM64).join("release")
}

/// Builds the guest's programs, and packs them.
fn packed(cx: &Context) -> Result<PathBuf> {
    let toolchain = build(cx)?;
    let migrate = "build --release -p sve-state --example migrate --features kvm";
    cx.run(toolchain::arm64_cargo(cx, &toolchain, &[migrate]))?;

    let built = built(cx);
    let (init, migrate) = (built.join("kvm_check"), built.join("examples/migrate"));
    let archive = initrd(&["dev", "proc"], &[("init", &init), ("migrate", &migrate)])?;
    let path = cx.directory("kvm")?.join("initrd");
    fs::write(&path, archive)?;
    Ok(path)
}

impl Wanted {
    /// What the program is told through the kernel's command line, which means without spaces.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if let Some(host) = self.configuration {
            arguments.extend(["--configuration".to_owned(), host.name.to_owned()]);
        }
        if let Some(replay) = &self.replay {
            arguments.extend(["--replay".to_owned(), replay.to_string()]);
            return arguments;
        }
        if let Some(vq) = self.vq {
            arguments.extend(["--vq".to_owned(), vq.to_string()]);
        }
        if let Some(case) = &self.case {
            arguments.extend(["--case".to_owned(), case.clone()]);
        } else {
            let (operations, seed) = (self.operations.to_string(), self.seed.to_string());
            arguments.extend(["--operations".to_owned(), operations]);
            arguments.extend(["--seed".to_owned(), seed]);
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::{HOST_OPERATIONS, OPERATIONS, Options};

    #[test]
    fn every_kernel_has_its_share_and_the_last_one_the_hosts() {
        let runs = Options::default().runs(3);
        let kernels: Vec<_> = runs.iter().map(|(kernel, _)| *kernel).collect();
        assert_eq!(kernels, [0, 1, 2, 2, 2, 2, 2, 2]);
        let lengths: Vec<_> = runs.iter().map(|(_, run)| run.lengths.unwrap().0).collect();
        assert_eq!(lengths, [0xffff, 0xffff, 0xffff, 0, 1, 3, 0xb, 0x808b]);
        let operations: Vec<_> = runs.iter().map(|(_, run)| run.operations).collect();
        assert_eq!(operations[..3].iter().sum::<u64>(), OPERATIONS);
        assert!(operations[3..].iter().all(|n| *n == HOST_OPERATIONS));
        let mut seeds: Vec<_> = runs.iter().map(|(_, run)| run.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), runs.len());
    }

    fn options(line: &str) -> Options {
        let words = ["kvm"].into_iter().chain(line.split_whitespace());
        let command = Options::augment_args(Command::new("kvm"));
        Options::from_arg_matches(&command.get_matches_from(words)).unwrap()
    }

    #[test]
    fn what_is_asked_for_runs_and_nothing_else() {
        let cases: [(&str, &[u16]); 5] = [
            ("--lengths 1,2", &[0b11]),
            ("--vq 3", &[0xffff]),
            ("--vq 4", &[0xffff, 0xb, 0x808b]),
            ("--case slices", &[0xffff]),
            ("--host", &[42]),
        ];
        for (line, lengths) in cases {
            let runs = options(line).runs(1);
            let found = runs
                .iter()
                .map(|(_, run)| run.lengths.map_or(42, |set| set.0));
            assert!(found.eq(lengths.iter().copied()), "{line}");
        }
    }

    #[test]
    fn a_replay_is_that_and_nothing_else() {
        let runs = options("--replay 1:3:0,7").runs(1);
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].1.arguments(), ["--replay", "1:3:0,7"]);
    }
}
