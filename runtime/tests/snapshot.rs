//! The snapshot format, from inside and from outside.

#![cfg(feature = "snapshot")]

use sve_state::shim::{Rules, Vcpu};
use sve_state::snapshot::{OVERHEAD_BYTES, Snapshot, SnapshotError};
use sve_state::vcpu::{Finalized, Initialised, Status, VcpuError};
use sve_state::{OneReg, SveState, Vls, Vq};

/// Version 1, written by a program in another language from the format's description.
const GOLDEN: &[u8] = include_bytes!("golden/snapshot-1.bin");

fn vq(vq: u32) -> Vq {
    Vq::new(vq).unwrap()
}

fn snapshot(max: u32, status: Option<Status>) -> Snapshot {
    let mut state = SveState::zeroed(vq(max)).unwrap();
    for (k, byte) in state.as_bytes_mut().iter_mut().enumerate() {
        *byte = u8::try_from((k * 7 + 3) % 251).unwrap();
    }
    Snapshot::new(Vls::up_to(vq(max)), state, status).unwrap()
}

const STATUS: Status = Status {
    fpsr: 0x0800_009f,
    fpcr: 0x02c0_0000,
};

#[test]
fn the_golden_file_is_read_and_written() {
    let expected = snapshot(2, Some(STATUS));
    assert_eq!(Snapshot::from_bytes(GOLDEN), Ok(expected.clone()));
    assert_eq!(expected.to_bytes(), GOLDEN);
}

#[test]
fn what_goes_in_comes_out_at_every_vq_and_size() {
    for max in 1..=16 {
        for status in [None, Some(STATUS), Some(Status::default())] {
            let snapshot = snapshot(max, status);
            let bytes = snapshot.to_bytes();
            assert_eq!(bytes.len(), 546 * max as usize + 96);
            assert_eq!(Snapshot::from_bytes(&bytes), Ok(snapshot));
        }
    }
    assert_eq!(OVERHEAD_BYTES, 96);
}

#[test]
fn every_truncation_and_every_excess_is_refused() {
    for len in 0..GOLDEN.len() {
        assert!(Snapshot::from_bytes(&GOLDEN[..len]).is_err(), "{len}");
    }
    // Header and checksum are all there, and it is the image that is missing.
    for (found, error) in [
        (95, SnapshotError::Truncated { found: 95 }),
        (
            96,
            SnapshotError::Size {
                expected: 1188,
                found: 96,
            },
        ),
    ] {
        assert_eq!(Snapshot::from_bytes(&GOLDEN[..found]), Err(error));
    }
    let longer = [GOLDEN, &[0]].concat();
    let (expected, found) = (1188, 1189);
    let size = SnapshotError::Size { expected, found };
    assert_eq!(Snapshot::from_bytes(&longer), Err(size));
}

#[test]
fn every_flipped_bit_is_refused() {
    let mut bytes = GOLDEN.to_vec();
    for bit in 0..8 * GOLDEN.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Snapshot::from_bytes(&bytes).is_err(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(Snapshot::from_bytes(&bytes).is_ok());
}

/// The golden file with some bytes replaced, and a checksum that agrees.
fn forged(at: usize, with: &[u8]) -> Result<Snapshot, SnapshotError> {
    let mut bytes = GOLDEN.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    let end = bytes.len() - 4;
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
    Snapshot::from_bytes(&bytes)
}

#[test]
fn fields_are_judged_even_where_the_checksum_is_right() {
    assert!(forged(20, &[0b11]).is_ok());
    assert_eq!(forged(0, b"X"), Err(SnapshotError::Magic));
    assert_eq!(forged(8, &[2]), Err(SnapshotError::Version(2)));
    assert_eq!(forged(10, &[3]), Err(SnapshotError::Reserved));
    // FPSR and FPCR without their flag.
    assert_eq!(forged(10, &[0]), Err(SnapshotError::Reserved));
    assert_eq!(forged(14, &[1]), Err(SnapshotError::Reserved));
    for wrong in [0, 17, 513] {
        let error = forged(12, &u16::to_le_bytes(wrong)).unwrap_err();
        assert!(matches!(error, SnapshotError::Vq(e) if e.vq == u32::from(wrong)));
    }
    let (expected, found) = (546 * 3, 1092);
    let size = SnapshotError::ImageSize {
        vq: vq(3),
        expected,
        found,
    };
    assert_eq!(forged(12, &[3]), Err(size));
    // Without SVE, with too little, with too much.
    for vls in [0b000_u8, 0b001, 0b111] {
        let error = forged(20, &[vls]).unwrap_err();
        assert!(matches!(error, SnapshotError::VlsAndVq { .. }), "{error}");
    }
    assert!(matches!(forged(16, &[0]), Err(SnapshotError::Size { .. })));
    assert!(matches!(
        forged(19, &[0xff]),
        Err(SnapshotError::Size { .. })
    ));
}

#[test]
fn messages_have_the_numbers() {
    let text = |result: Result<Snapshot, SnapshotError>| result.unwrap_err().to_string();
    assert_eq!(
        text(forged(8, &[2])),
        "snapshot of version 2: this is a reader of version 1"
    );
    assert_eq!(
        text(Snapshot::from_bytes(&GOLDEN[..1000])),
        "1000 bytes of snapshot: its header states 1188"
    );
    assert_eq!(
        text(forged(20, &[0b1])),
        "an image of VQ 2 with vector lengths {1}: it must be the largest of them"
    );
    for short in [&b"hello"[..], b"SVESTATS and more"] {
        assert_eq!(
            text(Snapshot::from_bytes(short)),
            "no snapshot: it does not start with SVESTATE"
        );
    }
    assert_eq!(
        text(Snapshot::from_bytes(&GOLDEN[..20])),
        "20 bytes of snapshot: header and checksum alone take 96"
    );
    let other = Snapshot::new(Vls::EMPTY, SveState::zeroed(vq(2)).unwrap(), None);
    assert_eq!(
        text(other),
        "an image of VQ 2 and no vector lengths: without SVE the image has VQ 1"
    );
}

fn vcpu(max: u32) -> Finalized<Vcpu<Box<[u8]>>> {
    let mut vcpu = Vcpu::new(Vls::up_to(vq(16)), Rules::Mainline).unwrap();
    vcpu.init(true).unwrap();
    let mut vcpu = Initialised::new(vcpu);
    vcpu.set_vls(Vls::up_to(vq(max))).unwrap();
    vcpu.finalize().unwrap()
}

#[test]
fn a_vcpu_moves_through_bytes() {
    for max in 1..=16 {
        let moved = snapshot(max, Some(STATUS));
        let mut source = vcpu(max);
        source.restore_snapshot(&moved).unwrap();
        let bytes = source.snapshot().unwrap().to_bytes();
        let mut target = vcpu(max);
        let parsed = Snapshot::from_bytes(&bytes).unwrap();
        target.restore_snapshot(&parsed).unwrap();
        assert_eq!(target.snapshot().unwrap(), moved);
        assert_eq!(target.status().unwrap(), STATUS);
    }
}

#[test]
fn other_vector_lengths_are_refused_before_anything_is_written() {
    let mut target = vcpu(4);
    let error = target
        .restore_snapshot(&snapshot(2, Some(STATUS)))
        .unwrap_err();
    let refused = VcpuError::VectorLengths {
        snapshot: Vls::up_to(vq(2)),
        vcpu: Vls::up_to(vq(4)),
    };
    assert_eq!(error, refused);
    assert!(error.to_string().contains("{1-2}") && error.to_string().contains("{1-4}"));
    assert!(target.capture().unwrap().as_bytes().iter().all(|b| *b == 0));
    assert_eq!(target.status().unwrap(), Status::default());
}

#[test]
fn sets_with_the_same_maximum_are_not_the_same() {
    let vcpu_of = |host: Vls| {
        let mut vcpu = Vcpu::new(host, Rules::Mainline).unwrap();
        vcpu.init(true).unwrap();
        Initialised::new(vcpu).finalize().unwrap()
    };
    let powers: Vls = [1, 2, 4].map(vq).into_iter().collect();
    let (mut some, mut all) = (vcpu_of(powers), vcpu_of(Vls::up_to(vq(4))));
    let (from_some, from_all) = (some.snapshot().unwrap(), all.snapshot().unwrap());
    assert!(all.restore_snapshot(&from_some).is_err());
    assert!(some.restore_snapshot(&from_all).is_err());
    assert!(some.restore_snapshot(&from_some).is_ok());
}

#[test]
fn a_snapshot_without_status_leaves_the_vcpus_alone() {
    let mut target = vcpu(2);
    target.set_status(STATUS).unwrap();
    target.restore_snapshot(&snapshot(2, None)).unwrap();
    assert_eq!(target.status().unwrap(), STATUS);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let mut bytes = GOLDEN.to_vec();
    bytes.resize(1 << 20, 0);
    let found = bytes.len();
    let error = Snapshot::from_bytes(&bytes).unwrap_err();
    assert_eq!(error, SnapshotError::TooLarge { found });
    let largest = "1048576 bytes of snapshot: the largest has 8832";
    assert_eq!(error.to_string(), largest);
}

#[test]
fn without_sve_the_v_registers_move_by_the_same_calls() {
    let without_sve = || {
        let mut vcpu = Vcpu::new(Vls::EMPTY, Rules::Mainline).unwrap();
        vcpu.init(false).unwrap();
        vcpu
    };
    let value = |n: u64| (u128::from(n) << 64 | 0x1122_3344).to_ne_bytes();
    let id = |n: u64| 0x6040_0000_0010_0054 + 4 * n;
    let mut source = without_sve();
    for n in 0..32 {
        source.set_one_reg(id(n), &value(n)).unwrap();
    }
    let source = Finalized::without_sve(source);
    // P and FFR are zero, not what was in the memory before.
    let mut dirty = SveState::new(vq(1), [0x5e; 546]).unwrap();
    source.capture_into(&mut dirty).unwrap();
    assert_eq!(dirty.as_bytes()[512..], [0; 34]);
    let bytes = source.snapshot().unwrap().to_bytes();
    let moved = Snapshot::from_bytes(&bytes).unwrap();
    assert_eq!(moved.vls(), Vls::EMPTY);
    // Little-endian in the image, whatever the host is.
    assert_eq!(
        moved.state().as_bytes()[16 * 5..][..4],
        [0x44, 0x33, 0x22, 0x11]
    );

    let mut target = Finalized::without_sve(without_sve());
    target.restore_snapshot(&moved).unwrap();
    let target = target.into_inner();
    for n in 0..32 {
        let mut found = [0; 16];
        target.get_one_reg(id(n), &mut found).unwrap();
        assert_eq!(found, value(n));
    }
    // Not onto a vCPU with SVE, whose VQ 1 is something else.
    assert!(vcpu(1).restore_snapshot(&moved).is_err());
}

#[cfg(feature = "serde")]
#[test]
fn serde_is_compact_and_validates() {
    let snapshot = snapshot(2, Some(STATUS));
    let mut compact = postcard::to_allocvec(&snapshot).unwrap();
    // The bytes and their length, in two bytes.
    assert_eq!(compact.len(), GOLDEN.len() + 2);
    assert_eq!(
        postcard::from_bytes::<Snapshot>(&compact).unwrap(),
        snapshot
    );
    compact[600] ^= 1;
    assert!(postcard::from_bytes::<Snapshot>(&compact).is_err());

    let json = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    let damaged = json.replacen("69", "70", 1);
    let error = serde_json::from_str::<Snapshot>(&damaged).unwrap_err();
    assert!(error.to_string().contains("damaged") || error.to_string().contains("SVESTATE"));
    let rest = "1,".repeat(20_000);
    let endless = format!("[83,86,69,83,84,65,84,69,1,0,{rest}1]");
    let error = serde_json::from_str::<Snapshot>(&endless).unwrap_err();
    // One byte more than the largest snapshot has: 546 · 16 and 96.
    let expected = "invalid length 8833, expected the bytes of an SVE snapshot";
    assert!(error.to_string().contains(expected), "{error}");
}

/// What a later version will put behind its number is not known, and so not judged.
#[test]
fn the_version_is_told_whatever_follows_it() {
    let mut bytes = b"SVESTATE\x02\x00".to_vec();
    for len in [10, 40, 95, 96, 9_000, 1 << 20] {
        bytes.resize(len, 0xee);
        let found = Snapshot::from_bytes(&bytes).unwrap_err();
        assert_eq!(found, SnapshotError::Version(2), "{len} bytes");
    }
    // Of the version's two bytes, one.
    let found = Snapshot::from_bytes(&bytes[..9]).unwrap_err();
    assert_eq!(found, SnapshotError::Truncated { found: 9 });
    // Before it is the magic, however much there is of either.
    for len in [1, 9, 10, 9_000] {
        bytes.resize(len, 0xee);
        bytes[0] = b'T';
        assert_eq!(Snapshot::from_bytes(&bytes), Err(SnapshotError::Magic));
    }
}

/// Arm: an implementation that has a vector length has every power of two below it.
#[test]
fn vector_lengths_that_no_processor_has_are_refused() {
    let of = |vqs: &[u32]| {
        let vls: Vls = vqs.iter().map(|n| vq(*n)).collect();
        let state = SveState::zeroed(vls.max().unwrap()).unwrap();
        Snapshot::new(vls, state, None).map(|_| ())
    };
    for there in [
        &[1][..],
        &[1, 2],
        &[1, 2, 3],
        &[1, 2, 4, 5, 7],
        &[1, 2, 4, 8, 9],
        &[1, 2, 4, 8, 16],
    ] {
        assert_eq!(of(there), Ok(()), "{there:?}");
    }
    for (vqs, missing) in [
        (&[2][..], "{1}"),
        (&[1, 3], "{2}"),
        (&[2, 3], "{1}"),
        (&[1, 2, 3, 5], "{4}"),
        (&[1, 2, 4, 16], "{8}"),
        (&[16], "{1-2,4,8}"),
    ] {
        let vls: Vls = vqs.iter().map(|n| vq(*n)).collect();
        let text = of(vqs).unwrap_err().to_string();
        let expected = format!(
            "vector lengths (VQ) {vls}: missing are {missing}, as a processor has every power of two \
             below its largest"
        );
        assert_eq!(text, expected);
    }
    // {2}, in bytes whose checksum is right.
    let error = forged(20, &[0b10]).unwrap_err();
    assert!(matches!(error, SnapshotError::Vls(_)), "{error}");
    // And of a vCPU on such a host.
    let mut vcpu = Vcpu::new([2].map(vq).into_iter().collect(), Rules::Mainline).unwrap();
    vcpu.init(true).unwrap();
    let error = Initialised::new(vcpu)
        .finalize()
        .unwrap()
        .snapshot()
        .unwrap_err();
    assert!(error.to_string().contains("missing are {1}"), "{error}");
}

#[test]
fn without_sve_there_is_no_predicate() {
    let at = |k: usize| {
        let mut state = SveState::zeroed(vq(1)).unwrap();
        state.as_bytes_mut()[k] = 0x80;
        Snapshot::new(Vls::EMPTY, state, None)
    };
    // V0 to V31 are the first 512 bytes; then P0 to P15 of two bytes each, and FFR.
    assert!(at(0).is_ok() && at(511).is_ok());
    for k in 512..546 {
        let n = (k - 512) / 2;
        let (name, id) = match n {
            16 => ("FFR".to_owned(), 0x6050_0000_0015_0600),
            _ => (format!("P{n}"), 0x6050_0000_0015_0400 + 32 * n as u64),
        };
        let error = at(k).unwrap_err();
        assert_eq!(error, SnapshotError::WithoutSve { id });
        let text = format!(
            "{name} ({id:#x}) is not zero and there are no vector lengths: without SVE there are \
             neither P nor FFR"
        );
        assert_eq!(error.to_string(), text);
        // Nor is it dropped where an image is restored without a snapshot around it.
        let mut state = SveState::zeroed(vq(1)).unwrap();
        state.as_bytes_mut()[0] = 0x80;
        let mut target = Vcpu::new(Vls::EMPTY, Rules::Mainline).unwrap();
        target.init(false).unwrap();
        let mut target = Finalized::without_sve(target);
        state.as_bytes_mut()[k] = 0x80;
        let error = target.restore(&state).unwrap_err();
        assert_eq!(error, VcpuError::WithoutSve { id });
        assert_eq!(error.to_string(), text);
        assert!(target.capture().unwrap().as_bytes().iter().all(|b| *b == 0));
        state.as_bytes_mut()[k] = 0;
        target.restore(&state).unwrap();
        assert_eq!(target.capture().unwrap(), state);
        // With SVE it is as good as any.
        state.as_bytes_mut()[k] = 0x80;
        vcpu(1).restore(&state).unwrap();
    }
    // In bytes too.
    let bytes = at(511).unwrap().to_bytes();
    let mut forged = bytes.clone();
    let end = forged.len() - 4;
    forged[92 + 512] = 1;
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&forged[..end]);
    forged[end..].copy_from_slice(&crc.to_le_bytes());
    assert!(Snapshot::from_bytes(&bytes).is_ok());
    let error = Snapshot::from_bytes(&forged).unwrap_err();
    assert!(matches!(error, SnapshotError::WithoutSve { .. }), "{error}");
}

/// A list that is longer than any snapshot of this version, because it is one of another.
#[cfg(feature = "serde")]
#[test]
fn the_version_of_a_long_list_is_told() {
    let mut bytes = b"SVESTATE\x02\x00".to_vec();
    bytes.resize(9_000, 0);
    let json = serde_json::to_string(&bytes).unwrap();
    let error = serde_json::from_str::<Snapshot>(&json).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
}
