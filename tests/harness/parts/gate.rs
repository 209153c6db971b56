//! Whether an operation has become slower: the gate of `benches/`, with the flags that its figures are for.
//!
//! In each run, operations with a fault planted in them must be refused. To look at one operation, run the gate
//! itself: `cargo run --release -p sve-state-benches --bin gate -- --help`.

use std::env;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
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
    /// Write what is measured to benches/x86-64*.toml as the figures from now on, and the tables of README and
    /// of benches/x86-64*.md; on a quiet machine, since time is measured five times as long
    #[arg(long, conflicts_with = "prove")]
    bless: bool,
    /// In each build: plant each fault in an operation of each kind, and run without a fault, quiet and
    /// beside processors that copy memory; about an hour
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
/// An operation of each kind: GET, SET, decoding, a snapshot, a VMM's side.
const PROVEN: [&str; 5] = ["get_z", "set_z", "decode", "to_bytes", "capture"];
const FAULTS: [&str; 3] = ["twice", "quarter", "branch"];

pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the figures are for x86-64; those for arm64 are in `codegen`"
    );
    install::ensure(cx, &[VALGRIND])?;
    // All are built first, so that nothing is built while something is measured.
    let [default, v3] = BUILDS.map(|cpu| Gate::build(cx, cpu));
    let gates = [default?, v3?];
    let mut counted = Vec::new();
    if options.prove {
        let mut holds = true;
        for gate in &gates {
            holds &= gate.prove(cx, options.runs, &mut counted)?;
        }
        ensure!(
            holds,
            "the gate does not hold what it promises:\n{}",
            counted.join("\n")
        );
        return Ok(counted);
    }
    if options.bless {
        for gate in &gates {
            gate.run(cx, &["--bless", "--runs", "5"])?;
        }
        for (gate, filter, page) in tables(&gates) {
            gate.run(cx, &[filter, "--table", page])?;
        }
        return Ok(vec!["figures and tables are written".to_owned()]);
    }
    for (gate, filter, page) in tables(&gates) {
        let there = fs::read_to_string(cx.root.join(page))?;
        let again = cx.directory("gate")?.join("page.md");
        fs::write(&again, &there)?;
        gate.run(cx, &[filter, "--table", &again.to_string_lossy()])?;
        let same = fs::read_to_string(&again)? == there;
        ensure!(
            same,
            "{page}: the table is not that of benches/{}.toml: cargo harness gate --bless",
            gate.cpu
        );
    }
    for gate in &gates {
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
    let [default, _] = &gates;
    // By counts, where these can be compared.
    let compared = !counted[0].contains("NOT COMPARED");
    let figures = default.figures();
    let by_counts = FAULTS.into_iter().zip(PROVEN).filter(|_| compared);
    let mut planted: Vec<_> = by_counts
        .map(|(fault, name)| (&default.program, figures.clone(), [name, "counts", fault]))
        .collect();
    // By time, and in an operation that is not ours: beside what this machine has just blessed.
    for (gate, name, only) in [
        (&default.program, "set_v", "time"),
        (&default.own, "sum", "counts"),
    ] {
        let figures = cx.directory("gate")?.join(format!("{name}.toml"));
        let figures = figures.to_string_lossy().into_owned();
        let bless = [name, "--figures", &figures, "--only", only, "--bless"];
        accepts(cx, gate, &bless)?;
        if only == "counts" {
            // And the answer where nothing is compared.
            let other = fs::read_to_string(&figures)?.replace("built = \"", "built = \"not ");
            let path = format!("{figures}.other");
            fs::write(&path, other)?;
            let strict = accepts(cx, gate, &[name, "--figures", &path, "--strict"]);
            ensure!(strict.is_err(), "--strict accepts what is not compared");
        }
        planted.push((gate, figures, [name, only, "twice"]));
    }
    for (gate, figures, [name, only, fault]) in &planted {
        let planted = [name, "--figures", figures, "--only", only, "--plant", fault];
        let accepted = accepts(cx, gate, &planted)?;
        ensure!(
            !accepted,
            "{name} with the fault `{fault}` is accepted by its {only}"
        );
    }
    let mut refused = format!("{} refused", count(planted.len(), "planted fault"));
    if !compared {
        refused += ", by counts of this machine only";
    }
    counted.push(refused);
    Ok(counted)
}

/// Which page has which of a build's ratios.
fn tables([default, v3]: &[Gate; 2]) -> [(&Gate, &'static str, &'static str); 3] {
    [
        (default, "", "benches/x86-64.md"),
        (v3, "", "benches/x86-64-v3.md"),
        (v3, "by_hand", "README.md"),
    ]
}

/// The programs, built for a processor: the gate, and the example that is a gate of other operations.
struct Gate {
    cpu: &'static str,
    program: PathBuf,
    own: PathBuf,
}

impl Gate {
    fn build(cx: &Context, cpu: &'static str) -> Result<Self> {
        let directory = cx.directory("gate")?.join(cpu);
        let package = ["build", "--release", "-p", "sve-state-benches"];
        let mut cargo = cx.cargo(&[&package[..], &["--bin", "gate", "--example", "own"]].concat());
        cargo
            .args(["--target", TARGET, "--target-dir"])
            .arg(&directory);
        cargo.env("RUSTFLAGS", format!("-C target-cpu={cpu} {ALIGNED}"));
        cx.run(cargo)?;
        let release = directory.join(TARGET).join("release");
        let (program, own) = (release.join("gate"), release.join("examples/own"));
        Ok(Self { cpu, program, own })
    }

    fn run(&self, cx: &Context, arguments: &[&str]) -> Result<String> {
        let mut gate = Command::new(&self.program);
        gate.args(["--figures", &self.figures()]).args(arguments);
        cx.run(gate)
    }

    fn figures(&self) -> String {
        format!("benches/{}.toml", self.cpu)
    }

    /// Each fault in each operation, once by counts and so often by time; then runs without a fault, half
    /// as often on a quiet machine, and so often with each processor busy. Whether the answers are right.
    fn prove(&self, cx: &Context, runs: u16, counted: &mut Counted) -> Result<bool> {
        let mut right = true;
        let mut say = |line: String, holds: bool| {
            let line = format!("{}: {line}", self.cpu);
            cx.step(&line);
            counted.push(line);
            right &= holds;
        };
        let figures = self.figures();
        let times = |runs: u16, arguments: &[&str]| -> Result<u16> {
            let arguments = [&["--figures", &figures], arguments].concat();
            let accepted = (0..runs).map(|_| accepts(cx, &self.program, &arguments).map(u16::from));
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
                    // More than any cache has.
                    let (from, mut to) = (vec![1_u8; 1 << 26], vec![0; 1 << 26]);
                    while !stop.load(Relaxed) {
                        to.copy_from_slice(black_box(&from));
                        black_box(&to);
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
        Ok(right)
    }
}

/// Whether a gate accepts what it measures; where that cannot be said, an error.
fn accepts(cx: &Context, gate: &Path, arguments: &[&str]) -> Result<bool> {
    let mut gate = Command::new(gate);
    gate.args(arguments);
    cx.announce(&gate);
    let output = gate.current_dir(&cx.root).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines() {
        if line.starts_with("worse") || line.starts_with("again") {
            cx.detail(line);
        }
    }
    match output.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => anyhow::bail!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}
