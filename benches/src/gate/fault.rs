//! Faults to plant: the proof that the gate refuses them is `cargo harness gate --prove`.

use std::hint::black_box;

use super::Pass;

/// How `ours` is made slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// All work is done twice
    Twice,
    /// A quarter of the work is done twice
    Quarter,
    /// For each register moved, there is a branch that depends on contents
    Branch,
}

impl Fault {
    /// A pass with the fault.
    pub fn plant(self, mut pass: Pass, moves: usize) -> Pass {
        let contents: Vec<_> = (0..moves).map(|n| n * n / 7 % 2 == 0).collect();
        let mut passes = 0;
        Box::new(move |place| {
            pass(place);
            passes += 1;
            match self {
                Self::Twice => pass(place),
                Self::Quarter if passes % 4 == 0 => pass(place),
                Self::Quarter => {}
                // An assembly block, if an empty one, is not executed without its branch.
                Self::Branch => contents
                    .iter()
                    .filter(|set| **set)
                    .for_each(|set| _ = black_box(set)),
            }
        })
    }
}
