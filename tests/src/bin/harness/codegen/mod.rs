//! What the compiler made of the copies: no branch, no call and no panic in a kernel, and as many
//! cycles as a plain copy takes. A test of results cannot see any of that.
//!
//! * [`probe`] builds a program that uses the crate, and disassembles it;
//! * [`rules`] says what each function's instructions may do, and [`untrusted`] what an ID from
//!   outside may steer;
//! * [`model`] has the cycles on processors that are not at hand;
//! * [`executed`] has the branches that were executed, which do not depend on what is copied.
//!
//! In each run, functions with a fault planted in them must be refused, each for its fault.

mod assembly;
mod executed;
mod model;
mod probe;
mod rules;
mod table;
mod tools;
mod untrusted;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use crate::context::Context;
use crate::report::{Counted, count};
use crate::toolchain;
use assembly::{Flow, Function, Instruction, Isa};
use model::{Cycles, PROCESSORS, Pieces};
use probe::{Kernel, Probe, Users};
use rules::{Kind, Rule};
use table::{Row, Table, place};

/// How many times the plain copy's cycles a kernel may take: the copy itself, and a tenth for what
/// the model makes of the order of the same instructions.
const LIMIT: f64 = 1.10;
/// The same where a register ends inside a vector, which a copy does not have to put together from
/// its bytes and zeros: one load and one shift more beside two stores (P and FFR at most VQs). Still
/// below a quarter of the cycles of a plain 256-byte copy.
const LIMIT_INSIDE: f64 = 1.75;
/// The processors that the limits are for.
const LIMITED: [usize; 2] = [1, 2];
/// Less than half a hundredth more is none: the model's last iterations do not come out even.
const ROUNDING: f64 = 0.005;
/// How wide a vector is, in bytes.
const VECTOR: usize = 16;
/// How many faults are worth showing.
const SHOWN: usize = 100;

/// Compiles, disassembles, models and executes the probe.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the probe for x86-64 is compiled and run on x86-64 alone"
    );
    toolchain::ensure_arm64(cx, &[])?;
    let tools = tools::ensure(cx)?;
    let toolchain = toolchain::arm64(cx)?;
    let probes = [
        Probe::arm64(cx, &tools, &toolchain)?,
        Probe::native(cx, &tools)?,
    ];

    let mut found = Found::default();
    found.execute(cx, &probes[1])?;
    for probe in &probes {
        found.planted(probe)?;
        found.operations(probe)?;
        found.kernels(probe)?;
    }
    found.model(cx, &tools, &probes[0])?;
    print!("{}", found.table());
    found.verdict()
}

/// What a probe's instruction sets are called, in the order of its kernels.
fn isas(isa: Isa) -> &'static [&'static str] {
    match isa {
        Isa::Aarch64 => &["NEON"],
        Isa::X86_64 => &["SSE2", "AVX"],
    }
}

/// A kernel of the probe for aarch64 with what measures it.
struct Piece {
    row: usize,
    name: String,
    plain: String,
    /// Whether a register ends inside a vector.
    inside: bool,
}

#[derive(Default)]
struct Found {
    rows: Vec<Row>,
    pieces: Pieces,
    measured: Vec<Piece>,
    faults: Vec<String>,
    kernels: BTreeMap<&'static str, usize>,
    refused: usize,
    worst: [[(f64, String); PROCESSORS.len()]; 2],
    executed: Vec<String>,
}

impl Found {
    /// Functions that must be refused.
    fn planted(&mut self, probe: &Probe) -> Result<()> {
        let decode = Rule::Decode {
            table: probe.listing.table,
        };
        let planted = [
            ("branch", Rule::Straight, Kind::Branch),
            ("call", Rule::Straight, Kind::Call),
            ("panic", Rule::Straight, Kind::Panic),
            ("branch_in_loop", Rule::CountedLoop, Kind::Branch),
            ("call_in_loop", Rule::CountedLoop, Kind::Call),
            ("access", Rule::Dispatch, Kind::Branch),
            ("dispatch", Rule::Dispatch, Kind::NoDispatch),
            ("index", decode, Kind::Address),
            ("two_checks", decode, Kind::Branches),
        ];
        ensure!(
            probe.listing.planted.len() == planted.len(),
            "the probe has {} planted functions, not {}",
            probe.listing.planted.len(),
            planted.len()
        );
        for (name, rule, kind) in planted {
            let address = probe.listing.planted.get(name);
            let address = address.with_context(|| format!("no planted function {name}"))?;
            let function = probe.function(*address)?;
            let faults = rules::faults(&probe.assembly, function, rule);
            ensure!(
                faults.iter().any(|fault| fault.kind == kind),
                "{:?}: planted::{name} has {kind}, but what was found is {faults:?}",
                probe.assembly.isa
            );
            self.refused += 1;
        }
        Ok(())
    }

    /// The operations as a user's code calls them.
    fn operations(&mut self, probe: &Probe) -> Result<()> {
        let isa = probe.assembly.isa;
        for (name, address) in &probe.listing.access {
            let function = behind_jump(probe, *address)?;
            let rule = match name.as_str() {
                "get_v" | "set_v" => Some(Rule::Straight),
                "decode" => Some(Rule::Decode {
                    table: probe.listing.table,
                }),
                // They go from bank to bank; what they execute is counted.
                "expand" | "pack" => None,
                _ => Some(Rule::Dispatch),
            };
            let label = match isa {
                Isa::Aarch64 => "arm64",
                Isa::X86_64 => "x86",
            };
            if let Some(rule) = rule {
                self.check(probe, function, rule, &format!("{name}, {label}"));
            }
            self.rows.push(Row {
                operation: name.clone(),
                registers: "any".to_owned(),
                vqs: (1..=16).collect(),
                isa: label,
                instructions: function.instructions.len(),
                branches: function.branches(),
                cycles: None,
            });
        }
        Ok(())
    }

    fn check(&mut self, probe: &Probe, function: &Function, rule: Rule, what: &str) {
        let faults = rules::faults(&probe.assembly, function, rule);
        if let Some(first) = faults.first() {
            let more = match faults.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            self.faults.push(format!("{what}: {first}{more}"));
        }
    }

    fn kernels(&mut self, probe: &Probe) -> Result<()> {
        let isas = isas(probe.assembly.isa);
        for (kernel, users) in &probe.listing.kernels {
            let isa = isas.get(kernel.isa).context("one more instruction set")?;
            let function = probe.function(kernel.address)?;
            let rule = match kernel.operation {
                "get" | "set" => Rule::Straight,
                _ => Rule::CountedLoop,
            };
            self.check(
                probe,
                function,
                rule,
                &format!("{}, {isa}", described(kernel, users)),
            );
            *self.kernels.entry(isa).or_default() += 1;
            self.rows.push(Row {
                operation: kernel.operation.to_owned(),
                registers: registers(users),
                vqs: users.vqs.clone(),
                isa,
                instructions: function.instructions.len(),
                branches: function.branches(),
                cycles: None,
            });
            if probe.assembly.isa == Isa::Aarch64 {
                self.measure(probe, kernel, function)?;
            }
        }
        Ok(())
    }

    /// Notes what is to be modelled: a kernel, and the plain copy of as many bytes as it writes. For
    /// those of a bank it is the bodies of both loops.
    fn measure(&mut self, probe: &Probe, kernel: &Kernel, function: &Function) -> Result<()> {
        let bytes = match kernel.operation {
            "get" | "expand" => kernel.slice,
            _ => kernel.copy,
        };
        let many = matches!(kernel.operation, "expand" | "pack");
        let plain = if many {
            &probe.listing.copies
        } else {
            &probe.listing.copy
        };
        if bytes == 0 {
            return Ok(());
        }
        let plain = plain.get(&bytes);
        let plain = plain.with_context(|| format!("the probe has no copy of {bytes} bytes"))?;
        let copies =
            |i: &Instruction| matches!(i.flow, Flow::Next | Flow::Branch(_) | Flow::Return);
        let body = |function| {
            let body = match many {
                true => rules::loop_body(function)?,
                false => &function.instructions[..],
            };
            // A call cannot be modelled.
            body.iter().all(copies).then_some(body)
        };
        let measure = body(probe.function(*plain)?);
        let measure = measure
            .with_context(|| format!("the plain copy of {bytes} bytes is none: it calls"))?;
        // A kernel that does not copy, or not in a loop, has been found at fault.
        let Some(kernel_body) = body(function) else {
            return Ok(());
        };
        let mut piece = |body: &[Instruction], address: u64| {
            let name = format!("{address:x}");
            self.pieces.insert(name.clone(), model::text(body));
            name
        };
        let (name, plain) = (piece(kernel_body, kernel.address), piece(measure, *plain));
        self.measured.push(Piece {
            row: self.rows.len() - 1,
            name,
            plain,
            inside: kernel.operation != "set" && !kernel.copy.is_multiple_of(VECTOR),
        });
        Ok(())
    }

    /// Models all pieces, and compares each kernel with its plain copy.
    fn model(&mut self, cx: &Context, tools: &tools::Tools, probe: &Probe) -> Result<()> {
        let cycles = model::cycles(cx, tools, &self.pieces)?;
        // Planted: 80 bytes, where 64 are to be written.
        let copy = |bytes: usize| -> Result<&Cycles> {
            let address = probe.listing.copy.get(&bytes);
            let name = address.map(|address| format!("{address:x}"));
            let found = name.and_then(|name| cycles.get(&name));
            found.with_context(|| format!("no plain copy of {bytes} bytes was modelled"))
        };
        for processor in LIMITED {
            ensure!(
                above(LIMIT, copy(80)?[processor], copy(64)?[processor]),
                "a copy of 80 bytes is not told from one of 64 on {}",
                PROCESSORS[processor].1
            );
        }
        self.refused += 1;
        for Piece {
            row,
            name,
            plain,
            inside,
        } in &self.measured
        {
            let limit = if *inside { LIMIT_INSIDE } else { LIMIT };
            let row = &mut self.rows[*row];
            let (kernel, plain): (Cycles, Cycles) = (cycles[name], cycles[plain]);
            row.cycles = Some((kernel, plain));
            let what = row.name();
            let mut faults = Vec::new();
            for (processor, (_, name)) in PROCESSORS.iter().enumerate() {
                let (kernel, plain) = (kernel[processor], plain[processor]);
                let ratio = kernel / plain;
                let worst = &mut self.worst[usize::from(*inside)][processor];
                if ratio > worst.0 {
                    *worst = (ratio, what.clone());
                }
                if LIMITED.contains(&processor) && above(limit, kernel, plain) {
                    faults.push(format!(
                        "{kernel:.2} on {name}, where that takes {plain:.2}"
                    ));
                }
            }
            if !faults.is_empty() {
                self.faults.push(format!(
                    "{what}: above {limit:.2} times a plain copy's cycles: {}",
                    faults.join("; ")
                ));
            }
        }
        Ok(())
    }

    fn execute(&mut self, cx: &Context, probe: &Probe) -> Result<()> {
        let mut operations = executed::count(cx, &probe.program)?;
        let planted = operations.remove(executed::PLANTED);
        let planted = planted.context("the planted branch was not executed")?;
        ensure!(
            planted.verdict(executed::PLANTED).is_err(),
            "the planted branch was executed, and not seen"
        );
        self.refused += 1;
        ensure!(
            operations.keys().eq(probe.listing.access.keys()),
            "not every operation was executed, only: {:?}",
            operations.keys()
        );
        let cases: usize = operations.values().map(|counts| counts.cases).sum();
        for (operation, counts) in &operations {
            match counts.verdict(operation) {
                Ok(branches) => {
                    let (first, last) = (counts.instructions.first(), counts.instructions.last());
                    let (first, last) = (first.copied().unwrap_or(0), last.copied().unwrap_or(0));
                    self.executed.push(format!(
                        "  {operation:8} {:5}   {first:5} to {last:5}   {branches:5}",
                        counts.cases
                    ));
                }
                Err(fault) => self.faults.push(fault),
            }
        }
        self.executed.push(format!("{cases} cases"));
        Ok(())
    }

    fn table(&self) -> Table {
        Table(self.rows.clone())
    }

    fn verdict(self) -> Result<Counted> {
        let (cases, executed) = self.executed.split_last().context("nothing was executed")?;
        println!("  executed  cases  instructions  cond. branches in each");
        for line in executed {
            println!("{line}");
        }
        if !self.faults.is_empty() {
            for fault in self.faults.iter().take(SHOWN) {
                println!("  {fault}");
            }
            if let Some(more) = self
                .faults
                .len()
                .checked_sub(SHOWN)
                .filter(|more| *more > 0)
            {
                println!("  and {more} more");
            }
            bail!("{}", count(self.faults.len(), "fault"));
        }
        let kernels: Vec<_> = self
            .kernels
            .iter()
            .map(|(isa, n)| format!("{n} for {isa}"))
            .collect();
        let worst = |worst: &[(f64, String)]| {
            let worst = LIMITED.iter().map(|p| {
                let (ratio, what) = &worst[*p];
                format!("{ratio:.2} on {} ({what})", PROCESSORS[*p].1)
            });
            worst.collect::<Vec<_>>().join(", ")
        };
        let [whole, inside] = &self.worst;
        Ok(vec![
            format!("kernels without a fault: {}", kernels.join(", ")),
            format!("{} refused", count(self.refused, "planted fault")),
            format!("cycles beside a plain copy's, at worst: {}", worst(whole)),
            format!("where a register ends inside a vector: {}", worst(inside)),
            format!(
                "{cases} executed: conditional branches do not depend on VQ, register or contents"
            ),
        ])
    }
}

fn above(limit: f64, kernel: f64, plain: f64) -> bool {
    kernel / plain > limit + ROUNDING
}

/// A function, or what it does nothing but jump to.
fn behind_jump(probe: &Probe, address: u64) -> Result<&Function> {
    let function = probe.function(address)?;
    match &function.instructions[..] {
        [only] => match only.flow {
            Flow::Jump(to) => probe.function(to),
            _ => Ok(function),
        },
        _ => Ok(function),
    }
}

fn registers(users: &Users) -> String {
    users.banks.iter().cloned().collect::<Vec<_>>().join(" ")
}

/// `get of 32 in 256 bytes (Z, VQ 2)`
fn described(kernel: &Kernel, users: &Users) -> String {
    let Kernel {
        operation,
        slice,
        copy,
        ..
    } = kernel;
    let (registers, place) = (registers(users), place(&users.vqs));
    format!("{operation} of {copy} in {slice} bytes ({registers}, {place})")
}
