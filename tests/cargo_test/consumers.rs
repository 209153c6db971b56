//! The two VMMs on the shim: they save, restore, and read what they wrote before.

use std::cell::RefCell;

use sve_state::shim::Vcpu as Shim;
use sve_state::vcpu::Initialised;
use sve_state::{Vls, Vq};
use sve_state_harness::consumers::by_hand;
use sve_state_harness::consumers::list::{self, Error, Registers};
use sve_state_harness::consumers::object::{Core, KvmVcpu, Vcpu};
use sve_state_harness::consumers::{Fd, ShimFd};

const VLS: u64 = 0x6060_0000_0015_ffff;

fn initialised(sve: bool) -> ShimFd {
    let mut vcpu = Shim::new(Vls::ARCHITECTURAL).unwrap();
    vcpu.init(sve).unwrap();
    ShimFd(RefCell::new(vcpu))
}

/// A vCPU at this VQ, without SVE at 0, with values in its registers.
fn filled(max: u32) -> ShimFd {
    let fd = initialised(max > 0);
    let vls = (max > 0).then(|| Vls::up_to(Vq::new(max).unwrap()));
    Initialised::new(&fd).settle(max > 0, vls).unwrap();
    for (n, id) in (0..).zip(fd.list().unwrap()).filter(|(_, id)| *id != VLS) {
        let bytes = (0..fd.get(id).unwrap().len()).map(|k| (k * 7 + n * 31 + 1).to_le_bytes()[0]);
        fd.set(id, &bytes.collect::<Vec<_>>()).unwrap();
    }
    fd
}

#[test]
fn a_list_is_saved_and_restored_in_both_versions() {
    for max in 0..=16 {
        let fd = filled(max);
        let registers = list::save(&fd).unwrap();
        let new = list::serialize(&registers).unwrap();
        let old = list::serialize_as_version_1(&registers).unwrap();
        assert!(new.len() < old.len() || max == 0 || max == 16);
        for bytes in [new, old] {
            let read = list::deserialize(&bytes).unwrap();
            assert_eq!(read, registers, "VQ {max}");
            let target = initialised(max > 0);
            list::restore(&target, &read).unwrap();
            assert_eq!(list::save(&target).unwrap(), registers);
        }
    }
}

/// What a VMM without the crate would restore, and the guest find.
#[test]
fn a_list_that_is_wrong_is_refused_by_name() {
    let registers = list::save(&filled(2)).unwrap();
    let z3 = registers
        .iter()
        .position(|(id, _)| *id == 0x6080_0000_0015_0060)
        .unwrap();
    let refused = |change: fn(&mut Registers, usize), text: &str| {
        let mut wrong = registers.clone();
        change(&mut wrong, z3);
        let error = list::restore(&initialised(true), &wrong).unwrap_err();
        assert!(
            matches!(error, Error::Sve(found) if found.starts_with(text)),
            "{text}"
        );
    };
    refused(
        |list, z3| drop(list.remove(z3)),
        "no Z3 (0x6080000000150060)",
    );
    refused(
        |list, z3| list.push(list[z3].clone()),
        "Z3 (0x6080000000150060) more than once",
    );
    refused(
        |list, z3| list[z3].1.truncate(32),
        "32 bytes for Z3 (0x6080000000150060)",
    );
    refused(
        |list, z3| list[z3].1[32] = 1,
        "Z3 (0x6080000000150060): byte 32 is not zero",
    );
}

/// Those between the marks, without comments.
fn lines(source: &str) -> usize {
    let (mut lines, mut within) = (0, false);
    for line in source.lines().map(str::trim) {
        match line {
            "// (+" => within = true,
            "// +)" => within = false,
            _ => lines += usize::from(within && !line.starts_with("//")),
        }
    }
    lines
}

#[test]
fn the_list_needs_at_most_30_lines_and_the_object_fewer_than_by_hand() {
    let list = lines(include_str!("../suites/consumers/list.rs"));
    let object = lines(include_str!("../suites/consumers/object.rs"));
    let by_hand = lines(include_str!("../suites/consumers/by_hand.rs"));
    println!("list {list}, object {object}, by hand {by_hand}");
    assert!((1..=30).contains(&list), "{list}");
    assert!((1..by_hand).contains(&object), "{object}, {by_hand}");
}

/// The twin does the same job: what it saves as JSON, it restores to the byte.
#[test]
fn by_hand_is_the_same_state() {
    for max in 0..=16 {
        let has_sve = max > 0;
        let fd = filled(max);
        let saved = serde_json::to_string(&by_hand::state(&fd, has_sve).unwrap()).unwrap();
        let target = initialised(has_sve);
        by_hand::set_state(&target, &serde_json::from_str(&saved).unwrap()).unwrap();
        assert_eq!(list::save(&target).unwrap(), list::save(&fd).unwrap());
    }
}

#[test]
fn a_trait_object_is_saved_and_restored_with_sve_and_without() {
    for max in 0..=16 {
        let has_sve = max > 0;
        let source: Box<dyn Vcpu> = Box::new(KvmVcpu {
            fd: filled(max),
            has_sve,
        });
        let json = serde_json::to_string(&source.state().unwrap()).unwrap();
        if max == 2 {
            assert!(json.len() <= 1_700, "{}", json.len());
        }
        let core: Core = serde_json::from_str(&json).unwrap();
        let target: Box<dyn Vcpu> = Box::new(KvmVcpu {
            fd: initialised(has_sve),
            has_sve,
        });
        target.set_state(&core).unwrap();
        assert_eq!(
            serde_json::to_string(&target.state().unwrap()).unwrap(),
            json
        );
    }
}

#[test]
fn a_trait_object_reads_what_it_wrote_before() {
    let v: Vec<String> = (1..=32_u128).map(|n| (n << 64 | 7).to_string()).collect();
    let json = format!(
        "{{\"pc\":4096,\"vregs\":[{}],\"fpsr\":159,\"fpcr\":64}}",
        v.join(",")
    );
    let core: Core = serde_json::from_str(&json).unwrap();
    let target = KvmVcpu {
        fd: initialised(false),
        has_sve: false,
    };
    target.set_state(&core).unwrap();
    for n in 0..32_u64 {
        let value = (u128::from(n + 1) << 64 | 7).to_ne_bytes();
        assert_eq!(target.fd.get(0x6040_0000_0010_0054 + 4 * n).unwrap(), value);
    }
    assert_eq!(
        target.fd.get(0x6020_0000_0010_00d4).unwrap(),
        159_u32.to_ne_bytes()
    );
    assert_eq!(
        target.fd.get(0x6020_0000_0010_00d5).unwrap(),
        64_u32.to_ne_bytes()
    );
}
