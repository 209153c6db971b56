//! Counts: instructions, branches and simulated mispredictions, by callgrind. Neither the processor nor the
//! machine's load changes them, since callgrind shows every program the same processor; the compiler and libc do.

use std::array;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::iter::once;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::{Operation, Pass};

/// What is counted, each time that an operation is done. Indirect branches are calls and jumps through a register
/// or memory.
pub const COUNTED: [&str; 4] = [
    "instructions",
    "conditional branches",
    "indirect branches",
    "mispredictions",
];
/// Of each operation, by case.
pub type Counts = BTreeMap<String, Vec<[f64; 4]>>;

/// Copies of this many bytes and more may be one instruction, in glibc's words.
const NO_REP: &str = "glibc.cpu.x86_rep_movsb_threshold=1000000000:\
                      glibc.cpu.x86_rep_stosb_threshold=1000000000";

/// How many passes are counted: more of those that do the least.
fn passes(repeat: usize) -> usize {
    repeat.max(16)
}

/// Runs this program under callgrind, and takes its counts.
pub(super) fn all(cases: &[&str], operations: &[Operation]) -> Result<Counts> {
    let profile = env::temp_dir().join(format!("gate-{}.callgrind", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args("--tool=callgrind --branch-sim=yes --combine-dumps=yes".split(' '))
        .arg("--toggle-collect=*gate::count::counted")
        .arg("--dump-after=*gate::count::case_done")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(env::current_exe()?)
        .arg("--counted")
        // What stands in the environment moves the stack.
        .env_clear()
        // Callgrind counts each byte of a `rep movsb` as an instruction. So glibc must not use it.
        .env("GLIBC_TUNABLES", NO_REP)
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .stdout(Stdio::null());
    let output = valgrind.output().context("valgrind: is it installed?")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed:\n{said}");
    let text = fs::read_to_string(&profile).context("callgrind's profile")?;
    fs::remove_file(&profile)?;
    counts(&text, cases, operations)
}

/// Reads a profile. It has a part for each operation's empty loop, for each case, and for what comes after the
/// last.
fn counts(profile: &str, cases: &[&str], operations: &[Operation]) -> Result<Counts> {
    let events = profile.lines().find(|line| line.starts_with("events:"));
    let known = events == Some("events: Ir Bc Bcm Bi Bim");
    ensure!(known, "callgrind counts {events:?}");
    let totals = profile
        .lines()
        .filter_map(|line| line.strip_prefix("totals:"));
    let mut totals = totals.map(|line| {
        let line: Vec<f64> = line.split_whitespace().flat_map(str::parse).collect();
        // Zeros at the end are left out.
        let count = |at: usize| line.get(at).copied().unwrap_or(0.0);
        [count(0), count(1), count(3), count(2) + count(4)]
    });
    let mut counts = Counts::new();
    for Operation { name, repeat, .. } in operations {
        let parts: Vec<_> = totals.by_ref().take(1 + cases.len()).collect();
        let all = parts.len() == 1 + cases.len() && parts.iter().all(|part| part[0] > 0.0);
        ensure!(all, "callgrind missed {name}: is it stripped?");
        let done = (passes(*repeat) * repeat) as f64;
        // An operation that has no misprediction may save the loop one.
        let less = |part: &[f64; 4]| array::from_fn(|at| (part[at] - parts[0][at]).max(0.0) / done);
        counts.insert(name.clone(), parts[1..].iter().map(less).collect());
    }
    ensure!(totals.count() == 1, "callgrind counted more than the cases");
    Ok(counts)
}

/// What runs under callgrind: each pass some times uncounted, so that what happens once has happened. All
/// operations run each time, since the heap is as those before have left it.
pub(super) fn run_all(cases: &[&str], operations: &[Operation]) {
    for operation in operations {
        let passes = passes(operation.repeat);
        let ours = cases.iter().map(|case| (operation.ours)(case));
        for mut pass in once((operation.empty)(cases[0])).chain(ours) {
            (0..passes).for_each(|_| pass(0));
            counted(&mut pass, passes);
            case_done();
        }
    }
}

#[inline(never)]
fn counted(pass: &mut Pass, passes: usize) {
    (0..passes).for_each(|_| pass(0));
}

#[inline(never)]
fn case_done() {
    std::hint::black_box(());
}
