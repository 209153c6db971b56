//! What needs nothing but Rust: the tests on this machine, and the checks of the source.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::report::{Counted, count};
use crate::unsafe_code;

/// The whole workspace's tests, as `cargo test` runs them.
pub(crate) fn test(cx: &Context) -> Result<Counted> {
    let output = cx.run(cx.cargo(&["test", "--workspace"]))?;
    let tests = Tests::of(&output);
    let compile_fail = compile_fail_cases(&output);
    let there = cases_there(&cx.root.join("tests/ui"))?;
    ensure!(
        compile_fail == there,
        "{compile_fail} of {there} compile-fail cases ran: their messages are those of the rustc \
         that tests/tests/compile_fail.rs names; run `cargo +VERSION harness` with that one"
    );
    Ok(vec![format!(
        "{tests}, {}",
        count(compile_fail, "compile-fail case")
    )])
}

/// Formatting, clippy and the documentation, without a warning; and no unsafe code where none is to
/// be.
pub(crate) fn lint(cx: &Context) -> Result<Counted> {
    let unsafe_code = unsafe_code::check(cx)?;
    let fmt = ["fmt", "--all", "--check", "--", "--color", "never"];
    cx.run(cx.cargo(&fmt))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features"];
    let mut command = cx.cargo(&clippy);
    command.args(["--", "-D", "warnings"]);
    cx.run(command)?;
    let mut doc = cx.cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    cx.run(doc)?;
    let warnings = vec!["rustfmt, clippy, rustdoc: no warnings".to_owned()];
    Ok([warnings, unsafe_code].concat())
}

/// What `cargo test` says of how many tests it ran.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Tests {
    /// How many passed.
    pub(crate) passed: usize,
    /// How many are marked as ignored.
    pub(crate) ignored: usize,
}

impl Tests {
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

impl std::fmt::Display for Tests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&count(self.passed, "test"))?;
        match self.ignored {
            0 => Ok(()),
            n => write!(f, " ({n} more marked as ignored)"),
        }
    }
}

/// Counts the files that must not compile.
fn cases_there(ui: &Path) -> Result<usize> {
    let mut count = 0;
    for group in fs::read_dir(ui)? {
        let group = group?;
        if group.file_name() != "pass" {
            for case in fs::read_dir(group.path())? {
                count += usize::from(case?.path().extension().is_some_and(|e| e == "rs"));
            }
        }
    }
    Ok(count)
}

/// Counts trybuild's lines, `test ui/ids/case.rs ... ok`: it names files, libtest functions. What
/// must compile lies in `ui/pass`.
fn compile_fail_cases(output: &str) -> usize {
    output
        .lines()
        .filter_map(|line| line.rsplit_once("test ").map(|(_, rest)| rest))
        .filter_map(|rest| rest.split_once(" ... "))
        .filter(|(name, verdict)| name.ends_with(".rs") && verdict.starts_with("ok"))
        .filter(|(name, _)| !name.starts_with("ui/pass/"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::{Tests, compile_fail_cases};

    const OUTPUT: &str = "\
running 2 tests
test image::tests::round_trip ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test ui/pass/names.rs ... ok
test ui/ids/number.rs ... ok
test ui/layouts/gap.rs ... mismatch
test compile_fail ... ok
test runtime/src/lib.rs - Vq (line 3) ... ok
test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.22s
";

    #[test]
    fn results_are_added_up() {
        let (passed, ignored) = (12, 1);
        assert_eq!(Tests::of(OUTPUT), Tests { passed, ignored });
    }

    #[test]
    fn compile_fail_cases_are_told_from_tests() {
        assert_eq!(compile_fail_cases(OUTPUT), 1);
    }
}
