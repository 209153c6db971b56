//! The snapshot format, from inside and from outside.

#![cfg(feature = "snapshot")]

use sve_state::shim::Vcpu;
use sve_state::snapshot::{HEADER_BYTES, Header, OVERHEAD_BYTES, Snapshot, SnapshotError};
use sve_state::vcpu::{Finalized, Initialized, Status};
use sve_state::{Errno, OneReg, RegId, SveError, SveState, Vls, Vq};

/// Version 1, written from the format's description by a program in another language.
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

/// More files of version 1, by the same program, each with its vector lengths in quadwords, none
/// without SVE, and whether FPSR and FPCR are there.
const GOLDENS: [(&[u32], bool, &[u8]); 5] = [
    (&[1, 2], true, GOLDEN),
    (&[1], true, include_bytes!("golden/snapshot-1-vq1.bin")),
    (
        &[1, 2, 4],
        false,
        include_bytes!("golden/snapshot-1-vq4.bin"),
    ),
    (
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        true,
        include_bytes!("golden/snapshot-1-vq16.bin"),
    ),
    (
        &[],
        true,
        include_bytes!("golden/snapshot-1-without-sve.bin"),
    ),
];

/// What a file of version 1 states is read from it for as long as this crate exists.
#[test]
fn every_golden_file_is_read_and_written() {
    for (vqs, status, bytes) in GOLDENS {
        let vls: Vls = vqs.iter().map(|n| vq(*n)).collect();
        let mut state = SveState::zeroed(vls.max().unwrap_or(Vq::MIN)).unwrap();
        let registers = if vqs.is_empty() {
            512
        } else {
            bytes.len() - 96
        };
        let filled = state.as_bytes_mut()[..registers].iter_mut();
        filled
            .enumerate()
            .for_each(|(k, byte)| *byte = u8::try_from((k * 7 + 3) % 251).unwrap());
        let expected = Snapshot::new(vls, state, status.then_some(STATUS)).unwrap();
        assert_eq!(Snapshot::from_bytes(bytes), Ok(expected.clone()));
        assert_eq!(expected.to_bytes(), bytes);
        assert_eq!(expected.has_sve(), !vqs.is_empty());
    }
}

/// What a destination is told before the rest is there, by the description of the format.
#[test]
fn the_first_bytes_say_what_a_host_must_have() {
    let set = |vqs: &[u32]| vqs.iter().map(|n| vq(*n)).collect::<Vls>();
    let hosts = [&[][..], &[1], &[1, 2], &[1, 2, 4], &[1, 2, 3, 4]].map(set);
    for (vqs, status, bytes) in GOLDENS {
        let header = Header::from_bytes(&bytes[..HEADER_BYTES]).unwrap();
        assert_eq!(Header::from_bytes(bytes), Ok(header));
        assert_eq!(header.vls(), set(vqs));
        assert_eq!(header.has_status(), status);
        assert_eq!(header.snapshot_bytes(), bytes.len());
        for host in &hosts {
            let max = vqs.iter().max().copied();
            let there: Vec<u32> = host.iter().map(|vq| vq.get().into()).collect();
            let up_to: Vec<u32> = there.into_iter().filter(|vq| Some(*vq) <= max).collect();
            let fits = vqs.is_empty() || up_to == vqs;
            assert_eq!(header.check(host).is_ok(), fits, "{vqs:?} on {host}");
            let whole = Snapshot::from_bytes(bytes).unwrap();
            assert_eq!(whole.check(host), header.check(host));
        }
        for len in 0..HEADER_BYTES {
            assert!(Header::from_bytes(&bytes[..len]).is_err(), "{len}");
        }
    }
    // A header that contradicts itself, or is of another version, is refused for the same reason as a
    // whole snapshot.
    for (at, with) in [
        (0, 7),
        (8, 2),
        (10, 3),
        (12, 17),
        (12, 3),
        (14, 1),
        (20, 0b111),
        (20, 0b10),
    ] {
        let mut bytes = GOLDEN.to_vec();
        bytes[at] = with;
        let error = Header::from_bytes(&bytes).unwrap_err();
        assert_eq!(Err(error), forged(at, &[with]), "{at}: {with}");
    }
    let mut bytes = GOLDEN.to_vec();
    bytes[16] ^= 1;
    let (vq, expected, found) = (vq(2), 1092, 1093);
    let size = SnapshotError::ImageSize {
        vq,
        expected,
        found,
    };
    assert_eq!(Header::from_bytes(&bytes), Err(size));
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
        (
            95,
            SnapshotError::Truncated {
                found: 95,
                needed: 96,
            },
        ),
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

/// The golden file with some bytes replaced, and with a checksum that agrees.
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
    // First without SVE, then with too little, then with too much.
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
            "not a snapshot: it does not start with SVESTATE"
        );
    }
    assert_eq!(
        text(Snapshot::from_bytes(&GOLDEN[..20])),
        "20 bytes of snapshot: header and checksum take 96"
    );
    let other = Snapshot::new(Vls::EMPTY, SveState::zeroed(vq(2)).unwrap(), None);
    assert_eq!(
        text(other),
        "an image of VQ 2 and no vector lengths: without SVE the image has VQ 1"
    );
}

fn vcpu(max: u32) -> Finalized<Vcpu<Box<[u8]>>> {
    let mut vcpu = Vcpu::new(Vls::up_to(vq(16))).unwrap();
    vcpu.init_with_sve().unwrap();
    let mut vcpu = Initialized::new(vcpu);
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
    let refused = SveError::SnapshotVls {
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
        let mut vcpu = Vcpu::new(host).unwrap();
        vcpu.init_with_sve().unwrap();
        Initialized::new(vcpu).finalize().unwrap()
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
        let mut vcpu = Vcpu::new(Vls::EMPTY).unwrap();
        vcpu.init_without_sve().unwrap();
        vcpu
    };
    let value = |n: u64| (u128::from(n) << 64 | 0x1122_3344).to_ne_bytes();
    let id = |n: u64| 0x6040_0000_0010_0054 + 4 * n;
    let mut source = without_sve();
    for n in 0..32 {
        source.set_one_reg(id(n), &value(n)).unwrap();
    }
    let source = Finalized::without_sve(source);
    // P and FFR are zero, and not what was in the memory before.
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
    // The bytes, and their length in two bytes.
    assert_eq!(compact.len(), GOLDEN.len() + 2);
    assert_eq!(
        postcard::from_bytes::<Snapshot>(&compact).unwrap(),
        snapshot
    );
    compact[600] ^= 1;
    assert!(postcard::from_bytes::<Snapshot>(&compact).is_err());
    // What was base64 in a format for people is base64 in a binary one too.
    let text: String = serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
    let bytes = postcard::to_allocvec(&text).unwrap();
    assert_eq!(
        postcard::from_bytes::<Snapshot>(&bytes),
        Ok(snapshot.clone())
    );
    // In lines of 76 characters, as `base64` and YAML's `!!binary` break it.
    for end in ["\n", "\r\n", "\n    "] {
        let lines = text
            .as_bytes()
            .chunks(76)
            .map(|line| std::str::from_utf8(line).unwrap());
        let broken: String = lines.flat_map(|line| [line, end]).collect();
        let json = serde_json::to_string(&broken).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    }

    let json = serde_json::to_string(&snapshot).unwrap();
    // The base64 of 1188 bytes, 4 characters for each 3, and two quotes. The text begins as that of
    // "SVESTATE".
    assert_eq!(json.len(), 1188 / 3 * 4 + 2);
    assert!(json.starts_with("\"U1ZFU1RBVEUB"), "{json}");
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    let error = |json: &str| {
        serde_json::from_str::<Snapshot>(json)
            .unwrap_err()
            .to_string()
    };
    let damaged = error(&format!("{}B{}", &json[..601], &json[602..]));
    assert!(damaged.contains("damaged snapshot"), "{damaged}");
    for (text, reason) in [
        (
            "\"U1ZFU1RB*EUB\"",
            "not the base64 of an SVE snapshot: byte 0x2a at offset 8",
        ),
        (
            "\"U1ZFU1RBVEU=\"",
            "8 bytes of snapshot: header and checksum take 96",
        ),
        (
            "\"U1ZFU1RBVEUCAA==\"",
            "snapshot of version 2: this is a reader of version 1",
        ),
        (
            "\"hello!==\"",
            "not the base64 of an SVE snapshot: byte 0x21 at offset 5",
        ),
        (
            "\"Zg=\"",
            "SVE snapshot: it ends at offset 3, within four characters",
        ),
        ("\"Z===\"", "SVE snapshot: byte 0x3d at offset 1"),
        ("\"Zg==Zg==\"", "SVE snapshot: byte 0x5a at offset 4"),
        ("\"Zg=A\"", "SVE snapshot: byte 0x41 at offset 3"),
        ("\"Zg=g\"", "SVE snapshot: byte 0x67 at offset 3"),
        ("\"Zg=1\"", "SVE snapshot: byte 0x31 at offset 3"),
        ("\"Zg=+\"", "SVE snapshot: byte 0x2b at offset 3"),
        ("\"Zg=/\"", "SVE snapshot: byte 0x2f at offset 3"),
        ("\"Zm9v=\"", "SVE snapshot: byte 0x3d at offset 4"),
        ("\"Zm-_\"", "SVE snapshot: byte 0x2d at offset 2"),
        ("\"Zm9\u{e9}\"", "SVE snapshot: byte 0xc3 at offset 3"),
        ("7", "expected the bytes of an SVE snapshot"),
    ] {
        let error = error(text);
        assert!(error.contains(reason), "{text}: {error}");
    }

    // A list of numbers may be that of a text, however large the snapshot is.
    for max in [11, 12, 16] {
        let vq = Vq::new(max).unwrap();
        let state = SveState::zeroed(vq).unwrap();
        let snapshot = Snapshot::new(Vls::up_to(vq), state, None).unwrap();
        let text: String =
            serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
        let list = serde_json::to_string(text.as_bytes()).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&list).unwrap(), snapshot);
    }

    // A list of numbers, as JSON had it before.
    let json = serde_json::to_string(GOLDEN).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    let damaged = json.replacen("69", "70", 1);
    let error = serde_json::from_str::<Snapshot>(&damaged).unwrap_err();
    assert!(error.to_string().contains("damaged") || error.to_string().contains("SVESTATE"));
    let rest = "1,".repeat(20_000);
    let endless = format!("[83,86,69,83,84,65,84,69,1,0,{rest}1]");
    let error = serde_json::from_str::<Snapshot>(&endless).unwrap_err();
    // One byte more than the base64 of the largest snapshot, which has 546 · 16 and 96 bytes.
    let expected = "invalid length 11777, expected the bytes of an SVE snapshot";
    assert!(error.to_string().contains(expected), "{error}");
}

/// What a later version will put after its number is not known, and so is not judged.
#[test]
fn the_version_is_told_whatever_follows_it() {
    let mut bytes = b"SVESTATE\x02\x00".to_vec();
    for len in [10, 40, 95, 96, 9_000, 1 << 20] {
        bytes.resize(len, 0xee);
        let found = Snapshot::from_bytes(&bytes).unwrap_err();
        assert_eq!(found, SnapshotError::Version(2), "{len} bytes");
    }
    // Of the version's two bytes, only one.
    let found = Snapshot::from_bytes(&bytes[..9]).unwrap_err();
    let needed = 96;
    assert_eq!(found, SnapshotError::Truncated { found: 9, needed });
    let header = Header::from_bytes(&GOLDEN[..91]).unwrap_err();
    assert_eq!(
        header.to_string(),
        "91 bytes of snapshot: the header takes 92"
    );
    // Before the version is the magic, however much there is of either.
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
    // The same on a vCPU of such a host.
    let mut vcpu = Vcpu::new([2].map(vq).into_iter().collect()).unwrap();
    vcpu.init_with_sve().unwrap();
    let error = Initialized::new(vcpu)
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
    // V0 to V31 are the first 512 bytes, then come P0 to P15 of two bytes each, and FFR.
    assert!(at(0).is_ok() && at(511).is_ok());
    for k in 512..546 {
        let n = (k - 512) / 2;
        let (name, id) = match n {
            16 => ("FFR".to_owned(), 0x6050_0000_0015_0600),
            _ => (format!("P{n}"), 0x6050_0000_0015_0400 + 32 * n as u64),
        };
        let error = at(k).unwrap_err();
        assert_eq!(error, SnapshotError::WithoutSve { id: RegId(id) });
        let text = format!(
            "{name} ({id:#x}) is not zero and there are no vector lengths: without SVE there are \
             neither P nor FFR"
        );
        assert_eq!(error.to_string(), text);
        // Nor is it dropped where an image is restored without a snapshot around it.
        let mut state = SveState::zeroed(vq(1)).unwrap();
        state.as_bytes_mut()[0] = 0x80;
        let mut target = Vcpu::new(Vls::EMPTY).unwrap();
        target.init_without_sve().unwrap();
        let mut target = Finalized::without_sve(target);
        state.as_bytes_mut()[k] = 0x80;
        let error = target.restore(&state).unwrap_err();
        assert_eq!(error, SveError::WithoutSve { id: RegId(id) });
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

/// As Cloud Hypervisor and QEMU keep them without SVE: 32 numbers of 128 bits, and FPSR and FPCR.
#[test]
fn v_values_and_status_make_a_snapshot_without_sve() {
    let v: [u128; 32] = std::array::from_fn(|n| (n as u128) << 64 | 0x1122_3344);
    let mut vcpu = Vcpu::new(Vls::EMPTY).unwrap();
    vcpu.init_without_sve().unwrap();
    for (n, value) in (0..).zip(v) {
        let id = 0x6040_0000_0010_0054 + 4 * n;
        vcpu.set_one_reg(id, &value.to_ne_bytes()).unwrap();
    }
    let mut vcpu = Finalized::without_sve(vcpu);
    vcpu.set_status(STATUS).unwrap();
    let made = Snapshot::from_vregs(&v, Some(STATUS));
    assert_eq!(made, vcpu.snapshot().unwrap());
    assert_eq!(Snapshot::from_bytes(&made.to_bytes()), Ok(made));
    assert_eq!(Snapshot::from_vregs(&v, None).status(), None);
}

/// gdb 13.1 prints elements like these for `p/x`.
#[test]
fn values_are_shown_on_request_only() {
    let mut state = SveState::zeroed(vq(16)).unwrap();
    let bytes = state.as_bytes_mut();
    // Z1: one quadword of 16. Z2: all the same. P0: 7 ten times, 9. FFR: eleven of 7, 9.
    bytes[256 + 16..][..16].copy_from_slice(&(0xab_u128 << 120).to_le_bytes());
    bytes[512..768].fill(0x5a);
    bytes[8192..8202].fill(7);
    bytes[8202] = 9;
    bytes[8192 + 512..][..11].fill(7);
    bytes[8192 + 512 + 11] = 9;
    let snapshot = Snapshot::new(Vls::ARCHITECTURAL, state, Some(STATUS)).unwrap();
    let five = "0x5a".to_owned() + &"5a".repeat(15);
    let expected = format!(
        "vls   {{1-16}}\n\
         fpsr  0x800009f\n\
         fpcr  0x2c00000\n\
         z1    {{0x0, 0xab{:030}, 0x0 <repeats 14 times>}}\n\
         z2    {{{five} <repeats 16 times>}}\n\
         p0    {{{}0x9, 0x0 <repeats 21 times>}}\n\
         ffr   {{0x7 <repeats 11 times>, 0x9, 0x0 <repeats 20 times>}}\n\
         zero  z0 z3-z31 p1-p15\n",
        0,
        "0x7, ".repeat(10)
    );
    assert_eq!(snapshot.show().to_string(), expected);
    // `Debug` ends up in logs.
    let debug = format!("{snapshot:?}");
    assert!(!debug.contains("5a") && debug.len() < 200, "{debug}");

    let v: [u128; 32] = std::array::from_fn(|n| n as u128 + 1);
    let shown = Snapshot::from_vregs(&v, None).show().to_string();
    assert!(shown.starts_with("vls   none, without SVE\nv0    {0x1}\nv1    {0x2}\n"));
    assert!(shown.ends_with("v31   {0x20}\nzero  none\n"), "{shown}");
}

#[test]
fn registers_are_walked_as_wide_as_they_are() {
    for max in 1..=16 {
        let snapshot = snapshot(max, None);
        let (z, p) = (16 * max as usize, 2 * max as usize);
        let names = snapshot.iter().map(|(id, _)| RegId(id).to_string());
        let expected = (0..32).map(|n| format!("Z{n}"));
        let expected = expected.chain((0..16).map(|n| format!("P{n}")));
        assert!(names.eq(expected.chain(["FFR".to_owned()])));
        let widths = snapshot.iter().map(|(_, bytes)| bytes.len());
        assert!(widths.eq([z; 32].into_iter().chain([p; 17])));
        let bytes: Vec<u8> = snapshot
            .iter()
            .flat_map(|(_, bytes)| bytes)
            .copied()
            .collect();
        assert_eq!(bytes, snapshot.state().as_bytes());
    }
    let snapshot = Snapshot::from_vregs(&[3; 32], None);
    let v3 = snapshot.iter().nth(3).unwrap();
    assert_eq!(v3, (0x6040_0000_0010_0060, &3_u128.to_le_bytes()[..]));
    assert_eq!(snapshot.iter().count(), 32);
}

/// A VMM that captures each vCPU on its own thread needs this.
#[test]
fn captures_run_in_parallel() {
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Snapshot>();
    send_and_sync::<Header>();
    send_and_sync::<SnapshotError>();
    send_and_sync::<SveError<Errno>>();
    send_and_sync::<Finalized<&Vcpu<Box<[u8]>>>>();
    send_and_sync::<Initialized<Vcpu<Box<[u8]>>>>();

    let moved: Vec<_> = (1..=16).map(|max| snapshot(max, Some(STATUS))).collect();
    std::thread::scope(|scope| {
        let capture = |moved: &Snapshot| {
            let mut vcpu = vcpu(moved.state().vq().get().into());
            vcpu.restore_snapshot(moved).unwrap();
            vcpu.snapshot().unwrap()
        };
        let threads: Vec<_> = moved
            .iter()
            .map(|moved| scope.spawn(move || capture(moved)))
            .collect();
        for (thread, moved) in threads.into_iter().zip(&moved) {
            assert_eq!(thread.join().unwrap(), *moved);
        }
    });
    // One vCPU, through a shared borrow, from many threads.
    let mut vcpu = vcpu(4);
    vcpu.restore_snapshot(&moved[3]).unwrap();
    let vcpu = &vcpu;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(vcpu.snapshot().unwrap(), moved[3]));
        }
    });
}

/// A VMM wraps one error, and finds the errno in it and in the chain of sources.
#[test]
fn errors_travel() {
    use std::error::Error as _;

    // As `thiserror` writes it for `#[from]`, which is the only conversion.
    #[derive(Debug)]
    struct VmmError(SveError<Errno>);
    impl From<SveError<Errno>> for VmmError {
        fn from(error: SveError<Errno>) -> Self {
            Self(error)
        }
    }
    // Each kind of step that a VMM takes, with the errno of its error.
    type Step = fn() -> Result<(), VmmError>;
    fn new() -> Vcpu<Box<[u8]>> {
        Vcpu::new(Vls::ARCHITECTURAL).unwrap()
    }
    fn of(sve: bool) -> Vcpu<Box<[u8]>> {
        let mut vcpu = new();
        if sve {
            vcpu.init_with_sve()
        } else {
            vcpu.init_without_sve()
        }
        .unwrap();
        vcpu
    }
    let steps: [(Errno, Step); 8] = [
        (Errno::ENOEXEC, || {
            drop(Finalized::from_vcpu(new())?);
            Ok(())
        }),
        (Errno::ENOEXEC, || {
            drop(Initialized::new(new()).finalize_if_sve(None)?);
            Ok(())
        }),
        (Errno::EINVAL, || {
            drop(Initialized::new(of(true)).restore_registers([(0, [0; 0]); 0])?);
            Ok(())
        }),
        (Errno::EPERM, || {
            drop(Finalized::from_vcpu(of(true))?.snapshot()?);
            Ok(())
        }),
        (Errno::EPERM, || {
            Ok(Finalized::from_vcpu(of(true))?.get_vector(3).map(|_| ())?)
        }),
        (Errno::EINVAL, || {
            Ok(Finalized::from_vcpu(of(false))?
                .get_vector(32)
                .map(|_| ())?)
        }),
        (Errno::EINVAL, || {
            Ok(Finalized::from_vcpu(of(false))?.set_vector(32, 0)?)
        }),
        (Errno::EINVAL, || {
            Ok(Finalized::from_vcpu(of(false))?.restore_snapshot(&snapshot(2, None))?)
        }),
    ];
    for (errno, step) in steps {
        let VmmError(error) = step().unwrap_err();
        assert_eq!(error.errno(), errno, "{error}");
    }

    type Inside = fn() -> Result<(), SveError<Errno>>;
    let steps: [Inside; 4] = [
        || {
            Snapshot::from_bytes(b"hello")?;
            Ok(())
        },
        || {
            Snapshot::from_registers([(0, [0; 0]); 0])?;
            Ok(())
        },
        || Ok(Vls::EMPTY.check(&Vls::ARCHITECTURAL)?),
        || {
            Finalized::new(Vcpu::new(Vls::EMPTY).unwrap())?;
            Ok(())
        },
    ];
    let [bytes, registers, vls, vcpu] = steps.map(|step| step().unwrap_err());
    for (error, text) in [
        (bytes, "not a snapshot: it does not start with SVESTATE"),
        (
            registers,
            "neither Z nor V among the registers: of a vCPU with SVE there must be Z0 to Z31, P0 to P15, \
             FFR and VLS, of one without SVE V0 to V31",
        ),
        (vls, "no vector length: a vCPU with SVE has at least one"),
    ] {
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), format!("SveError({text})"));
        assert!(error.error().is_none() && error.source().is_none());
    }
    assert!(
        vcpu.to_string()
            .starts_with("KVM_GET_ONE_REG of VLS: ENOEXEC: ")
    );
    assert_eq!(vcpu.error(), Some(&Errno::ENOEXEC));
    let source = vcpu.source().and_then(|error| error.downcast_ref());
    assert_eq!(source, Some(&Errno::ENOEXEC));
    let host = SveError::<Errno>::from(sve_state::VlsError::Empty);
    assert!(host.source().is_none() && host.error().is_none());
}

/// Every error's text says everything, and its source is the implementor's error or none.
#[test]
fn the_source_is_the_implementors_error_and_no_other() {
    use std::error::Error;

    use sve_state::gdb::{Description, GdbError, read_vcpu};
    use sve_state::image::ImageError;
    use sve_state::shim::Vcpu;
    use sve_state::snapshot::RegistersError;
    use sve_state::vcpu::Call;
    use sve_state::{Errno, VlsError};
    use sve_state::{VqError, regset::Regset, sve};

    let vq: VqError = Vq::new(0).unwrap_err();
    let vls = VlsError::Empty;
    let id = sve::Reg::decode(3).unwrap_err();
    let field = Regset::parse(&[]).unwrap_err();
    let vcpu = |error| SveError::Call {
        call: Call::Finalize,
        error,
        errno: Some(error),
        refusal: None,
    };
    let (wanted, set) = (Vls::ARCHITECTURAL, Vls::EMPTY);
    let wider = |error| SveError::Wider {
        wanted,
        vcpu: set,
        error,
    };
    let number: GdbError<Errno> = {
        let mut vcpu = Vcpu::new(Vls::EMPTY).unwrap();
        vcpu.init_without_sve().unwrap();
        read_vcpu(&Finalized::without_sve(vcpu), 68, &mut []).unwrap_err()
    };
    let eperm = Errno::EPERM;
    // With the text of what is inside.
    let none: Vec<(Box<dyn Error>, String)> = vec![
        (Box::new(vq), String::new()),
        (Box::new(vls), String::new()),
        (Box::new(id), String::new()),
        (Box::new(field), String::new()),
        (Box::new(eperm), String::new()),
        (Box::new(sve::Z::new(32).unwrap_err()), String::new()),
        (Box::new(ImageError::from(vq)), vq.to_string()),
        (Box::new(SnapshotError::from(vq)), vq.to_string()),
        (Box::new(SnapshotError::from(vls)), vls.to_string()),
        (Box::new(RegistersError::from(vls)), vls.to_string()),
        (Box::new(RegistersError::from(id)), id.to_string()),
        (
            Box::new(RegistersError::from(ImageError::from(vq))),
            vq.to_string(),
        ),
        (Box::new(SveError::<Errno>::from(vls)), vls.to_string()),
        (Box::new(number), "68".to_owned()),
        (Box::new(GdbError::<Errno>::Vq(vq)), vq.to_string()),
        (
            Box::new(
                Description::from_vls(Vls::EMPTY)
                    .unwrap()
                    .register(68)
                    .unwrap_err(),
            ),
            "68".to_owned(),
        ),
        (Box::new(SveError::<Errno>::from(vls)), vls.to_string()),
        (
            Box::new(SveError::<Errno>::from(SnapshotError::Magic)),
            SnapshotError::Magic.to_string(),
        ),
        (
            Box::new(SveError::<Errno>::from(RegistersError::from(id))),
            id.to_string(),
        ),
    ];
    for (error, inner) in none {
        assert!(error.to_string().contains(&inner), "{error}");
        assert!(error.source().is_none(), "{error}");
    }
    for error in [vcpu(eperm), wider(eperm)] {
        let gdb = GdbError::Vcpu(error);
        let text = error.to_string();
        assert_eq!(text.matches("EPERM").count(), 1);
        assert_eq!(error.error(), Some(&eperm));
        let all: [&dyn Error; 2] = [&error, &gdb];
        for outer in all {
            assert_eq!(outer.to_string(), text);
            let source = outer.source().unwrap();
            assert_eq!(source.downcast_ref(), Some(&eperm), "{outer}");
            assert!(source.source().is_none());
        }
    }
}
