//! Faults to plant: that the gate refuses them is the proof of `cargo harness gate --prove`. They are around
//! the operation, not in it, so that the code that is judged is the code that users have.

use std::hint::black_box;

use super::Pass;

/// How `ours` is made slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// All work is done twice
    Twice,
    /// A quarter of the work is done twice
    Quarter,
    /// For each register that is moved there is a branch on bits without a pattern
    Branch,
}

impl Fault {
    /// A pass with the fault; it moves so many registers.
    pub fn plant(self, mut pass: Pass, registers: usize) -> Pass {
        let (mut passes, mut bits) = (0, 1_u32);
        Box::new(move |place| {
            pass(place);
            passes += 1;
            match self {
                Self::Twice => pass(place),
                Self::Quarter if passes % 4 == 0 => pass(place),
                Self::Quarter => {}
                Self::Branch => {
                    for _ in 0..registers {
                        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        // An assembly block, if an empty one, is not executed without its branch.
                        if bits >> 31 == 1 {
                            black_box(());
                        }
                    }
                }
            }
        })
    }
}
