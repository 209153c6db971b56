//! What the compiler made of the copies: no branch on data, no call and no panic, every index
//! clamped, and about as many cycles as a plain copy takes. A test of results cannot see any of that.
//!
//! * [`probe`] builds a program that uses the crate, and disassembles it: for NEON, for AVX2, for
//!   x86-64 without it, and as most programs for x86-64 are built, which ask the processor;
//! * [`rules`] says what each operation's instructions may do;
//! * [`model`] has the cycles of whole operations on processors that are not at hand;
//! * [`figures`] are the sizes and cycles of arm64 code that a change is compared with;
//! * [`executed`] has the branches that were executed, which do not depend on what is copied.
//!
//! In each run, functions with a fault planted in them must be refused, each for its fault.

mod assembly;
mod executed;
mod figures;
mod model;
mod probe;
mod rules;
mod tools;

use std::collections::BTreeMap;
use std::env;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::context::Context;
use crate::machine::toolchain;
use crate::report::{Counted, count};
use assembly::{Flow, Function};
use figures::Figures;
use model::{Cycles, PROCESSORS, Pieces};
use probe::Probe;
use rules::{Kind, Rule};

/// An operation: the largest number of each kind of register that it gets to, and how many bytes a plain
/// copy of a slice has.
struct Operation {
    name: &'static str,
    rule: Rule,
    last: &'static [u64],
    slice: usize,
}

const fn operation(
    name: &'static str,
    rule: Rule,
    last: &'static [u64],
    slice: usize,
) -> Operation {
    Operation {
        name,
        rule,
        last,
        slice,
    }
}

const OPERATIONS: [Operation; 20] = [
    operation("get_z", Rule::Straight, &[31], 256),
    operation("get_z_value", Rule::Straight, &[31], 256),
    operation("get_z3", Rule::Straight, &[31], 256),
    operation("get_z_vq_2", Rule::Straight, &[31], 256),
    operation("get_all_z", Rule::Loop, &[31], 0),
    operation("get_p", Rule::Straight, &[15], 32),
    operation("get_p_value", Rule::Straight, &[15], 32),
    // There is one FFR, and no index.
    operation("get_ffr", Rule::Straight, &[], 32),
    operation("get_ffr_value", Rule::Straight, &[], 32),
    operation("get_v", Rule::Straight, &[31], 16),
    operation("set_z", Rule::Straight, &[31], 256),
    operation("set_z3", Rule::Straight, &[31], 256),
    operation("set_z_vq_2", Rule::Straight, &[31], 0),
    operation("set_all_z", Rule::Loop, &[31], 0),
    operation("set_p", Rule::Straight, &[15], 32),
    operation("set_ffr", Rule::Straight, &[], 32),
    operation("set_v", Rule::Straight, &[31], 16),
    operation("decode", Rule::NoTable, &[], 0),
    operation("get_by_id", Rule::NoTable, &[31, 15], 0),
    operation("set_by_id", Rule::NoTable, &[31, 15], 0),
];

/// At a constant VQ, the instructions that may come beside loads and stores: they find the register.
const AROUND: usize = 16;

/// How many times a plain copy's cycles an operation on Z may take, on each processor of the model: GET
/// and SET. Of V2, LLVM's model counts three operations for each pair of vectors, and takes six at a
/// time, so that there the choice of addresses comes on top of the copy.
const LIMITS: [(&str, [f64; PROCESSORS.len()]); 3] = [
    ("get_z", [1.25, 1.80, 1.25]),
    ("get_z_value", [1.25, 1.80, 1.25]),
    ("set_z", [1.50, 1.90, 1.50]),
];
/// Less than half a hundredth more is none: the model's last iterations do not come out even.
const ROUNDING: f64 = 0.005;
/// How many faults are worth showing.
const SHOWN: usize = 100;

#[derive(Args)]
pub(crate) struct Options {
    /// Take what the operations are as arm64 code as the figures from now on
    #[arg(long)]
    bless: bool,
}

/// Compiles, disassembles, models and executes the probe.
pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the probes for x86-64 are compiled and run on x86-64 only"
    );
    toolchain::ensure_arm64(cx, &[])?;
    let tools = tools::ensure(cx)?;
    let toolchain = toolchain::arm64(cx)?;
    let probes = [
        Probe::arm64(cx, &tools, &toolchain)?,
        Probe::native(cx, &tools, "AVX2", "-C target-cpu=x86-64-v3")?,
        Probe::native(cx, &tools, "SSE2", "--cfg sve_state_portable")?,
        Probe::native(cx, &tools, "x86-64", "")?,
    ];

    let mut found = Found::default();
    let cycles = found.model(cx, &tools, &probes[0])?;
    let mut figures = Figures::new(format!("{}, {}", toolchain.version(cx)?, tools.version));
    for Operation { name, .. } in &OPERATIONS {
        let function = probes[0].function("access", name)?;
        figures.add(name, function, cycles.get(*name).copied());
    }
    if options.bless {
        figures.write(cx)?;
        return Ok(vec!["figures are written".to_owned()]);
    }
    // Planted: a GET that does what a SET does.
    let mut planted = figures.clone();
    let set = probes[0].function("access", "set_z")?;
    planted.add("get_z", set, cycles.get("set_z").copied());
    found.figures(&figures, &Figures::read(cx)?, &planted)?;
    for probe in &probes {
        found.planted(probe)?;
        found.operations(probe)?;
    }
    for probe in &probes[1..] {
        found.execute(cx, probe)?;
    }
    found.verdict()
}

#[derive(Default)]
struct Found {
    faults: Vec<String>,
    /// Of each probe: how many operations.
    operations: Vec<String>,
    refused: usize,
    worst: BTreeMap<&'static str, String>,
    cases: usize,
    compared: String,
}

impl Found {
    /// Functions that must be refused.
    fn planted(&mut self, probe: &Probe) -> Result<()> {
        let planted = [
            ("branch", Rule::Straight, Kind::Branch),
            ("call", Rule::Straight, Kind::Call),
            ("call", Rule::Asks, Kind::Call),
            ("panic", Rule::Straight, Kind::Panic),
            ("table", Rule::Straight, Kind::Table),
            ("table", Rule::NoTable, Kind::Table),
            ("access", Rule::Straight, Kind::Branch),
            ("index", Rule::NoTable, Kind::NoClamp),
        ];
        for (name, rule, kind) in planted {
            let function = probe.function("planted", name)?;
            let faults = rules::faults(&probe.assembly, function, rule, &[31]);
            ensure!(
                faults.iter().any(|fault| fault.kind == kind),
                "{}: planted::{name} has {kind}, but what was found is {faults:?}",
                probe.name
            );
            self.refused += 1;
        }
        Ok(())
    }

    /// The operations as a user's code calls them, and where these ask the processor, what they call.
    fn operations(&mut self, probe: &Probe) -> Result<()> {
        let listed = probe.listing.all("access")?;
        ensure!(
            listed.len() == OPERATIONS.len(),
            "the probe has {} operations, not {}",
            listed.len(),
            OPERATIONS.len()
        );
        println!("  {:6}  operation      instructions", probe.name);
        for Operation {
            name, rule, last, ..
        } in &OPERATIONS
        {
            let function = probe.function("access", name)?;
            // The size of the memory at a constant VQ is checked by the compiler.
            let rule = match rule {
                Rule::Straight if probe.asks && !name.ends_with("_v") => Rule::Asks,
                // A loop that asks each time, or once in front of one of two loops.
                Rule::Loop if probe.asks => Rule::Any,
                rule => *rule,
            };
            if !copied_in_the_end(probe, name) {
                self.check(probe, function, rule, last, name);
            }
            println!("          {name:14} {:5}", function.instructions.len());
            if name.ends_with("_vq_2") && !probe.asks {
                self.folded(probe, function, name);
            }
        }
        if probe.asks {
            for line in ["get_wide", "get_narrow", "set_wide"] {
                let name = format!("for_avx2::{line}");
                // One in each part of the program that uses it.
                let lines = probe.assembly.named(&name);
                ensure!(!lines.is_empty(), "the probe calls no {name}");
                for function in lines {
                    self.check(probe, function, Rule::Straight, &[], &name);
                }
            }
        }
        self.operations
            .push(format!("{} for {}", OPERATIONS.len(), probe.name));
        Ok(())
    }

    fn check(&mut self, probe: &Probe, function: &Function, rule: Rule, last: &[u64], what: &str) {
        let faults = rules::faults(&probe.assembly, function, rule, last);
        if let Some(first) = faults.first() {
            let more = match faults.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            self.faults
                .push(format!("{what}, {}: {first}{more}", probe.name));
        }
    }

    /// At a constant VQ only that VQ's own loads and stores are left: as many as the copy and the zeros
    /// have vectors.
    fn folded(&mut self, probe: &Probe, function: &Function, name: &str) {
        let (vectors, pairs): (usize, usize) = match probe.name {
            "AVX2" => (32, 1),
            "NEON" => (16, 2),
            _ => (16, 1),
        };
        let moved = if name.starts_with("get") {
            32 + 256
        } else {
            64
        };
        let most = (moved / vectors).div_ceil(pairs) + AROUND;
        let found = function.instructions.len();
        if found > most {
            self.faults.push(format!(
                "{name}, {}: {found} instructions, where {most} would do at a constant VQ",
                probe.name
            ));
        }
    }

    /// Compares with the file, if that is of the same compiler. In CI it has to be.
    fn figures(&mut self, figures: &Figures, file: &Figures, planted: &Figures) -> Result<()> {
        if let Some(built) = figures.other(file) {
            self.compared = format!("NOT COMPARED: the figures of arm64 code are of {built}");
            ensure!(env::var_os("CI").is_none(), "{}", self.compared);
            return Ok(());
        }
        self.faults.extend(figures.changed(file));
        ensure!(
            planted
                .changed(file)
                .iter()
                .any(|fault| fault.starts_with("get_z:")),
            "a SET is not told from a GET by its figures"
        );
        self.refused += 1;
        self.compared = format!(
            "{} as arm64 code are as they were",
            count(OPERATIONS.len(), "operation")
        );
        Ok(())
    }

    /// Models the whole of each operation, from the view and the register to the last store.
    fn model(
        &mut self,
        cx: &Context,
        tools: &tools::Tools,
        probe: &Probe,
    ) -> Result<BTreeMap<String, Cycles>> {
        let mut pieces = Pieces::new();
        for Operation { name, slice, .. } in OPERATIONS.iter().filter(|o| o.slice > 0) {
            let function = probe.function("access", name)?;
            // A call cannot be modelled; that there is one has been found.
            let next = |flow| matches!(flow, Flow::Next | Flow::Return);
            if function.instructions.iter().all(|i| next(i.flow)) {
                pieces.insert((*name).to_owned(), model::text(&function.instructions));
                let plain = slice.to_string();
                let function = probe.function("copy", &plain)?;
                pieces.insert(plain, model::text(&function.instructions));
            }
        }
        for plain in ["64", "256"] {
            let function = probe.function("copy", plain)?;
            pieces.insert(plain.to_owned(), model::text(&function.instructions));
        }
        let cycles = model::cycles(cx, tools, &pieces)?;
        // Planted: 256 bytes, where 64 are to be written.
        for (more, less) in cycles["256"].iter().zip(cycles["64"]) {
            ensure!(
                more / less > 2.0,
                "a copy of 256 bytes is not told from one of 64"
            );
        }
        self.refused += 1;
        println!("  modelled cycles, and those of a plain copy of a slice");
        println!(
            "  operation        {}",
            PROCESSORS.map(|(_, name)| format!("{name:>20}")).join("")
        );
        for Operation { name, slice, .. } in OPERATIONS.iter().filter(|o| o.slice > 0) {
            let Some(own) = cycles.get(*name) else {
                continue;
            };
            let plain: Cycles = cycles[&slice.to_string()];
            let ratios: Vec<f64> = own
                .iter()
                .zip(plain)
                .map(|(own, plain)| own / plain)
                .collect();
            let cells = own.iter().zip(plain).zip(&ratios);
            let cells =
                cells.map(|((own, plain), ratio)| format!("  {own:6.2} {plain:6.2} {ratio:4.2}"));
            println!("  {name:14} {}", cells.collect::<String>());
            let Some((_, limits)) = LIMITS.iter().find(|(limited, _)| limited == name) else {
                continue;
            };
            for (processor, (_, processor_name)) in PROCESSORS.iter().enumerate() {
                let (ratio, limit) = (ratios[processor], limits[processor]);
                if ratio > limit + ROUNDING {
                    self.faults.push(format!(
                        "{name}: {ratio:.2} times a plain copy's cycles on {processor_name}, where \
                         {limit:.2} is the limit"
                    ));
                }
            }
            let shown = ratios
                .iter()
                .zip(PROCESSORS)
                .map(|(r, (_, p))| format!("{r:.2} on {p}"));
            self.worst
                .insert(name, shown.collect::<Vec<_>>().join(", "));
        }
        Ok(cycles)
    }

    fn execute(&mut self, cx: &Context, probe: &Probe) -> Result<()> {
        let mut operations = executed::count(cx, &probe.program)?;
        let planted = operations.remove(executed::PLANTED);
        let planted = planted.context("the planted branch was not executed")?;
        ensure!(
            planted.verdict(executed::PLANTED, 0).is_err(),
            "the planted branch was executed, and not seen"
        );
        self.refused += 1;
        let listed = probe.listing.all("access")?;
        ensure!(
            operations.keys().eq(listed.keys()),
            "not every operation was executed, only: {:?}",
            operations.keys()
        );
        println!(
            "  {:6}  executed       cases  instructions  cond. branches",
            probe.name
        );
        for (operation, counts) in &operations {
            self.cases += counts.cases;
            if copied_in_the_end(probe, operation) {
                continue;
            }
            match counts.verdict(operation, usize::from(probe.asks)) {
                Ok(branches) => {
                    let (first, last) = (counts.instructions.first(), counts.instructions.last());
                    let (first, last) = (first.copied().unwrap_or(0), last.copied().unwrap_or(0));
                    println!(
                        "          {operation:14} {:5}   {first:5} to {last:5}   {branches}",
                        counts.cases
                    );
                }
                Err(fault) => self.faults.push(format!("{}: {fault}", probe.name)),
            }
        }
        Ok(())
    }

    fn verdict(self) -> Result<Counted> {
        if !self.faults.is_empty() {
            for fault in self.faults.iter().take(SHOWN) {
                println!("  {fault}");
            }
            bail!("{}", count(self.faults.len(), "fault"));
        }
        let mut counted = vec![
            format!("operations without a fault: {}", self.operations.join(", ")),
            format!("{} refused", count(self.refused, "planted fault")),
        ];
        let worst = self.worst.iter();
        counted.extend(
            worst.map(|(name, cycles)| format!("cycles of {name} beside a plain copy's: {cycles}")),
        );
        counted.push(format!(
            "{} cases executed: branches do not depend on VQ, register or contents",
            self.cases
        ));
        counted.push(self.compared);
        Ok(counted)
    }
}

/// What falls short: without AVX2, the compiler makes a slice of 256 bytes by value elsewhere, and copies
/// it to its place by `memcpy`.
fn copied_in_the_end(probe: &Probe, operation: &str) -> bool {
    probe.name == "SSE2" && operation == "get_z_value"
}
