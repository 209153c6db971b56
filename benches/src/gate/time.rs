//! Time, as a ratio. Short blocks of both implementations alternate (A B B A), so that what slows down the
//! machine slows down both; and the median of their ratios does not see the blocks that were interrupted.

use std::time::{Duration, Instant};

use super::{Make, Operation, Options, Pass};

/// A block takes at least this long, beside which a look at the clock is nothing; and a fraction of what
/// a scheduler gives a program at a time.
const BLOCK: Duration = Duration::from_micros(20);
/// How long a pair is measured.
const PAIR: Duration = Duration::from_millis(150);
/// How many places a pass may choose among.
const PLACES: usize = 16;

/// Of each other implementation, by case: its time, divided by that of ours.
pub(super) fn all(operation: &Operation, options: &Options) -> Vec<(String, Vec<f64>)> {
    let once = |make: &Make, case| compare(operation.ours(case, options.plant), make(case));
    let ratio = |make, case| {
        median(
            &mut (0..options.runs)
                .map(|_| once(make, case))
                .collect::<Vec<_>>(),
        )
    };
    let ratios = |make| {
        operation
            .cases
            .iter()
            .map(|case| ratio(make, case))
            .collect()
    };
    let others = operation.others.iter();
    others
        .map(|(name, make)| (operation.beside(name), ratios(make)))
        .collect()
}

/// The median of the blocks' ratios: above 1, ours is faster.
fn compare(mut ours: Pass, mut theirs: Pass) -> f64 {
    let (mut repeat, mut longer) = (4, Duration::ZERO);
    while longer < BLOCK {
        repeat *= 2;
        longer = block(&mut ours, repeat, 0).max(block(&mut theirs, repeat, 0));
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
