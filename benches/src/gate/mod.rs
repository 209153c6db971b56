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

use anyhow::{Result, ensure};
use clap::Parser;

use fault::Fault;
use figures::{Figures, Ratios};

/// Does an operation some times, always as often. It gets a number, which chooses among places for its
/// buffers: what lies where is chance in a user's program, and is to be in the median here.
pub type Pass = Box<dyn FnMut(usize)>;
/// Makes the pass of one case.
pub type Make = Box<dyn Fn(&str) -> Pass>;

/// What is measured.
#[allow(missing_debug_implementations)]
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// In which cases: vector lengths, say.
    pub cases: &'static [&'static str],
    /// How many registers, or whatever it is, a pass moves: counts are given for each of them.
    pub moves: usize,
    /// What is judged, and counted; the others do the same job.
    pub ours: Make,
    /// Each with its name.
    pub others: Vec<(&'static str, Make)>,
}

impl Operation {
    fn beside(&self, implementation: &str) -> String {
        format!("{} beside {implementation}", self.name)
    }

    /// What is judged, with a fault in it or without.
    fn ours(&self, case: &str, fault: Option<Fault>) -> Pass {
        let pass = (self.ours)(case);
        match fault {
            Some(fault) => fault.plant(pass, self.moves),
            None => pass,
        }
    }
}

/// Holds operations to what they once took, in instructions, branches, and time beside other ways.
///
/// Exit status: 0 if all hold, 1 if one does not, 2 if it could not be judged.
#[derive(Parser, Debug, Clone)]
struct Options {
    /// Only operations with this in their name
    filter: Option<String>,
    /// The file with the figures
    #[arg(long, default_value = "gate.toml")]
    figures: PathBuf,
    /// Write what is measured as the figures that hold from now on
    #[arg(long)]
    bless: bool,
    /// Measure time so often, of which the median counts
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Only counts, or only time
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Fail where counts cannot be compared, since the file's are of another compiler or libc
    #[arg(long)]
    strict: bool,
    /// Make `ours` slower in this way, which must then be refused
    #[arg(long, value_enum)]
    plant: Option<Fault>,
    /// Write the ratios in the file to this page, between its two markers; those with FILTER in
    /// OPERATION beside IMPLEMENTATION
    #[arg(long, value_name = "PAGE")]
    table: Option<PathBuf>,
    /// What runs under callgrind
    #[arg(long, hide = true)]
    counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    Counts,
    Time,
}

/// The whole of a program that is a gate.
pub fn main(operations: fn() -> Vec<Operation>) -> ExitCode {
    let options = Options::parse();
    // A stack of its own starts at a page, whatever the command line and the environment are.
    let answer = thread::spawn(move || run(&options, operations()));
    match answer.join().expect("errors are returned") {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options, mut operations: Vec<Operation>) -> Result<bool> {
    if let Some(page) = &options.table {
        let filter = options.filter.as_deref().unwrap_or_default();
        Figures::read(&options.figures)?.write_table(page, &operations, filter)?;
        return Ok(true);
    }
    let asked: Vec<_> = match &options.filter {
        Some(filter) if operations.iter().any(|o| o.name == filter) => vec![filter.as_str()],
        filter => {
            let part = filter.as_deref().unwrap_or_default();
            let names = operations.iter().map(|operation| operation.name);
            names.filter(|name| name.contains(part)).collect()
        }
    };
    ensure!(
        !asked.is_empty(),
        "no operation has {:?} in its name",
        options.filter.as_deref().unwrap_or_default()
    );
    if options.counted {
        count::run_all(&operations, &asked, options.plant);
        return Ok(true);
    }
    ensure!(
        !options.bless || options.plant.is_none(),
        "a planted fault is not blessed"
    );
    let mut found = Figures::here()?;
    if options.only != Some(Only::Time) {
        eprintln!("counts of {} operations", operations.len());
        found.counts = count::all(&operations, options)?;
        found
            .counts
            .retain(|name, _| asked.contains(&name.as_str()));
    }
    operations.retain(|operation| asked.contains(&operation.name));
    for operation in operations
        .iter()
        .filter(|_| options.only != Some(Only::Counts))
    {
        for (name, ratios) in time::all(operation, options) {
            println!("{name}: {ratios:.2?}");
            found.ratios.insert(
                name,
                Ratios {
                    goal: None,
                    found: ratios,
                },
            );
        }
    }
    let file = Figures::read(&options.figures);
    if options.bless {
        let mut file = if options.figures.exists() {
            file?
        } else {
            Figures::default()
        };
        file.bless(found);
        file.write(&options.figures)?;
        println!("written: {}", options.figures.display());
        return Ok(true);
    }
    let (worse, [counts, times]) = found.judge(&file?);
    if !counts {
        println!(
            "counts NOT COMPARED: the file's are of another compiler, other flags or another libc"
        );
    }
    if !times {
        println!("ratios are of another processor: only a loss of half counts");
    }
    worse.iter().for_each(|line| println!("worse: {line}"));
    let holds = worse.is_empty() && (counts || !options.strict);
    let word = if holds { "passed" } else { "failed" };
    println!(
        "{word}: {} operations, {} worse",
        operations.len(),
        worse.len()
    );
    Ok(holds)
}
