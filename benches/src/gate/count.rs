//! Counts: instructions, conditional and indirect branches that are executed, by callgrind. The machine's
//! load does not change them; the compiler and libc do.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum as _;

use super::{Operation, Options, Pass};

/// Of each operation, by case: instructions, conditional branches, indirect branches (calls and jumps
/// through a register or memory), each time that it is done.
pub type Counts = BTreeMap<String, Vec<[f64; 3]>>;

/// Copies of this many bytes and more may be one instruction, in glibc's words.
const NO_REP: &str = "glibc.cpu.x86_rep_movsb_threshold=1000000000:\
                      glibc.cpu.x86_rep_stosb_threshold=1000000000";

/// How many passes are counted. A fault of a quarter is one pass more.
const PASSES: usize = 4;

/// Runs this program under callgrind, and takes its counts.
pub(super) fn all(cases: &[&str], operations: &[Operation], options: &Options) -> Result<Counts> {
    let profile = env::temp_dir().join(format!("gate-{}.callgrind", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args([
            "--tool=callgrind",
            "--branch-sim=yes",
            "--combine-dumps=yes",
        ])
        .arg("--toggle-collect=*gate::count::counted")
        .arg("--dump-after=*gate::count::case_done")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe()?)
        .arg("--counted")
        .args(&options.filter)
        // What stands in the environment moves the stack.
        .env_clear()
        // Callgrind counts each byte of a `rep movsb` as an instruction. So glibc must not use it.
        .env("GLIBC_TUNABLES", NO_REP)
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .stdout(Stdio::null());
    if let Some(fault) = options.plant.and_then(|fault| fault.to_possible_value()) {
        valgrind.args(["--plant", fault.get_name()]);
    }
    let output = valgrind.output().context("valgrind: is it installed?")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed:\n{said}");
    let text = fs::read_to_string(&profile).context("callgrind's profile")?;
    fs::remove_file(&profile)?;
    counts(&text, cases, operations)
}

/// Reads a profile, with a part for each case and one for what comes after the last.
fn counts(profile: &str, cases: &[&str], operations: &[Operation]) -> Result<Counts> {
    let events = profile.lines().find(|line| line.starts_with("events:"));
    ensure!(
        events == Some("events: Ir Bc Bcm Bi Bim"),
        "callgrind counts {events:?}"
    );
    let totals = profile
        .lines()
        .filter_map(|line| line.strip_prefix("totals:"));
    let mut totals = totals.map(|line| {
        let line: Vec<f64> = line.split_whitespace().flat_map(str::parse).collect();
        // Zeros at the end are left out.
        [0, 1, 3].map(|at| line.get(at).copied().unwrap_or(0.0))
    });
    let mut counts = Counts::new();
    for Operation { name, repeat, .. } in operations {
        let done = (PASSES * repeat) as f64;
        let of_cases = totals.by_ref().take(cases.len());
        let of_cases: Vec<_> = of_cases
            .map(|case| case.map(|count| count / done))
            .collect();
        let all = of_cases.len() == cases.len() && of_cases.iter().all(|case| case[0] > 0.0);
        ensure!(
            all,
            "callgrind did not count {name}: is the program stripped?"
        );
        counts.insert((*name).to_owned(), of_cases);
    }
    ensure!(totals.count() == 1, "callgrind counted more than the cases");
    Ok(counts)
}

/// What runs under callgrind: each case once uncounted, so that what happens once has happened. The fault is
/// in those asked for; all run each time, since the heap is as those before have left it.
pub(super) fn run_all(cases: &[&str], operations: &[Operation], options: &Options) {
    for operation in operations {
        for case in cases {
            let fault = options.plant.filter(|_| options.asks(operation));
            let mut pass = operation.ours(case, fault);
            (0..PASSES).for_each(|_| pass(0));
            counted(&mut pass);
            case_done();
        }
    }
}

#[inline(never)]
fn counted(pass: &mut Pass) {
    (0..PASSES).for_each(|_| pass(0));
}

#[inline(never)]
fn case_done() {
    std::hint::black_box(());
}
