//! Every register ID there is, on vCPUs of every kind. It runs in this program and not as a test, because
//! this program is optimised.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use sve_state_harness::exhaustive::{self, Counts, Extent};

use sve_state::Errno;

use crate::context::Context;
use crate::report::Counted;

/// How often a line tells how far it has come.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// 2^16 low halves, 16 sizes, 5 coprocessors.
const IDS: u64 = (5 * 16) << 16;
/// 7 combinations of rules and stages at 16 vector lengths.
const CONFIGURATIONS: usize = 7 * 16;
/// All sets of up to 16 vector lengths, on two hosts.
const SETS: u64 = 2 << 16;

/// How many calls are accepted, and how many refused with each errno, worked out by hand from the
/// rules; all others are refused with `ENOENT`.
const ACCEPTED: u64 = 16 * (2 * 34 + 2 * 3 + 52 + 51 + 2 * 258 + 2 * 1826);
const REFUSED: [(Errno, u64); 3] = [
    // 49 registers before finalization, GET and SET; VLS after it, SET.
    (Errno::EPERM, 16 * (2 * 49 + 1)),
    // Not initialized, under either generation of the rules.
    (Errno::ENOEXEC, 16 * 2 * 2 * IDS),
    (Errno::EINVAL, 16 * 2 * (MAINLINE_EINVAL + RFC_EINVAL)),
];
/// In the SVE space, all IDs but 32 slices of 49 registers and VLS. In CORE, from the first word of
/// V0 on: per size, as many as there are words up to the last of `struct kvm_regs`, less the size in
/// words; 1065 in all, but the 34 registers, or without V 2 of them. First without SVE, then with SVE
/// before finalization and after it.
const MAINLINE_EINVAL: u64 = 3 * ((16 << 16) - 1569) + (1065 - 34) + 2 * (1065 - 2);
/// The same space without VLS. In CORE, what touches one of the 128 words of V, 2756 in all, but the
/// 256 that are words of a single register. Without SVE and with it.
const RFC_EINVAL: u64 = 2 * ((16 << 16) - 1568) + 2 * (2756 - 256);

/// Compares the decoders and the shim with the reference.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    cx.step(&format!(
        "GET and SET of {IDS} IDs on {CONFIGURATIONS} vCPUs"
    ));
    let (start, last) = (Instant::now(), Mutex::new(Instant::now()));
    let progress = |done: usize, all: usize| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() > SIGN_OF_LIFE {
            *last = Instant::now();
            println!("    {:3} s: {done} of {all}", start.elapsed().as_secs());
        }
    };
    let counts = exhaustive::run(Extent::All, 1..=16, &progress).map_err(|what| anyhow!(what))?;
    report(&counts)
}

fn report(counts: &Counts) -> Result<Counted> {
    let expected = (IDS, CONFIGURATIONS, IDS * 2 * CONFIGURATIONS as u64, SETS);
    let found = (
        counts.decoded,
        counts.configurations,
        counts.calls,
        counts.sets,
    );
    ensure!(
        found == expected,
        "IDs, configurations, calls and sets are {found:?}, not {expected:?}"
    );
    ensure!(
        counts.accepted == ACCEPTED,
        "{} calls were accepted, not {ACCEPTED}",
        counts.accepted
    );
    for (errno, expected) in REFUSED {
        let found = counts.refused[errno.0.unsigned_abs() as usize];
        ensure!(
            found == expected,
            "{found} calls were refused with {errno}, not {expected}"
        );
    }
    let refused: Vec<_> = (1..)
        .zip(&counts.refused[1..])
        .filter(|(_, n)| **n > 0)
        .map(|(errno, n)| format!("{n} {}", Errno(errno)))
        .collect();
    let [sve, fpsimd] = counts.named;
    Ok(vec![
        format!(
            "{IDS} IDs decoded: {sve} name an SVE register slice, {fpsimd} an FPSIMD register; {SETS} \
             values of VLS"
        ),
        format!(
            "{} calls on {CONFIGURATIONS} configurations: {} accepted; refused: {}",
            counts.calls,
            counts.accepted,
            refused.join(", ")
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::{Counts, report};

    #[test]
    fn other_counts_than_those_worked_out_fail() {
        let mut counts = Counts {
            decoded: 5_242_880,
            configurations: 112,
            calls: 1_174_405_120,
            accepted: 69_520,
            sets: 131_072,
            ..Counts::default()
        };
        counts.refused[1] = 1584;
        counts.refused[8] = 335_544_320;
        counts.refused[22] = 167_782_208;
        assert!(report(&counts).unwrap()[1].ends_with(", 167782208 EINVAL"));
        let fewer = |change: fn(&mut Counts)| {
            let mut counts = counts.clone();
            change(&mut counts);
            report(&counts).unwrap_err().to_string()
        };
        assert!(fewer(|counts| counts.calls -= 1).contains("1174405119"));
        assert!(fewer(|counts| counts.accepted -= 1).contains("69519 calls"));
        assert!(fewer(|counts| counts.refused[1] -= 1).contains("1583 calls"));
    }
}
