//! Time, in nanoseconds. Short blocks of all implementations in all cases alternate, to and fro, so that
//! whatever slows down the machine slows down all of them and leaves their ratios as they are, and a median
//! ignores the blocks that were interrupted. There are several rounds, seconds apart and each with memory of its
//! own, because a second or an address can be unlucky as a whole.
//!
//! The method is that of [tango-bench](https://crates.io/crates/tango-bench): what is to be compared runs in one
//! process, in blocks that alternate, and is compared within each turn.

use std::iter::once;
use std::time::{Duration, Instant};

use super::{Operation, Pass};

/// The least duration of a block, beside which reading the clock is nothing, and which is a fraction of the time
/// that a scheduler gives a program in one go.
const BLOCK: Duration = Duration::from_micros(40);
/// The least number of passes in a block, since passes may differ, and the number of places that they may choose
/// among.
const PASSES: usize = 16;
const PLACES: usize = 16;

/// Each time of an operation in nanoseconds, by implementation, with ours first, and by case.
pub(super) fn round(cases: &[String], operation: &Operation) -> Vec<Vec<f64>> {
    let others = operation.others.iter().map(|(_, make)| make);
    let makes: Vec<_> = once(&operation.ours).chain(others).collect();
    // By case, so that neighbours are what is compared.
    let pairs = cases
        .iter()
        .flat_map(|case| makes.iter().map(move |make| make(case)));
    let mut runners: Vec<_> = pairs
        .map(|mut pass| (long_enough(&mut pass), pass, vec![]))
        .collect();
    for place in (0..PLACES).flat_map(|place| [place, place]) {
        for (passes, pass, times) in &mut runners {
            let time = block(pass, *passes, place).as_secs_f64();
            times.push(1e9 * time / (*passes * operation.repeat) as f64);
        }
        runners.reverse();
    }
    let of_each = |at: usize| runners.iter().skip(at).step_by(makes.len());
    let medians = |at| {
        of_each(at)
            .map(|(_, _, times)| median(times.iter().copied()))
            .collect()
    };
    (0..makes.len()).map(medians).collect()
}

/// How many passes make a block.
fn long_enough(pass: &mut Pass) -> usize {
    let mut passes = PASSES;
    while block(pass, passes, 0) < BLOCK {
        passes *= 2;
    }
    passes
}

/// The time of some passes, after as many more that bring what they need into the caches.
fn block(pass: &mut Pass, passes: usize, place: usize) -> Duration {
    (0..passes).for_each(|_| pass(place));
    let start = Instant::now();
    (0..passes).for_each(|_| pass(place));
    start.elapsed()
}

pub(super) fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

pub(super) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let numbers = sorted(numbers);
    numbers[numbers.len() / 2]
}
