//! Modelled cycles: what `llvm-mca` makes of a piece of code on processors that this machine is not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::assembly::{Flow, Instruction};
use super::tools::Tools;
use crate::context::Context;

/// The processors: as `llvm-mca` calls them, and as the table does.
pub(crate) const PROCESSORS: [(&str, &str); 3] = [
    ("neoverse-v1", "V1"),
    ("neoverse-v2", "V2"),
    ("neoverse-n2", "N2"),
];

/// Cycles on each processor.
pub(crate) type Cycles = [f64; PROCESSORS.len()];

/// Iterations before those that count, in which the pipeline fills.
const WARM_UP: u32 = 50;
/// Iterations that count.
const COUNTED: u32 = 100;

/// Instructions as an assembler takes them. The name tells pieces apart.
pub(crate) type Pieces = BTreeMap<String, String>;

/// The text of some instructions: without returns, and branches go nowhere.
pub(crate) fn text(instructions: &[Instruction]) -> String {
    let mut text = String::new();
    for instruction in instructions.iter().filter(|i| i.flow != Flow::Return) {
        let Instruction {
            mnemonic,
            operands,
            flow,
            ..
        } = instruction;
        let operands = match (flow, operands.rsplit_once(", ")) {
            (Flow::Next, _) => operands.clone(),
            (_, Some((registers, _))) => format!("{registers}, ."),
            (_, None) => ".".to_owned(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{mnemonic} {operands}");
    }
    text
}

/// The cycles of one iteration of each piece, repeated, in the steady state. A piece without
/// instructions takes none.
pub(crate) fn cycles(
    cx: &Context,
    tools: &Tools,
    pieces: &Pieces,
) -> Result<BTreeMap<String, Cycles>> {
    let mut source = String::new();
    for (name, text) in pieces.iter().filter(|(_, text)| !text.is_empty()) {
        let _ = writeln!(
            source,
            "# LLVM-MCA-BEGIN {name}\n{text}# LLVM-MCA-END {name}"
        );
    }
    let path = cx.directory("codegen")?.join("pieces.s");
    fs::write(&path, source)?;

    let mut cycles: BTreeMap<String, Cycles> = pieces
        .keys()
        .map(|name| (name.clone(), Cycles::default()))
        .collect();
    for (processor, (mcpu, _)) in PROCESSORS.iter().enumerate() {
        let run = |iterations: u32| {
            let mut mca = Command::new(&tools.mca);
            mca.args([
                "-mtriple=aarch64",
                "-json",
                "-instruction-info=0",
                "-resource-pressure=0",
            ])
            .arg(format!("-mcpu={mcpu}"))
            .arg(format!("-iterations={iterations}"))
            .arg(&path);
            total_cycles(&cx.run(mca)?).with_context(|| format!("llvm-mca for {mcpu}"))
        };
        let (warm_up, all) = (run(WARM_UP)?, run(WARM_UP + COUNTED)?);
        for (name, total) in &all {
            let first = warm_up
                .get(name)
                .context("the pieces differ between two runs")?;
            let piece = cycles
                .get_mut(name)
                .context("a piece that was not asked for")?;
            piece[processor] = (total - first) / f64::from(COUNTED);
        }
        let there = pieces.values().filter(|text| !text.is_empty()).count();
        ensure!(
            all.len() == there,
            "{mcpu}: {} of {there} pieces",
            all.len()
        );
    }
    Ok(cycles)
}

/// The cycles of all iterations of each piece.
fn total_cycles(json: &str) -> Result<BTreeMap<String, f64>> {
    let json: Value = serde_json::from_str(json)?;
    let regions = json["CodeRegions"].as_array().context("no regions")?;
    let region = |region: &Value| {
        let name = region["Name"].as_str()?.to_owned();
        Some((name, region["SummaryView"]["TotalCycles"].as_f64()?))
    };
    let total = regions.iter().map(region).collect::<Option<_>>();
    total.context("a region without a name or cycles")
}
