//! A gate for operations of one's own: `cargo run --release -p sve-state-benches --example own -- --help`. It
//! counts with valgrind, which must be installed, in a program that is not stripped.
//!
//! ```text
//! own --bless     measures, and writes gate.toml
//! own             measures, and compares; exit status 1 if something is worse
//! ```

use std::hint::black_box;
use std::process::ExitCode;

use sve_state_benches::gate::{self, Operation, Pass};

/// A pass that adds the bytes of a buffer up, in some way.
fn pass(len: &str, sum: fn(&[u8]) -> u64) -> Pass {
    let bytes = vec![7; len.parse().expect("a case is a length")];
    Box::new(move |_place| {
        black_box(sum(black_box(&bytes)));
    })
}

fn operations() -> Vec<Operation> {
    vec![Operation {
        name: "sum",
        repeat: 1,
        moves: 1,
        ours: Box::new(|len| pass(len, |bytes| bytes.iter().map(|byte| u64::from(*byte)).sum())),
        others: vec![(
            "loop",
            Box::new(|len| {
                pass(len, |bytes| {
                    let mut sum = 0;
                    for byte in bytes {
                        sum += u64::from(*byte);
                    }
                    sum
                })
            }),
        )],
    }]
}

fn main() -> ExitCode {
    gate::main(&["64", "4096"], operations)
}
