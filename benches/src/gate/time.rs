//! Time, as a ratio. Short blocks of both implementations alternate (A B B A), so that what slows down the
//! machine slows down both; and the median of their ratios does not see the blocks that were interrupted.
//! Each pair is measured in several rounds, seconds apart and each time with memory of its own, since a
//! second or an address can be unlucky as a whole.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Operation, Options, Pass};

/// A block takes at least this long, beside which a look at the clock is nothing; and a fraction of what
/// a scheduler gives a program at a time.
const BLOCK: Duration = Duration::from_micros(20);
/// How often each pair is measured, and how long each time.
const ROUNDS: u16 = 5;
const PAIR: Duration = Duration::from_millis(30);
/// How many places a pass may choose among.
const PLACES: usize = 16;

/// By `OPERATION beside IMPLEMENTATION`, of those that are wanted, and case: the other's time, divided by that
/// of ours, in each round.
pub(super) fn all(
    cases: &[&str],
    operations: &[Operation],
    options: &Options,
    wanted: impl Fn(&str) -> bool,
) -> BTreeMap<String, Vec<Vec<f64>>> {
    let mut rounds = BTreeMap::new();
    for _ in 0..ROUNDS * options.runs {
        for operation in operations {
            for (implementation, other) in &operation.others {
                let name = format!("{} beside {implementation}", operation.name);
                if !wanted(&name) {
                    continue;
                }
                let ratios = rounds
                    .entry(name)
                    .or_insert_with(|| vec![vec![]; cases.len()]);
                for (case, ratios) in cases.iter().zip(ratios) {
                    ratios.push(compare(operation.ours(case, options.plant), other(case)));
                }
            }
        }
    }
    rounds
}

/// The median of the blocks' ratios: above 1, ours is faster.
fn compare(mut ours: Pass, mut theirs: Pass) -> f64 {
    let (mut repeat, mut shorter) = (4, Duration::ZERO);
    while shorter < BLOCK {
        repeat *= 2;
        shorter = block(&mut ours, repeat, 0).min(block(&mut theirs, repeat, 0));
    }
    let mut ratios = Vec::new();
    let start = Instant::now();
    while start.elapsed() < PAIR || ratios.len() < PLACES {
        let place = ratios.len() % PLACES;
        let first = block(&mut ours, repeat, place);
        let between = block(&mut theirs, repeat, place) + block(&mut theirs, repeat, place);
        let last = block(&mut ours, repeat, place);
        ratios.push(between.as_secs_f64() / (first + last).as_secs_f64());
    }
    median(&mut ratios)
}

/// The median of some numbers, which are in order then.
pub(super) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn block(pass: &mut Pass, repeat: usize, place: usize) -> Duration {
    let start = Instant::now();
    (0..repeat).for_each(|_| pass(place));
    start.elapsed()
}
