//! `cargo test`, as a person runs it.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::report::{Counted, Tests, count};

/// The whole workspace's tests, as `cargo test` runs them.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    let output = cx.run(cx.cargo(&["test", "--workspace"]))?;
    let tests = Tests::of(&output);
    let compile_fail = compile_fail_cases(&output);
    let there = cases_there(&cx.root.join("tests/ui"))?;
    ensure!(
        compile_fail == there,
        "{compile_fail} of {there} compile-fail cases ran: their messages are those of the rustc \
         that tests/ui/compile_fail.rs names; run `cargo +VERSION harness` with that one"
    );
    Ok(vec![format!(
        "{tests}, {}",
        count(compile_fail, "compile-fail case")
    )])
}

/// Counts the files that must not compile.
fn cases_there(ui: &Path) -> Result<usize> {
    let mut count = 0;
    for group in fs::read_dir(ui)? {
        let group = group?;
        if group.file_type()?.is_dir() && group.file_name() != "pass" {
            for case in fs::read_dir(group.path())? {
                count += usize::from(case?.path().extension().is_some_and(|e| e == "rs"));
            }
        }
    }
    Ok(count)
}

/// Counts trybuild's lines, `test ids/case.rs ... ok`: it names files, libtest functions. What
/// must compile lies in `pass`, or was written by the test and has its full path.
fn compile_fail_cases(output: &str) -> usize {
    output
        .lines()
        .filter_map(|line| line.rsplit_once("test ").map(|(_, rest)| rest))
        .filter_map(|rest| rest.split_once(" ... "))
        .filter(|(name, verdict)| name.ends_with(".rs") && verdict.starts_with("ok"))
        .filter(|(name, _)| !name.starts_with("pass/") && !name.starts_with('/'))
        .count()
}

#[cfg(test)]
mod tests {
    use super::compile_fail_cases;

    #[test]
    fn compile_fail_cases_are_told_from_tests() {
        let output = "\
test image::tests::round_trip ... ok
test pass/names.rs ... ok
test /tmp/many_banks.rs ... ok
test ids/number.rs ... ok
test layouts/gap.rs ... mismatch
test compile_fail ... ok
test runtime/src/lib.rs - Vq (line 3) ... ok
";
        assert_eq!(compile_fail_cases(output), 1);
    }
}
