//! The table at the end: what ran, what was counted, how long it took, and the verdict.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

/// What a part counted, a line for each thing worth knowing.
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

    /// Notes that a part was left out, as the person asked.
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

#[cfg(test)]
mod tests {
    use super::Report;
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
}
