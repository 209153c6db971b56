//! The file with what was once measured, and how what is measured now is judged by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::Operation;
use super::count::Counts;
use super::time::median;

/// How much of an operation's ratios may be lost, where compiler and processor are the file's: in the mean of
/// its cases, of which neighbours on the same core cost up to 0.15 and a quarter more work costs 0.2; and in one
/// case, which may be unlucky with where things lie. Elsewhere a ratio says nothing: it is a property of the
/// processor.
const MARGINS: [f64; 2] = [0.2, 0.6];
/// What is counted; from what change on, and from what part on, it is another.
const COUNTED: [(&str, f64, f64); 3] = [
    ("instructions", 2.0, 0.02),
    ("conditional branches", 0.5, 0.005),
    ("indirect branches", 0.5, 0.005),
];
const MARKERS: [&str; 2] = ["<!-- gate --table -->", "<!-- /gate --table -->"];

/// What was measured, and where.
#[derive(Debug, Default, Deserialize)]
pub struct Figures {
    /// Compiler, target, flags, libc and valgrind: what counts depend on.
    built: String,
    /// The model: what ratios depend on too.
    pub processor: String,
    /// The cases, in the order of the figures.
    cases: Vec<String>,
    /// By operation.
    pub counts: Counts,
    /// By `OPERATION beside IMPLEMENTATION`.
    ratios: BTreeMap<String, Ratios>,
}

/// Times of another implementation, divided by those of ours.
#[derive(Debug, Default, Deserialize)]
struct Ratios {
    /// What they should be.
    goal: Option<f64>,
    /// What they are, by case.
    found: Vec<f64>,
}

impl Figures {
    /// Nothing yet, of this program on this machine.
    pub fn here(cases: &[&str]) -> Result<Self> {
        let version = |program, argument| -> Option<String> {
            let said = Command::new(program).arg(argument).output().ok()?.stdout;
            Some(String::from_utf8(said).ok()?.trim().to_owned())
        };
        let libc = version("getconf", "GNU_LIBC_VERSION").unwrap_or_default();
        let valgrind = version("valgrind", "--version").unwrap_or_default();
        let info = fs::read_to_string("/proc/cpuinfo").context("the processor's model")?;
        let field = |name: &&str| {
            let line = info.lines().find(|line| line.starts_with(*name));
            line.and_then(|line| Some(line.split_once(": ")?.1))
        };
        let fields = [
            "vendor_id",
            "cpu family",
            "model",
            "CPU implementer",
            "CPU part",
        ];
        let processor: Vec<_> = fields.iter().filter_map(field).collect();
        ensure!(
            !processor.is_empty(),
            "/proc/cpuinfo has no model of the processor"
        );
        Ok(Self {
            built: [env!("BUILT_WITH"), &libc, &valgrind].join(", "),
            processor: processor.join(" "),
            cases: cases.iter().map(|case| (*case).to_owned()).collect(),
            ..Self::default()
        })
    }

    /// From a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("{}: --bless writes it", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Takes the median of each case's rounds; in words, with how far the rounds are apart.
    pub fn add_ratios(&mut self, name: String, mut rounds: Vec<Vec<f64>>) -> String {
        let found: Vec<_> = rounds.iter_mut().map(|rounds| median(rounds)).collect();
        let spread = rounds.iter().zip(&found).map(|(rounds, found)| {
            let (last, quarter) = (rounds.len() - 1, rounds.len() / 4);
            50.0 * (rounds[last - quarter] - rounds[quarter]) / found
        });
        let spread = spread.fold(0.0, f64::max);
        let said = format!("{name}: {found:.2?}, each \u{b1}{spread:.0} % or less");
        self.ratios.insert(name, Ratios { goal: None, found });
        said
    }

    /// Takes what `found` has. Goals stay; of the rest what was not measured, if it is of the same build and
    /// processor, and not gone from a `whole` run.
    pub fn bless(&mut self, found: Self, whole: bool) {
        let timed = !found.ratios.is_empty();
        let rebuilt = (&self.built, &self.cases) != (&found.built, &found.cases);
        if rebuilt {
            self.counts.clear();
        }
        if rebuilt || timed && self.processor != found.processor {
            self.ratios
                .values_mut()
                .for_each(|ratios| ratios.found.clear());
            self.processor = found.processor;
        }
        (self.built, self.cases) = (found.built, found.cases);
        if whole && timed {
            self.ratios
                .retain(|name, _| found.ratios.contains_key(name));
        }
        if whole && !found.counts.is_empty() {
            self.counts.clear();
        }
        self.counts.extend(found.counts);
        for (name, ratios) in found.ratios {
            self.ratios.entry(name).or_default().found = ratios.found;
        }
    }

    /// To a file: a line for each operation.
    pub fn write(&self, path: &Path) -> Result<()> {
        let Self {
            built,
            processor,
            cases,
            counts,
            ratios,
        } = self;
        let mut text = format!(
            "# Written by `gate --bless`; only goals are edited.\nbuilt = {built:?}\nprocessor = {processor:?}\n\
             cases = {cases:?}\n\n# Each time, by case: {}.\n[counts]\n",
            COUNTED.map(|(name, ..)| name).join(", ")
        );
        for (operation, counts) in counts {
            writeln!(text, "{operation:?} = {counts:.2?}")?;
        }
        text +=
            "\n# Times of other implementations, divided by those of ours, by case.\n[ratios]\n";
        for (name, Ratios { goal, found }) in ratios {
            let goal = goal.map_or(String::new(), |goal| format!("goal = {goal:?}, "));
            writeln!(text, "{name:?} = {{ {goal}found = {found:.3?} }}")?;
        }
        fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// What of this is worse than the file has it, or gone from a `whole` run; and whether counts and ratios
    /// can be compared.
    pub fn judge(&self, file: &Self, whole: bool) -> (Vec<String>, [bool; 2]) {
        let counts = self.built == file.built;
        let times = counts && self.processor == file.processor;
        let mut worse = Vec::new();
        if self.cases != file.cases {
            worse.push(format!("cases {:?}, not {:?}", self.cases, file.cases));
            return (worse, [counts, times]);
        }
        for (name, now, once) in pairs(&self.counts, &file.counts, whole).filter(|_| counts) {
            let (Some(now), Some(once)) = (now, once) else {
                worse.push(format!("{name}: not counted both here and for the file"));
                continue;
            };
            for (case, (now, once)) in self.cases.iter().zip(now.iter().zip(once)) {
                for ((what, least, part), (now, once)) in COUNTED.iter().zip(now.iter().zip(once)) {
                    let change = (now - once).abs();
                    if change >= *least && change > part * once {
                        let than = if now < once { "fewer" } else { "more" };
                        worse.push(format!(
                            "{name}, {case}: {now:.2} {what}, {than} than {once:.2}"
                        ));
                    }
                }
            }
        }
        let [least, one] = MARGINS.map(|margin| 1.0 - margin);
        for (name, now, once) in pairs(&self.ratios, &file.ratios, whole).filter(|_| times) {
            let [now, once] = [now, once].map(|ratios| ratios.map_or(&[][..], |r| &r.found));
            if now.len() != once.len() {
                worse.push(format!("{name}: not measured both here and for the file"));
                continue;
            }
            let kept = now.iter().zip(once).map(|(now, once)| now / once);
            let mean = kept.clone().product::<f64>().powf(1.0 / now.len() as f64);
            let lowest = kept.fold(f64::INFINITY, f64::min);
            if mean < least || lowest < one {
                worse.push(format!(
                    "{name}: {now:.2?}, not {once:.2?}: {mean:.2} of it in the mean, {lowest:.2} at least, \
                     where {least:.2} and {one:.2} are allowed"
                ));
            }
        }
        (worse, [counts, times])
    }

    /// The ratios as a Markdown table, in place of what is between the two markers of a page.
    pub fn write_table(&self, page: &Path, operations: &[Operation], filter: &str) -> Result<()> {
        let (cases, line) = (
            self.cases.join(" | "),
            " --- |".repeat(3 + self.cases.len()),
        );
        let mut table = format!("| operation | beside | goal | {cases} |\n|{line}\n");
        for operation in operations {
            for (other, _) in &operation.others {
                let name = format!("{} beside {other}", operation.name);
                if !name.contains(filter) {
                    continue;
                }
                let ratios = self.ratios.get(&name);
                let Ratios { goal, found } = ratios.with_context(|| {
                    format!("{name}: the file has no ratios; --bless writes them")
                })?;
                let goal = goal.map_or(String::new(), |goal| goal.to_string());
                let found: Vec<_> = found.iter().map(|ratio| format!("{ratio:.2}")).collect();
                let (name, found) = (operation.name, found.join(" | "));
                writeln!(table, "| `{name}` | {other} | {goal} | {found} |")?;
            }
        }
        let Self {
            built, processor, ..
        } = self;
        writeln!(table, "\nProcessor: {processor}. Built with: {built}.")?;
        let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
        let [start, end] = MARKERS;
        let (before, rest) = text.split_once(start).context(start)?;
        let (_, after) = rest.split_once(end).context(end)?;
        fs::write(page, format!("{before}{start}\n\n{table}\n{end}{after}"))?;
        Ok(())
    }
}

/// What there is of each operation, here and in the file; of those that are not here, if all should be.
fn pairs<'a, T>(
    now: &'a BTreeMap<String, T>,
    once: &'a BTreeMap<String, T>,
    whole: bool,
) -> impl Iterator<Item = (&'a String, Option<&'a T>, Option<&'a T>)> {
    let gone = move |name: &&String| whole && !now.is_empty() && !now.contains_key(*name);
    let names = now.keys().chain(once.keys().filter(gone));
    names.map(|name| (name, now.get(name), once.get(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: [f64; 6] = [0.5, 1.0, 1.0, 2.0, 4.0, 1.0];

    fn figures(labels: [&str; 2], instructions: f64, kept: [f64; 6]) -> Figures {
        let [built, processor] = labels;
        let found = [0, 1, 2, 3, 4, 5].map(|case| SAME[case] * kept[case]);
        let text = format!(
            "built = {built:?}\nprocessor = {processor:?}\ncases = ['1', '2', '4', '8', '16', 'mixed']\n\
             counts.'a.sum' = [[{instructions}, 400.0, 0.0]]\n\
             ratios.'a.sum beside loop' = {{ goal = 1.5, found = {found:?} }}"
        );
        toml::from_str(&text).expect("figures")
    }

    #[test]
    fn what_is_worse_and_what_is_not_compared() {
        let (here, all) = (["here", "this"], [1.0; 6]);
        let file = figures(here, 100.0, all);
        for (labels, instructions, kept, expected) in [
            (here, 100.0, all, 0),
            (here, 101.9, [0.82; 6], 0),
            // More or fewer: a change is looked at, and blessed.
            (here, 102.1, all, 1),
            (here, 97.9, all, 1),
            (["there", "this"], 200.0, all, 0),
            // A third more work; twice the work in half of the cases, and 2.6 times in one.
            (here, 100.0, [0.75; 6], 1),
            (here, 100.0, [0.5, 1.0, 0.5, 1.0, 0.5, 1.0], 1),
            (here, 100.0, [1.0, 1.0, 1.0, 1.0, 1.0, 0.38], 1),
            (here, 100.0, [1.0, 1.0, 1.0, 1.0, 1.0, 0.7], 0),
            // Elsewhere.
            (["here", "other"], 100.0, [0.1; 6], 0),
            (["there", "this"], 100.0, [0.1; 6], 0),
            (["here", "other"], 102.1, all, 1),
        ] {
            let (worse, compared) = figures(labels, instructions, kept).judge(&file, true);
            assert_eq!(worse.len(), expected, "{worse:?}");
            assert_eq!(compared, [labels[0] == "here", labels == here]);
        }
        // What is gone, and what is new.
        let mut other = figures(here, 100.0, all);
        let sum = other.counts.remove("a.sum").expect("counts");
        other.counts.insert("b".to_owned(), sum);
        assert_eq!(other.judge(&file, true).0.len(), 2);
        assert_eq!(other.judge(&file, false).0.len(), 1);
        other.cases.pop();
        assert_eq!(other.judge(&file, true).0.len(), 1);
        // What was cleared, and what only times have.
        let (mut cleared, mut timed) = (figures(here, 100.0, all), figures(here, 100.0, all));
        cleared.ratios.values_mut().for_each(|r| r.found.clear());
        assert_eq!(cleared.judge(&file, true).0.len(), 1);
        assert_eq!(file.judge(&cleared, true).0.len(), 1);
        timed.counts.clear();
        assert_eq!(timed.judge(&file, true).0.len(), 0);
    }

    #[test]
    fn what_is_blessed_is_of_one_build_and_one_processor() {
        let path = std::env::temp_dir().join(format!("gate-{}.toml", std::process::id()));
        let of = |labels| figures(labels, 100.0, [1.0; 6]);
        for (labels, whole, [counts, ratios]) in [
            (["here", "this"], false, [2, 6]),
            (["here", "this"], true, [1, 6]),
            (["here", "other"], false, [2, 0]),
            (["there", "this"], false, [1, 0]),
        ] {
            let (mut file, mut found) = (of(["here", "this"]), of(labels));
            let old = || Ratios {
                goal: None,
                found: SAME.to_vec(),
            };
            file.counts
                .insert("old".to_owned(), vec![[7.0, 0.0, 0.0]; 6]);
            file.ratios.insert("old".to_owned(), old());
            if whole {
                found.ratios.insert("old".to_owned(), old());
            }
            file.bless(found, whole);
            file.write(&path).expect("a file");
            let file = Figures::read(&path).expect("figures");
            assert_eq!([&file.built[..], &file.processor], labels);
            assert_eq!(file.counts.len(), counts);
            assert_eq!(file.ratios["old"].found.len(), ratios);
            assert_eq!(file.ratios["a.sum beside loop"].goal, Some(1.5));
        }
        // Counts only, on another processor, and times only: the other half stays.
        for clear in [true, false] {
            let (mut file, mut found) = (of(["here", "this"]), of(["here", "this"]));
            if clear {
                found = of(["here", "other"]);
                found.ratios.clear();
            } else {
                found.counts.clear();
            }
            file.bless(found, true);
            assert_eq!(file.processor, "this");
            assert_eq!(
                (
                    file.counts.len(),
                    file.ratios["a.sum beside loop"].found.len()
                ),
                (1, 6)
            );
        }
        fs::remove_file(path).expect("the file");
    }
}
