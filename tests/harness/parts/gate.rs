//! Whether an operation has become slower, by the gate of `benches/` with the flags that its figures are for. Only
//! counts decide unless times are asked for, because a neighbour on the same core slows down what is bound by
//! throughput and not what waits for mispredictions: on one processor the ratios were 1.0 and 0.68 of a page's.
//!
//! In each run, a build with faults planted in its copies must be refused. To look at one operation, run the gate
//! itself: `cargo run --release -p sve-state-benches --bin gate -- --help`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::context::{Context, command};
use crate::machine::install::{self, VALGRIND};
use crate::report::Counted;

#[derive(Args)]
pub(crate) struct Options {
    /// Write what is counted and timed to benches/ as the figures from now on, with this processor's tables and
    /// charts; on a quiet machine, since time is measured five times as long
    #[arg(long)]
    bless: bool,
    /// Also time each operation beside others, and fail for what became slower, on a processor with a page of times
    /// in benches/; on a quiet machine, since a neighbour on the same core slows down some operations and not others
    #[arg(long, conflicts_with = "bless")]
    times: bool,
    /// Only print the time of each operation beside that in another commit, in blocks that alternate in one
    /// program; the other commit's is called `before`
    #[arg(long, value_name = "COMMIT", conflicts_with_all = ["bless", "times"])]
    compare: Option<String>,
    /// With --compare: only operations with this in their name
    #[arg(requires = "compare")]
    filter: Option<String>,
}

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The processors that it is built for. Functions are aligned, because otherwise a change in one moves all others.
const BUILDS: [&str; 2] = ["x86-64", "x86-64-v3"];
const ALIGNED: &str = "-C llvm-args=-align-all-functions=6";
/// What a page's chart shows.
const CHART: &str = "get_z,set_z,get_p,set_p";

/// Faults that are planted at the start of functions of `runtime/src/copy`, with the operations that then have them,
/// each also in a loop over a list.
const FAULTS: [(&str, &str, &[&str]); 3] = [
    (
        "fn get_narrow(",
        "if copy < 24 { core::hint::black_box(()); }",
        &["get_p", "value_p", "get_ffr"],
    ),
    // Everything is copied twice, and a quarter of a slice once more.
    (
        "fn set",
        "unsafe { core::ptr::copy_nonoverlapping(from, to, copy); }",
        &["set_z", "set_p"],
    ),
    (
        "fn get_wide(",
        "for at in [0, 16, 32, 48] {
             let to = core::hint::black_box(to.wrapping_add(at));
             unsafe { core::ptr::copy_nonoverlapping(from, to, 16); }
         }",
        &["get_z", "value_z"],
    ),
];
const OPERANDS: &str = "from: *const u8, to: *mut u8, copy: usize) {";

/// Another commit's tree. A lock file takes two packages of the same name only if their versions differ.
const UNPACKED: &str = r#"git archive "$0" | tar -x -C "$1" &&
    sed -i 's/^version = "[^"+]*/&+before/' "$1"/Cargo.toml "$1"/*/Cargo.toml"#;

/// A gate whose operations have two versions.
const COMPARISON: &str = r#"
use after::{gate, operations};

fn compared() -> Vec<gate::Operation> {
    let mut before = before::operations::all();
    let operations = operations::all().into_iter().filter_map(|after| {
        let same = |before: &before::gate::Operation| before.name == after.name && before.repeat == after.repeat;
        let before = before.swap_remove(before.iter().position(same)?);
        Some(gate::Operation { others: vec![("before", before.ours)], ..after })
    });
    operations.collect()
}

fn main() -> std::process::ExitCode {
    gate::main(operations::CASES, compared)
}
"#;

pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the figures are for x86-64; those for arm64 are in `codegen`"
    );
    if let Some(commit) = &options.compare {
        return compare(cx, commit, options.filter.as_deref());
    }
    install::ensure(cx, &[VALGRIND])?;
    // All are built first, so that nothing is built while something is measured.
    let mut gates = Vec::new();
    for cpu in BUILDS {
        gates.push(build(cx, &cx.root.join("benches"), "here", cpu)?);
    }
    // Of the planted tree only its own crates are built, since it starts from what has been built here: they are
    // newer. It has a directory of its own, because to cargo a copy of this workspace is the same packages.
    let directory = cx.directory("gate")?;
    cx.run_quietly(command("rm -rf").arg(directory.join("faults")))?;
    let mut copy = command("cp --archive");
    cx.run_quietly(copy.args(["here", "faults"].map(|name| directory.join(name))))?;
    let planted = build(cx, &plant(cx)?, "faults", BUILDS[0])?;
    let mut counted = Vec::new();
    for (cpu, gate) in BUILDS.iter().zip(&gates) {
        let figures = format!("benches/{cpu}.toml");
        let mut arguments = match (options.bless, options.times) {
            (true, _) => vec!["--bless", "--runs", "5", "--chart", CHART],
            (_, true) => vec![],
            _ => vec!["--only", "counts"],
        };
        // Elsewhere the compiler is anyone's choice, but CI has to have the one that the figures are of.
        if !options.bless && env::var_os("CI").is_some() {
            arguments.push("--strict");
        }
        let said = gate_run(cx, gate, &figures, &arguments)?;
        let verdict = |line: &&str| {
            [" worse", "NOT COMPARED", "not judged"]
                .iter()
                .any(|part| line.contains(part))
        };
        let verdict: Vec<_> = said.lines().filter(verdict).collect();
        counted.push(format!("{cpu}: {}", verdict.join("; ")));
    }
    // Compared with what the same compiler has made of the same code without them.
    let figures = cx.directory("gate")?.join("here.toml");
    let figures = figures.to_string_lossy();
    gate_run(cx, &gates[0], &figures, &["--only", "counts", "--bless"])?;
    let mut gate = Command::new(planted);
    gate.args(["--figures", &figures, "--only", "counts"]);
    cx.announce(&gate);
    let output = gate.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let line_of = |name: &str| {
        let mut refused = said.lines().filter_map(|line| line.strip_prefix("worse: "));
        refused.find(|line| line.split([':', ',']).next() == Some(name))
    };
    for (head, _, operations) in FAULTS {
        for name in operations {
            let lines = [line_of(name), line_of(&format!("{name}.list"))];
            let [Some(own), Some(list)] = lines else {
                bail!("{name} is accepted with a fault in `{head}`: {lines:?}");
            };
            cx.detail(&format!("{own}\n{list}"));
        }
    }
    counted.push(format!("{} planted faults refused by counts", FAULTS.len()));
    Ok(counted)
}

/// The gate that a package has, built for a processor, in a directory that builds for other processors share.
fn build(cx: &Context, package: &Path, name: &str, cpu: &str) -> Result<PathBuf> {
    let directory = cx.directory("gate")?.join(name);
    let mut cargo = cx.cargo(&["build", "--release", "--bin", "gate", "--target", TARGET]);
    cargo.arg("--target-dir").arg(&directory);
    cargo.env("RUSTFLAGS", format!("-C target-cpu={cpu} {ALIGNED}"));
    cargo.current_dir(package);
    cx.run(cargo)?;
    // The next one takes its place.
    let program = directory.join(format!("gate-{cpu}"));
    fs::copy(directory.join(TARGET).join("release/gate"), &program)?;
    Ok(program)
}

fn gate_run(cx: &Context, gate: &Path, figures: &str, arguments: &[&str]) -> Result<String> {
    let mut gate = Command::new(gate);
    gate.args(["--figures", figures]).args(arguments);
    cx.run(gate)
}

/// The package of benchmarks beside sources with all faults.
fn plant(cx: &Context) -> Result<PathBuf> {
    let copy = cx.directory("gate")?.join("planted");
    cx.copy_sources(&copy)?;
    for file in fs::read_dir(copy.join("runtime/src/copy"))? {
        let file = file?.path();
        let mut planted = String::new();
        for line in fs::read_to_string(&file)?.lines() {
            let here = |head: &str| line.contains(head) && line.ends_with(OPERANDS);
            let fault = FAULTS.iter().find(|(head, ..)| here(head));
            planted += line;
            planted += fault.map_or("", |fault| fault.1);
            planted += "\n";
        }
        fs::write(&file, planted)?;
    }
    Ok(copy.join("benches"))
}

/// Times each operation beside that of another commit, which is built into the same program.
fn compare(cx: &Context, commit: &str, filter: Option<&str>) -> Result<Counted> {
    // Not one inside the other, because a path below a workspace is a member of it.
    let before = cx.directory("gate/before")?;
    fs::remove_dir_all(&before)?;
    fs::create_dir_all(&before)?;
    let tree = cx.directory("gate/comparison")?;
    fs::create_dir_all(tree.join("src"))?;
    let mut archive = Command::new("sh");
    archive.args(["-c", UNPACKED, commit]).arg(&before);
    cx.run(archive)?;
    let after = cx.root.join("benches");
    let manifest = format!(
        "[package]\nname = \"gate\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         before = {{ package = \"sve-state-benches\", path = \"../before/benches\" }}\n\
         after = {{ package = \"sve-state-benches\", path = {after:?} }}\n"
    );
    fs::write(tree.join("Cargo.toml"), manifest)?;
    fs::write(tree.join("src/main.rs"), COMPARISON)?;
    fs::copy(cx.root.join("Cargo.lock"), tree.join("Cargo.lock"))?;
    let mut counted = Vec::new();
    for cpu in BUILDS {
        let gate = build(cx, &tree, "compared", cpu)?;
        let lock = fs::read_to_string(tree.join("Cargo.lock"))?;
        ensure!(
            lock.matches("name = \"sve-state\"\n").count() == 2,
            "both sides have been built with one sve-state:\n{lock}"
        );
        let arguments = [&["--only", "time", "--runs", "3"][..], filter.as_slice()].concat();
        let said = gate_run(cx, &gate, "none", &arguments)?;
        counted.push(format!("{cpu}, beside {commit}:"));
        let table = said.lines().filter(|line| line.starts_with('|'));
        counted.extend(table.map(str::to_owned));
    }
    Ok(counted)
}
