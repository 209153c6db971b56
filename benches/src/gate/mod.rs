//! Notices when an operation becomes slower: by counts, which are the same on every machine, and by its time
//! beside other implementations, where there is a page of this processor's times to compare with.
//!
//! The gate knows nothing of `sve-state`. A program lists its [`Operation`]s and hands them to [`main`], which
//! reads the command line, as `examples/own.rs` does.
//!
//! * [`count`] runs the first implementation under callgrind;
//! * [`figures`] is the file of counts, and judges what is counted now by that file and by each operation's
//!   [`Rule`];
//! * [`time`] lets blocks of all implementations alternate;
//! * [`page`] is a processor's page of times, and judges what is measured now on the same processor;
//! * [`chart`] draws it.

pub mod chart;
pub mod count;
pub mod figures;
pub mod page;
pub mod time;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Parser;

use figures::Figures;
use page::Page;

/// Does an operation several times, the same number of times in each call. The number that it is called with
/// decides where it puts its buffers, because that place changes times and is chance in a user's program, so the
/// median is taken over several places.
pub type Pass = Box<dyn FnMut(usize)>;
/// Makes the pass for the case with this name.
pub type Make = Box<dyn Fn(&str) -> Pass>;

/// What is measured.
#[allow(missing_debug_implementations)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// How many times a pass does it, by which counts and times are divided.
    pub repeat: usize,
    /// What its counts must be, whatever they were before.
    pub rule: Rule,
    /// The implementation that is judged and counted.
    pub ours: Make,
    /// Other implementations that do the same job, each with its name.
    pub others: Vec<(&'static str, Make)>,
    /// The loop of `ours` with nothing in it, whose counts are subtracted.
    pub empty: Make,
}

/// What an operation's counts must be on every machine and with every compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No rule.
    None,
    /// As many instructions and branches in every case, and at most 5 in 100 more mispredictions.
    Same,
    /// As many instructions and branches in every case, and in each at most 2 in 100 mispredictions.
    Straight,
}

/// Fails if an operation has become slower: if it has other counts of instructions, branches and simulated
/// mispredictions than the file of figures has, or counts that break a rule; and, on a processor that has a page
/// of times beside the file, if it takes longer beside other implementations.
///
/// Exit status: 0 if all hold, 1 if one does not, 2 if it could not be judged.
#[derive(Parser, Debug, Clone)]
struct Options {
    /// Only operations with this in their name
    filter: Option<String>,
    /// The file with the counts; pages of times lie beside it, FIGURES.PROCESSOR.md
    #[arg(long, default_value = "gate.toml")]
    figures: PathBuf,
    /// Write what is measured as the figures that hold from now on, and say what changes
    #[arg(long, conflicts_with = "filter")]
    bless: bool,
    /// Measure time so many times longer
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    runs: u16,
    /// Only counts, or only time
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Exit with 2 where counts cannot be compared, since the file's are of another compiler or libc
    #[arg(long)]
    strict: bool,
    /// Draw the times of these operations, from this processor's page, as FIGURES.PROCESSOR.svg
    #[arg(long, value_delimiter = ',', requires = "bless")]
    chart: Vec<String>,
    /// What runs under callgrind
    #[arg(long, hide = true)]
    counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    Counts,
    Time,
}

/// The whole of a program that is a gate. Each operation is measured in each of the cases, which may be vector
/// lengths, and the tables end with the last case's time divided by that of the one before it.
pub fn main(cases: &'static [&'static str], operations: fn() -> Vec<Operation>) -> ExitCode {
    let options = Options::parse();
    // A stack of its own starts at a page, whatever the command line and the environment are.
    let answer = thread::spawn(move || run(&options, cases, operations()));
    let panicked = |_| Err(anyhow!("an operation panicked"));
    match answer.join().unwrap_or_else(panicked) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options, cases: &[&str], mut operations: Vec<Operation>) -> Result<bool> {
    if options.counted {
        count::run_all(cases, &operations);
        return Ok(true);
    }
    let filter = options.filter.as_deref().unwrap_or_default();
    let asked = |operation: &Operation| operation.name.contains(filter);
    let some = operations.iter().any(asked);
    ensure!(some, "no operation has {filter:?} in its name");
    let mut worse = Vec::new();
    if options.only != Some(Only::Time) {
        let mut counts = count::all(cases, &operations)?;
        counts.retain(|name, _| name.contains(filter));
        let found = Figures::here(cases, counts);
        worse = judge_counts(options, found, &operations)?;
    }
    operations.retain(asked);
    let measured = operations.len();
    if options.only != Some(Only::Counts) {
        worse.extend(judge_times(options, Page::here(cases)?, operations)?);
    }
    worse.iter().for_each(|line| println!("worse: {line}"));
    let word = match (options.bless, worse.is_empty()) {
        (true, _) => "blessed",
        (_, true) => "passed",
        _ => "failed",
    };
    let plural = if measured == 1 { "" } else { "s" };
    let worse = worse.len();
    println!("{word}: {measured} operation{plural}, {worse} worse");
    Ok(options.bless || worse == 0)
}

/// What breaks a rule, and what is not as the file has it, unless that is blessed.
fn judge_counts(options: &Options, found: Figures, all: &[Operation]) -> Result<Vec<String>> {
    let path = &options.figures;
    let file = match options.bless && !path.exists() {
        true => Figures::default(),
        false => Figures::read(path)?,
    };
    let mut worse = found.broken_rules(&file, all);
    let changed = found.changed(&file, options.filter.is_none());
    if options.bless {
        let changed = changed.unwrap_or_default();
        changed.iter().for_each(|line| println!("changed: {line}"));
        write(path, &found.text(&file))?;
    } else if let Some(changed) = changed {
        worse.extend(changed);
    } else {
        let why = "the file's are of another compiler, other flags, or another libc or valgrind";
        ensure!(!options.strict, "counts are not compared: {why}");
        println!("counts NOT COMPARED, only held to the rules: {why}");
    }
    Ok(worse)
}

/// What is worse by time, if this processor has a page to compare with.
fn judge_times(options: &Options, mut found: Page, mut all: Vec<Operation>) -> Result<Vec<String>> {
    let path = found.path(&options.figures);
    let file = found.read(&path)?;
    print!("{}", found.head());
    found.measure(&all, options.runs);
    if options.bless {
        let name = options.figures.file_stem().unwrap_or_default();
        let name = name.to_string_lossy();
        write(&path, &found.text(&name))?;
        if !options.chart.is_empty() {
            let svg = chart::draw(&found, &name, &options.chart)?;
            write(&path.with_extension("svg"), &svg)?;
        }
        return Ok(Vec::new());
    }
    let Some(file) = file else {
        println!("times not judged: no page {} of this build", path.display());
        return Ok(Vec::new());
    };
    let mut worse = found.worse(&file, options.filter.is_none());
    // A neighbour or the place of a buffer may make a run unlucky, so try up to twice more: a slowdown is there
    // each time.
    for _ in 0..2 {
        let names = worse.iter().filter_map(|line| line.split(' ').next());
        all.retain(|operation| names.clone().any(|name| name == operation.name));
        found.measure(&all, options.runs);
        worse = found.worse(&file, options.filter.is_none());
    }
    Ok(worse)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())?;
    println!("written: {}", path.display());
    Ok(())
}
