//! The regression gate: runs benchmarks, holds ratios of their times against rules, and fails when
//! one is broken.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sve_state_benches::gate::{Failure, Report, Results, Rule, run};

/// Runs criterion benchmarks and holds ratios of their times against bounds.
///
/// A rule divides the median time of one benchmark by that of another one of the same run, and
/// bounds the result. The gate prints a table and fails when a rule is broken or cannot be judged.
/// It works for any package that uses criterion 0.8 under `cargo bench`.
#[derive(Parser)]
#[command(version = None, after_long_help = AFTER_HELP)]
struct Cli {
    /// The rules, a TOML file (see below)
    rules: PathBuf,

    /// The command that measures, usually `cargo bench`; without it, the gate's last run is judged
    /// once more
    #[arg(last = true)]
    command: Vec<String>,

    /// Where criterion keeps its results; the command gets it as CRITERION_HOME
    #[arg(
        long,
        value_name = "DIR",
        env = "CRITERION_HOME",
        default_value = "target/criterion"
    )]
    results: PathBuf,
}

const AFTER_HELP: &str = r#"Example:
  gate rules.toml -- cargo bench

The rules file:
  [[rule]]                      # naive must take at least 1.5 times as long as fast
  of = "sort/naive"             # benchmarks as criterion names them: group/function/value
  to = "sort/fast"
  at_least = 1.5                # or at_most: what breaks the rule
  goal = 2.0                    # optional: what to aim for; shown, and breaks nothing

  [[rule]]                      # a rule for every combination of the values
  of = "{op}/fast/{size}"
  to = "{op}/copy/{size}"
  for = { op = ["sort", "merge"] }
  cases = [                     # where bounds differ; else they stand in the rule, as above
      { for = { size = [16, 64] }, at_most = 1.5 },
      { for = { size = [4096] }, at_most = 1.2, goal = 1.1 },
  ]

Results of different runs are never compared: what the command did not write is stale. (Times of
files tell, so a copy of the results must keep them.)

Exit status; where several apply, the highest:
  0  every rule holds
  1  a rule is broken
  2  the command line is wrong
  3  a benchmark is missing from the results
  4  a result is stale, or there is no finished run to judge
  5  a file cannot be read or holds no sense: the rules, a result, a median that is no time
  6  the command that measures failed, or could not be started"#;

fn main() -> ExitCode {
    match judge(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.code()),
    }
}

fn judge(cli: &Cli) -> Result<(), Failure> {
    // Before the command, which takes long.
    let rules = Rule::read(&cli.rules).map_err(said(Failure::Unreadable))?;
    if !cli.command.is_empty() {
        run::measure(&cli.results, &cli.command).map_err(said(Failure::Command))?;
    }
    let run = run::last(&cli.results).map_err(said(Failure::Stale))?;
    let results = Results::find(&cli.results, run).map_err(said(Failure::Unreadable))?;
    let report = Report::new(rules, &results);
    print!("{report}");
    report.failure().map_or(Ok(()), Err)
}

/// Tells the person what went wrong, and gives what that comes to.
fn said(failure: Failure) -> impl Fn(anyhow::Error) -> Failure {
    move |error| {
        eprintln!("error: {error:#}");
        failure
    }
}
