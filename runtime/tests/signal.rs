//! Signal frames as the kernel lays them out, written here by hand: what is parsed, what is passed over, and
//! what is refused.

// Patterns, and sizes below 2^16.
#![allow(clippy::cast_possible_truncation)]

use sve_state::regset::FpsimdState;
use sve_state::signal::{self, Frame, SveContext};
use sve_state::vcpu::Status;
use sve_state::{SveState, Vq, fpsimd, sve};

const STATUS: Status = Status {
    fpsr: 0x0800_009f,
    fpcr: 0x07c0_0000,
};

fn image(vq: Vq, seed: usize) -> SveState<Box<[u8]>> {
    let mut state = SveState::zeroed(vq).unwrap();
    let bytes = state.as_bytes_mut().iter_mut().enumerate();
    bytes.for_each(|(k, byte)| *byte = (31 * k + k / 251 + seed) as u8);
    state
}

fn head(magic: u32, size: u32) -> Vec<u8> {
    [magic.to_ne_bytes(), size.to_ne_bytes()].concat()
}

/// `struct fpsimd_context`.
fn fpsimd_context(v: u8) -> Vec<u8> {
    let mut record = head(0x4650_8001, 528);
    record.extend(STATUS.fpsr.to_ne_bytes());
    record.extend(STATUS.fpcr.to_ne_bytes());
    for n in 0..32 {
        record.extend((u128::from(v) << 120 | n).to_ne_bytes());
    }
    record
}

/// `struct sve_context` with these registers, rounded up as the kernel does.
fn sve_context(vl: u16, flags: u16, registers: &[u8]) -> Vec<u8> {
    let size = (16 + registers.len()).next_multiple_of(16);
    let mut record = head(0x5356_4501, size as u32);
    record.extend(vl.to_ne_bytes());
    record.extend(flags.to_ne_bytes());
    record.extend([0; 4]);
    record.extend(registers);
    record.resize(size, 0);
    record
}

/// `struct extra_context` for `size` bytes of records, and the null record after it.
fn extra_context(size: usize) -> Vec<u8> {
    let mut record = head(0x4558_5401, 32);
    record.extend(0xffff_8000_u64.to_ne_bytes());
    record.extend((size as u32).to_ne_bytes());
    record.resize(48, 0);
    record
}

/// A frame as the kernel makes it, with `esr_context`, and with `sve_context` in `__reserved` or from VQ 7 on
/// after it; and how many of its bytes count.
fn frame(vq: Vq, registers: &[u8]) -> (Vec<u8>, usize) {
    let mut frame = fpsimd_context(0x80);
    frame.extend([head(0x4553_5201, 16), vec![0xee; 8]].concat());
    let sve = sve_context(16 * vq.get(), 0, registers);
    if frame.len() + sve.len() + 48 > 4096 {
        frame.extend(extra_context(sve.len() + 16));
    }
    frame.extend(sve);
    frame.extend([0; 16]);
    let end = frame.len();
    frame.resize(end.max(4096), 0xee);
    (frame, end)
}

#[test]
fn frames_are_read_where_they_stand() {
    for vq in Vq::architectural() {
        let state = image(vq, 1);
        let (bytes, _) = frame(vq, state.as_bytes());
        let needed = signal::frame_bytes(&bytes[..4096]).unwrap();
        assert_eq!(needed, bytes.len(), "VQ {vq}");
        let frame = Frame::parse(&bytes).unwrap();
        let sve = frame.sve.unwrap();
        assert_eq!((sve.vq, sve.streaming), (vq, false));
        let read = sve.state.unwrap();
        assert_eq!(read.as_bytes(), state.as_bytes());
        let inside = bytes.as_ptr_range();
        assert!(inside.contains(&read.as_bytes().as_ptr()), "not borrowed");
        assert_eq!(frame.fpsimd.status, STATUS);
        assert_eq!(frame.fpsimd.v.get(fpsimd::V31), 0x80 << 120 | 31);

        // What the thread goes on with, where V counts rather than the low bits of Z.
        let mut merged = image(vq, 2);
        assert_eq!(frame.copy_to(&mut merged), STATUS);
        for n in 0..32 {
            let z = sve::Z::new(n).unwrap();
            let (low, above) = merged.register(z).split_at(16);
            assert_eq!(low, (0x80 << 120 | u128::from(n)).to_le_bytes());
            assert_eq!(above, &state.register(z)[16..]);
        }
        let predicates = 512 * usize::from(vq.get());
        assert_eq!(
            merged.as_bytes()[predicates..],
            state.as_bytes()[predicates..]
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    for vq in [1, 2, 6, 7, 16].map(|vq| Vq::new(vq).unwrap()) {
        let state = image(vq, 3);
        let (bytes, end) = frame(vq, state.as_bytes());
        // The last null record has 8 bytes, after which there is padding.
        let needed = end - 8;
        assert!(Frame::parse(&bytes[..end]).is_ok());
        for len in 0..needed {
            let error = Frame::parse(&bytes[..len]).expect_err(&format!("VQ {vq}, {len} bytes"));
            assert!(!error.to_string().is_empty());
        }
        let record = sve_context(16 * vq.get(), 0, state.as_bytes());
        assert!(SveContext::parse(&record).is_ok());
        for len in 0..record.len() {
            assert!(SveContext::parse(&record[..len]).is_err(), "{len}");
        }
    }
}

#[test]
fn registers_are_there_if_they_fit() {
    let vq = Vq::new(2).unwrap();
    let mut record = sve_context(32, 0, image(vq, 4).as_bytes());
    // SVE_SIG_CONTEXT_SIZE(2) is 1108, and the kernel gives 1120.
    assert_eq!(record.len(), 1120);
    // Between a head and all registers there is no size that sigreturn takes.
    for size in 16..=record.len() {
        record[4..8].copy_from_slice(&(size as u32).to_ne_bytes());
        let context = SveContext::parse(&record).map_err(|error| error.to_string());
        let expected = match size {
            16 => Ok(false),
            1108.. => Ok(true),
            _ => Err(format!(
                "sve_context: head.size is {size}: it must be 1108 or more"
            )),
        };
        assert_eq!(context.map(|context| context.state.is_some()), expected);
    }
    // Without them, a frame's registers are V, and otherwise zero.
    let (bytes, _) = frame(vq, &[]);
    let frame = Frame::parse(&bytes).unwrap();
    let mut state = image(vq, 5);
    frame.copy_to(&mut state);
    assert_eq!(
        state.register(sve::Z1)[..16],
        (0x80 << 120 | 1_u128).to_le_bytes()
    );
    assert_eq!(state.register(sve::Z1)[16..], [0; 16]);
    assert!(state.as_bytes()[1024..].iter().all(|byte| *byte == 0));
}

#[test]
fn every_field_is_checked() {
    let vq = Vq::new(2).unwrap();
    let state = image(vq, 6);
    let (sve, fpsimd) = (sve_context(32, 0, state.as_bytes()), fpsimd_context(1));
    let end = vec![0; 16];
    let with = |record: &[u8], at: usize, value: &[u8]| {
        let mut record = record.to_vec();
        record[at..at + value.len()].copy_from_slice(value);
        record
    };
    let u16 = |value: u16| value.to_ne_bytes();
    let u32 = |value: u32| value.to_ne_bytes();
    let extra = extra_context(sve.len() + 16);
    let other = [head(0x1234_5678, 2560), vec![0; 2552]].concat();
    for (records, expected) in [
        (
            vec![&fpsimd, &with(&sve, 8, &u16(0)), &end],
            "sve_context: vl is 0: it must be a multiple of 16 from 16 to 256; Linux gives 0, without \
             registers, where there is SME and no SVE",
        ),
        (
            vec![&fpsimd, &with(&sve, 8, &u16(272)), &end],
            "sve_context: vl is 272: it must be a multiple of 16 from 16 to 256",
        ),
        (
            vec![&fpsimd, &with(&sve, 10, &u16(3)), &end],
            "sve_context: flags is 3: it may have the bits 0x1 only",
        ),
        (
            vec![&fpsimd, &with(&sve, 4, &u32(1128)), &end],
            "_aarch64_ctx: size is 1128: it must be a multiple of 16 from 16 to 1136; a null record (magic 0, size 0) must end \
             the list",
        ),
        (
            vec![&fpsimd, &with(&sve, 4, &u32(1152)), &end],
            "_aarch64_ctx: size is 1152: it must be a multiple of 16 from 16 to 1136; a null record (magic 0, size 0) must end \
             the list",
        ),
        (
            vec![&fpsimd, &with(&sve, 4, &u32(0)), &end],
            "_aarch64_ctx: size is 0: it must be a multiple of 16 from 16 to 1136; a null record (magic 0, size 0) must end \
             the list",
        ),
        (
            vec![&fpsimd, &sve, &sve, &end],
            "sve_context: records is 2: it must be 1 or less",
        ),
        (
            vec![&fpsimd, &fpsimd, &end],
            "fpsimd_context: records is 2: it must be 1 or less",
        ),
        (
            vec![&sve, &end],
            "fpsimd_context: records is 0: it must be 1",
        ),
        (
            vec![&with(&fpsimd, 4, &u32(544)), &end, &end],
            "fpsimd_context: head.size is 544: it must be 528",
        ),
        (
            vec![&fpsimd, &sve, &with(&end, 4, &u32(16))],
            "_aarch64_ctx: size is 16: it must be 0",
        ),
        (
            vec![&fpsimd, &with(&extra, 4, &u32(16)), &sve, &end],
            "extra_context: head.size is 16: it must be 32 or more",
        ),
        (
            vec![&fpsimd, &with(&extra, 8, &1_u64.to_ne_bytes()), &sve, &end],
            "extra_context: datap is 1: it must be a multiple of 8 from 8 to 18446744073709551615",
        ),
        (
            vec![&fpsimd, &with(&extra, 16, &u32(1137)), &sve, &end],
            "extra_context: size is 1137: it must be a multiple of 16 from 16 to 4294967295",
        ),
        (
            vec![&fpsimd, &with(&extra, 16, &u32(1152)), &sve, &end],
            "extra_context: bytes is 1712: it must be 1728 or more",
        ),
        (
            vec![&fpsimd, &with(&extra, 32, &u32(1)), &sve, &end],
            "extra_context: next magic is 1: it must be 0",
        ),
        (
            vec![&fpsimd, &with(&extra, 36, &u32(1)), &sve, &end],
            "extra_context: next size is 1: it must be 0",
        ),
        (
            vec![&fpsimd, &extra_context(64), &extra_context(16), &end],
            "extra_context: records is 2: it must be 1 or less",
        ),
        // Across the end of `__reserved`.
        (
            vec![&fpsimd, &other, &sve, &end],
            "_aarch64_ctx: size is 1120: it must be a multiple of 16 from 16 to 1008; a null record (magic 0, size 0) must end \
             the list",
        ),
    ] {
        let frame: Vec<u8> = records.into_iter().flatten().copied().collect();
        let found = Frame::parse(&frame).unwrap_err().to_string();
        assert_eq!(found, expected);
    }
    // Linux does not look at it, so the parser does not either.
    assert!(SveContext::parse(&with(&sve, 12, &u16(1))).is_ok());
    // Streaming mode is a flag that is allowed.
    let streaming = sve_context(32, 1, state.as_bytes());
    assert!(SveContext::parse(&streaming).unwrap().streaming);
    let magic = SveContext::parse(&fpsimd).unwrap_err().to_string();
    assert_eq!(
        magic,
        "sve_context: head.magic is 1179680769: it must be 1398162689"
    );
}

/// A frame may say more than there is.
#[test]
fn more_extra_space_than_there_is_is_refused() {
    let mut extra = extra_context(16);
    extra[16..20].copy_from_slice(&0xffff_fff0_u32.to_ne_bytes());
    let mut frame = [fpsimd_context(1), extra].concat();
    frame.resize(4096, 0);
    let needed = 528 + 48 + 0xffff_fff0;
    assert_eq!(signal::frame_bytes(&frame), Ok(needed));
    let error = Frame::parse(&frame).unwrap_err().to_string();
    let expected = format!("extra_context: bytes is 4096: it must be {needed} or more");
    assert_eq!(error, expected);
}

/// The page's example, from the frame to the registers, is copied into handlers, where a panic is another
/// signal.
#[test]
fn the_example_does_not_panic_whatever_the_frame() {
    let page = include_str!("../src/signal_core_gdb/signal.rs");
    let (_, example) = page.split_once("//! // `bytes` are the 4096").unwrap();
    let (example, _) = example.split_once("//! assert_eq!(").unwrap();
    assert!(example.contains("Frame::parse(") && example.contains("copy_to("));
    for panics in ["expect(", "unwrap()", "[..", "panic!"] {
        assert!(!example.contains(panics), "{panics}");
    }
}

#[test]
fn records_are_written_as_the_kernel_has_them() {
    for vq in Vq::architectural() {
        let state = image(vq, 7);
        let expected = sve_context(16 * vq.get(), 0, state.as_bytes());
        let mut written = vec![0xee; expected.len()];
        let context = SveContext::from_state(&state);
        assert_eq!(context.write(&mut written), Ok(expected.len()));
        assert_eq!(written, expected);
        let short = expected.len() - 1;
        assert!(context.write(&mut written[..short]).is_err());
    }
    let bytes = fpsimd_context(9);
    let (parsed, mut written) = (frame(Vq::MIN, &[]).0, vec![0xee; 528]);
    let parsed = Frame::parse(&parsed).unwrap().fpsimd;
    assert_eq!(parsed.write_context(&mut written), Ok(528));
    assert_eq!(written[..16], bytes[..16]);
    assert_eq!(written[16..], fpsimd_context(0x80)[16..]);
    let mut user = [0xee; 528];
    assert_eq!(parsed.write(&mut user), Ok(528));
    assert_eq!(user[..512], written[16..]);
    assert_eq!(FpsimdState::parse(&user), Ok(parsed));
    assert!(FpsimdState::parse(&user[..527]).is_err());
}

#[test]
fn a_frame_is_written_to_where_it_has_room_and_nowhere_else() {
    for vq in Vq::architectural() {
        let (mut bytes, _) = frame(vq, image(vq, 8).as_bytes());
        let before = bytes.clone();
        let (wanted, status) = (image(vq, 9), Status { fpsr: 1, fpcr: 2 });
        signal::write(&mut bytes, &wanted, status).unwrap();
        let frame = Frame::parse(&bytes).unwrap();
        let mut read = image(vq, 10);
        assert_eq!(frame.copy_to(&mut read), status);
        assert_eq!(read, wanted);
        assert_eq!(
            frame.sve.unwrap().state.unwrap().as_bytes(),
            wanted.as_bytes()
        );
        // Everything else stays as it was.
        let sve = before
            .windows(4)
            .position(|w| w == 0x5356_4501_u32.to_ne_bytes())
            .unwrap();
        let mut others = bytes.clone();
        others[8..528].copy_from_slice(&before[8..528]);
        let registers = sve + 16..sve + 16 + wanted.as_bytes().len();
        others[registers.clone()].copy_from_slice(&before[registers]);
        assert_eq!(others, before);
    }
    // A record may be longer than it has to be, and stays so.
    let (vq, mut longer) = (Vq::MIN, sve_context(16, 0, image(Vq::MIN, 8).as_bytes()));
    longer.resize(longer.len() + 160, 0xee);
    let size = longer.len() as u32;
    longer[4..8].copy_from_slice(&size.to_ne_bytes());
    let mut bytes = [fpsimd_context(1), longer.clone(), vec![0; 16]].concat();
    signal::write(&mut bytes, &image(vq, 9), STATUS).unwrap();
    longer[16..16 + 546].copy_from_slice(image(vq, 9).as_bytes());
    assert_eq!(bytes[528..528 + longer.len()], longer);
    let two = Vq::new(2).unwrap();
    let (mut bytes, _) = frame(Vq::MIN, image(Vq::MIN, 8).as_bytes());
    let (mut not_live, _) = frame(two, &[]);
    let mut without = [fpsimd_context(1), vec![0; 16]].concat();
    for (bytes, expected) in [
        (&mut bytes, "sve_context: vl is 16: it must be 32"),
        (
            &mut not_live,
            "sve_context: head.size is 16: it must be 1120; the frame has room for V only, and the image \
             has more",
        ),
        (
            &mut without,
            "sve_context: records is 0: it must be 1; the frame has room for V only, and the image has \
             more",
        ),
    ] {
        let before = bytes.clone();
        let error = signal::write(bytes, &image(two, 9), STATUS).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(*bytes, before);
    }
    // Nor is it written where only bits of Z above 128 would be lost.
    let (before, mut wide) = (without.clone(), SveState::zeroed(two).unwrap());
    wide.as_bytes_mut()[16] = 1;
    let error = signal::write(&mut without, &wide, STATUS).unwrap_err();
    let expected = "sve_context: records is 0: it must be 1; the frame has room for V only, and the image has more";
    assert_eq!((error.to_string().as_str(), &without), (expected, &before));
    // Without SVE, Z is written as V and nothing else may be lost, not a byte of P and FFR.
    let mut state = image(Vq::MIN, 9);
    state.as_bytes_mut()[512..].fill(0);
    for at in 512..546 {
        let (before, mut lost) = (without.clone(), state.clone());
        lost.as_bytes_mut()[at] = 1;
        let error = signal::write(&mut without, &lost, STATUS).unwrap_err();
        assert_eq!((error.to_string().as_str(), &without), (expected, &before));
    }
    signal::write(&mut without, &state, STATUS).unwrap();
    let frame = Frame::parse(&without).unwrap();
    assert_eq!(frame.fpsimd, FpsimdState::from_state(&state, STATUS));
}

/// A thread that has used only V since its last system call has no room for more, and neither has one on a
/// machine with SME and without SVE (a `vl` of 0).
#[test]
fn v_is_written_to_where_there_is_v_only() {
    let two = Vq::new(2).unwrap();
    let sme_only = [fpsimd_context(1), sve_context(0, 0, &[]), vec![0; 16]].concat();
    for (mut bytes, vq) in [(frame(two, &[]).0, two), (sme_only, Vq::MIN)] {
        let before = bytes.clone();
        let mut read = SveState::zeroed(vq).unwrap();
        assert_eq!(Frame::parse(&bytes).unwrap().copy_to(&mut read), STATUS);
        // What the page's examples do: change one byte of V0.
        read.as_bytes_mut()[0] ^= 0xff;
        let status = Status { fpsr: 3, fpcr: 4 };
        signal::write(&mut bytes, &read, status).unwrap();
        let mut expected = before.clone();
        expected[8..12].copy_from_slice(&3_u32.to_ne_bytes());
        expected[12..16].copy_from_slice(&4_u32.to_ne_bytes());
        // In the host's byte order.
        expected[if cfg!(target_endian = "little") {
            16
        } else {
            31
        }] ^= 0xff;
        assert_eq!(bytes, expected);

        // Each byte above V, and each of P and FFR.
        let image = read.as_bytes().to_vec();
        let (vl, before) = (16 * usize::from(vq.get()), bytes.clone());
        for at in (0..image.len()).filter(|at| *at >= 32 * vl || at % vl >= 16) {
            let mut more = read.clone();
            more.as_bytes_mut()[at] = 1;
            let error = signal::write(&mut bytes, &more, status).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with("; the frame has room for V only, and the image has more")
            );
            assert!(bytes == before);
        }
    }
    // It is a frame without SVE only where all but the size is zero.
    for (vl, flags, registers, expected) in [
        (
            0,
            1,
            0,
            "vl is 0: it must be a multiple of 16 from 16 to 256; Linux gives 0, ",
        ),
        (
            0,
            0,
            16,
            "vl is 0: it must be a multiple of 16 from 16 to 256; Linux gives 0, ",
        ),
        (
            16,
            1,
            0,
            "head.size is 16: it must be 562 or more; in streaming mode there are registers",
        ),
    ] {
        let sve = sve_context(vl, flags, &vec![0; registers]);
        let bytes = [fpsimd_context(1), sve.clone(), vec![0; 16]].concat();
        for found in [
            Frame::parse(&bytes).map(|_| ()),
            SveContext::parse(&sve).map(|_| ()),
        ] {
            let error = found.unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("sve_context: {expected}")),
                "{error}"
            );
        }
    }
}

#[test]
fn what_its_own_parser_refuses_is_not_written() {
    let mut bytes = [0xee; 16];
    for (vq, streaming, expected) in [
        (
            17,
            false,
            "vl is 272: it must be a multiple of 16 from 16 to 256",
        ),
        (
            512,
            true,
            "vl is 8192: it must be a multiple of 16 from 16 to 256",
        ),
        (
            2,
            true,
            "head.size is 16: it must be 1108 or more; in streaming mode there are registers",
        ),
    ] {
        let vq = Vq::new(vq).unwrap();
        let context = SveContext {
            vq,
            streaming,
            state: None,
        };
        let error = context.write(&mut bytes).unwrap_err();
        assert_eq!(error.to_string(), format!("sve_context: {expected}"));
        assert_eq!(bytes, [0xee; 16]);
        let state = SveState::zeroed(Vq::MIN).unwrap();
        let frame = Frame {
            fpsimd: FpsimdState::from_state(&state, STATUS),
            sve: Some(context),
        };
        let mut memory = [0xee; 4096];
        assert_eq!(frame.write(0x1000, &mut memory), Err(error));
        assert_eq!(memory, [0xee; 4096]);
    }
}

/// The rules of `sigcontext.h`: records by `magic` and `size`, the extra space at `datap` after the null record
/// that follows `extra_context`, and a null record at each end.
#[test]
fn a_whole_frame_needs_nothing_that_was_there() {
    const ADDRESS: u64 = 0x7fff_ffff_e1d0;
    for vq in Vq::architectural() {
        let state = image(vq, 11);
        for (sve, streaming) in [(true, false), (true, true), (false, false)] {
            let context = SveContext {
                streaming,
                ..SveContext::from_state(&state)
            };
            let frame = Frame {
                fpsimd: FpsimdState::from_state(&state, STATUS),
                sve: sve.then_some(context),
            };
            let record = match sve {
                true => sve_context(16 * vq.get(), u16::from(streaming), state.as_bytes()),
                false => Vec::new(),
            };
            let mut expected = vec![0; 528];
            frame.fpsimd.write_context(&mut expected).unwrap();
            if record.len() + 544 > 4096 {
                let mut extra = extra_context(record.len() + 16);
                extra[8..16].copy_from_slice(&(ADDRESS + 576).to_ne_bytes());
                expected.extend(extra);
            }
            expected.extend(record);
            expected.extend([0; 16]);
            let size = expected.len().max(4096);
            expected.resize(size + 1, 0xee);
            let mut bytes = vec![0xee; size + 1];
            assert_eq!(frame.size(), size);
            assert_eq!(frame.write(ADDRESS, &mut bytes), Ok(size));
            assert!(bytes == expected, "VQ {vq}");
            assert_eq!(Frame::parse(&bytes[..size]), Ok(frame));

            let error = frame.write(ADDRESS, &mut bytes[..size - 1]).unwrap_err();
            let least = format!(
                "sigcontext.__reserved: bytes is {}: it must be {size} or more",
                size - 1
            );
            assert_eq!(error.to_string(), least);
            for wrong in [0, ADDRESS + 8, u64::MAX - 15] {
                let error = frame.write(wrong, &mut bytes).unwrap_err().to_string();
                let start = format!(
                    "sigcontext.__reserved: address is {wrong}: it must be a multiple of 16"
                );
                assert!(error.starts_with(&start), "{error}");
            }
            assert!(bytes == expected);
        }
    }
}

/// Memory that is not zero, with records and no end.
#[test]
fn a_list_without_an_end_is_told() {
    let state = image(Vq::MIN, 12);
    let mut bytes = vec![0xee; 4096];
    let at = FpsimdState::from_state(&state, STATUS)
        .write_context(&mut bytes)
        .unwrap();
    let end = at
        + SveContext::from_state(&state)
            .write(&mut bytes[at..])
            .unwrap();
    let note = "a null record (magic 0, size 0) must end the list";
    for (length, expected) in [
        (
            4096,
            "size is 4008636142: it must be a multiple of 16 from 16 to 2992",
        ),
        (end, "bytes is 0: it must be 8 or more"),
        (end + 7, "bytes is 7: it must be 8 or more"),
    ] {
        let error = Frame::parse(&bytes[..length]).unwrap_err().to_string();
        assert_eq!(error, format!("_aarch64_ctx: {expected}; {note}"));
    }
}

/// As qemu-user has them, with the extra space 8 bytes after `extra_context`, at an odd multiple of 8.
#[test]
fn the_extra_space_may_start_at_a_multiple_of_8() {
    let vq = Vq::new(7).unwrap();
    let state = image(vq, 13);
    let sve = sve_context(112, 0, state.as_bytes());
    let extra = |datap: u64, size: u32| {
        let mut extra = extra_context(size as usize);
        extra.truncate(40);
        extra[8..16].copy_from_slice(&datap.to_ne_bytes());
        [fpsimd_context(1), extra, sve.clone(), vec![0; 8]].concat()
    };
    let size = sve.len() as u32 + 8;
    let bytes = extra(0x7f00_0000_1048, size);
    assert_eq!(signal::frame_bytes(&bytes[..568]), Ok(bytes.len()));
    let frame = Frame::parse(&bytes).unwrap();
    assert_eq!(frame.sve, Some(SveContext::from_state(&state)));
    for (datap, size, expected) in [
        (
            0x1044,
            size,
            "datap is 4164: it must be a multiple of 8 from 8 to 18446744073709551615",
        ),
        (
            0x1040,
            size,
            "size is 3848: it must be a multiple of 16 from 16 to 4294967295",
        ),
        (
            0x1048,
            size + 4,
            "size is 3852: it must be a multiple of 8 from 8 to 4294967295",
        ),
    ] {
        let error = Frame::parse(&extra(datap, size)).unwrap_err();
        assert_eq!(error.to_string(), format!("extra_context: {expected}"));
    }
}
