//! Views of `sve_state`: what they accept, and what GET and SET move.

use sve_state::image::ImageError;
use sve_state::layout::{Bounds, Layout};
use sve_state::vcpu::Call;
use sve_state::{Errno, RegId, SveState, Vls, Vq, fpsimd, sve};

fn vq(vq: u32) -> Vq {
    Vq::new(vq).unwrap()
}

#[test]
fn the_size_is_exactly_that_of_the_image() {
    for v in 1..=16_usize {
        let size = 546 * v;
        let memory = vec![0; size + 1];
        let v = vq(u32::try_from(v).unwrap());
        assert!(SveState::new(v, &memory[..size]).is_ok());
        for found in [0, size - 1, size + 1] {
            let error = SveState::new(v, &memory[..found]).unwrap_err();
            let expected = size;
            assert_eq!(
                error,
                ImageError::Size {
                    vq: v,
                    expected,
                    found
                }
            );
        }
    }
    let error = SveState::new(vq(2), &[0_u8; 100][..]).unwrap_err();
    let text = "100 bytes of memory: the image at VQ 2 takes exactly 1092";
    assert_eq!(error.to_string(), text);
    let error = SveState::new(vq(17), &[0_u8; 546 * 17][..]).unwrap_err();
    assert_eq!(error.to_string(), "VQ 17: allowed are 1 to 16");
}

#[test]
fn every_kind_of_memory_will_do() {
    let mut array = [0_u8; 546];
    let mut owned = SveState::new(vq(1), array).unwrap();
    owned.set(sve::P15, &[7; 32]);
    assert_eq!(owned.into_inner()[542..546], [7, 7, 0, 0]);
    let mut borrowed = SveState::new(vq(1), &mut array[..]).unwrap();
    borrowed.set(sve::FFR, &[9; 32]);
    assert_eq!(array[542..], [0, 0, 9, 9]);
    assert_eq!(
        SveState::new(vq(1), &array[..]).unwrap().get(sve::FFR)[..3],
        [9, 9, 0]
    );
    let boxed = SveState::new(vq(1), array.to_vec().into_boxed_slice()).unwrap();
    assert_eq!(boxed.register(sve::FFR), [9, 9]);
}

/// A byte that is never zero, and differs from the next.
fn byte(k: usize) -> u8 {
    u8::try_from(k % 255 + 1).unwrap()
}

/// Byte by byte, from the definition: the registers in order, without gaps.
#[test]
fn a_set_touches_its_register_alone_and_a_get_fills_its_slice() {
    for v in 1..=16_usize {
        let mut state = SveState::zeroed(vq(u32::try_from(v).unwrap())).unwrap();
        for n in 0..32 {
            let before = state.as_bytes().to_vec();
            let z = sve::Z::new(u32::try_from(n).unwrap()).unwrap();
            let slice: [u8; 256] = std::array::from_fn(|k| byte(k + 3 * n));
            state.set(z, &slice);
            let (start, end) = (16 * v * n, 16 * v * (n + 1));
            assert_eq!(state.as_bytes()[..start], before[..start]);
            assert_eq!(state.as_bytes()[start..end], slice[..16 * v]);
            assert_eq!(state.as_bytes()[end..], before[end..]);
            let mut expected = slice;
            expected[16 * v..].fill(0);
            assert_eq!(state.get(z), expected);
            let mut dirty = [0xff; 256];
            state.get_into(z, &mut dirty);
            assert_eq!(dirty, expected);
        }
        for n in 0..17 {
            let before = state.as_bytes().to_vec();
            let slice: [u8; 32] = std::array::from_fn(|k| byte(k + 5 * n));
            let got = if n == 16 {
                state.set(sve::FFR, &slice);
                state.get(sve::FFR)
            } else {
                let p = sve::P::new(u32::try_from(n).unwrap()).unwrap();
                state.set(p, &slice);
                state.get(p)
            };
            let (start, end) = (512 * v + 2 * v * n, 512 * v + 2 * v * (n + 1));
            assert_eq!(state.as_bytes()[..start], before[..start]);
            assert_eq!(state.as_bytes()[start..end], slice[..2 * v]);
            assert_eq!(state.as_bytes()[end..], before[end..]);
            let mut expected = slice;
            expected[2 * v..].fill(0);
            assert_eq!(got, expected);
        }
    }
}

#[test]
fn slices_past_the_register_are_empty() {
    let mut state = SveState::zeroed(vq(16)).unwrap();
    state.as_bytes_mut().fill(0xff);
    let before = state.as_bytes().to_vec();
    for i in 1..32 {
        let z = sve::Z::with_slice(31, i).unwrap();
        assert_eq!(state.get(z), [0; 256]);
        state.set(z, &[0x11; 256]);
    }
    assert_eq!(state.as_bytes(), before);
}

#[test]
fn the_v_view_is_the_low_bits_of_z() {
    let mut state = SveState::zeroed(vq(3)).unwrap();
    for n in 0..32_u8 {
        let v = fpsimd::V::new(n.into()).unwrap();
        let z = sve::Z::new(n.into()).unwrap();
        state.set(z, &[0xcc; 256]);
        state.set_view(v, &[n; 16]);
        assert_eq!(state.register(z)[..16], [n; 16]);
        assert_eq!(state.register(z)[16..], [0xcc; 32]);
        assert_eq!(state.get_view(v), [n; 16]);
    }
}

#[test]
fn numbers_from_outside_are_judged() {
    let message = |n, i| sve::P::with_slice(n, i).unwrap_err().to_string();
    assert_eq!(message(16, 0), "register P16: the bank has P0 to P15");
    assert_eq!(
        message(15, 32),
        "slice 32 of register P: slices are 0 to 31"
    );
    let error = fpsimd::V::with_slice(1, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "slice 1 of register V: slice 0 is the only one"
    );
    let error = sve::FFR::new(1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "register FFR number 1: there is one FFR, number 0"
    );
    assert!(Vq::new(0).is_err() && Vq::new(513).is_err() && Vq::new(512).is_ok());
}

#[test]
fn vector_length_sets() {
    let powers: Vls = [1, 2, 4, 8].map(vq).into_iter().collect();
    assert_eq!(powers.to_string(), "{1-2,4,8}");
    assert_eq!(powers.max(), Some(vq(8)));
    assert_eq!(powers.narrowed_to(vq(7)).to_string(), "{1-2,4}");
    let mut bytes = [0; 64];
    bytes[..8].copy_from_slice(&0b1000_1011_u64.to_ne_bytes());
    assert_eq!(
        (powers.to_bytes(), Vls::from_bytes(&bytes)),
        (bytes, powers)
    );
    assert_eq!(Vls::up_to(vq(512)).to_bytes(), [0xff; 64]);
    assert_eq!(
        (Vls::EMPTY.to_string(), Vls::EMPTY.max()),
        ("{}".to_owned(), None)
    );
}

#[test]
fn a_vcpu_enumerates_49_registers_and_vls() {
    let ids: Vec<u64> = sve::Layout::ids(vq(5)).unwrap().collect();
    let z = (0..32).map(|n| 0x6080_0000_0015_0000 + (n << 5));
    let p = (0..16).map(|n| 0x6050_0000_0015_0400 + (n << 5));
    let rest = [0x6050_0000_0015_0600, 0x6060_0000_0015_ffff];
    let expected: Vec<u64> = z.chain(p).chain(rest).collect();
    assert_eq!(ids, expected);
}

#[test]
fn the_bounds_of_slice_0_at_every_vq() {
    for v in 1..=16_u32 {
        let found: Vec<_> = sve::Layout::bounds(vq(v)).unwrap().collect();
        assert_eq!(found, sve::BOUNDS[v as usize - 1], "VQ {v}");
        let v = v as usize;
        let widths = [[16 * v; 32].as_slice(), &[2 * v; 17]].concat();
        let sizes = [[256; 32].as_slice(), &[32; 17]].concat();
        let mut start = 0;
        assert_eq!(found.len(), 49, "VQ {v}");
        for ((bounds, copy), slice) in found.iter().zip(widths).zip(sizes) {
            let flush = slice - copy;
            assert_eq!(*bounds, Bounds { start, copy, flush }, "VQ {v}");
            start += copy;
        }
    }
}

/// In a log, an image is a line rather than its bytes, and a set of vector lengths is its lengths.
#[test]
fn debug_text_is_short_and_says_what_it_is() {
    let state = SveState::zeroed(vq(2)).unwrap();
    let text = format!("{state:?}");
    for part in ["\"sve\"", "vq: 2", "bytes: 1092"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(format!("{:?}", Vls::up_to(vq(3))), "{1-3}");
    assert_eq!(
        format!("{:?} {:?}", Errno::ENOENT, Errno(11)),
        "ENOENT errno 11"
    );
    let call = Call::Get(RegId(sve::Z3.id()));
    assert_eq!(format!("{call:?}"), "Get(0x6080000000150060)");
}

/// The kernel's `sve_vl_from_vq`: a quadword has 16 bytes.
#[test]
fn a_vector_length_in_bytes() {
    for (quadwords, bytes) in [(1, 16), (3, 48), (16, 256), (512, 8192)] {
        assert_eq!(vq(quadwords).vl_bytes(), bytes);
    }
}

#[test]
fn a_whole_register_whatever_the_slice() {
    let bytes: Vec<u8> = (0..=255).cycle().take(546 * 2).collect();
    let state = SveState::new(vq(2), &bytes[..]).unwrap();
    for z3 in [sve::z_slice::<3, 0>(), sve::z_slice::<3, 31>()] {
        assert_eq!(state.register(z3), &bytes[3 * 32..4 * 32]);
    }
}

#[test]
fn a_register_is_written_in_place_and_no_other() {
    type State = SveState<Box<[u8]>>;
    for v in 1..=16 {
        let mut state = SveState::zeroed(vq(v)).unwrap();
        let v = v as usize;
        let mut check = |write: &dyn Fn(&mut State), start: usize, width: usize| {
            state.as_bytes_mut().fill(0);
            write(&mut state);
            let mut expected = vec![0; 546 * v];
            expected[start..start + width].fill(0xa5);
            assert_eq!(state.as_bytes(), expected, "VQ {v}");
        };
        for (n, z) in sve::Z::all().enumerate() {
            check(&|s| s.register_mut(z).fill(0xa5), 16 * v * n, 16 * v);
        }
        for (n, p) in sve::P::all().enumerate() {
            check(
                &|s| s.register_mut(p).fill(0xa5),
                512 * v + 2 * v * n,
                2 * v,
            );
        }
        check(&|s| s.register_mut(sve::FFR).fill(0xa5), 544 * v, 2 * v);
    }
}

/// From each vector length to each other, 49 registers keep the bytes that both lengths have.
#[test]
fn what_lies_above_a_vector_length_is_cleared() {
    for from in 1..=16 {
        for to in (1..=16).chain([512]) {
            let bytes = vec![0xff; 546 * from as usize];
            let mut state = SveState::new(vq(from), bytes).unwrap();
            state.clear_above(vq(to));
            let register = |bytes: u32| {
                let kept = (bytes * to.min(from)) as usize;
                let mut register = vec![0xff; kept];
                register.resize((bytes * from) as usize, 0);
                register
            };
            let expected = [register(16).repeat(32), register(2).repeat(17)].concat();
            assert_eq!(state.as_bytes(), expected, "VQ {from} to {to}");
            assert_eq!(state.vq(), vq(from));
        }
    }
}
