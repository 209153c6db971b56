//! The table at the end: what ran, what was counted, how long it took, and the verdict.

use std::borrow::BorrowMut;
use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Error, Result, ensure};

use crate::context::Context;

/// What a part counted, with a line for each thing worth knowing.
pub(crate) type Counted = Vec<String>;

#[derive(Default)]
pub(crate) struct Report {
    /// Names, how long each took, and what it counted or why it failed.
    rows: Vec<(&'static str, Duration, Result<Counted>)>,
    left_out: Vec<&'static str>,
}

impl Report {
    /// Notes how a part ended.
    pub(crate) fn add(&mut self, part: &'static str, time: Duration, result: Result<Counted>) {
        self.rows.push((part, time, result));
    }

    /// Notes that a part was left out, as the user asked.
    pub(crate) fn leave_out(&mut self, part: &'static str) {
        self.left_out.push(part);
    }

    pub(crate) fn failed(&self) -> usize {
        self.rows.iter().filter(|row| row.2.is_err()).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:10} {:>7}  {:7} counted", "part", "time", "verdict")?;
        for (part, time, result) in &self.rows {
            let (verdict, lines) = match result {
                Ok(counted) => ("passed", counted.join(&format!("\n{:28}", ""))),
                Err(error) => ("FAILED", first_line(error)),
            };
            let seconds = format!("{:.1} s", time.as_secs_f64());
            writeln!(f, "{part:10} {seconds:>7}  {verdict:7} {lines}")?;
        }
        match self.failed() {
            0 => write!(f, "passed")?,
            n => write!(f, "FAILED: {n} of {} parts", self.rows.len())?,
        }
        if !self.left_out.is_empty() {
            write!(f, "; left out as asked: {}", self.left_out.join(", "))?;
        }
        writeln!(f)
    }
}

fn first_line(error: &Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// A number with its noun: `1 test`, `2 tests`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

/// Runs tests, of which there must be some, and none that is left out. How many, and what they print.
pub(crate) fn tests(cx: &Context, command: impl BorrowMut<Command>) -> Result<(String, String)> {
    let output = cx.run(command)?;
    let [passed, ignored] = passed_and_ignored(&output);
    ensure!(
        passed > 0 && ignored == 0,
        "{passed} tests passed, and {ignored} are marked as ignored"
    );
    Ok((count(passed, "test"), output))
}

/// Adds up the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn passed_and_ignored(output: &str) -> [usize; 2] {
    let lines = output.lines().filter(|l| l.starts_with("test result: "));
    let words: Vec<_> = lines.flat_map(|line| line.split([' ', ';', '.'])).collect();
    ["passed", "ignored"].map(|what| {
        let pairs = words.windows(2).filter(|pair| pair[1] == what);
        pairs.filter_map(|pair| pair[0].parse::<usize>().ok()).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::{Report, passed_and_ignored};
    use anyhow::anyhow;
    use std::time::Duration;

    #[test]
    fn the_last_line_gives_the_verdict_and_what_was_left_out() {
        let mut report = Report::default();
        report.add("test", Duration::ZERO, Ok(vec!["3 tests".to_owned()]));
        assert_eq!(report.failed(), 0);
        report.leave_out("kvm");
        let text = report.to_string();
        assert_eq!(text.lines().last(), Some("passed; left out as asked: kvm"));
        report.add("uapi", Duration::ZERO, Err(anyhow!("no compiler")));
        assert_eq!(report.failed(), 1);
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
        assert_eq!(passed_and_ignored(output), [12, 1]);
    }
}
