//! Every register ID there is, on vCPUs of every kind. It runs in this program and not as a test, because this
//! program is optimised. How many calls are refused with which errno has been worked out by hand beside the
//! sweep.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use sve_state_harness::exhaustive::{self, Extent};

use sve_state::Errno;

use crate::context::Context;
use crate::report::Counted;

/// How often a line says how far it has come.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// 2^16 low halves, 16 sizes, 5 coprocessors.
const IDS: u64 = (5 * 16) << 16;
/// 7 combinations of rules and stages at 16 vector lengths.
const CONFIGURATIONS: usize = 7 * 16;
/// All sets of up to 16 vector lengths, on two hosts.
const SETS: u64 = 2 << 16;

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
