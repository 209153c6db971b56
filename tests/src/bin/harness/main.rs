//! `cargo harness`: every test that this project has, or one part of it.
//!
//! Plain `cargo test` needs nothing but Rust and cannot see the kernel. This program brings the
//! rest: it fetches what a part needs, says what it runs, and ends with a table of what was
//! counted. A part that cannot run has failed: nothing is skipped unless the person says so.

mod apt;
mod arm64;
mod asan;
mod boot;
mod codegen;
mod context;
mod exhaustive;
mod fuzz;
mod gate;
mod host;
mod initrd;
mod install;
mod kernel;
mod kvm;
mod msrv;
mod mutants;
mod package;
mod qemu;
mod report;
mod toolchain;
mod uapi;
mod unsafe_code;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use context::Context;
use report::{Counted, Report};

/// Runs every test of sve-state: all parts but `mutants` in order, or the one named.
///
/// What a part needs and the machine lacks is installed with apt where that is allowed (as root, or
/// where `sudo -n` works); each command is printed before it runs. Compilers and kernels are only
/// unpacked, under cargo's target directory. Elsewhere a part fails and says what to install.
#[derive(Parser)]
#[command(name = "cargo harness", bin_name = "cargo harness", version = None)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "The exit status is 0 only if every part that was asked for passed.")]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,

    /// Leave a part out (may be repeated); the last line then says so
    #[arg(long, value_name = "PART", value_parser = PossibleValuesParser::new(Part::NAMES))]
    without: Vec<String>,

    /// Show what every command prints, as it runs (else only where one fails)
    #[arg(long, short, global = true)]
    verbose: bool,
}

/// One part of the test run.
#[derive(Subcommand, Clone)]
#[command(disable_help_subcommand = true)]
enum Part {
    /// `cargo test` on this machine: units, documentation, conformance on the shim, compile-fail
    Test,
    /// rustfmt, clippy and rustdoc, none of which may complain; and where `unsafe` stands
    Lint,
    /// Build and test the published crates with the oldest Rust that Cargo.toml promises
    Msrv,
    /// Try every register ID on vCPUs of every kind, and compare with a second implementation
    Exhaustive,
    /// Package the crates as for publication, and build programs that use the packages
    Package,
    /// Run all tests of sve-state under AddressSanitizer, on x86-64 with nightly Rust
    Asan,
    /// Fuzz the snapshot parser, the decoder, the shim and the macro, with nightly Rust
    Fuzz(fuzz::Options),
    /// Compare every ID and every offset with the kernel's own headers
    Uapi,
    /// Disassemble the copy kernels: no branch, no call; modelled cycles beside a plain copy's
    Codegen,
    /// Run all tests of sve-state as arm64 code, under qemu-aarch64
    Arm64,
    /// Run the conformance suite, random operations and the migration on Linux KVM, in QEMU with EL2
    Kvm(kvm::Options),
    /// Run the benchmarks and hold their ratios against benches/rules.toml
    Gate,
    /// Plant faults one by one, each of which must fail a test: an hour, and only when it is named
    Mutants(mutants::Options),
}

impl Part {
    const NAMES: [&'static str; 12] = [
        "test",
        "lint",
        "msrv",
        "exhaustive",
        "package",
        "asan",
        "fuzz",
        "uapi",
        "codegen",
        "arm64",
        "kvm",
        "gate",
    ];

    /// Every part but the one that takes an hour, in the order in which the quick ones fail first.
    fn all() -> [Self; 12] {
        let fuzz = Self::Fuzz(fuzz::Options::default());
        let kvm = Self::Kvm(kvm::Options::default());
        [
            Self::Test,
            Self::Lint,
            Self::Msrv,
            Self::Exhaustive,
            Self::Package,
            Self::Asan,
            fuzz,
            Self::Uapi,
            Self::Codegen,
            Self::Arm64,
            kvm,
            Self::Gate,
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Lint => "lint",
            Self::Msrv => "msrv",
            Self::Exhaustive => "exhaustive",
            Self::Package => "package",
            Self::Asan => "asan",
            Self::Fuzz(_) => "fuzz",
            Self::Uapi => "uapi",
            Self::Codegen => "codegen",
            Self::Arm64 => "arm64",
            Self::Kvm(_) => "kvm",
            Self::Gate => "gate",
            Self::Mutants(_) => "mutants",
        }
    }

    fn run(&self, cx: &Context) -> Result<Counted> {
        match self {
            Self::Test => host::test(cx),
            Self::Lint => host::lint(cx),
            Self::Msrv => msrv::run(cx),
            Self::Exhaustive => exhaustive::run(cx),
            Self::Package => package::run(cx),
            Self::Asan => asan::run(cx),
            Self::Fuzz(options) => fuzz::run(cx, options),
            Self::Uapi => uapi::run(cx),
            Self::Codegen => codegen::run(cx),
            Self::Arm64 => arm64::run(cx),
            Self::Kvm(options) => kvm::run(cx, options),
            Self::Gate => gate::run(cx),
            Self::Mutants(options) => mutants::run(cx, options),
        }
    }
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let cx = Context::new(cli.verbose)?;
    let (left_out, parts) = match cli.part {
        Some(part) => (Vec::new(), vec![part]),
        None => Part::all()
            .into_iter()
            .partition(|part| cli.without.iter().any(|name| name == part.name())),
    };

    anyhow::ensure!(!parts.is_empty(), "every part was left out: nothing to run");

    let mut report = Report::default();
    for part in parts {
        println!("{}", part.name());
        let start = Instant::now();
        let result = part.run(&cx);
        if let Err(error) = &result {
            println!("  FAILED: {error:#}");
        }
        report.add(part.name(), start.elapsed(), result);
    }
    for part in left_out {
        report.leave_out(part.name());
    }
    print!("\n{report}");
    Ok(if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::{Cli, Part};
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_are_those_of_the_subcommands() {
        assert_eq!(Part::all().map(|part| part.name()), Part::NAMES);
        let command = Cli::command();
        let subcommands: Vec<_> = command.get_subcommands().map(|c| c.get_name()).collect();
        let (on_request, all) = subcommands.split_last().unwrap();
        assert_eq!((all, *on_request), (&Part::NAMES[..], "mutants"));
    }
}
