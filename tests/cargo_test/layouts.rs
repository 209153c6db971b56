//! `register_layout!` beyond the two layouts that ship: it can say what has been proposed for Linux or might be,
//! and IDs, decoder, bounds and images follow. What is expected is worked out here from the formulas that the
//! kernel's headers, or the proposal, state, and shares nothing with the crate.

use sve_state::image::{Image, ImageError};
use sve_state::layout::{ByteArray as _, InImage, Layout, Reason, Register, RegisterError};
use sve_state::{Vq, fpsimd, register_layout, sve};

register_layout! {
    /// The SME registers, as proposed on the kernel's list.
    pub mod sme {
        arch: arm64, coproc: 0x17, slices: 32, vq: 1..=16;

        /// Rows of the matrix: as many as a row has bytes.
        bank ZA[16 * vq] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
        /// Lookup table. Its low ID bits are those of `ZA48`; the size field tells them apart.
        bank ZT0 at 0x600: 512 bits;
        /// Vector-length set, where the newest series has it: one below SVE's.
        pseudo VLS at 0xfffe: 512 bits;
    }

    /// Registers of fixed width beside scalable ones, in slices so small that several are in use.
    pub mod mixed {
        arch: arm64, coproc: 0x1f, slices: 8, vq: 1..=16;

        /// Control.
        bank CTL at 0x0: 32 bits;
        /// Scalable, in slices of 32 bytes.
        bank Q[4] at 0x40 step 16: slice 256 bits, width 128 * vq bits;
        /// Fixed, in two and a half slices.
        bank W[2] at 0x80 step 16: slice 64 bits, width 160 bits;
        /// A header of 4 bytes on each scalable register.
        bank H[2] at 0xc0 step 16: slice 2048 bits, width 32 + 16 * vq bits;
        /// Counters.
        bank CNT[3] at 0x100 step 2: 64 bits;
        /// The low halves of `W`.
        view L[2] at 0x110 step 1: 64 bits, low bits of mixed::W;
    }

    /// Vector lengths from the middle of the range.
    pub mod narrow {
        arch: arm64, coproc: 0x0, vq: 3..=5, slices: 1;

        /// One register, that starts at VQ 3.
        bank R at 0x8000: slice 1024 bits, width 128 * vq bits;
        /// As many registers as VQ.
        bank C[vq] at 0xfe00 step 0x60: 8 bits;
    }

    /// SVE with every vector length and slice that the ABI leaves room for.
    pub mod abi {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=512;

        /// Vectors.
        bank Z[32] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
        /// Predicates.
        bank P[16] at 0x400 step 32: slice 256 bits, width 16 * vq bits;
        /// First-fault register.
        bank FFR at 0x600: slice 256 bits, width 16 * vq bits;
    }
}

fn vqs() -> impl Iterator<Item = (Vq, u64)> {
    Vq::architectural().map(|vq| (vq, u64::from(vq.get())))
}

/// Every (ID, name) of SME, for a matrix of this many rows with this many slices each.
fn sme(rows: u64, slices: u64) -> Vec<(u64, String)> {
    let row = |n: u64| {
        (0..slices).map(move |i| {
            let name = if i == 0 {
                format!("ZA{n}")
            } else {
                format!("ZA{n} slice {i}")
            };
            (0x6080_0000_0017_0000 + (n << 5) + i, name)
        })
    };
    let mut ids: Vec<_> = (0..rows).flat_map(row).collect();
    ids.push((0x6060_0000_0017_0600, "ZT0".to_owned()));
    ids.push((0x6060_0000_0017_fffe, "VLS".to_owned()));
    ids
}

#[test]
fn sme_enumerates_as_many_rows_as_a_row_has_bytes() {
    for (vq, n) in vqs() {
        let ids: Vec<u64> = sme::Layout::ids(vq).expect("in range").collect();
        let expected: Vec<u64> = sme(16 * n, 1).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, expected, "VQ {vq}");
    }
}

/// All 2^16 low halves under all 16 sizes: what has a name has it from the formula, and nothing else has one.
#[test]
fn sme_decodes_its_ids_and_no_others() {
    let mut names: std::collections::HashMap<_, _> = sme(256, 32).into_iter().collect();
    assert_eq!(names.len(), 256 * 32 + 2);
    for size in 0..16_u64 {
        for low in 0..=0xffff_u64 {
            let id = 0x6000_0000_0017_0000 | size << 52 | low;
            match (sme::Reg::decode(id), names.remove(&id)) {
                (Ok(register), Some(name)) => {
                    assert_eq!((register.id(), register.to_string()), (id, name));
                }
                (Err(error), None) => assert_eq!(error.id().0, id),
                (decoded, expected) => panic!("{id:#x}: {decoded:?}, where {expected:?}"),
            }
        }
    }
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn the_size_alone_tells_zt0_from_a_row() {
    let (row, table) = (0x6080_0000_0017_0600, 0x6060_0000_0017_0600);
    assert_eq!(sme::Reg::decode(row), Ok(sme::ZA48.into()));
    assert_eq!(sme::Reg::decode(table), Ok(sme::ZT0.into()));
    assert_eq!((sme::ZA48.id(), sme::ZT0.id()), (row, table));
    let error = sme::Reg::decode(0x6050_0000_0017_0600).unwrap_err();
    // Of two registers that it could have been, the one declared last is named.
    let Reason::Size { bank, number } = error.reason() else {
        panic!("{error:?}");
    };
    assert_eq!((bank.name, number), ("ZT0", 0));
}

/// One ID for each slice that holds a byte.
#[test]
fn slices_in_use_are_enumerated() {
    for (vq, n) in vqs() {
        let mut expected = vec![0x6020_0000_001f_0000];
        for (base, size, width, slice) in [
            (0x40, 5, 16 * n, 32),
            (0x50, 5, 16 * n, 32),
            (0x60, 5, 16 * n, 32),
            (0x70, 5, 16 * n, 32),
            (0x80, 3, 20, 8),
            (0x90, 3, 20, 8),
            (0xc0, 8, 4 + 2 * n, 256),
            (0xd0, 8, 4 + 2 * n, 256),
        ] {
            let in_use = (0..8).filter(|i| i * slice < width);
            expected.extend(in_use.map(|i| 0x6000_0000_001f_0000 | size << 52 | (base + i)));
        }
        expected.extend([0x100, 0x102, 0x104].map(|low| 0x6030_0000_001f_0000_u64 | low));
        expected.extend([0x110, 0x111].map(|low| 0x6030_0000_001f_0000_u64 | low));
        let ids: Vec<_> = mixed::Layout::ids(vq).expect("in range").collect();
        assert_eq!(ids, expected, "VQ {vq}");
        for id in ids {
            assert_eq!(mixed::Reg::decode(id).map(mixed::Reg::id), Ok(id));
        }
    }
}

/// A register written slice by slice is read back slice by slice and whole, and its neighbours keep what they have.
#[test]
fn several_slices_make_a_register() -> Result<(), ImageError> {
    for (vq, n) in vqs() {
        let width = 16 * usize::try_from(n).expect("at most 16");
        let mut image = Image::<mixed::Layout, _>::zeroed(vq)?;
        let pattern: Vec<u8> = (1..=u8::MAX).cycle().take(256).collect();
        for (index, bytes) in (0..).zip(pattern.chunks(32)) {
            let slice = mixed::Q::with_slice(1, index).expect("8 slices");
            image.set(slice, bytes.try_into().expect("32 bytes"));
        }
        assert_eq!(image.register(mixed::Q1), &pattern[..width]);
        let mut read = Vec::new();
        for index in 0..8 {
            read.extend(image.get(mixed::Q::with_slice(1, index).expect("8 slices")));
        }
        assert_eq!(read[..width], pattern[..width]);
        assert!(read[width..].iter().all(|&byte| byte == 0), "VQ {vq}");
        assert!(image.register(mixed::Q0).iter().all(|&byte| byte == 0));
        assert!(image.register(mixed::Q2).iter().all(|&byte| byte == 0));
    }
    Ok(())
}

/// `L` shows the low 64 bits of `W`, a layout's view of itself.
#[test]
fn a_view_within_a_layout() -> Result<(), ImageError> {
    let mut image = Image::<mixed::Layout, _>::zeroed(Vq::MIN)?;
    image.set_view(mixed::L1, &[0xa5; 8]);
    assert_eq!(image.get_view(mixed::L1), [0xa5; 8]);
    let (low, rest) = image.register(mixed::W1).split_at(8);
    assert_eq!((low, rest), (&[0xa5; 8][..], &[0; 12][..]));
    assert!(image.register(mixed::W0).iter().all(|&byte| byte == 0));
    Ok(())
}

#[test]
fn a_range_that_does_not_start_at_1() -> Result<(), ImageError> {
    for vq in [2, 6] {
        assert!(Image::<narrow::Layout, _>::zeroed(Vq::new(vq)?).is_err());
    }
    assert_eq!(narrow::MAX_IMAGE_BYTES, 85);
    assert_eq!(narrow::C4.id(), 0x6000_0000_0000_ff80);
    assert!(narrow::C::new(5).is_err());
    Ok(())
}

#[test]
fn the_abi_has_room_for_vq_512() {
    let vq = Vq::new(512).expect("the largest");
    let ids: Vec<_> = abi::Layout::ids(vq).expect("in range").collect();
    assert_eq!(ids.len(), 49 * 32);
    assert_eq!(ids[32 * 32 - 1], 0x6080_0000_0015_03ff, "Z31 slice 31");
    assert_eq!(ids[49 * 32 - 1], 0x6050_0000_0015_061f, "FFR slice 31");
    for &id in &ids {
        assert_eq!(abi::Reg::decode(id).map(abi::Reg::id), Ok(id));
    }
    assert_eq!(abi::MAX_IMAGE_BYTES, 546 * 512);
    assert_eq!(abi::Layout::image_bytes(vq), Ok(546 * 512));
}

#[test]
fn fpsimd_counts_in_words_of_core() {
    let expected = |n: u64| 0x6040_0000_0010_0054 + 4 * n;
    for n in 0..32 {
        let v = fpsimd::V::new(n).expect("32 registers");
        assert_eq!(v.id(), expected(n.into()));
        for word in 1..4 {
            // A word within a register is not its ID.
            assert!(fpsimd::Reg::decode(v.id() + word).is_err());
        }
    }
    assert_eq!(fpsimd::V31.id(), fpsimd::v::<31>().id());
    assert_eq!(fpsimd::FPSR.id(), 0x6020_0000_0010_00d4);
    assert_eq!(fpsimd::FPCR.id(), 0x6020_0000_0010_00d5);
    assert_eq!(fpsimd::MAX_IMAGE_BYTES, 8, "the V registers are a view");
}

/// The three forms name one register.
#[test]
fn constant_const_generic_and_run_time_forms_agree() {
    assert_eq!(sme::ZA255, sme::za::<255>());
    assert_eq!(Ok(sme::ZA255), sme::ZA::new(255));
    assert_eq!(Ok(sme::za_slice::<17, 31>()), sme::ZA::with_slice(17, 31));
    assert_eq!(Ok(mixed::q_slice::<3, 7>()), mixed::Q::with_slice(3, 7));
    assert_eq!(mixed::w::<1>(), mixed::W1);
    assert_eq!(Ok(abi::ffr_slice::<31>()), abi::FFR::with_slice(0, 31));
    assert_eq!(sve::z::<0>(), sve::Z0);
    // IDs are constants.
    const ID: u64 = sme::za_slice::<1, 2>().id();
    assert_eq!(ID, 0x6080_0000_0017_0022);
}

#[test]
fn what_does_not_exist_is_an_error_with_the_numbers() {
    let message = |result: Result<sme::ZA, RegisterError>| match result {
        Ok(register) => panic!("{register}"),
        Err(error) => error.to_string(),
    };
    let error = message(sme::ZA::new(256));
    assert!(
        error.contains("ZA256") && error.contains("ZA255"),
        "{error}"
    );
    let error = message(sme::ZA::with_slice(0, 32));
    assert!(error.contains("32") && error.contains("31"), "{error}");
    for vq in [17, 512] {
        let error = sme::Layout::ids(Vq::new(vq).expect("in the ABI")).err();
        let error = error.expect("SME ends at VQ 16").to_string();
        assert!(
            error.contains(&vq.to_string()) && error.contains("16"),
            "{error}"
        );
    }
}

/// The bounds of every slice of a bank, which has `count` registers of `width` bytes from `start` on, and GET and
/// SET of it if it is to be `moved`. Returns the end of the bank.
fn bank<B: InImage>(vq: Vq, start: usize, count: usize, width: usize, moved: bool) -> usize {
    let size = B::Layout::image_bytes(vq).expect("a VQ of the layout");
    let image: Vec<u8> = (1..=251).cycle().take(size).collect();
    let bytes = B::Slice::BYTES;
    for number in 0..u32::from(Register::<B>::BANK.max_count) {
        for index in 0..u32::from(Register::<B>::BANK.slices) {
            let register = Register::<B>::with_slice(number, index).expect("of the bank");
            // A register that does not exist is empty, and lies at the bank's end.
            let there = (number as usize) < count;
            let place = start + (number as usize).min(count) * width;
            let own_width = if there { width } else { 0 };
            let [from, to] = [0, 1].map(|k| own_width.min((index as usize + k) * bytes));
            let own = place + from..place + to;
            let view = Image::<B::Layout, _>::new(vq, &image[..]).expect("of its size");
            let bounds = view.bounds(register);
            let found = [bounds.start, bounds.copy, bounds.flush];
            // A GET fills its buffer all the same.
            let expected = [own.start, own.len(), bytes - own.len()];
            assert_eq!(found, expected, "{register} at VQ {vq}");
            if index == 0 {
                assert_eq!(
                    view.register(register).len(),
                    own_width,
                    "{register} at VQ {vq}"
                );
            }
            if !moved {
                continue;
            }
            let mut expected = image[own.clone()].to_vec();
            expected.resize(bytes, 0);
            let mut slice = B::Slice::ZEROS;
            slice.as_mut().fill(0xee);
            view.get_into(register, &mut slice);
            assert_eq!(slice.as_ref(), expected, "{register} at VQ {vq}");
            let got = view.get(register);
            assert_eq!(got.as_ref(), expected, "{register} at VQ {vq}");

            let mut expected = image.clone();
            expected[own].fill(0xfd);
            let mut view = Image::<B::Layout, _>::new(vq, image.clone()).expect("of its size");
            slice.as_mut().fill(0xfd);
            view.set(register, &slice);
            assert!(view.as_bytes() == expected, "{register} at VQ {vq}");
        }
    }
    start + count * width
}

#[test]
fn each_slice_has_its_place_and_is_moved_and_nothing_beside_it() {
    let vq = |v: usize| Vq::new(u32::try_from(v).expect("small")).expect("a VQ");
    for v in 1..=16 {
        let (vq, moved) = (vq(v), [1, 2, 3, 5, 16].contains(&v));
        let end = bank::<sme::bank::ZA>(vq, 0, 16 * v, 16 * v, moved);
        let end = bank::<sme::bank::ZT0>(vq, end, 1, 64, moved);
        assert_eq!(sme::Layout::image_bytes(vq), Ok(end));
        let end = bank::<mixed::bank::CTL>(vq, 0, 1, 4, moved);
        let end = bank::<mixed::bank::Q>(vq, end, 4, 16 * v, moved);
        let end = bank::<mixed::bank::W>(vq, end, 2, 20, moved);
        let end = bank::<mixed::bank::H>(vq, end, 2, 4 + 2 * v, moved);
        let end = bank::<mixed::bank::CNT>(vq, end, 3, 8, moved);
        assert_eq!(mixed::Layout::image_bytes(vq), Ok(end));
    }
    assert_eq!(sme::MAX_IMAGE_BYTES, 256 * 256 + 64);
    for v in [3, 4, 5] {
        let end = bank::<narrow::bank::R>(vq(v), 0, 1, 16 * v, true);
        let end = bank::<narrow::bank::C>(vq(v), end, v, 1, true);
        assert_eq!(narrow::Layout::image_bytes(vq(v)), Ok(end));
    }
    // Wide and narrow slices, several to a register.
    for v in [1, 17, 40] {
        let end = bank::<abi::bank::Z>(vq(v), 0, 32, 16 * v, true);
        let end = bank::<abi::bank::P>(vq(v), end, 16, 2 * v, true);
        bank::<abi::bank::FFR>(vq(v), end, 1, 2 * v, true);
    }
}
