//! The table at the end: what ran, what was counted, how long it took, and the verdict.

use std::borrow::BorrowMut;
use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::context::Context;

/// What a part counted, with a line for each thing worth knowing.
pub(crate) type Counted = Vec<String>;

/// The outcome of every part so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    left_out: Vec<&'static str>,
}

struct Row {
    part: &'static str,
    time: Duration,
    result: Result<Counted, String>,
}

impl Report {
    /// Notes how a part ended.
    pub(crate) fn add(&mut self, part: &'static str, time: Duration, result: Result<Counted>) {
        let result = result.map_err(|error| error.to_string());
        self.rows.push(Row { part, time, result });
    }

    /// Notes that a part was left out, as the user asked.
    pub(crate) fn leave_out(&mut self, part: &'static str) {
        self.left_out.push(part);
    }

    /// Whether everything that was asked for ran and passed.
    pub(crate) fn passed(&self) -> bool {
        self.rows.iter().all(|row| row.result.is_ok())
    }
}

impl Row {
    fn lines(&self) -> Vec<&str> {
        match &self.result {
            Ok(counted) => counted.iter().map(String::as_str).collect(),
            Err(error) => error.lines().take(1).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:10} {:>7}  {:7} counted", "part", "time", "verdict")?;
        for row in &self.rows {
            let verdict = if row.result.is_ok() {
                "passed"
            } else {
                "FAILED"
            };
            let seconds = format!("{:.1} s", row.time.as_secs_f64());
            write!(f, "{:10} {seconds:>7}  {verdict:7} ", row.part)?;
            let indent = format!("\n{:28}", "");
            writeln!(f, "{}", row.lines().join(&indent))?;
        }
        let failed = self.rows.iter().filter(|row| row.result.is_err()).count();
        match failed {
            0 => write!(f, "passed")?,
            n => write!(f, "FAILED: {n} of {} parts", self.rows.len())?,
        }
        if !self.left_out.is_empty() {
            write!(f, "; left out as asked: {}", self.left_out.join(", "))?;
        }
        writeln!(f)
    }
}

/// A number with its noun: `1 test`, `2 tests`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

/// How many tests `cargo test` says it ran.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Tests {
    /// How many passed.
    pub(crate) passed: usize,
    /// How many are marked as ignored.
    pub(crate) ignored: usize,
}

impl Tests {
    /// Runs the tests, of which there must be some.
    pub(crate) fn run(cx: &Context, command: impl BorrowMut<Command>) -> Result<(Self, String)> {
        let output = cx.run(command)?;
        let tests = Self::of(&output);
        ensure!(tests.passed > 0, "no test ran");
        Ok((tests, output))
    }

    /// Adds up the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn of(output: &str) -> Self {
        let mut tests = Self::default();
        for line in output.lines().filter(|l| l.starts_with("test result: ")) {
            let number_of = |what: &str| -> usize {
                let words: Vec<_> = line.split([' ', ';', '.']).collect();
                let at = words.iter().position(|word| *word == what);
                at.and_then(|at| words[at - 1].parse().ok()).unwrap_or(0)
            };
            tests.passed += number_of("passed");
            tests.ignored += number_of("ignored");
        }
        tests
    }
}

impl fmt::Display for Tests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&count(self.passed, "test"))?;
        match self.ignored {
            0 => Ok(()),
            n => write!(f, " ({n} more marked as ignored)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Tests};
    use anyhow::anyhow;
    use std::time::Duration;

    #[test]
    fn the_last_line_gives_the_verdict_and_what_was_left_out() {
        let mut report = Report::default();
        report.add("test", Duration::ZERO, Ok(vec!["3 tests".to_owned()]));
        assert!(report.passed());
        report.leave_out("kvm");
        let text = report.to_string();
        assert_eq!(text.lines().last(), Some("passed; left out as asked: kvm"));
        report.add("uapi", Duration::ZERO, Err(anyhow!("no compiler")));
        assert!(!report.passed());
        let text = report.to_string();
        assert!(text.contains("no compiler"));
        assert!(text.lines().last().unwrap().starts_with("FAILED: 1 of 2"));
    }

    #[test]
    fn results_of_tests_are_added_up() {
        let output = "\
running 2 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test runtime/src/lib.rs - Vq (line 3) ... ok
test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.22s
";
        let (passed, ignored) = (12, 1);
        assert_eq!(Tests::of(output), Tests { passed, ignored });
    }
}
