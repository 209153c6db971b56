//! Whether an operation has become slower: the gate of `benches/`, with the flags that its figures are for.
//!
//! In each run, operations with a fault planted in them must be refused.

use std::env;
use std::hint::spin_loop;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use anyhow::{Result, ensure};
use clap::Args;

use crate::context::Context;
use crate::machine::install::{self, VALGRIND};
use crate::report::{Counted, count};

#[derive(Args)]
pub(crate) struct Options {
    /// Take what is measured as the figures from now on, and write README's tables; time is the median
    /// of five runs
    #[arg(long, conflicts_with = "prove")]
    bless: bool,
    /// Plant each fault in an operation of each kind, and run without a fault, quiet and beside busy
    /// processors: about 40 minutes
    #[arg(long)]
    prove: bool,
    /// With --prove: how often each is tried by time
    #[arg(long, default_value_t = 20, requires = "prove", value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
}

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The processors that it is built for. Functions are aligned, since otherwise a change in one moves all.
const BUILDS: [&str; 2] = ["x86-64", "x86-64-v3"];
const ALIGNED: &str = "-C llvm-args=-align-all-functions=6";
/// An operation of each kind: GET, SET, all registers, decoding, a VMM's side.
const PROVEN: [&str; 5] = ["get_z", "set_z", "expand", "decode", "capture"];
const FAULTS: [&str; 3] = ["twice", "quarter", "branch"];

pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the figures are for x86-64; those for arm64 are in `codegen`"
    );
    install::ensure(cx, &[VALGRIND])?;
    // All are built first, so that nothing is built while something is measured.
    let gates = BUILDS.map(|cpu| Gate::build(cx, cpu));
    let [default, v3] = gates;
    let (default, v3) = (default?, v3?);
    if options.prove {
        return default.prove(cx, options.runs);
    }
    if options.bless {
        for gate in [&default, &v3] {
            gate.run(cx, &["--bless", "--runs", "5"])?;
            gate.run(cx, &["--table", &format!("benches/{}.md", gate.cpu)])?;
        }
        v3.run(cx, &["by_hand", "--table", "README.md"])?;
        return Ok(vec!["figures and tables are written".to_owned()]);
    }
    let mut counted = Vec::new();
    for gate in [&default, &v3] {
        // Compilers are the person's choice, and CI's is the one that the figures are of.
        let strict: &[_] = if env::var_os("CI").is_some() {
            &["--strict"]
        } else {
            &[]
        };
        let said = gate.run(cx, strict)?;
        let verdict = said
            .lines()
            .rev()
            .take_while(|line| !line.contains(" beside "));
        let mut verdict: Vec<_> = verdict.collect();
        verdict.reverse();
        counted.push(format!("{}: {}", gate.cpu, verdict.join("; ")));
    }
    // By counts, where these can be compared.
    let compared = !counted[0].contains("NOT COMPARED");
    let planted = FAULTS.into_iter().zip(PROVEN).filter(|_| compared);
    let mut refused = 0;
    for (fault, operation) in planted {
        let accepted = default.accepts(cx, &[operation, "--plant", fault, "--only", "counts"])?;
        ensure!(
            !accepted,
            "{operation} with the fault `{fault}` is accepted by its counts"
        );
        refused += 1;
    }
    let accepted = default.accepts(cx, &["set_v", "--plant", "twice", "--only", "time"])?;
    ensure!(
        !accepted,
        "set_v, all of it done twice, is accepted by its time"
    );
    counted.push(format!("{} refused", count(refused + 1, "planted fault")));
    Ok(counted)
}

/// The program, built for a processor.
struct Gate {
    cpu: &'static str,
    program: std::path::PathBuf,
}

impl Gate {
    fn build(cx: &Context, cpu: &'static str) -> Result<Self> {
        let directory = cx.directory("gate")?.join(cpu);
        let mut cargo = cx.cargo(&[
            "build",
            "--release",
            "-p",
            "sve-state-benches",
            "--bin",
            "gate",
        ]);
        cargo
            .args(["--target", TARGET, "--target-dir"])
            .arg(&directory);
        cargo.env("RUSTFLAGS", format!("-C target-cpu={cpu} {ALIGNED}"));
        cx.run(cargo)?;
        let program = directory.join(TARGET).join("release/gate");
        Ok(Self { cpu, program })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut gate = Command::new(&self.program);
        gate.args(["--figures", &format!("benches/{}.toml", self.cpu)])
            .args(arguments);
        gate
    }

    fn run(&self, cx: &Context, arguments: &[&str]) -> Result<String> {
        cx.run(self.command(arguments))
    }

    /// Whether what is measured is accepted; where that cannot be said, an error.
    fn accepts(&self, cx: &Context, arguments: &[&str]) -> Result<bool> {
        let mut gate = self.command(arguments);
        cx.announce(&gate);
        let output = gate.current_dir(&cx.root).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        for line in said.lines().filter(|line| line.starts_with("worse")) {
            cx.detail(line);
        }
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => anyhow::bail!("{}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Each fault in each operation, once by counts and so often by time; then runs without a fault, half
    /// as often on a quiet machine, and so often with each processor busy.
    fn prove(&self, cx: &Context, runs: u16) -> Result<Counted> {
        let (mut counted, mut proved) = (Vec::new(), true);
        let mut say = |line: String, holds: bool| {
            cx.step(&line);
            counted.push(line);
            proved &= holds;
        };
        let times = |runs: u16, arguments: &[&str]| -> Result<u16> {
            let accepted = (0..runs).map(|_| self.accepts(cx, arguments).map(u16::from));
            accepted.sum()
        };
        for operation in PROVEN {
            for fault in FAULTS {
                let planted = [operation, "--plant", fault, "--only"];
                let by_counts = 1 - times(1, &[&planted[..], &["counts"]].concat())?;
                let by_time = runs - times(runs, &[&planted[..], &["time"]].concat())?;
                say(
                    format!(
                        "{operation}, {fault}: refused {by_counts} of 1 by counts, {by_time} of {runs} by time"
                    ),
                    by_counts == 1 || by_time == runs,
                );
            }
        }
        let quiet = runs.div_ceil(2);
        let accepted = times(quiet, &[])?;
        say(
            format!("clean, quiet: accepted {accepted} of {quiet}"),
            accepted == quiet,
        );
        let stop = AtomicBool::new(false);
        let accepted = thread::scope(|scope| {
            for _ in 0..thread::available_parallelism()?.get() {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        spin_loop();
                    }
                });
            }
            let accepted = times(runs, &[]);
            stop.store(true, Relaxed);
            accepted
        })?;
        say(
            format!("clean, busy: accepted {accepted} of {runs}"),
            accepted == runs,
        );
        ensure!(proved, "the gate does not hold what it promises: see above");
        Ok(counted)
    }
}
