//! What the operations are as arm64 code: how many instructions and branches each one has, and how many cycles
//! it takes by the model, beside what the file has. These follow from the compiler and the model, so a change
//! of one is a change of ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::assembly::{Flow, Function};
use super::model::{Cycles, PROCESSORS};
use crate::context::Context;

const FILE: &str = "benches/aarch64.toml";
/// What there is of each operation, and from what change on it is another one. Cycles are there if nothing is
/// called.
const COLUMNS: [(&str, f64); 2 + PROCESSORS.len()] = [
    ("instructions", 2.0),
    ("branches", 1.0),
    ("cycles on V1", 0.25),
    ("cycles on V2", 0.25),
    ("cycles on N2", 0.25),
];
/// What part of a figure may change.
const PART: f64 = 0.02;

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Figures {
    /// The compiler and the model.
    built: String,
    /// By operation, in the order of the columns.
    operations: BTreeMap<String, Vec<f64>>,
}

impl Figures {
    pub(super) fn new(built: String) -> Self {
        Self {
            built,
            operations: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, name: &str, function: &Function, cycles: Option<Cycles>) {
        let instructions = &function.instructions;
        let branches = instructions.iter().filter(|i| {
            matches!(
                i.flow,
                Flow::Branch(_) | Flow::Jump(_) | Flow::JumpIndirect | Flow::CallIndirect
            )
        });
        let mut figures = vec![instructions.len() as f64, branches.count() as f64];
        figures.extend(cycles.into_iter().flatten());
        self.operations.insert(name.to_owned(), figures);
    }

    pub(super) fn read(cx: &Context) -> Result<Self> {
        let text = fs::read_to_string(cx.root.join(FILE)).context(FILE)?;
        toml::from_str(&text).context(FILE)
    }

    pub(super) fn write(&self, cx: &Context) -> Result<()> {
        fs::write(cx.root.join(FILE), self.text()).context(FILE)
    }

    fn text(&self) -> String {
        let columns = COLUMNS.map(|(name, _)| name).join(", ");
        let mut text = format!(
            "# Written by `cargo harness codegen --bless`.\nbuilt = {:?}\n\n# Of each operation: {columns}.\n\
             [operations]\n",
            self.built
        );
        for (name, figures) in &self.operations {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:?} = {figures:.2?}");
        }
        text
    }

    /// Of what compiler and model the file is, if it is not this one's.
    pub(super) fn other<'a>(&self, file: &'a Self) -> Option<&'a str> {
        (self.built != file.built).then_some(&file.built)
    }

    /// What is not as the file has it.
    pub(super) fn changed(&self, file: &Self) -> Vec<String> {
        let mut changed = Vec::new();
        let gone = file.operations.keys();
        let gone = gone.filter(|name| !self.operations.contains_key(*name));
        for name in self.operations.keys().chain(gone) {
            let of = |figures: &Self| figures.operations.get(name).cloned().unwrap_or_default();
            let (now, once) = (of(self), of(file));
            if now.len() != once.len() {
                changed.push(format!("{name}: {now:.2?}, which was {once:.2?}"));
            }
            for ((what, least), (now, once)) in COLUMNS.iter().zip(now.iter().zip(&once)) {
                let change = (now - once).abs();
                if change >= *least && change > PART * once {
                    changed.push(format!("{name}: {now:.2} {what}, which was {once:.2}"));
                }
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    fn figures(operations: &[(&str, &[f64])]) -> Figures {
        let operations = operations.iter();
        Figures {
            built: "a compiler".to_owned(),
            operations: operations
                .map(|(name, figures)| ((*name).to_owned(), figures.to_vec()))
                .collect(),
        }
    }

    #[test]
    fn what_changed_is_named_and_the_file_is_what_was_written() {
        let file = figures(&[
            ("get", &[100.0, 0.0, 10.0, 20.0, 8.5]),
            ("pack", &[300.0, 9.0]),
        ]);
        assert_eq!(toml::from_str::<Figures>(&file.text()).unwrap(), file);
        for (get, pack, expected) in [
            ([100.0, 0.0, 10.0, 20.0, 8.5], &[300.0, 9.0][..], 0),
            ([101.9, 0.0, 10.2, 20.2, 8.6], &[305.0, 9.0], 0),
            // Of few, a small change is a large part.
            ([100.0, 0.0, 10.0, 20.0, 8.7], &[300.0, 9.9], 0),
            // More or fewer: a change is looked at, and blessed.
            ([103.0, 0.0, 10.0, 20.0, 8.5], &[300.0, 9.0], 1),
            ([97.0, 1.0, 10.0, 20.0, 8.5], &[300.0, 9.0], 2),
            ([100.0, 0.0, 10.3, 20.5, 8.0], &[300.0, 9.0], 3),
            (
                [100.0, 0.0, 10.0, 20.0, 8.5],
                &[300.0, 9.0, 1.0, 1.0, 1.0],
                1,
            ),
        ] {
            let changed = figures(&[("get", &get), ("pack", pack)]).changed(&file);
            assert_eq!(changed.len(), expected, "{changed:?}");
        }
        assert_eq!(
            figures(&[("get", &[100.0, 0.0, 10.0, 20.0, 8.5])])
                .changed(&file)
                .len(),
            1
        );
        assert_eq!(file.changed(&figures(&[])).len(), 2);
        assert_eq!(file.other(&file), None);
        let mut other = figures(&[]);
        other.built = "another".to_owned();
        assert_eq!(file.other(&other), Some("another"));
    }
}
