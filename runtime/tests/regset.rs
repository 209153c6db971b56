//! Register sets against the kernel's macros, which are written out here; what is cut short or
//! contradicts itself is refused with the numbers.

// Patterns, and sizes below 2^16.
#![allow(clippy::cast_possible_truncation)]

use sve_state::regset::{FpsimdState, Payload, Regset, VL_INHERIT, VL_ONEXEC, VRegs};
use sve_state::vcpu::Status;
use sve_state::{Allowed, FieldError, SveState, Vq, fpsimd, sve};

const STATUS: Status = Status {
    fpsr: 0x0800_009f,
    fpcr: 0x07c0_0000,
};

/// `SVE_PT_SVE_FPSR_OFFSET(vq)`.
fn fpsr(vq: usize) -> usize {
    (16 + 512 * vq + 32 * vq + 2 * vq).next_multiple_of(16)
}

fn image(vq: Vq, seed: usize) -> SveState<Box<[u8]>> {
    let mut state = SveState::zeroed(vq).unwrap();
    let bytes = state.as_bytes_mut().iter_mut().enumerate();
    bytes.for_each(|(k, byte)| *byte = (31 * k + k / 251 + seed) as u8);
    state
}

/// What the kernel would give, with the numbers in this machine's order and zeros in the padding.
fn kernels(state: &SveState<Box<[u8]>>, max_vl: u16, flags: u16) -> Vec<u8> {
    let vq = usize::from(state.vq().get());
    let size = |vq: usize| (fpsr(vq) + 8).next_multiple_of(16) as u32;
    let mut bytes = vec![0; size(vq) as usize];
    bytes[..4].copy_from_slice(&size(vq).to_ne_bytes());
    bytes[4..8].copy_from_slice(&size(usize::from(max_vl) / 16).to_ne_bytes());
    let vl = 16 * vq as u16;
    for (k, field) in [vl, max_vl, flags].into_iter().enumerate() {
        bytes[8 + 2 * k..10 + 2 * k].copy_from_slice(&field.to_ne_bytes());
    }
    bytes[16..16 + 546 * vq].copy_from_slice(state.as_bytes());
    bytes[fpsr(vq)..][..4].copy_from_slice(&STATUS.fpsr.to_ne_bytes());
    bytes[fpsr(vq) + 4..][..4].copy_from_slice(&STATUS.fpcr.to_ne_bytes());
    bytes
}

#[test]
fn what_the_kernel_gives_is_read_where_it_stands_and_written_the_same() {
    for vq in Vq::architectural() {
        let state = image(vq, 1);
        let mut bytes = kernels(&state, 256, 1 | VL_INHERIT);
        let size = bytes.len();
        // PTRACE_GETREGSET gives as many bytes as the largest set would take.
        bytes.resize(8768, 0xee);
        let regset = Regset::parse(&bytes).unwrap();
        assert_eq!((regset.vq(), regset.max_vq()), (vq, Vq::ARCH_MAX));
        assert_eq!((regset.flags(), regset.size()), (VL_INHERIT, size));
        let Payload::Sve {
            state: read,
            status,
        } = regset.payload()
        else {
            panic!("{regset:?}");
        };
        assert_eq!(status, STATUS);
        assert_eq!(read.as_bytes(), state.as_bytes());
        assert_eq!(
            read.as_bytes().as_ptr(),
            bytes[16..].as_ptr(),
            "not borrowed"
        );

        let mut written = vec![0xee; size];
        let ours = Regset::from_state(&state, STATUS).with_max_vq(Vq::MIN);
        assert_eq!(ours.max_vq(), vq);
        assert_eq!(ours.with_flags(0xffff).flags(), VL_INHERIT | VL_ONEXEC);
        let ours = ours.with_max_vq(Vq::ARCH_MAX);
        assert_eq!(ours.with_flags(VL_INHERIT).write(&mut written), Ok(size));
        // All but the padding, in which gdb finds its copy.
        let (end, fpsr) = (16 + 546 * usize::from(vq.get()), fpsr(vq.get().into()));
        let gdbs = &written[end..end + 8];
        let expected = &bytes[fpsr..fpsr + 8];
        match vq.get() {
            1..=4 | 8..=12 | 16 => assert_eq!(gdbs, expected, "VQ {vq}"),
            _ => assert!(fpsr - end < 8),
        }
        written[end..fpsr].fill(0);
        assert_eq!(written, bytes[..size], "VQ {vq}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for vq in [1, 2, 7, 16].map(|vq| Vq::new(vq).unwrap()) {
        let state = image(vq, 2);
        let sve = kernels(&state, 256, 1);
        let mut fpsimd = vec![0; 544];
        let regset = Regset::from_fpsimd(Some(vq), FpsimdState::from_state(&state, STATUS));
        assert_eq!(regset.write(&mut fpsimd), Ok(544));
        for bytes in [sve, fpsimd] {
            assert!(Regset::parse(&bytes).is_ok());
            for len in 0..bytes.len() {
                let needed = if len < 16 { 16 } else { bytes.len() };
                let error = FieldError {
                    record: "user_sve_header",
                    field: "bytes",
                    found: len as u64,
                    allowed: Allowed::AtLeast(needed as u64),
                    note: None,
                };
                assert_eq!(Regset::parse(&bytes[..len]), Err(error), "{len} bytes");
            }
            // The header is cut short to a size that is not allowed; at 8 and 16 there are no registers.
            for size in 0..bytes.len() as u32 {
                let mut bytes = bytes.clone();
                bytes[..4].copy_from_slice(&size.to_ne_bytes());
                match Regset::parse(&bytes) {
                    Ok(regset) => {
                        let none = [8, 16].contains(&size);
                        assert_eq!((regset.payload(), none), (Payload::None, true), "{size}");
                    }
                    Err(error) => {
                        let none = [8, 16].contains(&size);
                        assert_eq!((error.field, none), ("size", false), "{error}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_field_is_checked() {
    let bytes = kernels(&image(Vq::new(2).unwrap(), 3), 64, 1);
    let refused = |at: usize, value: u32, width: usize| {
        let mut bytes = bytes.clone();
        let field = match width {
            4 => value.to_ne_bytes().to_vec(),
            _ => (value as u16).to_ne_bytes().to_vec(),
        };
        bytes[at..at + width].copy_from_slice(&field);
        Regset::parse(&bytes).unwrap_err().to_string()
    };
    for (at, value, width, expected) in [
        (0, 0, 4, "size is 0: it must be 16 or more"),
        (0, 15, 4, "size is 15: it must be 16 or more"),
        (0, 1137, 4, "bytes is 1136: it must be 1137 or more"),
        (0, 1135, 4, "size is 1135: it must be 1136 or more"),
        (
            8,
            0,
            2,
            "vl is 0: it must be a multiple of 16 from 16 to 256",
        ),
        (
            8,
            24,
            2,
            "vl is 24: it must be a multiple of 16 from 16 to 256",
        ),
        (
            8,
            272,
            2,
            "vl is 272: it must be a multiple of 16 from 16 to 256",
        ),
        // A vl larger than what is there, which gdb accepts.
        (8, 48, 2, "size is 1136: it must be 1680 or more"),
        (12, 9, 2, "flags is 9: it may have the bits 0x7 only"),
    ] {
        assert_eq!(
            refused(at, value, width),
            format!("user_sve_header: {expected}")
        );
    }
}

#[test]
fn v_registers_are_numbers_of_the_host_and_the_low_bits_of_z() {
    let vq = Vq::new(4).unwrap();
    let state = image(vq, 4);
    let fpsimd = FpsimdState::from_state(&state, STATUS);
    let mut bytes = [0xee; 544];
    let regset = Regset::from_fpsimd(Some(vq), fpsimd);
    assert_eq!(regset.write(&mut bytes), Ok(544));
    for n in 0..32 {
        let number = bytes[16 + 16 * n..][..16].try_into().unwrap();
        let number = u128::from_ne_bytes(number);
        assert_eq!(number.to_le_bytes(), state.as_bytes()[64 * n..][..16]);
        let register = fpsimd::V::new(n as u32).unwrap();
        assert_eq!(fpsimd.v.get(register), number);
    }
    assert_eq!(bytes[528..532], STATUS.fpsr.to_ne_bytes());
    assert_eq!(bytes[532..536], STATUS.fpcr.to_ne_bytes());
    assert_eq!(bytes[536..], [0; 8]);
    let parsed = Regset::parse(&bytes).unwrap();
    assert_eq!(parsed.payload(), Payload::Fpsimd(fpsimd));
    let vregs = bytes[16..528].try_into().unwrap();
    assert_eq!(VRegs::from_bytes(vregs), fpsimd.v);

    // In an image, as a thread would have them, with the rest zero.
    let mut full = image(Vq::new(2).unwrap(), 5);
    assert_eq!(parsed.copy_to(&mut full), Some(STATUS));
    let z = full.register(sve::Z3);
    assert_eq!(z[..16], state.register(sve::Z3)[..16]);
    assert_eq!(z[16..], [0; 16]);
    assert!(full.as_bytes()[1024..].iter().all(|byte| *byte == 0));
}

#[test]
fn without_registers_nothing_is_written_to_an_image() {
    let mut bytes = kernels(&image(Vq::MIN, 6), 16, VL_ONEXEC);
    for size in [8_u32, 16] {
        bytes[..4].copy_from_slice(&size.to_ne_bytes());
        let regset = Regset::parse(&bytes).unwrap();
        let mut state = image(Vq::MIN, 7);
        assert_eq!(regset.copy_to(&mut state), None);
        assert_eq!(state, image(Vq::MIN, 7));
        let mut written = [0; 16];
        assert_eq!(regset.write(&mut written), Ok(16));
        assert_eq!(Regset::parse(&written), Ok(regset));
    }
}

#[test]
fn another_vector_length_keeps_the_low_bits() {
    for from in Vq::architectural() {
        for to in Vq::architectural() {
            let source = image(from, 8);
            let mut target = image(to, 9);
            target.resize_from(&source);
            let (from, to) = (usize::from(from.get()), usize::from(to.get()));
            let mut places = (0..49).map(|n| match n {
                ..32 => (16 * n, 16),
                _ => (512 + 2 * (n - 32), 2),
            });
            assert!(places.all(|(start, width)| {
                let common = width * from.min(to);
                let source = &source.as_bytes()[start * from..][..common];
                let target = &target.as_bytes()[start * to..][..width * to];
                target[..common] == *source && target[common..].iter().all(|byte| *byte == 0)
            }));
        }
    }
}

/// The content is what Linux 7.3 gave a thread in streaming mode at 64 bytes of at most 256, with ZA off.
#[test]
fn an_inactive_za_note_is_the_kernels_header() {
    let linux: [u16; 8] = [0x10, 0, 0x1010, 0, 0x40, 0x100, 0, 0];
    // The sizes have 32 bits.
    let linux = if cfg!(target_endian = "big") {
        [0, 0x10, 0, 0x1010, 0x40, 0x100, 0, 0]
    } else {
        linux
    };
    let state = image(Vq::new(4).unwrap(), 11);
    let regset = Regset::from_state(&state, STATUS)
        .with_max_vq(Vq::ARCH_MAX)
        .with_flags(VL_INHERIT)
        .streaming();
    let note = regset.inactive_za_note();
    let header = [6_u32, 16, 0x40c].map(u32::to_ne_bytes).concat();
    assert_eq!(note[..12], header);
    assert_eq!(note[12..20], *b"LINUX\0\0\0");
    assert_eq!(note[20..], linux.map(u16::to_ne_bytes).concat());
}

#[test]
fn a_note_has_the_kernels_owner() {
    let state = image(Vq::new(2).unwrap(), 10);
    let regset = Regset::from_state(&state, STATUS);
    let mut note = vec![0xee; 20 + 1136];
    assert_eq!(regset.note_size(), note.len());
    assert_eq!(regset.write_note(&mut note), Ok(1156));
    let words: Vec<_> = note[..12].chunks(4).collect();
    let expected = [6, 1136, 0x405].map(u32::to_ne_bytes);
    assert_eq!(words, expected);
    assert_eq!(&note[12..20], b"LINUX\0\0\0");
    let mut streaming = note.clone();
    assert_eq!(regset.streaming().write_note(&mut streaming), Ok(1156));
    assert_eq!(streaming[8..12], 0x40b_u32.to_ne_bytes());
    assert_eq!(
        (&streaming[..8], &streaming[12..]),
        (&note[..8], &note[12..])
    );
    assert_eq!(Regset::parse(&note[20..]), Ok(regset));
    let error = regset.write_note(&mut note[..1155]).unwrap_err();
    let expected = "Elf64_Nhdr: bytes is 1155: it must be 1156 or more";
    assert_eq!(error.to_string(), expected);
}

/// A header as Linux gives it, and what follows it.
fn header(size: u32, max_size: u32, vl: u16, max_vl: u16, flags: u16) -> Vec<u8> {
    let mut bytes = [size.to_ne_bytes(), max_size.to_ne_bytes()].concat();
    for field in [vl, max_vl, flags, 0] {
        bytes.extend(field.to_ne_bytes());
    }
    bytes
}

/// NT_ARM_SSVE of a thread that is not in streaming mode, by version of Linux, from ptrace and in core
/// files.
#[test]
fn a_thread_that_does_not_stream_has_no_streaming_registers() {
    let v = vec![0x5a; 528];
    for (size, behind) in [(16, &[][..]), (8, &[]), (8, &v), (544, &v)] {
        let mut bytes = header(size, 8768, 64, 256, 0);
        bytes.extend(behind);
        let regset = Regset::parse_streaming(&bytes).unwrap();
        assert_eq!((regset.payload(), regset.vq().get()), (Payload::None, 4));
        // As NT_ARM_SVE, the last one has registers.
        let own = Regset::parse(&bytes).unwrap().payload();
        assert_eq!(matches!(own, Payload::Fpsimd(_)), size == 544);
        let mut note = [0; 36];
        assert_eq!(regset.write_note(&mut note), Ok(36));
        assert_eq!(note[8..12], 0x40b_u32.to_ne_bytes());
    }
    // In streaming mode there are registers, among them FFR with FEAT_SME_FA64.
    let state = image(Vq::new(4).unwrap(), 11);
    let bytes = kernels(&state, 256, 1);
    let Payload::Sve { state: read, .. } = Regset::parse_streaming(&bytes).unwrap().payload()
    else {
        panic!("no registers");
    };
    assert_eq!(read.as_bytes(), state.as_bytes());
}

/// QEMU's dump of a vCPU in streaming mode, where `vl` is above `max_vl` and `size` above `max_size`.
#[test]
fn what_decides_nothing_is_not_looked_at() {
    let state = image(Vq::new(4).unwrap(), 12);
    let mut bytes = kernels(&state, 32, 1);
    bytes[4..8].copy_from_slice(&1136_u32.to_ne_bytes());
    for (max_vl, max_vq) in [
        (32, 4),
        (0, 4),
        (40, 4),
        (8208, 4),
        (64, 4),
        (80, 5),
        (8192, 512),
    ] {
        for (max_size, reserved) in [(1136, 0), (0, 1), (u32::MAX, 0xffff)] {
            bytes[4..8].copy_from_slice(&u32::to_ne_bytes(max_size));
            bytes[10..12].copy_from_slice(&u16::to_ne_bytes(max_vl));
            bytes[14..16].copy_from_slice(&u16::to_ne_bytes(reserved));
            let regset = Regset::parse(&bytes).unwrap();
            assert_eq!((regset.vq().get(), regset.max_vq().get()), (4, max_vq));
            let state = state.by_ref();
            assert_eq!(
                regset.payload(),
                Payload::Sve {
                    state,
                    status: STATUS
                }
            );
        }
    }
}

/// With SME and without SVE, PTRACE_SETREGSET of NT_ARM_SVE takes a `vl` of 0 and V registers.
#[test]
fn without_sve_a_set_has_no_vector_length() {
    let state = image(Vq::MIN, 13);
    let regset = Regset::from_fpsimd(None, FpsimdState::from_state(&state, STATUS));
    let mut bytes = [0xee; 544];
    assert_eq!(regset.write(&mut bytes), Ok(544));
    let mut expected = [0xee; 544];
    Regset::from_fpsimd(Some(Vq::MIN), FpsimdState::from_state(&state, STATUS))
        .write(&mut expected)
        .unwrap();
    expected[8..10].fill(0);
    assert_eq!(bytes, expected);
    assert_eq!((regset.vq(), Regset::parse(&bytes)), (Vq::MIN, Ok(regset)));
    // With SVE registers, or with none, it is wrong, and so it is for streaming mode.
    let (mut none, mut sve) = (bytes, kernels(&state, 16, 1));
    none[..4].copy_from_slice(&16_u32.to_ne_bytes());
    sve[8..10].fill(0);
    let expected = "user_sve_header: vl is 0: it must be a multiple of 16 from 16 to 256";
    for refused in [
        Regset::parse(&none),
        Regset::parse(&sve),
        Regset::parse_streaming(&bytes),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
}

/// `sve.rst`: a header without registers changes the vector length.
#[test]
fn a_header_alone_sets_the_vector_length() {
    for vq in Vq::architectural() {
        let regset = Regset::from_vq(vq).with_flags(VL_INHERIT);
        let mut bytes = [0xee; 16];
        assert_eq!(regset.write(&mut bytes), Ok(16));
        let largest = (fpsr(vq.get().into()) + 8).next_multiple_of(16) as u32;
        let vl = 16 * vq.get();
        assert_eq!(bytes[..], header(16, largest, vl, vl, 1 | VL_INHERIT)[..]);
        assert_eq!(Regset::parse(&bytes), Ok(regset));
        assert_eq!(
            (regset.payload(), regset.flags()),
            (Payload::None, VL_INHERIT)
        );
    }
}

#[test]
fn what_its_own_parser_refuses_is_not_written() {
    let state = image(Vq::MIN, 14);
    let fpsimd = FpsimdState::from_state(&state, STATUS);
    let over = "vl is 8192: it must be a multiple of 16 from 16 to 256";
    let streaming = "flags is 0: it must be 1 or more; NT_ARM_SSVE has SVE registers, or none";
    for (regset, expected) in [
        (Regset::from_fpsimd(Some(Vq::MAX), fpsimd), over),
        (Regset::from_vq(Vq::MAX), over),
        (
            Regset::from_fpsimd(Some(Vq::MIN), fpsimd).streaming(),
            streaming,
        ),
    ] {
        let mut bytes = [0xee; 1024];
        let errors = [regset.write(&mut bytes), regset.write_note(&mut bytes)];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!(error.to_string(), format!("user_sve_header: {expected}"));
        }
        assert_eq!(bytes, [0xee; 1024]);
    }
}
