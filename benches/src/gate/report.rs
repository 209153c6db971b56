//! The verdicts, as a table and as an exit status.

use std::collections::BTreeSet;
use std::fmt;

use super::results::{Problem, Results};
use super::rules::Rule;

/// What the rules say of the results.
#[derive(Debug)]
pub struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    rule: Rule,
    ratio: Result<f64, Unjudged>,
}

/// The benchmark that keeps a rule from being judged.
#[derive(Debug)]
struct Unjudged {
    id: String,
    problem: Problem,
}

/// Why a gate does not open. Where several reasons apply, the last one of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// A ratio is past its bound.
    Broken,
    /// A benchmark that a rule names was not measured.
    Missing,
    /// A result is not of the run that is judged.
    Stale,
    /// A file cannot be read, or holds no sense.
    Unreadable,
    /// The command that measures did not succeed.
    Command,
}

impl Failure {
    const OF_RULES: [Self; 4] = [Self::Broken, Self::Missing, Self::Stale, Self::Unreadable];

    fn verdict(self) -> &'static str {
        match self {
            Self::Broken => "BROKEN",
            Self::Missing => "MISSING",
            Self::Stale => "STALE",
            Self::Unreadable => "UNREADABLE",
            Self::Command => "NOT MEASURED",
        }
    }

    /// The exit status. 2 is left out: it says that the command line was wrong.
    pub fn code(self) -> u8 {
        match self {
            Self::Broken => 1,
            Self::Missing => 3,
            Self::Stale => 4,
            Self::Unreadable => 5,
            Self::Command => 6,
        }
    }
}

impl Report {
    /// Judges every rule.
    pub fn new(rules: Vec<Rule>, results: &Results) -> Self {
        let rows = rules.into_iter().map(|rule| Row::new(rule, results));
        Self {
            rows: rows.collect(),
        }
    }

    /// The reason to fail, if there is one.
    pub fn failure(&self) -> Option<Failure> {
        self.rows.iter().filter_map(Row::failure).max()
    }

    /// How many rules ended like this; `None`: they hold.
    fn count(&self, failure: Option<Failure>) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| row.failure() == failure).count()
    }
}

impl Row {
    fn new(rule: Rule, results: &Results) -> Self {
        let median = |id: &str| {
            results.median(id).map_err(|problem| Unjudged {
                id: id.to_owned(),
                problem,
            })
        };
        let ratio = median(&rule.of).and_then(|of| Ok(of / median(&rule.to)?));
        Self { rule, ratio }
    }

    fn failure(&self) -> Option<Failure> {
        match &self.ratio {
            Ok(ratio) if self.rule.bound.holds(*ratio) => None,
            Ok(_) => Some(Failure::Broken),
            Err(unjudged) => Some(match unjudged.problem {
                Problem::Missing => Failure::Missing,
                Problem::Stale => Failure::Stale,
                Problem::Unreadable(_) => Failure::Unreadable,
            }),
        }
    }

    /// Whether the ratio is still short of the goal, where there is one.
    fn short_of_goal(&self) -> bool {
        match (&self.ratio, self.rule.goal) {
            (Ok(ratio), Some(goal)) => !self.rule.bound.moved_to(goal).holds(*ratio),
            _ => false,
        }
    }

    fn cells(&self) -> [String; 5] {
        let Rule {
            of,
            to,
            bound,
            goal,
        } = &self.rule;
        let measured = self.ratio.as_ref().map(|ratio| format!("{ratio:.3}"));
        let verdict = match self.failure() {
            None if self.short_of_goal() => "holds, short of the goal",
            None => "holds",
            Some(failure) => failure.verdict(),
        };
        [
            format!("{of} : {to}"),
            measured.unwrap_or_else(|_| "-".to_owned()),
            bound.to_string(),
            goal.map_or_else(String::new, |goal| goal.to_string()),
            verdict.to_owned(),
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["rule (of : to)", "measured", "bound", "goal", "verdict"];
        let mut lines = vec![header.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let [rule, measured, bound, goal] = [0, 1, 2, 3].map(width);
        for [a, b, c, d, verdict] in &lines {
            writeln!(
                f,
                "{a:rule$}  {b:>measured$}  {c:>bound$}  {d:>goal$}  {verdict}"
            )?;
        }
        let unjudged = self.rows.iter().filter_map(|row| row.ratio.as_ref().err());
        let reasons: BTreeSet<_> = unjudged
            .map(|u| format!("{}: {}", u.id, u.problem))
            .collect();
        for reason in reasons {
            writeln!(f, "{reason}")?;
        }
        self.write_summary(f)
    }
}

impl Report {
    fn write_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, hold) = (self.rows.len(), self.count(None));
        if hold == all {
            write!(f, "passed: {all} of {all} rules hold")?;
        } else {
            write!(f, "FAILED: {hold} of {all} rules hold")?;
        }
        for failure in Failure::OF_RULES {
            match self.count(Some(failure)) {
                0 => {}
                n => write!(f, ", {n} {}", failure.verdict())?,
            }
        }
        match self.rows.iter().filter(|row| row.short_of_goal()).count() {
            0 => writeln!(f),
            n => writeln!(f, "; {n} short of the goal"),
        }
    }
}
