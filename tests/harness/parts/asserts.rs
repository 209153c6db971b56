//! Addresses in images are right only if a few facts about the layout hold, which `assert!`s check when a
//! program is compiled. This part deletes each `assert!` in turn, and the test of that fact must fail.
//!
//! `cargo harness mutants` cannot do that, because `cargo mutants` changes nothing inside macro calls.

use std::fs;

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::report::{Counted, count};

/// Where the `assert!`s are.
const FILE: &str = "runtime/src/registers/layout/check.rs";
/// The tests that must notice.
const TESTS: [&str; 5] = ["test", "--package", "sve-state", "--lib", "layout::tests"];

pub(crate) fn run(cx: &Context) -> Result<Counted> {
    let copy = cx.directory("asserts")?.join("copy");
    cx.copy_sources(&copy)?;
    // Whether they pass, and what they print.
    let tests = || -> Result<(bool, String)> {
        let mut tests = cx.cargo(&TESTS);
        tests.current_dir(&copy);
        tests.env("CARGO_TARGET_DIR", cx.target.join("asserts").join("build"));
        let output = tests.output()?;
        let text = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        ))
    };
    let (passed, text) = tests()?;
    ensure!(passed, "with every assert! in its place:\n{text}");

    let source = fs::read_to_string(cx.root.join(FILE))?;
    let asserts = asserts(&source);
    ensure!(!asserts.is_empty(), "there is no assert! in {FILE}");
    for (start, end) in &asserts {
        let fact = source[*start..*end].split_whitespace().collect::<Vec<_>>();
        let fact = fact.join(" ");
        let without = format!("{}{}", &source[..*start], &source[*end..]);
        fs::write(copy.join(FILE), without)?;
        let (passed, text) = tests()?;
        ensure!(!passed, "{FILE}: no test fails without {fact}");
        let failed: Vec<_> = text.lines().filter_map(failed).collect();
        ensure!(
            !failed.is_empty(),
            "without {fact}, nothing was tested:\n{text}"
        );
        cx.step(&format!("without {fact}: {}", failed.join(", ")));
    }
    Ok(vec![format!(
        "{} deleted in turn, and each time a test failed",
        count(asserts.len(), "assert!")
    )])
}

/// Where each `assert!(…);` starts and ends.
fn asserts(source: &str) -> Vec<(usize, usize)> {
    let starts = source.match_indices("assert!(");
    let end = |start: usize| {
        let mut depth = 0;
        source[start..].char_indices().find_map(|(at, c)| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                ';' if depth == 0 => return Some(start + at + 1),
                _ => {}
            }
            None
        })
    };
    starts
        .filter_map(|(start, _)| Some((start, end(start)?)))
        .collect()
}

/// `test layout::tests::a_view_too_wide - should panic ... FAILED`
fn failed(line: &str) -> Option<&str> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    name.rsplit("::").next()
}

#[cfg(test)]
mod tests {
    use super::{asserts, failed};

    #[test]
    fn asserts_are_found_whole() {
        let source = "fn f() { assert!(a(1) == b, \"x\"); g(); assert!(\n c\n); }";
        let found: Vec<_> = asserts(source)
            .into_iter()
            .map(|(a, b)| &source[a..b])
            .collect();
        assert_eq!(found, ["assert!(a(1) == b, \"x\");", "assert!(\n c\n);"]);
    }

    #[test]
    fn tests_that_failed_are_named() {
        assert_eq!(
            failed("test layout::tests::wide - should panic ... FAILED"),
            Some("wide")
        );
        assert_eq!(failed("test layout::tests::wide ... ok"), None);
    }
}
