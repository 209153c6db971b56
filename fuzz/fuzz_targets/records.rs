//! Any bytes as a register set, a signal frame, and each of a frame's records. Which bytes are one is worked
//! out here once more, from the kernel's headers; what is parsed is written and parsed again as the same;
//! and a frame that is written to keeps every byte that belongs to no register.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sve_state::regset::{FpsimdState, Payload, Regset};
use sve_state::signal::{self, Frame, SveContext};
use sve_state::vcpu::Status;
use sve_state::{FieldError, SveState, Vq};

const FPSIMD: u32 = 0x4650_8001;
const SVE: u32 = 0x5356_4501;
const EXTRA: u32 = 0x4558_5401;

// The first byte decides what to make of the rest.
fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else {
        return;
    };
    // The input with most of what makes it a record, because a fuzzer neither guesses a magic nor has
    // patience for kilobytes.
    let long = || {
        let mut long = bytes.to_vec();
        long.resize(bytes.len() + usize::from(which / 8) * 640, 0);
        long
    };
    match which % 8 {
        0 | 1 => {
            let long = long();
            let bytes = if which % 8 == 0 { bytes } else { &long };
            regset(bytes, false);
            regset(bytes, true);
            constructed(bytes);
        }
        2 => frame(bytes),
        3 => frame(&long()),
        4 => frame(&[&fpsimd_context(), bytes].concat()),
        5 => frame(&[&fpsimd_context(), &long()[..]].concat()),
        6 => frame(&[&fpsimd_context(), &head(EXTRA, 32)[..], &long()].concat()),
        _ => frame(
            &[
                &fpsimd_context(),
                &head(SVE, u32::from(*which) * 64)[..],
                &long(),
            ]
            .concat(),
        ),
    }
});

fn head(magic: u32, size: u32) -> [u8; 8] {
    let mut head = [0; 8];
    head[..4].copy_from_slice(&magic.to_ne_bytes());
    head[4..].copy_from_slice(&size.to_ne_bytes());
    head
}

fn fpsimd_context() -> Vec<u8> {
    let mut record = head(FPSIMD, 528).to_vec();
    record.resize(528, 0x5a);
    record
}

/// The number of `n` bytes at `at`, or nothing where there are fewer.
fn number(bytes: &[u8], at: usize, n: usize) -> Option<usize> {
    let digits = bytes.get(at..at + n)?.iter().rev();
    Some(digits.fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn vq(vl: usize) -> Option<usize> {
    (vl % 16 == 0 && (16..=256).contains(&vl)).then_some(vl / 16)
}

/// A register set's kind, by `struct user_sve_header`, which is 0 without registers, 1 for SVE and 2 for
/// FPSIMD, and its vector lengths in quadwords.
fn regset_kind(bytes: &[u8], streaming: bool) -> Option<([usize; 2], u32)> {
    bytes.get(..16)?;
    let size = number(bytes, 0, 4)?;
    let (vl, max_vl, flags) = (
        number(bytes, 8, 2)?,
        number(bytes, 10, 2)?,
        number(bytes, 12, 2)?,
    );
    if flags > 7 || size > bytes.len() || size < 16 && size != 8 {
        return None;
    }
    let kind = match flags & 1 {
        _ if size <= 16 => 0,
        1 => 1,
        _ if streaming => 0,
        _ => 2,
    };
    // Without SVE there is none.
    let vq = if vl == 0 && kind == 2 { 0 } else { vq(vl)? };
    let needed = match kind {
        0 => 0,
        1 => 16 + (546 * vq + 15) / 16 * 16 + 16,
        _ => 544,
    };
    let max = if max_vl % 16 == 0 && max_vl <= 8192 {
        max_vl / 16
    } else {
        0
    };
    (size >= needed).then_some(([vq, max.max(vq).max(1)], kind))
}

/// As NT_ARM_SVE, or as NT_ARM_SSVE.
fn parse(bytes: &[u8], streaming: bool) -> Result<Regset<'_>, FieldError> {
    match streaming {
        false => Regset::parse(bytes),
        true => Regset::parse_streaming(bytes),
    }
}

fn regset(bytes: &[u8], streaming: bool) {
    let parsed = parse(bytes, streaming);
    let expected = regset_kind(bytes, streaming);
    let (regset, ([vq, max_vq], kind)) = match (parsed, expected) {
        (Ok(regset), Some(expected)) => (regset, expected),
        (Err(error), None) => {
            assert!(!error.to_string().is_empty());
            return;
        }
        (parsed, expected) => panic!("{parsed:?}, and not {expected:?}"),
    };
    assert_eq!(usize::from(regset.vq().get()), vq.max(1));
    assert_eq!(usize::from(regset.max_vq().get()), max_vq);
    match regset.payload() {
        Payload::None => assert_eq!(kind, 0),
        Payload::Sve { state, status } => {
            assert_eq!(kind, 1);
            assert_eq!(state.as_bytes(), &bytes[16..16 + 546 * vq]);
            let fpsr = 16 + (546 * vq + 15) / 16 * 16;
            assert_eq!(number(bytes, fpsr, 4), Some(status.fpsr as usize));
            assert_eq!(number(bytes, fpsr + 4, 4), Some(status.fpcr as usize));
        }
        Payload::Fpsimd(fpsimd) => {
            assert_eq!(kind, 2);
            let mut written = [0; 528];
            fpsimd.write(&mut written).expect("room for it");
            assert_eq!(written[..520], bytes[16..536]);
        }
    }
    let mut written = vec![0xee; regset.size()];
    assert_eq!(regset.write(&mut written), Ok(written.len()));
    assert_eq!(parse(&written, streaming), Ok(regset));
    assert!(Regset::parse(&written[..written.len() - 1]).is_err());
    let mut note = vec![0; regset.note_size()];
    assert_eq!(regset.write_note(&mut note), Ok(note.len()));
    assert_eq!(note[20..], written);

    let mut image = SveState::zeroed(Vq::new(3).expect("3")).expect("an image");
    let status = regset.copy_to(&mut image);
    assert_eq!(status.is_none(), kind == 0);
}

/// What is made of parts can be written exactly if its parser accepts it.
fn constructed(bytes: &[u8]) {
    let Some((vq, [streaming, has_registers])) = number(bytes, 0, 2)
        .zip(bytes.get(2..4))
        .map(|(vq, flags)| (vq, [flags[0] & 1 == 1, flags[1] & 1 == 1]))
    else {
        return;
    };
    let vq = Vq::new(vq as u32 % 512 + 1).expect("1 to 512");
    let image = SveState::zeroed(vq.min(Vq::ARCH_MAX)).expect("an image");
    let state = has_registers.then(|| image.by_ref());
    let (small, no_registers) = (vq <= Vq::ARCH_MAX, state.is_none());

    let context = SveContext {
        vq,
        streaming,
        state,
    };
    let mut written = vec![0xee; context.size()];
    let right = match no_registers {
        true => small && !streaming,
        false => true,
    };
    assert_eq!(context.write(&mut written).is_ok(), right);
    match right {
        true => assert_eq!(SveContext::parse(&written).map(|c| c.state), Ok(state)),
        false => assert!(written.iter().all(|byte| *byte == 0xee)),
    }

    let status = Status { fpsr: 1, fpcr: 2 };
    let fpsimd = FpsimdState::from_state(&image, status);
    for (regset, right) in [
        (Regset::from_state(&image, status), true),
        (Regset::from_fpsimd(Some(vq), fpsimd), small && !streaming),
        (Regset::from_fpsimd(None, fpsimd), !streaming),
        (Regset::from_vq(vq), small),
    ] {
        let regset = if streaming {
            regset.streaming()
        } else {
            regset
        };
        let mut written = vec![0xee; regset.size()];
        assert_eq!(regset.write(&mut written).is_ok(), right, "{regset:?}");
        match right {
            true => assert_eq!(parse(&written, streaming), Ok(regset)),
            false => assert!(written.iter().all(|byte| *byte == 0xee)),
        }
    }
}

/// Where a frame has its `fpsimd_context` and its `sve_context`, and the size of the latter.
type Places = (usize, Option<(usize, usize)>);

fn places(bytes: &[u8]) -> Option<Places> {
    let (mut fpsimd, mut sve, mut extra) = (None, None, None);
    let (mut at, mut end, mut base) = (0, bytes.len().min(4096), true);
    loop {
        let record = &bytes[at..end];
        let (magic, size) = (number(record, 0, 4)?, number(record, 4, 4)?);
        if magic == 0 {
            if size != 0 {
                return None;
            }
            match extra.filter(|_| base) {
                Some((start, size)) => {
                    (at, end, base) = (start, start + size, false);
                    bytes.get(at..end)?;
                    continue;
                }
                None => break,
            }
        }
        if size < 16 || size % 16 != 0 || size > record.len() {
            return None;
        }
        let before = match u32::try_from(magic).ok()? {
            FPSIMD if size == 528 => fpsimd.replace(at).is_some(),
            FPSIMD => true,
            SVE => sve.replace((at, size)).is_some(),
            EXTRA => {
                let (datap, space) = (number(record, 8, 8)?, number(record, 16, 4)?);
                let end = number(record, size, 8)?;
                // In qemu-user it is at 8 modulo 16.
                let step = if datap % 16 == 0 { 16 } else { 8 };
                let right = datap > 0 && datap % 8 == 0 && space > 0 && space % step == 0;
                let wrong = !right || end != 0 || !base || size < 32;
                extra.replace((at + size + step, space)).is_some() || wrong
            }
            _ => false,
        };
        if before {
            return None;
        }
        at += size;
    }
    if let Some((at, size)) = sve {
        let (vl, flags) = (number(bytes, at + 8, 2)?, number(bytes, at + 10, 2)?);
        // From a machine with SME and without SVE.
        if size == 16 && bytes[at + 8..at + 16] == [0; 8] {
            return Some((fpsimd?, None));
        }
        // Only a head, or all registers, which streaming mode always has.
        let head_only = size == 16 && flags == 0;
        let partial = vq(vl).is_none_or(|vq| !head_only && size < 16 + 546 * vq);
        if partial || flags > 1 {
            return None;
        }
    }
    Some((fpsimd?, sve))
}

fn frame(bytes: &[u8]) {
    let needed = signal::frame_bytes(&bytes[..bytes.len().min(4096)]);
    let parsed = Frame::parse(bytes);
    let expected = places(bytes);
    assert_eq!(parsed.is_ok(), expected.is_some(), "{parsed:?}");
    let (frame, (fpsimd, sve)) = match (parsed, expected) {
        (Ok(frame), Some(places)) => (frame, places),
        (Err(error), _) => {
            assert!(!error.to_string().is_empty());
            return;
        }
        (Ok(_), None) => unreachable!("they were compared"),
    };
    assert!(
        needed.is_ok_and(|needed| needed <= bytes.len()),
        "{needed:?}"
    );
    let mut context = [0; 528];
    frame
        .fpsimd
        .write_context(&mut context)
        .expect("room for it");
    assert_eq!(context, bytes[fpsimd..fpsimd + 528]);
    assert_eq!(frame.sve.is_some(), sve.is_some());
    if let (Some(context), Some((at, size))) = (frame.sve, sve) {
        let vq = usize::from(context.vq.get());
        assert_eq!(Some(16 * vq), number(bytes, at + 8, 2));
        assert_eq!(context.state.is_some(), size >= 16 + 546 * vq);
        assert_eq!(SveContext::parse(&bytes[at..at + size]), Ok(context));
        let mut written = vec![0xee; context.size()];
        assert_eq!(context.write(&mut written), Ok(written.len()));
        assert_eq!(SveContext::parse(&written), Ok(context));
        if context.state.is_some() {
            assert_eq!(written[16..16 + 546 * vq], bytes[at + 16..][..546 * vq]);
        }
    }
    write(bytes, &frame, (fpsimd, sve));
    let mut whole = vec![0xee; frame.size()];
    assert_eq!(frame.write(0x1000, &mut whole), Ok(whole.len()));
    assert_eq!(Frame::parse(&whole), Ok(frame));
    assert_eq!(signal::frame_bytes(&whole[..4096]), Ok(whole.len()));
}

fn write(bytes: &[u8], frame: &Frame<'_>, (fpsimd, sve): Places) {
    let vq = frame.sve.map_or(Vq::MIN, |sve| sve.vq);
    let mut state = SveState::zeroed(vq).expect("an image");
    let registers = if sve.is_some() {
        546 * usize::from(vq.get())
    } else {
        512
    };
    state.as_bytes_mut()[..registers].fill(0xa5);
    let status = Status { fpsr: 1, fpcr: 2 };
    let mut written = bytes.to_vec();
    let room = frame.sve.is_none_or(|sve| sve.state.is_some());
    if !room {
        // For V there is always room.
        let mut only_v = SveState::zeroed(vq).expect("an image");
        let status = frame.copy_to(&mut only_v);
        assert_eq!(signal::write(&mut written, &only_v, status), Ok(()));
        assert_eq!(written, bytes);
    }
    let result = signal::write(&mut written, &state, status);
    assert_eq!(result.is_ok(), room, "{result:?}");
    let mut expected = bytes.to_vec();
    if room {
        FpsimdState::from_state(&state, status)
            .write_context(&mut expected[fpsimd..])
            .expect("room for it");
        if let Some((at, _)) = sve {
            expected[at + 16..][..state.as_bytes().len()].fill(0xa5);
        }
    }
    assert_eq!(written, expected);
}
