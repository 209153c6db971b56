//! Any bytes as a snapshot, against the format's own description: a snapshot gives the same bytes
//! again, even after a stay in a vCPU, and anything else is refused and leaves a vCPU as it is.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use sve_state::shim::Vcpu;
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{Vls, Vq};

const HEADER: usize = 92;

fuzz_target!(|input: &[u8]| -> Corpus {
    check(input);
    // No fuzzer guesses a checksum, and damage is not all that there is to find, so put the right
    // one at the end.
    if let Some(end) = input.len().checked_sub(4) {
        let mut bytes = input.to_vec();
        bytes[end..].copy_from_slice(&crc32fast::hash(&input[..end]).to_le_bytes());
        check(&bytes);
    }
    Corpus::Keep
});

fn check(bytes: &[u8]) {
    let parsed = Snapshot::from_bytes(bytes);
    assert_eq!(parsed.is_ok(), is_snapshot(bytes), "{parsed:?}");
    match parsed {
        Ok(snapshot) => {
            assert_eq!(snapshot.to_bytes(), bytes, "{snapshot:?}");
            moves(&snapshot);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The number of `N` bytes at `at`, from a snapshot that has them.
fn number(bytes: &[u8], at: usize, n: usize) -> u64 {
    let digits = bytes[at..at + n].iter().rev();
    digits.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Whether they are a snapshot, by the table in the documentation of `sve_state::snapshot`.
fn is_snapshot(bytes: &[u8]) -> bool {
    if bytes.len() < HEADER + 4 {
        return false;
    }
    let (flags, vq) = (number(bytes, 10, 2), number(bytes, 12, 2));
    let status = number(bytes, 84, 8);
    let vls = &bytes[20..84];
    let end = bytes.len() - 4;
    let has = |bit: usize| vls[bit / 8] >> (bit % 8) & 1 == 1;
    let max = (0..512).rev().find(|bit| has(*bit));
    // Every power of two below the largest must be there, and where there is none, neither P nor
    // FFR may be set.
    let mut powers = [0, 1, 3, 7].into_iter().filter(|bit| Some(*bit) < max);
    let without_sve = || bytes[HEADER + 512..end].iter().all(|byte| *byte == 0);
    bytes.starts_with(b"SVESTATE")
        && number(bytes, 8, 2) == 1
        && flags <= 1
        && (flags == 1 || status == 0)
        && (1..=16).contains(&vq)
        && number(bytes, 14, 2) == 0
        && number(bytes, 16, 4) == 546 * vq
        && bytes.len() as u64 == 92 + 546 * vq + 4
        && max.map_or(1, |bit| bit as u64 + 1) == vq
        && powers.all(has)
        && (max.is_some() || without_sve())
        && number(bytes, end, 4) == u64::from(crc32fast::hash(&bytes[..end]))
}

fn moves(snapshot: &Snapshot) {
    let mut target = target(snapshot.vls());
    target
        .restore_snapshot(snapshot)
        .expect("a vCPU of its own vector lengths");
    let after = target.snapshot().expect("a vCPU to read");
    let status = snapshot.status().unwrap_or_default();
    assert_eq!(after.status(), Some(status));
    assert_eq!(after.vls(), snapshot.vls());
    let (found, expected) = (after.state().as_bytes(), snapshot.state().as_bytes());
    assert_eq!(found, expected);

    // A vCPU with another set refuses it, and keeps what it has.
    let [one, two] = [1, 2].map(|vq| Vls::up_to(Vq::new(vq).expect("1 and 2")));
    let mut other = self::target(if snapshot.vls() == one { two } else { one });
    let before = other.snapshot().expect("a vCPU to read");
    assert!(other.restore_snapshot(snapshot).is_err());
    assert_eq!(other.snapshot().expect("a vCPU to read"), before);
}

/// A vCPU with these vector lengths, the largest of which is at most 16.
fn target(vls: Vls) -> Finalized<Vcpu<Box<[u8]>>> {
    let has_sve = vls != Vls::EMPTY;
    let mut vcpu = Vcpu::new(vls).expect("16 or less");
    if has_sve {
        vcpu.init_with_sve().expect("a host with these");
        Initialized::new(vcpu).finalize().expect("the first time")
    } else {
        vcpu.init_without_sve().expect("the first time");
        Finalized::without_sve(vcpu)
    }
}
