//! Why 64 bits are no register ID: the reason and the message, one by one. IDs are written out from
//! the kernel's headers rather than taken from this crate.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use sve_state::layout::{Layout as _, Reason};
use sve_state::{fpsimd, sve};

const Z0: u64 = 0x6080_0000_0015_0000;

fn refused(id: u64) -> (Reason, String) {
    let error = sve::Layout::decode(id).unwrap_err();
    assert_eq!(error.id().0, id);
    (error.reason(), error.to_string())
}

#[test]
fn the_first_wrong_field_is_the_reason() {
    // Each ID is also wrong in every later field, as far as it has one.
    let (reason, text) = refused(0x7010_0001_9013_fffe);
    assert_eq!(reason, Reason::Architecture);
    let expected = "architecture 0x70 in bits 63:56, where arm64 is 0x60";
    assert_eq!(text, format!("register ID 0x701000019013fffe: {expected}"));

    let (reason, text) = refused(0x6010_0001_9013_fffe);
    assert_eq!(reason, Reason::ReservedBits);
    let expected = "bits 0x190000000 are set, but bits 51:28 belong to no field";
    assert_eq!(text, format!("register ID 0x601000019013fffe: {expected}"));

    let (reason, text) = refused(0x6010_0000_0013_fffe);
    assert_eq!(reason, Reason::Coprocessor { expected: 0x15 });
    let expected = "coprocessor 0x13 in bits 27:16, where this layout is 0x15";
    assert_eq!(text, format!("register ID 0x601000000013fffe: {expected}"));

    let (reason, text) = refused(0x6010_0000_0015_fffe);
    assert_eq!(reason, Reason::NoRegister);
    let expected = "no register has 0xfffe in bits 15:0";
    assert_eq!(text, format!("register ID 0x601000000015fffe: {expected}"));
}

#[test]
fn each_reserved_bit_is_refused() {
    for bit in 28..52 {
        assert_eq!(refused(Z0 | 1 << bit).0, Reason::ReservedBits, "bit {bit}");
    }
}

#[test]
fn a_wrong_size_names_the_register() {
    // Register number and name, by bits 15:0, with the right size in bits.
    let registers = [
        (0x0000, 0, "Z0", 2048),
        (0x03ff, 31, "Z31", 2048),
        (0x0400, 0, "P0", 256),
        (0x05e1, 15, "P15", 256),
        (0x061f, 0, "FFR", 256),
        (0xffff, 0, "VLS", 512),
    ];
    for (low, number, name, right) in registers {
        let (reason, text) = refused(0x6020_0000_0015_0000 | low);
        let found = match reason {
            Reason::Size { bank, number } => (8 * bank.slice_bytes, number),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(found, (right, number), "{name}");
        let expected =
            format!("bits 15:0 name {name}, whose size is {right} bits, but bits 55:52 say 32");
        assert!(text.ends_with(&expected), "{text}");
    }
}

#[test]
fn low_bits_next_to_a_register_name_none() {
    for low in [0x0620, 0x063f, 0x0640, 0xfffe] {
        assert_eq!(refused(Z0 | low).0, Reason::NoRegister, "{low:#x}");
    }
    // The words before V0, between V0 and V1, and past FPCR.
    for low in [0x53, 0x55, 0xd6] {
        let error = fpsimd::Layout::decode(0x6040_0000_0010_0000 | low).unwrap_err();
        assert_eq!(error.reason(), Reason::NoRegister, "{low:#x}");
    }
}

sve_state::register_layout! {
    /// Slices that no shift of the ID brings together, so that a table of the IDs is not possible.
    mod odd {
        arch: arm64, coproc: 0x1d, slices: 2, vq: 1..=16;
        /// From an odd ID on.
        bank A[3] at 0x1 step 2: slice 256 bits, width 16 * vq bits;
        /// Of another size.
        bank B at 0x10: 64 bits;
    }
}

#[test]
fn ids_without_a_table_are_decoded_bank_by_bank() {
    let mut found = 0;
    for low in 0..=0xffff_u64 {
        for size in 0..16_u64 {
            let id = 0x6000_0000_001d_0000 | size << 52 | low;
            let name = match (size, low) {
                (5, 1..=6) => Some(match (low - 1) % 2 {
                    0 => format!("A{}", (low - 1) / 2),
                    _ => format!("A{} slice 1", (low - 1) / 2),
                }),
                (3, 0x10) => Some("B".to_owned()),
                _ => None,
            };
            found += usize::from(name.is_some());
            let decoded = odd::Reg::decode(id).ok();
            assert_eq!(decoded.map(|reg| reg.to_string()), name, "{id:#x}");
            assert_eq!(decoded.map(odd::Reg::id), decoded.map(|_| id));
        }
    }
    assert_eq!(found, 7);
}

/// Registers are values that compare by number, then by slice, and so do sets and maps of them.
#[test]
fn registers_compare_hash_and_print() {
    let slice = |n, i| sve::Z::with_slice(n, i).unwrap();
    let mut some = vec![slice(3, 1), slice(30, 0), slice(3, 0), slice(2, 31)];
    some.sort();
    let sorted = [slice(2, 31), slice(3, 0), slice(3, 1), slice(30, 0)];
    assert_eq!(some, sorted);
    assert_ne!(slice(3, 0), slice(3, 1));
    assert_ne!(slice(3, 0), slice(4, 0));
    assert!(slice(3, 1) < slice(4, 0) && slice(3, 1) > sve::Z3);
    // One hash for all would also be right, only slow, so look at the hashes themselves.
    let hash = |register: sve::Z| BuildHasherDefault::<DefaultHasher>::default().hash_one(register);
    let hashes: HashSet<u64> = some.iter().map(|register| hash(*register)).collect();
    assert_eq!(hashes.len(), 4);
    assert_eq!(hash(sve::Z3), hash(slice(3, 0)));
    assert_eq!(
        format!("{:?} {:?}", slice(3, 1), sve::FFR),
        "Z3 slice 1 FFR"
    );
    assert_eq!(u64::from(sve::Z3), 0x6080_0000_0015_0060);
}
