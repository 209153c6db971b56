//! Lists of (ID, bytes) as snapshots: a vCPU's own list with changes to it, and any IDs besides. What
//! makes a snapshot is worked out here once more, from the documentation of `Snapshot::from_registers`,
//! and a snapshot restores to the registers that it was made of.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sve_state::shim::Vcpu;
use sve_state::snapshot::{Allow, Snapshot};
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{OneReg, Vls};

const VLS: u64 = 0x6060_0000_0015_ffff;
const FPSR: u64 = 0x6020_0000_0010_00d4;
const FPCR: u64 = 0x6020_0000_0010_00d5;

type Registers = Vec<(u64, Vec<u8>)>;

// The first three bytes say, as bits, whether SVE is missing and what is allowed, and then the VLS;
// after them come changes of twelve bytes each.
fuzz_target!(|input: &[u8]| {
    let Some((&[bits, low, high], changes)) = input.split_first_chunk() else {
        return;
    };
    let allow = Allow {
        past_vls: bits & 2 != 0,
        coprocessors: bits & 4 != 0,
        missing: None,
    };
    let vls = u16::from_le_bytes([low, high]);
    let mut list = registers(bits & 1 != 0, vls);
    for change in changes.chunks_exact(12) {
        apply(&mut list, change.try_into().expect("twelve bytes"));
    }
    let found = Snapshot::from_registers_allowing(allow, list.clone());
    let expected = judge(&list, allow);
    assert_eq!(found.is_ok(), expected.is_some(), "{found:?} of {list:x?}");
    match (found, expected) {
        (Ok(snapshot), Some((image, status))) => {
            assert_eq!(snapshot.state().as_bytes(), image);
            assert_eq!(snapshot.status().map(|s| [s.fpsr, s.fpcr]), status);
            let bytes = snapshot.to_bytes();
            assert_eq!(Snapshot::from_bytes(&bytes).as_ref(), Ok(&snapshot));
            moves(&snapshot, &list);
        }
        (Err(error), _) => assert!(!error.to_string().is_empty()),
        (Ok(_), None) => unreachable!("they were compared"),
    }
});

fn size(id: u64) -> usize {
    1 << (id >> 52 & 0xf)
}

fn z(n: u64) -> u64 {
    0x6080_0000_0015_0000 + 32 * n
}

/// P0 to P15, and FFR.
fn p(n: u64) -> u64 {
    0x6050_0000_0015_0400 + 32 * n
}

fn v(n: u64) -> u64 {
    0x6040_0000_0010_0054 + 4 * n
}

/// A vCPU's list, with X0 and SCTLR_EL1 in it, and values as wide as the largest vector length.
fn registers(without_sve: bool, vls: u16) -> Registers {
    let vq = 16 - vls.leading_zeros() as usize;
    let mut list = Registers::new();
    let mut add = |id: u64, width: usize| {
        let mut bytes = vec![0; size(id)];
        let seed = list.len();
        bytes[..width]
            .iter_mut()
            .enumerate()
            .for_each(|(k, byte)| *byte = (31 * seed + 7 * k + 1) as u8);
        list.push((id, bytes));
    };
    add(0x6030_0000_0010_0000, 8);
    if without_sve {
        (0..32).for_each(|n| add(v(n), 16));
    }
    add(FPSR, 4);
    add(FPCR, 4);
    if !without_sve {
        (0..32).for_each(|n| add(z(n), 16 * vq));
        (0..17).for_each(|n| add(p(n), 2 * vq));
        let mut words = vec![0; 64];
        // The first of eight words, which are in the host's byte order.
        words[..8].copy_from_slice(&u64::from(vls).to_ne_bytes());
        list.push((VLS, words));
    }
    list.push((0x6030_0000_0013_c080, vec![1; 8]));
    list
}

fn apply(list: &mut Registers, change: &[u8; 12]) {
    let [what, at, byte, value, number @ ..] = *change;
    let number = u64::from_le_bytes(number);
    let at = usize::from(at) % list.len().max(1);
    if what % 8 == 0 || list.is_empty() {
        list.push((number, vec![value; usize::from(byte)]));
        return;
    }
    match what % 8 {
        1 => drop(list.remove(at)),
        2 => list.push(list[at].clone()),
        3 => list[at].0 ^= 1 << (number % 64),
        4 => list[at].1.resize(usize::from(byte) * 2, value),
        5 => {
            if let Some(place) = list[at].1.get_mut(usize::from(byte)) {
                *place = value;
            }
        }
        6 => {
            let last = list.len() - 1;
            list.swap(at, last);
        }
        _ => list.push((number, vec![value; size(number).min(1 << 10)])),
    }
}

/// What an ID is, by the kernel's headers.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sve,
    V,
    Status,
    Ignored,
    Unknown,
    Wrong,
}

fn kind(id: u64) -> Kind {
    let low = id & 0xffff;
    if id >> 56 != 0x60 || id >> 28 & 0xff_ffff != 0 {
        return Kind::Wrong;
    }
    match id >> 16 & 0xfff {
        0x15 if id == VLS || (0..32).any(|n| z(n) == id) || (0..17).any(|n| p(n) == id) => {
            Kind::Sve
        }
        0x15 => Kind::Wrong,
        0x10 if (0..32).any(|n| v(n) == id) => Kind::V,
        0x10 if id == FPSR || id == FPCR => Kind::Status,
        // One of those by its number, but in another size.
        0x10 if (0..32).any(|n| v(n) & 0xffff == low) || low == 0xd4 || low == 0xd5 => Kind::Wrong,
        0x10 | 0x11 | 0x13 | 0x14 | 0x16 => Kind::Ignored,
        _ => Kind::Unknown,
    }
}

type Expected = (Vec<u8>, Option<[u32; 2]>);

fn judge(list: &Registers, allow: Allow) -> Option<Expected> {
    let kinds = || list.iter().map(|(id, _)| kind(*id));
    let bad = |kind| kind == Kind::Wrong || kind == Kind::Unknown && !allow.coprocessors;
    if kinds().any(bad) {
        return None;
    }
    let has_sve = kinds().any(|kind| kind == Kind::Sve) || kinds().all(|kind| kind != Kind::V);
    let looked_at = list.iter().filter(|(id, _)| match kind(*id) {
        Kind::Sve | Kind::Status => true,
        Kind::V => !has_sve,
        _ => false,
    });
    let mut found = std::collections::BTreeMap::new();
    for (id, bytes) in looked_at {
        if bytes.len() != size(*id) || found.insert(*id, bytes).is_some() {
            return None;
        }
    }
    let status = match (found.get(&FPSR), found.get(&FPCR)) {
        (None, None) => None,
        (fpsr, fpcr) => {
            let word = |bytes: &[u8]| u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            Some([word(fpsr?), word(fpcr?)])
        }
    };
    let mut image = Vec::new();
    if !has_sve {
        for n in 0..32 {
            let bytes = found.get(&v(n))?;
            image.extend(bytes.iter().copied());
            if cfg!(target_endian = "big") {
                let end = image.len();
                image[end - 16..].reverse();
            }
        }
        image.extend([0; 34]);
        return Some((image, status));
    }
    let vls = found.get(&VLS)?;
    let words: Vec<u64> = vls
        .chunks(8)
        .map(|w| u64::from_ne_bytes(w.try_into().expect("eight bytes")))
        .collect();
    // A processor has VQ 1 to 16 and, with any of these, all powers of two below it.
    if words[1..].iter().any(|word| *word != 0) || words[0] == 0 || words[0] >> 16 != 0 {
        return None;
    }
    let vq = 64 - words[0].leading_zeros() as usize;
    let powers = [1, 2, 4, 8].iter().filter(|power| **power < vq);
    if powers.clone().any(|power| words[0] >> (power - 1) & 1 == 0) {
        return None;
    }
    let z = (0..32).map(|n| (z(n), 16 * vq));
    for (id, width) in z.chain((0..17).map(|n| (p(n), 2 * vq))) {
        let (own, past) = found.get(&id)?.split_at(width);
        if !allow.past_vls && past.iter().any(|byte| *byte != 0) {
            return None;
        }
        image.extend(own);
    }
    Some((image, status))
}

/// Restores to a vCPU, which then has, register by register, what the list had.
fn moves(snapshot: &Snapshot, list: &Registers) {
    let (vls, has_sve) = (snapshot.vls(), snapshot.vls() != Vls::EMPTY);
    let mut vcpu = Vcpu::new(vls).expect("16 or less");
    let mut target = if has_sve {
        vcpu.init_with_sve().expect("a host with these");
        Initialized::new(vcpu).finalize().expect("the first time")
    } else {
        vcpu.init_without_sve().expect("the first time");
        Finalized::without_sve(vcpu)
    };
    target.restore_snapshot(snapshot).expect("its own lengths");
    let vq = snapshot.state().vq().get();
    let vcpu = target.into_inner();
    for (id, value) in list {
        let width = match kind(*id) {
            Kind::Sve if *id == VLS => 64,
            Kind::Sve => size(*id) * usize::from(vq) / 16,
            Kind::Status => 4,
            Kind::V if !has_sve => 16,
            _ => continue,
        };
        let mut now = vec![0; size(*id)];
        vcpu.get_one_reg(*id, &mut now).expect("it has this one");
        assert_eq!(now[..width], value[..width], "{id:#x}");
        assert!(now[width..].iter().all(|byte| *byte == 0));
    }
}
