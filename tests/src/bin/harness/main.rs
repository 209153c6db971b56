//! `cargo harness`: every test that this project has, or one part of it.
//!
//! Plain `cargo test` needs nothing but Rust and cannot see the kernel. This program brings the
//! rest: it fetches what a part needs, says what it runs, and ends with a table of what was
//! counted. A part that cannot run has failed: nothing is skipped unless the person says so.

mod apt;
mod arm64;
mod asan;
mod asserts;
mod boot;
mod codegen;
mod context;
mod exhaustive;
mod fuzz;
mod gate;
mod gdb;
mod host;
mod initrd;
mod install;
mod isas;
mod kernel;
mod kvm;
mod msrv;
mod mutants;
mod package;
mod ptrace;
mod qemu;
mod report;
mod speculation;
mod toolchain;
mod uapi;
mod unsafe_code;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{CommandFactory as _, Parser, Subcommand};

use context::Context;
use report::{Counted, Report};

/// Runs every test of sve-state: all parts but `mutants` in order, or the one named.
///
/// What a part needs and the machine lacks is installed with apt where that is allowed (as root, or
/// where `sudo -n` works); each command is printed before it runs. Compilers and kernels are only
/// unpacked, under cargo's target directory. Elsewhere a part fails and says what to install.
#[derive(Parser)]
#[command(name = "cargo harness", bin_name = "cargo harness", version = None)]
#[command(after_help = after_help())]
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

/// What each part needs beside Rust and apt, and how many minutes it takes on two cores, the first time
/// with all that it fetches and builds.
const NEEDS: [(&str, &str, u32); 18] = [
    ("test", "nothing", 2),
    ("lint", "rustfmt, clippy", 1),
    ("msrv", "the network: Rust 1.85", 2),
    ("exhaustive", "nothing", 1),
    ("package", "the network: Rust for arm64", 2),
    ("asan", "x86-64, nightly Rust", 1),
    ("fuzz", "the network, nightly Rust, c++", 5),
    ("asserts", "nothing", 1),
    ("uapi", "an arm64 C compiler, kernel headers", 1),
    ("gdb", "gdb-multiarch", 1),
    ("codegen", "the network: Rust for arm64; LLVM, valgrind", 2),
    ("speculation", "x86-64", 1),
    ("isas", "x86-64, qemu-x86_64", 2),
    ("arm64", "the network: Rust for arm64; qemu-aarch64", 2),
    (
        "ptrace",
        "the network: Rust for arm64, QEMU, kernels (300 MB)",
        3,
    ),
    (
        "kvm",
        "the network: Rust for arm64, QEMU, kernels (300 MB); 1 GB of memory",
        8,
    ),
    ("kvm --host", "an arm64 host that may open /dev/kvm", 2),
    ("gate", "a machine with nothing else to do", 3),
];

fn after_help() -> String {
    let mut text = "What each part needs, and minutes on two cores, the first time:\n".to_owned();
    for (part, needs, minutes) in NEEDS {
        text += &format!("  {part:11} {minutes:3}  {needs}\n");
    }
    text + "\nThe exit status is 0 only if every part that was asked for passed."
}

impl Cli {
    /// `--without` is for a run of all parts.
    fn check(&self) -> Result<(), clap::Error> {
        if self.part.is_none() || self.without.is_empty() {
            return Ok(());
        }
        let kind = clap::error::ErrorKind::ArgumentConflict;
        Err(Cli::command().error(
            kind,
            "--without is for a run of all parts, and one is named",
        ))
    }
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
    /// Fuzz snapshots, lists of registers, formats, IDs, the shim and the macro, with nightly Rust
    Fuzz(fuzz::Options),
    /// Delete each check of a layout in turn, for which a test must fail
    Asserts,
    /// Compare every ID and every offset with the kernel's own headers
    Uapi,
    /// Let gdb print the registers of a stub's vCPU, and of core files
    Gdb,
    /// Disassemble the copies: no branch on data, every index clamped; modelled cycles beside a plain copy's
    Codegen,
    /// Try whether a processor that guesses wrongly reads past an image, on x86-64
    Speculation,
    /// Run the tests of sve-state with each set of copies that x86-64 may have
    Isas,
    /// Run all tests of sve-state as arm64 code, under qemu-aarch64
    Arm64,
    /// Compare register sets and signal frames with what Linux threads have: three kernels, in QEMU
    Ptrace(ptrace::Options),
    /// Run conformance, random operations and moves on Linux KVM: three kernels, in QEMU with EL2
    Kvm(kvm::Options),
    /// Run the benchmarks and hold their ratios against benches/rules.toml
    Gate,
    /// Plant faults one by one, each of which must fail a test: an hour, and only when it is named
    Mutants(mutants::Options),
}

impl Part {
    const NAMES: [&'static str; 17] = [
        "test",
        "lint",
        "msrv",
        "exhaustive",
        "package",
        "asan",
        "fuzz",
        "asserts",
        "uapi",
        "gdb",
        "codegen",
        "speculation",
        "isas",
        "arm64",
        "ptrace",
        "kvm",
        "gate",
    ];

    /// Every part but the one that takes an hour, in the order in which the quick ones fail first.
    fn all() -> [Self; 17] {
        let fuzz = Self::Fuzz(fuzz::Options::default());
        let ptrace = Self::Ptrace(ptrace::Options::default());
        let kvm = Self::Kvm(kvm::Options::default());
        [
            Self::Test,
            Self::Lint,
            Self::Msrv,
            Self::Exhaustive,
            Self::Package,
            Self::Asan,
            fuzz,
            Self::Asserts,
            Self::Uapi,
            Self::Gdb,
            Self::Codegen,
            Self::Speculation,
            Self::Isas,
            Self::Arm64,
            ptrace,
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
            Self::Asserts => "asserts",
            Self::Uapi => "uapi",
            Self::Gdb => "gdb",
            Self::Codegen => "codegen",
            Self::Speculation => "speculation",
            Self::Isas => "isas",
            Self::Arm64 => "arm64",
            Self::Ptrace(_) => "ptrace",
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
            Self::Asserts => asserts::run(cx),
            Self::Uapi => uapi::run(cx),
            Self::Gdb => gdb::run(cx),
            Self::Codegen => codegen::run(cx),
            Self::Speculation => speculation::run(cx),
            Self::Isas => isas::run(cx),
            Self::Arm64 => arm64::run(cx),
            Self::Ptrace(options) => ptrace::run(cx, options),
            Self::Kvm(options) => kvm::run(cx, options),
            Self::Gate => gate::run(cx),
            Self::Mutants(options) => mutants::run(cx, options),
        }
    }
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    if let Err(error) = cli.check() {
        error.exit();
    }
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
    use super::{Cli, NEEDS, Part};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_says_what_each_part_needs() {
        let parts = NEEDS
            .map(|(part, ..)| part)
            .into_iter()
            .filter(|part| !part.contains(' '));
        assert!(parts.eq(Part::NAMES));
        let help = Cli::command().render_help().to_string();
        for (part, needs, _) in NEEDS {
            assert!(
                help.lines().any(|l| l.contains(part) && l.ends_with(needs)),
                "{part}"
            );
        }
    }

    #[test]
    fn verbose_stands_before_a_part_or_behind_it_and_without_beside_none() {
        for line in [
            "--verbose kvm",
            "kvm --verbose",
            "-v kvm --vq 3",
            "--verbose",
        ] {
            let words = ["harness"].into_iter().chain(line.split(' '));
            let cli = Cli::try_parse_from(words).unwrap();
            assert!(cli.verbose && cli.check().is_ok(), "{line}");
        }
        let both = ["harness", "--without", "kvm", "test"];
        assert!(Cli::try_parse_from(both).unwrap().check().is_err());
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
