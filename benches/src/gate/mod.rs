//! Notices when an operation becomes slower: by counts, which are the same each time, and by time beside
//! an implementation that is measured in the same moment.
//!
//! It knows nothing of `sve-state`. A program lists its [`Operation`]s and hands them to [`main`], which
//! reads the command line; `examples/own.rs` is such a program.
//!
//! * [`time`] has blocks of two implementations alternate, and takes the median of their ratios;
//! * [`count`] runs the first implementation under callgrind;
//! * [`figures`] is the file with what was measured once, and judges what is measured now;
//! * [`fault`] makes operations slower, which must then be refused.

pub mod count;
pub mod fault;
pub mod figures;
pub mod time;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Result, anyhow, bail, ensure};
use clap::Parser;

use fault::Fault;
use figures::Figures;

/// Does an operation some times, the same number of times in each call. It is called with a number, and puts
/// its buffers at a place that depends on it. Where buffers lie changes times, and is chance in a user's
/// program; so the median is taken over several places.
pub type Pass = Box<dyn FnMut(usize)>;
/// Makes the pass for one case: it gets the name of the case.
pub type Make = Box<dyn Fn(&str) -> Pass>;

/// What is measured.
#[allow(missing_debug_implementations)]
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// How many times a pass does it. Counts are divided by that.
    pub repeat: usize,
    /// How many things, such as registers, it moves each time. The fault `branch` plants one branch for each.
    pub moves: usize,
    /// The implementation that is judged and counted.
    pub ours: Make,
    /// Other implementations that do the same job, each with its name.
    pub others: Vec<(&'static str, Make)>,
}

impl Operation {
    /// What is judged, with a fault in it or without.
    fn ours(&self, case: &str, fault: Option<Fault>) -> Pass {
        let pass = (self.ours)(case);
        match fault {
            Some(fault) => fault.plant(pass, self.repeat * self.moves),
            None => pass,
        }
    }
}

/// Fails if an operation has become slower: in instructions and branches, or in time beside other
/// implementations.
///
/// Exit status: 0 if all hold, 1 if one does not, 2 if it could not be judged.
#[derive(Parser, Debug, Clone)]
struct Options {
    /// Only operations with this in their name
    filter: Option<String>,
    /// The file with the figures
    #[arg(long, default_value = "gate.toml")]
    figures: PathBuf,
    /// Write what is measured as the figures that hold from now on, and say what is worse than before
    #[arg(long)]
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
    /// Make `ours` slower in this way, which must then be refused
    #[arg(long, value_enum, conflicts_with = "bless")]
    plant: Option<Fault>,
    /// Only write the file's ratios to this page, between its two markers; those with FILTER in OPERATION
    /// beside IMPLEMENTATION
    #[arg(long, value_name = "PAGE", conflicts_with_all = ["bless", "only", "strict", "plant"])]
    table: Option<PathBuf>,
    /// What runs under callgrind
    #[arg(long, hide = true)]
    counted: bool,
}

impl Options {
    fn asks(&self, operation: &Operation) -> bool {
        let filter = self.filter.as_deref();
        filter.is_none_or(|filter| operation.name.contains(filter))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    Counts,
    Time,
}

/// The whole of a program that is a gate. Each operation is measured in each of the cases: vector lengths, say.
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
        count::run_all(cases, &operations, options);
        return Ok(true);
    }
    let mut file = match options.bless && !options.figures.exists() {
        true => Figures::default(),
        false => Figures::read(&options.figures)?,
    };
    if let Some(page) = &options.table {
        file.write_table(
            page,
            &operations,
            options.filter.as_deref().unwrap_or_default(),
        )?;
        return Ok(true);
    }
    if !operations.iter().any(|operation| options.asks(operation)) {
        let filter = options.filter.as_deref().unwrap_or_default();
        bail!("no operation has {filter:?} in its name");
    }
    let mut found = Figures::here(cases)?;
    if options.only != Some(Only::Time) {
        eprintln!("counts of {} operations", operations.len());
        found.counts = count::all(cases, &operations, options)?;
    }
    operations.retain(|operation| options.asks(operation));
    found
        .counts
        .retain(|name, _| operations.iter().any(|operation| operation.name == name));
    if options.only != Some(Only::Counts) {
        eprintln!("times of {} operations", operations.len());
        for (name, rounds) in time::all(cases, &operations, options, |_| true) {
            println!("{}", found.add_ratios(name, rounds));
        }
    }
    let whole = options.filter.is_none();
    let (mut worse, [counts, times]) = found.judge(&file, whole);
    if options.only != Some(Only::Counts) && !options.bless {
        // Once more, since a neighbour or the place of a buffer may make a run unlucky. A slowdown is there
        // each time.
        let is_worse = |name: &str| {
            worse
                .iter()
                .any(|line| line.starts_with(&format!("{name}: ")))
        };
        for (name, rounds) in time::all(cases, &operations, options, is_worse) {
            println!("again: {}", found.add_ratios(name, rounds));
        }
        (worse, _) = found.judge(&file, whole);
    }
    worse.iter().for_each(|line| println!("worse: {line}"));
    if options.bless {
        file.bless(found, whole);
        file.write(&options.figures)?;
        println!("written: {}", options.figures.display());
        return Ok(true);
    }
    if !counts && options.only != Some(Only::Time) {
        let why = "the file's are of another compiler, other flags, or another libc or valgrind";
        ensure!(
            !options.strict && options.only.is_none(),
            "counts are not compared: {why}"
        );
        println!("counts NOT COMPARED: {why}");
    }
    if !times && options.only != Some(Only::Counts) {
        println!(
            "times not judged: the file's are of another processor or compiler ({})",
            file.processor
        );
    }
    let word = if worse.is_empty() { "passed" } else { "failed" };
    println!(
        "{word}: {} operations, {} worse",
        operations.len(),
        worse.len()
    );
    Ok(worse.is_empty())
}
