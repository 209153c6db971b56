//! A gate for the operations of your own VMM, compared with the same written by hand. A program like this needs
//! valgrind on the machine, and these lines in its Cargo.toml, with the path to a clone of the repository:
//!
//! ```toml
//! [dependencies]
//! sve-state = { path = "sve-state/runtime" }
//! sve-state-benches = { path = "sve-state/benches" }
//!
//! [profile.release]
//! debug = "line-tables-only" # valgrind finds the gate's functions by name
//! ```
//!
//! ```text
//! own --bless     measures, and writes gate.toml and a page of this processor's times
//! own             measures, and compares; exit status 1 if something is worse
//! own --help      says the rest
//! ```
//!
//! In a clone, `cargo run --release -p sve-state-benches --example own -- --help` runs this one.

use std::hint::black_box;
use std::process::ExitCode;

use sve_state::{SveState, Vq, sve};
use sve_state_benches::by_hand::State;
use sve_state_benches::gate::{self, Make, Operation, Rule};

/// How many vCPUs there are, which is also how many accesses a pass makes.
const VCPUS: u32 = 64;

/// Passes over vCPUs in an order that the processor cannot learn, where a case is a VQ or `mixed`.
fn vcpus<T: 'static>(vcpu: fn(Vq) -> T, access: fn(&mut T, &mut [u8; 256])) -> Make {
    Box::new(move |case| {
        let vq = |n| case.parse().unwrap_or(1 + n % 16);
        let vqs = (0..VCPUS).map(|n| Vq::new(vq(n)).expect("1 to 16"));
        let mut vcpus: Vec<_> = vqs.map(vcpu).collect();
        let (mut slice, mut random) = ([0; 256], 1_u32);
        Box::new(move |_place| {
            for _ in 0..VCPUS {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                access(&mut vcpus[(random >> 26) as usize], &mut slice);
                black_box(&mut slice);
            }
        })
    })
}

fn operations() -> Vec<Operation> {
    let ours = |vq: Vq| {
        let image = vec![7; 546 * usize::from(vq.get())];
        SveState::new(vq, image).expect("an image of its size")
    };
    let by_hand = |vq: Vq| {
        let vq = usize::from(vq.get());
        let image = vec![7; 546 * vq];
        State { image, vq }
    };
    vec![Operation {
        name: "get_z3".to_owned(),
        repeat: VCPUS as usize,
        rule: Rule::Straight,
        ours: vcpus(ours, |vcpu, slice| vcpu.get_into(sve::Z3, slice)),
        others: vec![(
            "by_hand",
            vcpus(by_hand, |vcpu, slice| vcpu.get_z(3, slice)),
        )],
        empty: vcpus(|_| (), |(), _| ()),
    }]
}

fn main() -> ExitCode {
    gate::main(&["2", "mixed"], operations)
}
