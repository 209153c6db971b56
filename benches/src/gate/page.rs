//! A processor's page of times, in Markdown, which people read and by which later measurements on that processor are
//! judged.

use std::collections::BTreeMap;
use std::fs;
use std::iter::once;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::Operation;
use super::figures::built;
use super::time::{self, median, sorted};

/// How much of the ratio of another implementation's time to ours may be lost: first in the mean of the cases, where
/// neighbours on the same core cost up to 0.15 and a quarter more work costs 0.2, and then in one case, which may be
/// unlucky with where things lie.
const MARGINS: [f64; 2] = [0.2, 0.6];
/// How often each operation is measured.
const ROUNDS: u16 = 5;
const PREFACE: &str = "Nanoseconds each time, by case and implementation; the last case divided by the one before \
it; and the times\ndivided by those of ours, in the mean of the cases, \u{b1} how far the rounds are apart. Written \
by\n`cargo harness gate --bless`, and read by `cargo harness gate` on the same processor.";

/// What was measured, and where.
#[derive(Debug)]
pub struct Page {
    pub(super) processor: String,
    pub(super) cases: Vec<String>,
    /// The rows, with ours first for each operation.
    pub(super) rows: Vec<Row>,
}

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    pub(super) operation: String,
    pub(super) implementation: String,
    /// Nanoseconds each time, by case.
    pub(super) times: Vec<f64>,
    /// Those divided by ours, in words.
    beside: String,
}

impl Page {
    /// An empty page, of this program on this machine.
    pub fn here(cases: &[&str]) -> Result<Self> {
        let info = fs::read_to_string("/proc/cpuinfo").context("the processor's model")?;
        let field = |name: &&str| {
            let line = info.lines().find(|line| line.starts_with(*name));
            line.and_then(|line| Some(line.split_once(": ")?.1))
        };
        let x86 = ["vendor_id", "cpu family", "model"];
        let arm = ["CPU implementer", "CPU part"];
        let model: Vec<_> = x86.iter().chain(&arm).filter_map(field).collect();
        ensure!(!model.is_empty(), "/proc/cpuinfo names no processor");
        let cases = cases.iter().map(|case| (*case).to_owned()).collect();
        let (processor, rows) = (model.join(" "), Vec::new());
        Ok(Self {
            processor,
            cases,
            rows,
        })
    }

    /// Where this processor's page lies.
    pub fn path(&self, figures: &Path) -> PathBuf {
        figures.with_extension(format!("{}.md", self.processor.replace(' ', "-")))
    }

    /// What times depend on, with the table's head.
    pub fn head(&self) -> String {
        let [.., before, last] = &self.cases[..] else {
            return String::new();
        };
        let (processor, built, cases) = (&self.processor, built(), self.cases.join(" | "));
        let lines = " --- |".repeat(4 + self.cases.len());
        format!(
            "Processor: {processor}. Built with: {built}.\n\n\
             | operation | implementation | {cases} | {last} / {before} | / ours |\n|{lines}\n"
        )
    }

    /// The page's text, for a program of this name.
    pub fn text(&self, name: &str) -> String {
        let rows: String = self.rows.iter().map(Row::text).collect();
        let (processor, head) = (&self.processor, self.head());
        format!("# Times of `{name}` on {processor}\n\n{PREFACE}\n\n{head}{rows}")
    }

    /// The rows of a page, if it is for this processor and build and has these cases.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<Row>>> {
        let text = path.exists().then(|| fs::read_to_string(path));
        let text = text
            .transpose()
            .with_context(|| path.display().to_string())?;
        let text = text.unwrap_or_default();
        let Some((_, rows)) = text.split_once(&self.head()) else {
            return Ok(None);
        };
        let rows = rows.lines().map(|line| {
            let row = Row::parse(line).filter(|row| row.times.len() == self.cases.len());
            row.with_context(|| format!("{}: no row of times: {line}", path.display()))
        });
        rows.collect::<Result<_>>().map(Some)
    }

    /// Measures operations, `runs` times as long as usual, replaces what was measured of them, and prints it.
    pub fn measure(&mut self, operations: &[Operation], runs: u16) {
        let mut rounds = vec![vec![]; operations.len()];
        for _ in 0..ROUNDS * runs {
            for (operation, rounds) in operations.iter().zip(&mut rounds) {
                rounds.push(time::round(&self.cases, operation));
            }
        }
        for (operation, rounds) in operations.iter().zip(rounds) {
            self.rows.retain(|row| row.operation != operation.name);
            let others = operation.others.iter().map(|(name, _)| *name);
            for (at, implementation) in once("ours").chain(others).enumerate() {
                let of_case = |case: usize| median(rounds.iter().map(|round| round[at][case]));
                let ratios = rounds.iter().map(|round| mean_ratio(&round[at], &round[0]));
                let (ratios, quarter) = (sorted(ratios), rounds.len() / 4);
                let (ratio, last) = (ratios[ratios.len() / 2], ratios.len() - 1);
                let spread = 50.0 * (ratios[last - quarter] - ratios[quarter]) / ratio;
                let row = Row {
                    operation: operation.name.clone(),
                    implementation: implementation.to_owned(),
                    times: (0..self.cases.len()).map(of_case).collect(),
                    beside: format!("{ratio:.2} \u{b1} {spread:.0} %"),
                };
                print!("{}", row.text());
                self.rows.push(row);
            }
        }
    }

    /// What is worse than the file has it, or missing from a `whole` run. A slower operation takes longer than the
    /// file says, and is also slower beside each other implementation. One sign is not enough, because the ratio to
    /// one implementation also falls when that has become faster, by where it lies, say, and a time also rises on a
    /// busy machine.
    pub fn worse(&self, file: &[Row], whole: bool) -> Vec<String> {
        let (now, once) = (ratios(&self.rows), ratios(file));
        let [least, one] = MARGINS.map(|margin| 1.0 - margin);
        let kept = |now: &[f64], once: &[f64]| {
            let lowest = now.iter().zip(once).map(|(now, once)| now / once);
            (mean_ratio(now, once), lowest.fold(f64::INFINITY, f64::min))
        };
        let judge = |name: &String| {
            let (Some(now), Some(once)) = (now.get(name), once.get(name)) else {
                return Some(format!("{name}: not timed both here and for the page"));
            };
            let (mean, lowest) = kept(now, once);
            (mean < least || lowest < one).then(|| {
                format!(
                    "{name}: {now:.2?}, not {once:.2?}: {mean:.2} of it in the mean, {lowest:.2} at least, \
                     where {least:.2} and {one:.2} are allowed"
                )
            })
        };
        let of = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
        let takes_longer = |name: &String| {
            let (Some(now), Some(once)) = (ours(&self.rows, &of(name)), ours(file, &of(name)))
            else {
                return true;
            };
            let (mean, lowest) = kept(once, now);
            mean < least || lowest < one
        };
        let beside_each = |name: &String| {
            let mut same = now.keys().filter(|other| of(other) == of(name));
            same.all(|other| judge(other).is_some())
        };
        let gone = once.keys().filter(|name| whole && !now.contains_key(*name));
        let names = now
            .keys()
            .filter(|name| !once.contains_key(*name) || takes_longer(name) && beside_each(name));
        names.chain(gone).filter_map(judge).collect()
    }
}

/// Our times of an operation, by case.
fn ours<'a>(rows: &'a [Row], operation: &str) -> Option<&'a [f64]> {
    let ours = |row: &&Row| row.operation == operation && row.implementation == "ours";
    rows.iter().find(ours).map(|row| &row.times[..])
}

impl Row {
    fn text(&self) -> String {
        let times = self.times.iter().map(|time| format!("{time:.2} | "));
        let [.., before, last] = self.times[..] else {
            return String::new();
        };
        let (times, ratio) = (times.collect::<String>(), last / before);
        let [operation, name, beside] = [&self.operation, &self.implementation, &self.beside];
        format!("| `{operation}` | {name} | {times}{ratio:.2} | {beside} |\n")
    }

    fn parse(line: &str) -> Option<Self> {
        let cells = line.split('|').map(|cell| cell.trim().trim_matches('`'));
        let cells: Vec<_> = cells.collect();
        let [_, operation, name, times @ .., _, beside, _] = &cells[..] else {
            return None;
        };
        let times = times.iter().map(|time| time.parse().ok());
        Some(Self {
            operation: (*operation).to_owned(),
            implementation: (*name).to_owned(),
            times: times.collect::<Option<_>>()?,
            beside: (*beside).to_owned(),
        })
    }
}

/// The other's time divided by ours, by `OPERATION beside IMPLEMENTATION` and case.
fn ratios(rows: &[Row]) -> BTreeMap<String, Vec<f64>> {
    let (mut ratios, mut ours) = (BTreeMap::new(), &[][..]);
    for row in rows {
        let name = format!("{} beside {}", row.operation, row.implementation);
        if row.implementation == "ours" {
            ours = &row.times;
        } else {
            let times = row.times.iter().zip(ours);
            ratios.insert(name, times.map(|(other, ours)| other / ours).collect());
        }
    }
    ratios
}

/// The geometric mean of ratios.
fn mean_ratio(some: &[f64], others: &[f64]) -> f64 {
    let product: f64 = some.iter().zip(others).map(|(a, b)| a / b).product();
    product.powf(1.0 / some.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_worse_if_it_takes_longer_and_is_slower_beside_each_other() {
        let rows = |[ours, by_hand, plain]: [u8; 3]| -> Vec<Row> {
            let rows = [("ours", ours), ("by_hand", by_hand), ("plain", plain)];
            let rows = rows
                .map(|(name, time)| format!("| `get` | {name} | {time} | {time} | 1.00 | 1.00 |"));
            rows.iter()
                .map(|row| Row::parse(row).expect("a row"))
                .collect()
        };
        let file = rows([20, 40, 30]);
        for (times, worse) in [
            ([20, 40, 30], 0),
            ([20, 20, 30], 0),
            ([20, 40, 10], 0),
            // Both others are faster and ours is as it was, or all are slower.
            ([20, 20, 10], 0),
            ([60, 120, 90], 0),
            ([40, 40, 30], 2),
        ] {
            let mut page = Page::here(&["1", "mixed"]).expect("a processor");
            page.rows = rows(times);
            assert_eq!(page.worse(&file, true).len(), worse, "{times:?}");
        }
    }
}
