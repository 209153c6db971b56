//! What the compiler makes of the copies where users have them, which is in the release builds of VMMs and in their
//! loops. A test of results cannot see any of that.
//!
//! * `tests/programs/codegen_probe` has each operation by itself and in two loops, the same loops around nothing, and
//!   faults that must be refused in each run; its Cargo.toml has the builds;
//! * [`rules`] says what the instructions of each may do;
//! * [`executed`] has what is counted where the loops run;
//! * [`mod@figures`] has the sizes and modelled cycles of arm64 code with which a change is compared.

mod assembly;
mod executed;
mod figures;
mod rules;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use sve_state_harness::parallel;

use super::msrv::oldest_version;
use crate::context::Context;
use crate::machine::install::VALGRIND;
use crate::machine::toolchain::{self, ARM64, Toolchain};
use crate::report::{Counted, count};
use assembly::{Assembly, Function};
use figures::Figures;
use rules::Kind;

#[derive(Args)]
pub(crate) struct Options {
    /// Take what the operations are as arm64 code as the figures from now on
    #[arg(long)]
    bless: bool,
    /// Also build at opt-level 1 and 2, for Neoverse V1 and A64FX, without AVX2, and with the oldest Rust and nightly: half
    /// an hour
    #[arg(long, conflicts_with = "bless")]
    every_build: bool,
    /// Only the builds with this in their name, such as `x86-64-v3, crosvm`; no figures are compared
    #[arg(long, value_name = "NAME", conflicts_with = "bless")]
    build: Option<String>,
}

/// The profiles of the probe's Cargo.toml: those of each run, and those of every build.
const PROFILES: [&str; 4] = ["release", "cloud-hypervisor", "crosvm", "firecracker"];
const OTHER_PROFILES: [&str; 2] = ["opt-level-1", "opt-level-2"];

const X86_64: &str = "x86_64-unknown-linux-gnu";
/// A target: its name, the triple, and flags.
type Target = (&'static str, &'static str, &'static str);
const TARGETS: [Target; 4] = [
    ("arm64", ARM64, ""),
    ("neoverse-v2", ARM64, "-C target-cpu=neoverse-v2"),
    (ASKS, X86_64, ""),
    ("x86-64-v3", X86_64, "-C target-cpu=x86-64-v3"),
];
const OTHER_TARGETS: [Target; 3] = [
    ("neoverse-v1", ARM64, "-C target-cpu=neoverse-v1"),
    ("a64fx", ARM64, "-C target-cpu=a64fx"),
    ("without AVX2", X86_64, "--cfg sve_state_portable"),
];
/// The target for which copies test what the processor has.
const ASKS: &str = "x86-64";

/// The operations on one slice, and the largest number of the bank's registers. (FFR is a single register, so it has
/// no index.)
const OPERATIONS: [(&str, &[u64]); 11] = [
    ("get_z", &[31]),
    ("value_z", &[31]),
    ("set_z", &[31]),
    ("get_p", &[15]),
    ("value_p", &[15]),
    ("set_p", &[15]),
    ("get_ffr", &[]),
    ("value_ffr", &[]),
    ("set_ffr", &[]),
    ("value_v", &[31]),
    ("set_v", &[31]),
];
/// Operations that start from an ID. The register may be found by branches but not through a table, whatever a
/// processor guesses.
const BY_ID: [&str; 2] = ["get_id", "set_id"];
/// The faults, each with the profile in which it must be refused, or none if that is all of them.
const PLANTED: [(&str, Kind, Option<&str>); 5] = [
    (BRANCH, Kind::Branch, None),
    (PLAIN, Kind::Call, Some("cloud-hypervisor")),
    ("overflow_p", Kind::Panic, Some("crosvm")),
    ("table_z", Kind::Indirect, None),
    ("index_z", Kind::Index, None),
];
const BRANCH: &str = "branch_p";
const PLAIN: &str = "plain_z";
const SHAPES: [&str; 3] = ["alone", "all", "list"];

/// Builds, reads, models and executes the probe.
pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the loops for x86-64 are executed on x86-64 only"
    );
    toolchain::ensure_arm64(cx, &[VALGRIND])?;
    let arm64 = toolchain::arm64(cx)?;
    let mut found = Found::default();
    if options.build.is_none() {
        let figures = figures(cx, &arm64)?;
        if options.bless {
            figures.write(cx)?;
            return Ok(vec!["figures are written".to_owned()]);
        }
        found.compare(&figures, &Figures::read(cx)?)?;
    }
    let (mut targets, mut profiles) = (TARGETS.to_vec(), PROFILES.to_vec());
    let mut others = Vec::new();
    if options.every_build {
        targets.extend(OTHER_TARGETS);
        profiles.extend(OTHER_PROFILES);
        others.push(toolchain::oldest(cx, oldest_version())?);
        others.push(toolchain::nightly(cx, "codegen")?);
    }
    let mut compilers = vec![(&Toolchain::ACTIVE, Some(&arm64))];
    for other in &others {
        let for_arm64 = other.builds_arm64(cx).then_some(other);
        if for_arm64.is_none() {
            let version = other.version(cx)?;
            found.said.push(format!(
                "NOT FOR ARM64, whose standard library it lacks: {version}"
            ));
        }
        compilers.push((other, for_arm64));
    }
    let name = options.build.as_deref().unwrap_or_default();
    // Cargo has a directory for each target and profile, with a program in it for the last flags.
    let judged = parallel::map(&profiles, |profile| {
        let mut found = Found::default();
        for (for_x86_64, for_arm64) in &compilers {
            for target in targets
                .iter()
                .filter(|it| built(it, profile).contains(name))
            {
                let compiler = match target.1 {
                    ARM64 => *for_arm64,
                    _ => Some(*for_x86_64),
                };
                if let Some(compiler) = compiler {
                    found.judge(cx, &Probe::build(cx, compiler, target, profile)?)?;
                }
            }
        }
        anyhow::Ok(found)
    });
    for other in judged {
        found.add_up(other?);
    }
    ensure!(found.builds > 0, "no build has {name:?} in its name");
    found.verdict()
}

/// What is compared with the file.
fn figures(cx: &Context, arm64: &Toolchain) -> Result<Figures> {
    let build = |profile| Probe::build(cx, arm64, &TARGETS[0], profile);
    let (speed, size) = (build("release")?, build("cloud-hypervisor")?);
    let mut functions = BTreeMap::new();
    for (probe, level) in [(&speed, "3"), (&size, "s")] {
        let operations = OPERATIONS.iter().map(|(name, _)| *name);
        for name in operations.chain(BY_ID).chain([PLAIN]) {
            functions.insert(format!("{name} {level}"), probe.operation(name, 0)?);
            functions.insert(format!("{name} {level}, list"), probe.operation(name, 2)?);
        }
    }
    Figures::new(cx, &arm64.version(cx)?, &functions)
}

fn built(target: &Target, profile: &str) -> String {
    format!("{}, {profile}", target.0)
}

struct Probe {
    target: Target,
    profile: String,
    name: String,
    program: PathBuf,
    assembly: Assembly,
}

impl Probe {
    fn build(cx: &Context, compiler: &Toolchain, target: &Target, profile: &str) -> Result<Self> {
        let (_, triple, flags) = target;
        let version = compiler.version(cx)?;
        let version = version.split(' ').nth(1).unwrap_or_default();
        let name = format!("{}, {version}", built(target, profile));
        let directory = cx.directory("codegen")?;
        let file = directory.join(name.replace(", ", "-") + ".s");
        let manifest = "tests/programs/codegen_probe/Cargo.toml";
        let build = format!("rustc --locked --manifest-path {manifest} --profile {profile}");
        let mut cargo = match *triple {
            ARM64 => toolchain::arm64_cargo(cx, compiler, &[&build]),
            _ => compiler.cargo(cx, "codegen", &[&build, "--target", triple]),
        };
        cargo.env("CARGO_TARGET_DIR", &directory);
        cargo
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", flags);
        cargo
            .arg("--")
            .arg(format!("--emit=asm={}", file.display()));
        if *triple == X86_64 {
            cargo.arg("-Cllvm-args=-x86-asm-syntax=intel");
        }
        cx.run(cargo)?;
        Ok(Self {
            target: *target,
            profile: profile.to_owned(),
            name,
            program: directory.join(triple).join(profile).join("codegen_probe"),
            assembly: Assembly::parse(&fs::read_to_string(file)?),
        })
    }

    fn operation(&self, name: &str, shape: usize) -> Result<&Function> {
        let table = self.assembly.table(&["codegen_probe", name, "FUNCTIONS"]);
        let function = table.get(shape).copied();
        function.with_context(|| format!("the probe has no {name}, {}", SHAPES[shape]))
    }

    /// How an operation breaks the rules.
    fn faults(&self, name: &str, shape: usize, last: &[u64]) -> Result<Vec<rules::Fault>> {
        let around = self.operation(&around(name), shape).ok();
        // A loop over the single FFR need not branch, so a branch there is in the copy.
        let one = name.ends_with("_ffr") && SHAPES[shape] == "all";
        let around = around.filter(|around| shape != 0 && !(one && rules::branches(around) == 0));
        let asks = self.target.0 == ASKS;
        Ok(rules::faults(
            self.operation(name, shape)?,
            around,
            asks,
            last,
        ))
    }
}

/// The same loop around nothing, for the same bank.
fn around(name: &str) -> String {
    format!("none_{}", name.rsplit('_').next().unwrap_or_default())
}

#[derive(Default)]
struct Found {
    builds: usize,
    functions: usize,
    loops: usize,
    refused: usize,
    faults: Vec<String>,
    said: Vec<String>,
}

impl Found {
    /// Judges a build, as read and, where it can be, as executed.
    fn judge(&mut self, cx: &Context, probe: &Probe) -> Result<()> {
        let built = &probe.name;
        for (n, shape) in SHAPES.iter().enumerate() {
            for (name, last) in OPERATIONS {
                self.add(
                    &format!("{name}, {shape}, {built}"),
                    &probe.faults(name, n, last)?,
                );
            }
            for name in BY_ID {
                let mut faults = probe.faults(name, n, &[31, 15])?;
                faults.retain(|fault| match fault.0 {
                    Kind::Branch | Kind::Call => false,
                    // From the probe's own `match` over kinds of registers, which is then a table on x86-64.
                    Kind::Indirect => probe.profile != "opt-level-1",
                    Kind::Panic | Kind::Index => true,
                });
                self.add(&format!("{name}, {shape}, {built}"), &faults);
            }
            for (name, kind, profile) in PLANTED {
                let faults = probe.faults(name, n, &[31])?;
                let refused = faults.iter().any(|fault| fault.0 == kind);
                ensure!(
                    refused || profile.is_some_and(|profile| profile != probe.profile),
                    "{name}, {shape}, {built}: the planted fault is not refused, only: {faults:?}"
                );
                self.refused += usize::from(refused);
            }
        }
        // Where copies ask, also what they call. (Without LTO that is not in the probe, but it is executed.)
        let for_avx2 = probe.assembly.of_path(&["for_avx2"]);
        let there =
            probe.target.0 != ASKS || probe.profile != "firecracker" || !for_avx2.is_empty();
        ensure!(there, "{built}: no copy for AVX2 was read");
        for (name, function) in for_avx2 {
            self.add(
                &format!("{name}, {built}"),
                &rules::faults(function, None, false, &[]),
            );
        }
        self.builds += 1;
        if probe.target.1 == X86_64 {
            self.execute(cx, probe)?;
        }
        Ok(())
    }

    fn add(&mut self, what: &str, faults: &[rules::Fault]) {
        self.functions += 1;
        if let Some(first) = faults.first() {
            let more = match faults.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            self.faults.push(format!("{what}: {first}{more}"));
        }
    }

    fn execute(&mut self, cx: &Context, probe: &Probe) -> Result<()> {
        let built = &probe.name;
        let loops = executed::count(cx, &probe.program, &probe.profile)?;
        let fault = |name: &str, shape: &str| {
            let found = |name: &str| loops.get(&format!("{name}, {shape}"));
            let counts = found(name).zip(found(&around(name)));
            let (counts, around) = counts.with_context(|| format!("{name} was not executed"))?;
            anyhow::Ok(counts.fault(around, probe.target.0 == ASKS))
        };
        for shape in &SHAPES[1..] {
            for (name, _) in OPERATIONS {
                self.loops += 1;
                let fault = fault(name, shape)?;
                let fault =
                    fault.map(|fault| format!("{name}, {shape}, {built}, executed: {fault}"));
                self.faults.extend(fault);
            }
            ensure!(
                fault(BRANCH, shape)?.is_some(),
                "{shape}, {built}: the planted branch was executed, and not seen"
            );
            self.refused += 1;
        }
        Ok(())
    }

    fn add_up(&mut self, other: Self) {
        self.builds += other.builds;
        self.functions += other.functions;
        self.loops += other.loops;
        self.refused += other.refused;
        self.faults.extend(other.faults);
        self.said.extend(other.said);
    }

    /// Compares with the file if that is of the same compiler and model, as it has to be in CI.
    fn compare(&mut self, figures: &Figures, file: &Figures) -> Result<()> {
        self.said.push(figures.beside_plain()?);
        if figures.built != file.built {
            let text = format!(
                "NOT COMPARED: the figures of arm64 code are of {}",
                file.built
            );
            ensure!(env::var_os("CI").is_none(), "{text}");
            self.said.push(text);
            return Ok(());
        }
        self.faults.extend(figures.changed(file));
        self.said
            .push("arm64 code is as the figures have it".to_owned());
        Ok(())
    }

    fn verdict(self) -> Result<Counted> {
        if !self.faults.is_empty() {
            for fault in &self.faults {
                println!("  {fault}");
            }
            bail!("{}", count(self.faults.len(), "fault"));
        }
        let read = count(self.functions, "function");
        let counted = [
            format!("{read} without a fault, in {}", count(self.builds, "build")),
            format!(
                "{} executed: counts do not depend on VQ, no branch is guessed wrongly",
                count(self.loops, "loop")
            ),
            format!("{} refused", count(self.refused, "planted fault")),
        ];
        Ok([counted.to_vec(), self.said].concat())
    }
}
