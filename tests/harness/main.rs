//! `cargo harness`: every test that this project has, or one part of it.
//!
//! Plain `cargo test` needs nothing but Rust and cannot see the kernel, so this program brings the
//! rest: it fetches what a part needs, says what it runs, and ends with a table of what was
//! counted. A part that cannot run has failed, because nothing is skipped unless the user says so.

mod context;
mod machine;
mod parts;
mod report;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use context::Context;
use parts::{ON_REQUEST, PARTS, Part};
use report::Report;

const ABOUT: &str = "\
Runs every test of sve-state: all parts but `hosts` and `mutants` in order, or the one named.

What a part needs and the machine lacks is installed with apt where that is allowed (as root, or where \
`sudo -n` works); each command is printed before it runs. Compilers and kernels are only unpacked, under \
cargo's target directory. Elsewhere a part fails and says what to install.";

fn every_part() -> impl Iterator<Item = &'static Part> {
    PARTS.iter().chain(ON_REQUEST)
}

fn command() -> Command {
    let mut needs = "What each part needs, and minutes on two cores, the first time:\n".to_owned();
    for part in every_part() {
        needs += &format!("  {:11} {:3}  {}\n", part.name, part.minutes, part.needs);
    }
    let without = Arg::new("without")
        .long("without")
        .value_name("PART")
        .help("Leave a part out (may be repeated); the last line then says so")
        .action(ArgAction::Append)
        .value_parser(PossibleValuesParser::new(
            PARTS.iter().map(|part| part.name),
        ));
    let verbose = Arg::new("verbose")
        .long("verbose")
        .short('v')
        .help("Show what every command prints, as it runs (else only where one fails)")
        .action(ArgAction::SetTrue)
        .global(true);
    Command::new("cargo harness")
        .bin_name("cargo harness")
        .about(ABOUT.lines().next())
        .long_about(ABOUT)
        .after_help(needs + "\nThe exit status is 0 only if every part that was asked for passed.")
        .disable_help_subcommand(true)
        .args([without, verbose])
        .subcommands(every_part().map(Part::command))
}

/// A part to run, with its options.
type Run = (&'static Part, ArgMatches);

/// What the command line asks for: the parts to run, and the names of those left out.
fn chosen(matches: &ArgMatches) -> Result<(Vec<Run>, Vec<&'static str>), clap::Error> {
    let without: Vec<&String> = matches.get_many("without").into_iter().flatten().collect();
    let Some((name, options)) = matches.subcommand() else {
        let is_out = |part: &&Part| without.iter().any(|name| *name == part.name);
        let (out, run): (Vec<_>, Vec<_>) = PARTS.iter().partition(is_out);
        // Each part as if it were named, without options.
        let options = |part: &Part| part.command().try_get_matches_from([part.name]);
        let mut runs = Vec::new();
        for part in run {
            runs.push((part, options(part)?));
        }
        return Ok((runs, out.into_iter().map(|part| part.name).collect()));
    };
    if !without.is_empty() {
        let text = "--without is for a run of all parts, and one is named";
        return Err(command().error(ErrorKind::ArgumentConflict, text));
    }
    let part = every_part().filter(|part| part.name == name);
    let run = part.map(|part| (part, options.clone())).collect();
    Ok((run, Vec::new()))
}

fn main() -> Result<ExitCode> {
    let matches = command().get_matches();
    let (chosen, left_out) = chosen(&matches).unwrap_or_else(|error| error.exit());
    ensure!(
        !chosen.is_empty(),
        "every part was left out: nothing to run"
    );
    let cx = Context::new(matches.get_flag("verbose"))?;

    let mut report = Report::default();
    for (part, options) in chosen {
        println!("{}", part.name);
        let start = Instant::now();
        let result = (part.run)(&cx, &options);
        if let Err(error) = &result {
            println!("  FAILED: {error:#}");
        }
        report.add(part.name, start.elapsed(), result);
    }
    for name in left_out {
        report.leave_out(name);
    }
    print!("\n{report}");
    Ok(ExitCode::from(u8::from(report.failed() > 0)))
}

#[cfg(test)]
mod tests {
    use super::{PARTS, chosen, command, every_part};

    fn names(line: &str) -> Result<(Vec<&'static str>, Vec<&'static str>), clap::Error> {
        let words = ["harness"].into_iter().chain(line.split_whitespace());
        let (parts, out) = chosen(&command().try_get_matches_from(words)?)?;
        Ok((parts.iter().map(|(part, _)| part.name).collect(), out))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn help_says_what_each_part_needs() {
        let help = command().render_help().to_string();
        for part in every_part() {
            let needs = |line: &str| line.contains(part.name) && line.ends_with(part.needs);
            assert!(help.lines().any(needs), "{}", part.name);
        }
    }

    #[test]
    fn all_parts_run_but_those_on_request_and_those_left_out() {
        let all: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        assert_eq!(names("").unwrap(), (all.clone(), vec![]));
        let (run, out) = names("--without kvm --without gate").unwrap();
        assert_eq!(out, ["kvm", "gate"]);
        assert_eq!(run.len() + out.len(), all.len());
        assert_eq!(names("mutants --shard 1/8").unwrap().0, ["mutants"]);
        for line in [
            "--without mutants",
            "--without kvm test",
            "all",
            "kvm --seconds 3",
        ] {
            assert!(names(line).is_err(), "{line}");
        }
    }

    #[test]
    fn verbose_stands_before_a_part_or_behind_it() {
        for line in [
            "--verbose kvm",
            "kvm --verbose",
            "-v kvm --vq 3",
            "--verbose",
        ] {
            let words = ["harness"].into_iter().chain(line.split(' '));
            let matches = command().try_get_matches_from(words).unwrap();
            assert!(matches.get_flag("verbose"), "{line}");
        }
    }
}
