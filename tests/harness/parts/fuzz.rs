//! The fuzz targets in `fuzz/`, each for a while, from the seeds that are checked in and nothing else, so that every
//! run is as good as the first. An input that breaks one is kept in `fuzz/artifacts`, where `cargo fuzz` looks for
//! it. That tool itself is not used, because building it takes a minute or two.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use sve_state_harness::parallel;

use crate::context::Context;
use crate::machine::install::{self, CXX};
use crate::machine::toolchain;
use crate::report::Counted;

/// The targets, with the least number of inputs that each must try per second, which is no more than a 25th of what
/// it does on one busy core, so that one that hardly moves does not pass.
const TARGETS: [(&str, u64); 7] = [
    ("snapshot", 500),
    ("registers", 100),
    ("formats", 15),
    ("decode", 50),
    ("shim", 10),
    ("records", 1000),
    ("layout", 25),
];
/// How long each runs unless the user says otherwise.
const SECONDS: u32 = 15;
/// An input that takes more memory than this takes more than any of them has a reason to.
const MEMORY: &str = "-rss_limit_mb=2048";
/// Counts for libFuzzer what is executed and compared, and watches memory and arithmetic, as cargo-fuzz 0.13 does.
const INSTRUMENTED: &str = "--cfg fuzzing -Cdebug-assertions -Ccodegen-units=1 -Zsanitizer=address \
    -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-sanitizer-coverage-stack-depth";

/// How long to fuzz.
#[derive(clap::Args, Clone)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = SECONDS, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// Builds all targets, and runs them.
pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    install::ensure(cx, &[CXX])?;
    let nightly = toolchain::nightly(cx, "fuzz")?;
    cx.run(cx.cargo(&["fmt --check --manifest-path fuzz/Cargo.toml"]))?;
    // With a target, what runs in the compiler is not instrumented.
    let triple = format!("{ARCH}-unknown-linux-gnu");
    let build = "build --release --bins --manifest-path fuzz/Cargo.toml --target";
    let mut build = nightly.cargo(cx, "fuzz", &[build, &triple]);
    cx.run(build.env("RUSTFLAGS", INSTRUMENTED))?;
    let programs = cx.target.join("fuzz").join(triple).join("release");
    // Each keeps one processor busy.
    let runs = parallel::map(&TARGETS, |(target, per_second)| {
        fuzz(cx, &programs, target, *per_second, options)
    });
    runs.into_iter().collect()
}

fn fuzz(
    cx: &Context,
    programs: &Path,
    target: &str,
    per_second: u64,
    options: &Options,
) -> Result<String> {
    let root = cx.root.join("fuzz");
    let [seeds, artifacts] = ["seeds", "artifacts"].map(|folder| root.join(folder).join(target));
    let there = files(&seeds)?.len();
    ensure!(there > 0, "no seeds in {}", seeds.display());
    // Where libFuzzer keeps the inputs that it comes upon.
    let corpus = cx.directory("fuzz-corpus")?.join(target);
    if corpus.exists() {
        fs::remove_dir_all(&corpus)?;
    }
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(programs.join(target));
    command.arg(&corpus).arg(&seeds);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args(["-print_final_stats=1", MEMORY]);
    command.arg(format!("-max_total_time={}", options.seconds));
    let words = root.join(format!("{target}.dict"));
    if words.exists() {
        command.arg(format!("-dict={}", words.display()));
    }
    let before = files(&artifacts)?;
    let output = cx.run(command).with_context(|| {
        let found = files(&artifacts).unwrap_or_default();
        match found.iter().find(|file| !before.contains(file)) {
            Some(input) => format!("{target}: what broke it is {}", input.display()),
            None => target.to_owned(),
        }
    })?;
    let executions = number_after(&output, "stat::number_of_executed_units:")?;
    let seed = number_after(&output, "INFO: Seed:")?;
    let at_least = per_second * u64::from(options.seconds);
    ensure!(
        executions >= at_least,
        "{target}: {executions} inputs in {} s, where {at_least} are the least",
        options.seconds
    );
    Ok(format!(
        "{target}: {executions} inputs from {there} seeds (libFuzzer's seed {seed})"
    ))
}
fn files(directory: &PathBuf) -> Result<Vec<PathBuf>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory)?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    paths.collect()
}

/// The number after these words.
fn number_after(output: &str, words: &str) -> Result<u64> {
    let Some((_, rest)) = output.split_once(words) else {
        bail!("libFuzzer did not say `{words}`");
    };
    let number = rest.split_whitespace().next().unwrap_or_default();
    number
        .parse()
        .with_context(|| format!("`{words} {number}`"))
}

#[cfg(test)]
mod tests {
    use super::{Path, TARGETS, number_after};

    const OUTPUT: &str = "\
INFO: Seed: 4187264811
#278453	DONE   cov: 843 ft: 1432 corp: 141/54Kb lim: 4096 exec/s: 21419 rss: 424Mb
stat::number_of_executed_units: 278453
stat::average_exec_per_sec:     21419
";

    #[test]
    fn what_libfuzzer_says_is_read() {
        let number = |words| number_after(OUTPUT, words).ok();
        assert_eq!(number("stat::number_of_executed_units:"), Some(278_453));
        assert_eq!(number("INFO: Seed:"), Some(4_187_264_811));
        assert_eq!(number("stat::new_units_added:"), None);
    }

    #[test]
    fn every_target_there_is_is_run() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        let there = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"));
        let there: Vec<_> = there
            .filter_map(|line| line.strip_suffix(".rs\""))
            .collect();
        assert_eq!(there, TARGETS.map(|(target, _)| target));
    }
}
