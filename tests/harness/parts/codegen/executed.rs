//! What is executed: callgrind counts instructions, conditional branches, and those that a simple processor would
//! guess wrongly, in both loops over each operation, with mixed VQs and at each VQ.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::context::{Context, command};

/// How many branches a loop may have beside one for each copy, and how many wrong guesses until a processor has
/// learned it.
const LEARNED: u64 = 32;
const COUNTED: [&str; 3] = [
    "instructions",
    "conditional branches",
    "wrong guesses of a branch",
];

/// A loop: how many copies it makes, and what was counted, with mixed VQs first, then at VQ 1 to 16.
#[derive(Debug)]
pub(super) struct Loop(u64, Vec<[u64; COUNTED.len()]>);

/// Runs the probe of this name, whose loops have names such as `get_z, list`.
pub(super) fn count(cx: &Context, probe: &Path, name: &str) -> Result<BTreeMap<String, Loop>> {
    let profile = cx
        .directory("codegen")?
        .join(format!("callgrind-{name}.out"));
    let measured = "codegen_probe::measured";
    let mut valgrind = command(&format!(
        "valgrind --tool=callgrind --branch-sim=yes --combine-dumps=yes --toggle-collect={measured} \
         --dump-after={measured}"
    ));
    valgrind
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(probe);
    let said = cx.run(valgrind)?;
    add_up(
        &said,
        &fs::read_to_string(&profile).context("callgrind's profile")?,
    )
}

/// From loops, one to a line, and a profile with 17 parts for each and one more for what comes after the last.
fn add_up(said: &str, profile: &str) -> Result<BTreeMap<String, Loop>> {
    ensure!(
        profile.contains("\nevents: Ir Bc Bcm "),
        "callgrind does not count branches"
    );
    let totals = profile
        .lines()
        .filter_map(|line| line.strip_prefix("totals:"));
    let mut parts = totals.map(|total| {
        // Callgrind leaves out zeros at the end of a line.
        let mut counts = [0; COUNTED.len()];
        for (count, number) in counts.iter_mut().zip(total.split_whitespace()) {
            *count = number.parse()?;
        }
        anyhow::Ok(counts)
    });
    let mut loops = BTreeMap::new();
    for line in said.lines().filter_map(|line| line.strip_prefix("loop\t")) {
        let [name, shape, copies] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("not a loop: {line}");
        };
        let counts = parts.by_ref().take(1 + 16).collect::<Result<Vec<_>>>()?;
        let counted = counts.len() == 1 + 16 && counts.iter().all(|counts| counts[0] > 0);
        ensure!(counted, "nothing was counted: {line}");
        loops.insert(format!("{name}, {shape}"), Loop(copies.parse()?, counts));
    }
    ensure!(
        parts.count() == 1,
        "callgrind counted more than the probe says"
    );
    Ok(loops)
}

impl Loop {
    /// What is wrong, where `around` is the same loop around nothing, and each copy may test once what the processor
    /// has.
    pub(super) fn fault(&self, around: &Self, tests: bool) -> Option<String> {
        let Self(copies, counts) = self;
        let mixed = counts[0];
        for (n, what) in COUNTED.iter().enumerate().take(2) {
            let mut at_vq = counts.iter().map(|counts| counts[n]).enumerate();
            if let Some((vq, other)) = at_vq.find(|(_, count)| *count != mixed[n]) {
                return Some(format!(
                    "{} {what} with mixed VQs, {other} at VQ {vq}",
                    mixed[n]
                ));
            }
        }
        let branches = copies * if tests { 2 } else { 1 };
        let most = [u64::MAX - LEARNED, branches, around.1[0][2]];
        let above = (0..COUNTED.len()).find(|&n| mixed[n] > most[n] + LEARNED)?;
        Some(format!(
            "{} {}, where the loop has {}",
            mixed[above], COUNTED[above], most[above]
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::add_up;

    #[test]
    fn what_depends_on_the_vq_is_refused_and_what_is_guessed_wrongly() {
        // 17 counts of nothing, and of an operation at VQ 1 to 15 and at VQ 16.
        let fault = |mixed: &str, last: &str, tests| {
            let around = "totals: 900 512 5\n".repeat(17);
            let own = format!("totals: {mixed}\n").repeat(16);
            let profile =
                format!("\nevents: Ir Bc Bcm Bi\n{around}{own}totals: {last}\ntotals: 0\n");
            let loops = add_up(
                "loop\ta\tlist\t512\nloop\tb\tlist\t512\n==1== what\n",
                &profile,
            );
            let loops = loops.expect("two loops");
            loops["b, list"].fault(&loops["a, list"], tests)
        };
        let cases = "\
9000 513 5; 9000 513 5; ; passed
9000 1025 5; 9000 1025 500; tests; passed
9000 513 5; 9001 513 5; ; 9000 instructions with mixed VQs, 9001 at VQ 16
9000 513 5; 9000 512 5; ; 513 conditional branches with mixed VQs, 512 at VQ 16
9000 1025 5; 9000 1025 5; ; 1025 conditional branches, where the loop has 512
9000 1025 99; 9000 1025 9; tests; 99 wrong guesses of a branch, where the loop has 5";
        for case in cases
            .lines()
            .map(|line| line.split("; ").collect::<Vec<_>>())
        {
            let found = fault(case[0], case[1], case[2] == "tests");
            assert_eq!(found.as_deref().unwrap_or("passed"), case[3]);
        }
        let profile = "\nevents: Ir Bc Bcm Bi\ntotals: 22\n";
        add_up("loop\ta\tlist\t512\n", profile).unwrap_err();
        add_up("", &profile.repeat(2)).unwrap_err();
        add_up("", &profile.replace("Bc", "Dr")).unwrap_err();
    }
}
