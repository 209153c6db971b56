//! Counts instructions, branches and simulated mispredictions with callgrind. They depend on the compiler and on
//! libc, but neither on the processor nor on the machine's load, because callgrind shows every program the same
//! processor.

use std::array;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::iter::once;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::{Operation, Pass};

/// What is counted, each per operation. Indirect branches are calls and jumps through a register or memory.
pub const COUNTED: [&str; 4] = [
    "instructions",
    "conditional branches",
    "indirect branches",
    "mispredictions",
];
/// Of each operation, by case.
pub type Counts = BTreeMap<String, Vec<[f64; 4]>>;

/// The size from which copies may be a single instruction, in glibc's words, and so large that none is.
const NO_REP: &str = "glibc.cpu.x86_rep_movsb_threshold=1000000000:\
                      glibc.cpu.x86_rep_stosb_threshold=1000000000";

/// How many passes are counted, which is more for those that do the least.
fn passes(repeat: usize) -> usize {
    repeat.max(16)
}

/// Runs this program under callgrind, and reads its counts.
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
        // The contents of the environment move the stack.
        .env_clear()
        // Callgrind counts each byte of a `rep movsb` as an instruction, so glibc must not use it.
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

/// Reads a profile, which has a part for each operation's empty loop, one for each case, and one for what comes
/// after the last.
fn counts(profile: &str, cases: &[&str], operations: &[Operation]) -> Result<Counts> {
    let events = profile.lines().find(|line| line.starts_with("events:"));
    let known = events == Some("events: Ir Bc Bcm Bi Bim");
    ensure!(known, "callgrind counts {events:?}");
    let totals = profile
        .lines()
        .filter_map(|line| line.strip_prefix("totals:"));
    let mut totals = totals.map(|line| {
        let line: Vec<f64> = line.split_whitespace().flat_map(str::parse).collect();
        // Callgrind leaves out zeros at the end of a line.
        let count = |at: usize| line.get(at).copied().unwrap_or(0.0);
        [count(0), count(1), count(3), count(2) + count(4)]
    });
    let mut counts = Counts::new();
    for Operation { name, repeat, .. } in operations {
        let parts: Vec<_> = totals.by_ref().take(1 + cases.len()).collect();
        let all = parts.len() == 1 + cases.len() && parts.iter().all(|part| part[0] > 0.0);
        ensure!(all, "callgrind missed {name}: is it stripped?");
        let done = (passes(*repeat) * repeat) as f64;
        // An operation without mispredictions may save the loop one.
        let less = |part: &[f64; 4]| array::from_fn(|at| (part[at] - parts[0][at]).max(0.0) / done);
        counts.insert(name.clone(), parts[1..].iter().map(less).collect());
    }
    ensure!(totals.count() == 1, "callgrind counted more than the cases");
    Ok(counts)
}

/// What runs under callgrind: each pass runs some times uncounted first, so that what happens once has happened.
/// All operations run each time, because the heap is as those before have left it.
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
