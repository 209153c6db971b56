//! The rules file: which two benchmarks a rule divides, and what bounds the ratio.
//!
//! One paragraph is a family of rules: `{names}` in the identifiers stand for lists of values.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use toml::Spanned;

/// A ratio of two benchmarks' medians, and its bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The benchmark above the line, as criterion identifies it: `group/function/value`.
    pub of: String,
    /// The benchmark below the line.
    pub to: String,
    /// What the ratio must keep to.
    pub bound: Bound,
    /// What the ratio should come to one day; it breaks nothing.
    pub goal: Option<f64>,
}

/// The side on which a ratio is bounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The smallest ratio that holds.
    AtLeast(f64),
    /// The largest ratio that holds.
    AtMost(f64),
}

impl Bound {
    /// Whether a ratio keeps to the bound.
    pub fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }

    /// The same side, bounded elsewhere.
    pub fn moved_to(self, bound: f64) -> Self {
        match self {
            Self::AtLeast(_) => Self::AtLeast(bound),
            Self::AtMost(_) => Self::AtMost(bound),
        }
    }

    fn ratio(self) -> f64 {
        match self {
            Self::AtLeast(bound) | Self::AtMost(bound) => bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

impl Rule {
    /// The rules that a file holds, in its order; there is at least one.
    pub fn read(file: &Path) -> Result<Vec<Self>> {
        let name = file.display();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        Self::parse(&text).with_context(|| format!("{name} is no rules file"))
    }

    fn parse(text: &str) -> Result<Vec<Self>> {
        let document: Document = toml::from_str(text)?;
        ensure!(!document.rule.is_empty(), "it has no [[rule]]");
        let mut rules = Vec::new();
        for family in document.rule {
            let line = 1 + text[..family.span().start].matches('\n').count();
            let of_family = family.into_inner().rules();
            rules.extend(of_family.with_context(|| format!("the rule at line {line}"))?);
        }
        Ok(rules)
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    rule: Vec<Spanned<Family>>,
}

/// `[[rule]]`: a rule for every combination of the values in `for`. Where the bounds differ, they
/// stand in `cases`, each with values of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    of: String,
    to: String,
    #[serde(default)]
    r#for: Values,
    at_least: Option<f64>,
    at_most: Option<f64>,
    goal: Option<f64>,
    #[serde(default)]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    r#for: Values,
    at_least: Option<f64>,
    at_most: Option<f64>,
    goal: Option<f64>,
}

/// The values of each name.
type Values = BTreeMap<String, Vec<Value>>;

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a whole number or a string")]
enum Value {
    Number(i64),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl Family {
    fn rules(mut self) -> Result<Vec<Rule>> {
        let own = [self.at_least, self.at_most, self.goal];
        if self.cases.is_empty() {
            self.cases.push(Case {
                r#for: Values::new(),
                at_least: self.at_least,
                at_most: self.at_most,
                goal: self.goal,
            });
        } else {
            ensure!(
                own.iter().all(Option::is_none),
                "bounds and goals stand in the rule or in its cases, not in both"
            );
        }
        let mut rules = Vec::new();
        for case in &self.cases {
            let bound = case.bound()?;
            for [of, to] in self.identifiers(case)? {
                let goal = case.goal;
                rules.push(Rule {
                    of,
                    to,
                    bound,
                    goal,
                });
            }
        }
        Ok(rules)
    }

    /// The two identifiers with every combination of values in the place of the names.
    fn identifiers(&self, case: &Case) -> Result<Vec<[String; 2]>> {
        let mut pairs = vec![[self.of.clone(), self.to.clone()]];
        for (name, values) in self.r#for.iter().chain(&case.r#for) {
            ensure!(!values.is_empty(), "`{name}` has no values");
            let place = format!("{{{name}}}");
            ensure!(
                pairs[0].iter().any(|id| id.contains(&place)),
                "`{name}` has values, but {place} stands nowhere, or has values already"
            );
            pairs = pairs
                .iter()
                .flat_map(|pair| {
                    let replaced = |value: &Value| {
                        pair.each_ref()
                            .map(|id| id.replace(&place, &value.to_string()))
                    };
                    values.iter().map(replaced)
                })
                .collect();
        }
        for id in &pairs[0] {
            ensure!(
                !id.contains(['{', '}']),
                "`{id}`: what stands in braces needs values in `for`"
            );
        }
        ensure!(
            pairs.iter().all(|[of, to]| of != to),
            "`of` and `to` are the same benchmark"
        );
        Ok(pairs)
    }
}

impl Case {
    fn bound(&self) -> Result<Bound> {
        let bound = match (self.at_least, self.at_most) {
            (Some(bound), None) => Bound::AtLeast(bound),
            (None, Some(bound)) => Bound::AtMost(bound),
            _ => bail!("either `at_least` or `at_most` is wanted"),
        };
        for ratio in [Some(bound.ratio()), self.goal].into_iter().flatten() {
            ensure!(
                ratio.is_finite() && ratio > 0.0,
                "a ratio of {ratio}: allowed are numbers above 0"
            );
        }
        if let Some(goal) = self.goal {
            ensure!(
                bound.holds(goal),
                "a goal of {goal} breaks the bound {bound}"
            );
        }
        Ok(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Rule};

    #[test]
    fn a_family_is_every_combination_and_cases_differ_in_their_bounds() {
        let rules = Rule::parse(
            r#"
            [[rule]]
            of = "get_{bank}/naive/vq{vq}"
            to = "get_{bank}/ours/vq{vq}"
            for = { bank = ["z", "p"] }
            cases = [
                { for = { vq = [1, 2] }, at_least = 1.5, goal = 2 },
                { for = { vq = [16] }, at_most = 3.0 },
            ]
            "#,
        )
        .expect("a rules file");
        let named: Vec<_> = rules
            .iter()
            .map(|rule| (rule.of.as_str(), rule.to.as_str(), rule.bound, rule.goal))
            .collect();
        let (first, second) = (Bound::AtLeast(1.5), Bound::AtMost(3.0));
        assert_eq!(
            named,
            [
                ("get_z/naive/vq1", "get_z/ours/vq1", first, Some(2.0)),
                ("get_z/naive/vq2", "get_z/ours/vq2", first, Some(2.0)),
                ("get_p/naive/vq1", "get_p/ours/vq1", first, Some(2.0)),
                ("get_p/naive/vq2", "get_p/ours/vq2", first, Some(2.0)),
                ("get_z/naive/vq16", "get_z/ours/vq16", second, None),
                ("get_p/naive/vq16", "get_p/ours/vq16", second, None),
            ]
        );
    }

    #[test]
    fn a_ratio_on_its_bound_holds() {
        for (bound, ratio, holds) in [
            (Bound::AtLeast(2.0), 2.0, true),
            (Bound::AtLeast(2.0), 1.999, false),
            (Bound::AtMost(2.0), 2.0, true),
            (Bound::AtMost(2.0), 2.001, false),
        ] {
            assert_eq!(bound.holds(ratio), holds, "{ratio} {bound}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_with_its_line() {
        let cases = [
            ("", "it has no [[rule]]"),
            ("at_least = 2", "unknown field `at_least`, expected `rule`"),
            ("to = 'b'\nat_least = 2", "missing field `of`"),
            (
                "of = 'a'\nto = 'b'\nat_leest = 2",
                "unknown field `at_leest`",
            ),
            (
                "of = 'a'\nto = 'b'\ncases = [{ for = {}, max = 2 }]",
                "unknown field `max`",
            ),
            ("of = 'a'\nto = 'b'\nat_least = '2'", "line 4, column 12"),
            (
                "of = 'a'\nto = 'b'",
                "line 1: either `at_least` or `at_most`",
            ),
            (
                "of = 'a'\nto = 'b'\nat_least = 2\nat_most = 3",
                "either `at_least` or `at_most`",
            ),
            (
                "of = 'a'\nto = 'b'\nat_least = 0",
                "a ratio of 0: allowed are numbers above 0",
            ),
            ("of = 'a'\nto = 'b'\nat_most = nan", "a ratio of NaN"),
            ("of = 'a'\nto = 'b'\nat_most = inf", "a ratio of inf"),
            (
                "of = 'a'\nto = 'b'\nat_least = 2\ngoal = 1.5",
                "a goal of 1.5 breaks the bound >= 2",
            ),
            ("of = 'a'\nto = 'a'\nat_least = 2", "the same benchmark"),
            (
                "of = 'a{vq}'\nto = 'b{vq}'\nat_least = 2",
                "`a{vq}`: what stands in braces",
            ),
            (
                "of = 'a'\nto = 'b'\nat_least = 2\nfor = { vq = [1] }",
                "{vq} stands nowhere",
            ),
            (
                "of = 'a{n}'\nto = 'b{n}'\nat_least = 2\nfor = { n = [] }",
                "`n` has no values",
            ),
            (
                "of = 'a{n}'\nto = 'b{n}'\nat_least = 2\nfor = { n = [1.5] }",
                "expected a whole number or a string",
            ),
            (
                "of = 'a{n}'\nto = 'b{n}'\nat_least = 2\ncases = [{ for = { n = [1] }, at_least = 3 }]",
                "not in both",
            ),
        ];
        for (paragraph, expected) in cases {
            let text = match paragraph {
                "" | "at_least = 2" => paragraph.to_owned(),
                _ => format!("[[rule]]\n{paragraph}\n"),
            };
            let error = Rule::parse(&text).expect_err(paragraph);
            let error = format!("{error:#}");
            assert!(error.contains(expected), "{paragraph}: {error}");
        }
    }
}
