//! The parts of a test run, in one table. A part is a file here with a function `run` and a line in the table,
//! from which the command line and `--help` are made.

pub(crate) mod arm64;
pub(crate) mod asan;
pub(crate) mod asserts;
pub(crate) mod codegen;
pub(crate) mod debuggers;
pub(crate) mod exhaustive;
pub(crate) mod fuzz;
pub(crate) mod gate;
pub(crate) mod hosts;
pub(crate) mod isas;
pub(crate) mod kvm;
pub(crate) mod lint;
pub(crate) mod msrv;
pub(crate) mod mutants;
pub(crate) mod package;
pub(crate) mod ptrace;
pub(crate) mod speculation;
pub(crate) mod test;
pub(crate) mod uapi;

use anyhow::Result;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::context::Context;
use crate::report::Counted;

pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// What it needs beside Rust and apt.
    pub(crate) needs: &'static str,
    /// How long it takes on two cores the first time, when it fetches and builds all that it needs.
    pub(crate) minutes: u32,
    /// Adds its options to its command.
    options: fn(Command) -> Command,
    /// Runs it with the options that the command line gives.
    pub(crate) run: fn(&Context, &ArgMatches) -> Result<Counted>,
}

impl Part {
    pub(crate) fn command(&self) -> Command {
        (self.options)(Command::new(self.name)).about(self.about)
    }
}

/// A line of the table has the part's name, which is its module's; the type of its options, if it has any; what
/// it does; what it needs; and how many minutes it takes.
macro_rules! parts {
    ($($name:ident $(($options:ty))?: $about:literal, needs $needs:literal, $minutes:literal;)*) => {
        &[$(Part {
            name: stringify!($name),
            about: $about,
            needs: $needs,
            minutes: $minutes,
            options: |command| {
                $(let command = <$options>::augment_args(command);)?
                command
            },
            run: |cx, _matches| {
                $name::run(cx $(, &<$options>::from_arg_matches(_matches)?)?)
            },
        }),*]
    };
}

/// The parts of a plain `cargo harness`, in this order, with the quick ones first.
pub(crate) const PARTS: &[Part] = parts! {
    test: "`cargo test` on this machine: units, documentation, conformance on the shim, compile-fail",
        needs "nothing", 2;
    lint: "rustfmt, clippy and rustdoc, none of which may complain; and where `unsafe` stands",
        needs "rustfmt, clippy", 1;
    msrv: "Build and test the published crates with the oldest Rust that Cargo.toml promises",
        needs "the network: Rust 1.85", 2;
    exhaustive: "Try every register ID on vCPUs of every kind, and compare with a second implementation",
        needs "nothing", 1;
    package: "Package the crates as for publication, and build programs that use the packages",
        needs "the network: Rust for arm64", 2;
    asan: "Run all tests of sve-state under AddressSanitizer, on x86-64 with nightly Rust",
        needs "x86-64, nightly Rust", 1;
    fuzz(fuzz::Options): "Fuzz snapshots, lists of registers, formats, IDs, the shim and the macro",
        needs "nightly Rust, c++", 4;
    asserts: "Delete each check of a layout in turn, for which a test must fail",
        needs "nothing", 1;
    uapi: "Compare every ID and every offset with the kernel's own headers",
        needs "an arm64 C compiler, kernel headers", 1;
    debuggers(debuggers::Options): "Let two versions of gdb and of LLDB read, write and step a stub's vCPU, and open core files",
        needs "the network: gdb, LLDB (250 MB); QEMU", 3;
    codegen(codegen::Options): "Read the copies as VMMs' builds compile them, in loops too: no branch on data, call or panic",
        needs "the network: Rust for arm64; LLVM, valgrind", 3;
    speculation: "Try whether a processor that guesses wrongly reads past an image",
        needs "x86-64", 1;
    isas: "Run the tests of sve-state with each set of copies that x86-64 may have",
        needs "x86-64, qemu-x86_64", 2;
    arm64: "Run all tests of sve-state as arm64 code, under qemu-aarch64",
        needs "the network: Rust for arm64; qemu-aarch64", 2;
    ptrace(ptrace::Options): "Compare register sets and signal frames with what Linux threads have: three kernels, in QEMU",
        needs "the network: Rust for arm64, QEMU, kernels (300 MB)", 3;
    kvm(kvm::Options): "Run conformance, random operations and moves on Linux KVM: three kernels, in QEMU with EL2",
        needs "the network (300 MB): Rust for arm64, QEMU; 512 MB for each core", 4;
    gate(gate::Options): "Count the instructions and branches of each operation, and compare with what was; --times for time",
        needs "x86-64, valgrind", 3;
};

/// The parts that run only when they are named.
pub(crate) const ON_REQUEST: &[Part] = parts! {
    hosts(hosts::Options): "Do what `kvm` does in other modes of KVM, on Arm's processors, with features beside SVE: 14 hosts",
        needs "the network: as `kvm`, and QEMU 11.1 (40 MB)", 8;
    mutants(mutants::Options): "Plant faults one by one, each of which must fail a test",
        needs "the network: cargo-mutants", 90;
};
