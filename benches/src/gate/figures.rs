//! The file with what was once measured, and how what is measured now is judged by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Operation;
use super::count::Counts;
use super::time::median;

/// How much of an operation's ratios may be lost, in the median of its cases, on the processor that the
/// file names: less than a quarter more work costs, and more than chance takes. How much on another. How
/// much of one case, which may be lucky with where things lie.
const MARGINS: [f64; 3] = [0.15, 0.5, 2.0 / 3.0];
/// What is counted, for each register moved, and from what on a change is one, if it is more than 2 %.
const COUNTED: [(&str, f64); 3] = [
    ("instructions", 2.0),
    ("conditional branches", 0.5),
    ("indirect branches", 0.5),
];
const MARKERS: [&str; 2] = ["<!-- gate --table -->", "<!-- /gate --table -->"];

/// What was measured, and where.
#[derive(Debug, Default, Deserialize)]
pub struct Figures {
    /// Compiler, target, flags and libc: what counts depend on.
    built: String,
    /// The model: what ratios depend on.
    processor: String,
    /// By operation.
    pub counts: Counts,
    /// By `OPERATION beside IMPLEMENTATION`.
    pub ratios: BTreeMap<String, Ratios>,
}

/// Times of another implementation, divided by those of ours.
#[derive(Debug, Default, Deserialize)]
pub struct Ratios {
    /// What they should be.
    pub goal: Option<f64>,
    /// What they are, by case.
    pub found: Vec<f64>,
}

impl Figures {
    /// Nothing yet, of this program on this machine.
    pub fn here() -> Result<Self> {
        let libc = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
        let libc = libc.context("getconf, for the version of libc")?.stdout;
        let info = fs::read_to_string("/proc/cpuinfo").context("the processor's model")?;
        let field = |name: &&str| {
            let line = info.lines().find(|line| line.starts_with(*name));
            line.and_then(|line| Some(line.split_once(": ")?.1))
        };
        let fields = ["vendor_id", "cpu family", "model"];
        let processor: Vec<_> = fields.iter().filter_map(field).collect();
        let libc = String::from_utf8_lossy(&libc);
        Ok(Self {
            built: format!("{}, {}", env!("BUILT_WITH"), libc.trim()),
            processor: processor.join(" "),
            ..Self::default()
        })
    }

    /// From a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("{}: --bless writes it", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Takes what `found` has; goals, and what it does not have, stay.
    pub fn bless(&mut self, found: Self) {
        (self.built, self.processor) = (found.built, found.processor);
        self.counts.extend(found.counts);
        for (name, ratios) in found.ratios {
            self.ratios.entry(name).or_default().found = ratios.found;
        }
    }

    /// To a file: a line for each operation.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = format!(
            "# Written by `gate --bless`; only goals are edited.\nbuilt = {:?}\nprocessor = {:?}\n\n\
             # For each register moved, by case: {}.\n[counts]\n",
            self.built,
            self.processor,
            COUNTED.map(|(name, _)| name).join(", ")
        );
        for (operation, counts) in &self.counts {
            writeln!(text, "{operation} = {counts:.2?}")?;
        }
        text +=
            "\n# Times of other implementations, divided by those of ours, by case.\n[ratios]\n";
        for (name, Ratios { goal, found }) in &self.ratios {
            let goal = goal.map_or(String::new(), |goal| format!("goal = {goal:?}, "));
            writeln!(text, "{name:?} = {{ {goal}found = {found:.2?} }}")?;
        }
        fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// What of this is worse than the file has it; and whether counts and ratios can be compared.
    pub fn judge(&self, file: &Self) -> (Vec<String>, [bool; 2]) {
        let mut worse = Vec::new();
        let compared = [self.built == file.built, self.processor == file.processor];
        for (operation, cases) in self.counts.iter().filter(|_| compared[0]) {
            let once = file.counts.get(operation).map_or(&[][..], |once| once);
            if cases.len() != once.len() {
                worse.push(format!("{operation}: other cases than in the file"));
            }
            for (case, (now, once)) in cases.iter().zip(once).enumerate() {
                for ((name, least), (now, once)) in COUNTED.iter().zip(now.iter().zip(once)) {
                    let change = (now - once).abs();
                    if change >= *least && change > 0.02 * once {
                        worse.push(format!(
                            "{operation} {case}: {now:.2} {name}, not {once:.2}"
                        ));
                    }
                }
            }
        }
        let [here, elsewhere, one] = MARGINS.map(|margin| 1.0 - margin);
        let least = if compared[1] { here } else { elsewhere };
        for (name, Ratios { found: now, .. }) in &self.ratios {
            let once = file.ratios.get(name).map_or(&[][..], |once| &once.found);
            let kept = now.iter().zip(once).map(|(now, once)| now / once);
            let kept = &mut kept.collect::<Vec<_>>();
            if now.len() != once.len() {
                worse.push(format!("{name}: other cases than in the file"));
            } else if median(kept) < least || kept[0] < one {
                let (median, first) = (median(kept), kept[0]);
                worse.push(format!(
                    "{name}: {now:.2?}, not {once:.2?}: {median:.2} of it in the median, and {first:.2} at \
                     least, where {least:.2} and {one:.2} are allowed"
                ));
            }
        }
        (worse, compared)
    }

    /// The ratios as a Markdown table, in place of what is between the two markers of a page.
    pub fn write_table(&self, page: &Path, operations: &[Operation], filter: &str) -> Result<()> {
        let cases = operations[0].cases;
        let line = " --- |".repeat(3 + cases.len());
        let cases = cases.join(" | ");
        let mut table = format!("| operation | beside | goal | {cases} |\n|{line}\n");
        for operation in operations {
            for (implementation, _) in &operation.others {
                let name = operation.beside(implementation);
                if !name.contains(filter) {
                    continue;
                }
                let Ratios { goal, found } = self.ratios.get(&name).context(name)?;
                let goal = goal.map_or(String::new(), |goal| goal.to_string());
                let found: Vec<_> = found.iter().map(|ratio| format!("{ratio:.2}")).collect();
                let (name, found) = (operation.name, found.join(" | "));
                writeln!(table, "| `{name}` | {implementation} | {goal} | {found} |")?;
            }
        }
        let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
        let [start, end] = MARKERS;
        let (before, rest) = text.split_once(start).context(start)?;
        let (_, after) = rest.split_once(end).context(end)?;
        fs::write(page, format!("{before}{start}\n\n{table}\n{end}{after}"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(built: &str, processor: &str, instructions: f64, found: [f64; 3]) -> Figures {
        let text = format!(
            "built = {built:?}\nprocessor = {processor:?}\ncounts.sum = [[{instructions}, 4.0, 0.0]]\n\
             ratios.'sum beside loop' = {{ goal = 1.5, found = {found:?} }}"
        );
        toml::from_str(&text).expect("figures")
    }

    const SAME: [f64; 3] = [1.0, 2.0, 4.0];

    #[test]
    fn what_is_worse_and_what_is_not_compared() {
        let file = figures("here", "this", 100.0, SAME);
        for (built, processor, instructions, found, expected) in [
            ("here", "this", 100.0, SAME, 0),
            ("here", "this", 101.9, [0.9, 1.8, 3.6], 0),
            // More or fewer: a change is looked at, and blessed.
            ("here", "this", 102.1, SAME, 1),
            ("here", "this", 97.9, SAME, 1),
            ("there", "this", 200.0, SAME, 0),
            // A quarter more work in all cases, in two, in one; and much more in one.
            ("here", "this", 100.0, [0.8, 1.6, 3.2], 1),
            ("here", "this", 100.0, [1.0, 1.6, 3.2], 1),
            ("here", "this", 100.0, [1.0, 2.0, 3.2], 0),
            ("here", "this", 100.0, [1.0, 2.0, 1.3], 1),
            ("here", "other", 100.0, [0.6, 1.2, 2.4], 0),
            ("here", "other", 100.0, [0.4, 0.8, 1.6], 1),
        ] {
            let (worse, compared) = figures(built, processor, instructions, found).judge(&file);
            assert_eq!(worse.len(), expected, "{worse:?}");
            assert_eq!(compared, [built == "here", processor == "this"]);
        }
        let (worse, _) = file.judge(&Figures::default());
        assert_eq!(worse, ["sum beside loop: other cases than in the file"]);
    }

    #[test]
    fn a_file_keeps_goals_and_what_was_not_measured() {
        let path = std::env::temp_dir().join(format!("gate-{}.toml", std::process::id()));
        let mut file = figures("there", "other", 100.0, SAME);
        file.counts
            .insert("old".to_owned(), vec![vec![7.0, 0.0, 0.0]]);
        file.bless(figures("here", "this", 90.0, [2.0, 2.0, 4.0]));
        file.write(&path).expect("a file");
        let text = fs::read_to_string(&path).expect("the file");
        assert!(text.contains("\nold = [[7.00, 0.00, 0.00]]\nsum = [[90.00, 4.00, 0.00]]\n"));
        assert!(
            text.contains(" = { goal = 1.5, found = [2.00, 2.00, 4.00] }\n"),
            "{text}"
        );
        assert_eq!(Figures::read(&path).expect("figures").built, "here");
        fs::remove_file(path).expect("the file");
    }
}
