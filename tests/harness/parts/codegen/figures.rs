//! What the operations are as arm64 code: how many instructions each one has, and how many cycles `llvm-mca` makes of
//! them on processors that are not at hand, compared with what the file has. Both follow from the compiler and the
//! model, so a change that comes with neither is a change of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::assembly::{Flow, Function};
use crate::context::{Context, command};
use crate::machine::install::{self, LLVM};

const FILE: &str = "benches/aarch64.toml";
const MCA: &str = "llvm-mca-22";
const PROCESSORS: [&str; 3] = ["neoverse-v1", "neoverse-v2", "neoverse-n2"];
/// What fraction of a figure may change, and from what difference on it counts as another: instructions, then cycles.
const PART: f64 = 0.02;
const LEAST: [f64; 1 + PROCESSORS.len()] = [2.0, 0.25, 0.25, 0.25];

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Figures {
    /// The compiler and the model.
    pub(super) built: String,
    /// By operation and opt-level, the number of instructions and, if it is straight, the cycles on each processor.
    operations: BTreeMap<String, Vec<f64>>,
}

impl Figures {
    /// Counts and models functions.
    pub(super) fn new(
        cx: &Context,
        compiler: &str,
        functions: &BTreeMap<String, &Function>,
    ) -> Result<Self> {
        install::ensure(cx, &[LLVM])?;
        let said = cx.run_quietly(Command::new(MCA).arg("--version"))?;
        let version = said
            .lines()
            .find_map(|line| line.split_once("LLVM version "));
        let (_, version) = version.with_context(|| format!("{MCA} does not say its version"))?;

        let (mut operations, mut source) = (BTreeMap::new(), String::new());
        for (name, Function { instructions, .. }) in functions {
            operations.insert(name.clone(), vec![instructions.len() as f64]);
            let mut flows = instructions.iter().map(|i| &i.flow);
            if flows.all(|flow| [Flow::Next, Flow::Return].contains(flow)) {
                // Writing to a string does not fail.
                let _ = writeln!(source, "# LLVM-MCA-BEGIN {name}");
                for instruction in instructions.iter().filter(|i| i.flow == Flow::Next) {
                    let _ = writeln!(source, "{}", instruction.text);
                }
                let _ = writeln!(source, "# LLVM-MCA-END {name}");
            }
        }
        for processor in PROCESSORS {
            for (name, cycles) in cycles(cx, processor, &source)? {
                operations.entry(name).or_default().push(cycles);
            }
        }
        let built = format!("{compiler}, LLVM version {}", version.trim());
        Ok(Self { built, operations })
    }

    pub(super) fn read(cx: &Context) -> Result<Self> {
        let text = fs::read_to_string(cx.root.join(FILE)).context(FILE)?;
        toml::from_str(&text).context(FILE)
    }

    pub(super) fn write(&self, cx: &Context) -> Result<()> {
        fs::write(cx.root.join(FILE), self.text()).context(FILE)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# Written by `cargo harness codegen --bless`.\nbuilt = {:?}\n\n\
             # Of each operation, at an opt-level: instructions, cycles on V1, V2 and N2.\n[operations]\n",
            self.built
        );
        for (name, figures) in &self.operations {
            let _ = writeln!(text, "{name:?} = {figures:.2?}");
        }
        text
    }

    /// What is not as the file has it.
    pub(super) fn changed(&self, file: &Self) -> Vec<String> {
        let of = |figures: &Self, name: &str| figures.operations.get(name).cloned();
        let names: BTreeSet<_> = [self, file]
            .iter()
            .flat_map(|it| it.operations.keys())
            .collect();
        let changed = names.into_iter().filter_map(|name| {
            let [now, once] = [self, file].map(|figures| of(figures, name).unwrap_or_default());
            let differs = |((now, once), least): ((&f64, &f64), f64)| {
                let change = (now - once).abs();
                change >= least && change > PART * once
            };
            let differs = now.iter().zip(&once).zip(LEAST).any(differs);
            (differs || now.len() != once.len()).then(|| {
                format!("{name}: {now:.2?} instructions and cycles, which were {once:.2?}")
            })
        });
        changed.collect()
    }

    /// The cycles of a GET and a SET of Z beside those of a plain copy.
    pub(super) fn beside_plain(&self) -> Result<String> {
        let cycles = |name: &str| {
            self.operations
                .get(name)
                .and_then(|figures| figures.get(1..))
        };
        let plain = cycles("plain_z 3").context("a plain copy is not straight")?;
        let mut said = "cycles on V1, V2 and N2 beside a plain copy's:".to_owned();
        for name in ["get_z 3", "get_z s", "set_z 3", "set_z s"] {
            let own = cycles(name).unwrap_or_default().iter();
            let ratios: Vec<f64> = own.zip(plain).map(|(own, plain)| own / plain).collect();
            let _ = write!(said, " {name} {ratios:.2?}");
        }
        Ok(said)
    }
}

/// The cycles of one iteration of each piece, repeated, in the steady state.
fn cycles(cx: &Context, processor: &str, source: &str) -> Result<BTreeMap<String, f64>> {
    /// The iterations in which the pipeline fills, and those that count.
    const ITERATIONS: [u32; 2] = [50, 100];
    let path = cx.directory("codegen")?.join("pieces.s");
    fs::write(&path, source)?;
    let run = |iterations: u32| {
        let mut mca = command(&format!(
            "{MCA} -mtriple=aarch64 -json -instruction-info=0 -resource-pressure=0 -mcpu={processor} \
             -iterations={iterations}"
        ));
        totals(&cx.run(mca.arg(&path))?).with_context(|| format!("{MCA} for {processor}"))
    };
    let [fill, counted] = ITERATIONS;
    let (filled, all) = (run(fill)?, run(fill + counted)?);
    ensure!(
        filled.keys().eq(all.keys()),
        "the pieces differ between two runs"
    );
    let cycles = filled.values().zip(all).map(|(filled, (name, all))| {
        let cycles = (all - filled) / f64::from(counted);
        (name, cycles)
    });
    Ok(cycles.collect())
}

/// The cycles of all iterations of each piece.
fn totals(json: &str) -> Result<BTreeMap<String, f64>> {
    let json: Value = serde_json::from_str(json)?;
    let regions = json["CodeRegions"].as_array().context("no regions")?;
    let total = regions.iter().map(|region| {
        let cycles = region["SummaryView"]["TotalCycles"].as_f64()?;
        Some((region["Name"].as_str()?.to_owned(), cycles))
    });
    total
        .collect::<Option<_>>()
        .context("a region without a name or cycles")
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn what_changed_is_named_and_the_file_is_what_was_written() {
        let figures = |get: &[f64]| Figures {
            built: "a compiler".to_owned(),
            operations: [("get".to_owned(), get.to_vec())].into(),
        };
        let file = figures(&[100.0, 10.0, 20.0, 8.5]);
        assert_eq!(toml::from_str::<Figures>(&file.text()).unwrap(), file);
        for (get, same) in [
            (&[100.0, 10.0, 20.0, 8.5][..], true),
            // A small change of few is a large fraction, and a large change of many is a small one.
            (&[101.9, 10.2, 20.3, 8.7], true),
            (&[103.0, 10.0, 20.0, 8.5], false),
            (&[97.0, 10.0, 20.0, 8.5], false),
            (&[100.0, 10.3, 20.0, 8.5], false),
            (&[100.0], false),
        ] {
            assert_eq!(figures(get).changed(&file).is_empty(), same, "{get:?}");
        }
        let mut none = file.clone();
        none.operations.clear();
        assert_eq!(
            (none.changed(&file).len(), file.changed(&none).len()),
            (1, 1)
        );
    }
}
