//! The six defects of the RFC patch of 2018, each with a test that fails if the defect comes back.
//!
//! IDs are written out from the kernel's headers rather than taken from this crate.

use sve_state::layout::Bounds;
use sve_state::shim::Vcpu;
use sve_state::{Errno, OneReg, Vls, Vq, fpsimd, sve};

const Z0: u64 = 0x6080_0000_0015_0000;
const P0: u64 = 0x6050_0000_0015_0400;
const V0: u64 = 0x6040_0000_0010_0054;
const U32: u64 = 2 << 52;
const SIZE: u64 = 0xf << 52;

fn mainline() -> Vcpu<Box<[u8]>> {
    let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(4).unwrap())).unwrap();
    vcpu.init_with_sve().unwrap();
    vcpu.finalize(4).unwrap();
    vcpu
}

fn rfc() -> Vcpu<Box<[u8]>> {
    let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(4).unwrap())).unwrap().rfc();
    vcpu.init_with_sve().unwrap();
    vcpu
}

fn size(id: u64) -> usize {
    1 << (id >> 52 & 0xf)
}

fn get(vcpu: &Vcpu<Box<[u8]>>, id: u64) -> Result<Vec<u8>, Errno> {
    let mut data = vec![0xee; size(id)];
    vcpu.get_one_reg(id, &mut data).map(|()| data)
}

/// The vCPU with `1, 2, 3, …` in the bytes of Z0, and 0x77 in those of Z31.
fn filled(mut vcpu: Vcpu<Box<[u8]>>) -> Vcpu<Box<[u8]>> {
    let counting: Vec<u8> = (0..=255_u8).map(|k| k.wrapping_add(1)).collect();
    vcpu.set_one_reg(Z0, &counting).unwrap();
    vcpu.set_one_reg(Z0 + (31 << 5), &[0x77; 256]).unwrap();
    vcpu
}

#[test]
fn defect_1_the_ids_past_z31_do_not_alias_z0() {
    for vcpu in [mainline(), rfc()] {
        let mut vcpu = filled(vcpu);
        let before = vcpu.sve_state().unwrap().as_bytes().to_vec();
        for slice in 0..32 {
            let z32 = Z0 + (32 << 5) + slice;
            assert!(sve::Reg::decode(z32).is_err(), "{z32:#x}");
            assert_eq!(get(&vcpu, z32), Err(Errno::EINVAL), "{z32:#x}");
            assert_eq!(vcpu.set_one_reg(z32, &[0xff; 256]), Err(Errno::EINVAL));
        }
        assert_eq!(vcpu.sve_state().unwrap().as_bytes(), before);
    }
}

#[test]
fn defect_2_a_part_of_a_v_register_is_read_and_written_where_it_lies() {
    let mut vcpu = filled(rfc());
    for word in 0..4_u8 {
        let id = V0 & !SIZE | U32;
        let first = 4 * word + 1;
        let expected = [first, first + 1, first + 2, first + 3];
        assert_eq!(get(&vcpu, id + u64::from(word)).unwrap(), expected);
    }
    vcpu.set_one_reg((V0 & !SIZE | U32) + 2, &[0xa1, 0xa2, 0xa3, 0xa4])
        .unwrap();
    let expected = [
        1, 2, 3, 4, 5, 6, 7, 8, 0xa1, 0xa2, 0xa3, 0xa4, 13, 14, 15, 16, 17,
    ];
    assert_eq!(vcpu.sve_state().unwrap().register(sve::Z0)[..17], expected);
    // The upper half, 64 bits.
    let upper = (V0 & !SIZE | 3 << 52) + 2;
    assert_eq!(
        get(&vcpu, upper).unwrap(),
        [0xa1, 0xa2, 0xa3, 0xa4, 13, 14, 15, 16]
    );
}

#[test]
fn defect_3_an_id_of_neither_bank_is_an_error() {
    for vcpu in [mainline(), rfc()] {
        let mut vcpu = filled(vcpu);
        for id in [
            P0 + (17 << 5),
            Z0 + 0xffff,
            Z0 & !SIZE | 5 << 52,
            P0 & !0xffff,
        ] {
            assert_eq!(get(&vcpu, id), Err(Errno::EINVAL), "{id:#x}");
            let data = vec![0; size(id)];
            assert_eq!(vcpu.set_one_reg(id, &data), Err(Errno::EINVAL), "{id:#x}");
        }
    }
}

#[test]
fn defect_4_whose_register_it_is_comes_before_its_size() {
    let vcpu = filled(rfc());
    // FPSR with the size of a byte, and X0 with that of two, are not for the V parser to judge.
    for other in [0x6000_0000_0010_00d4, 0x6010_0000_0010_0000] {
        assert_eq!(get(&vcpu, other), Err(Errno::ENOENT), "{other:#x}");
    }
    // The same sizes, of a V register.
    for log2 in [0, 1] {
        assert_eq!(get(&vcpu, V0 & !SIZE | log2 << 52), Err(Errno::EINVAL));
    }
    // FPSR in its own size is served.
    assert_eq!(get(&vcpu, 0x6020_0000_0010_00d4).unwrap(), [0; 4]);
}

#[test]
fn defect_5_range_checks_hold_at_the_ends_of_their_types() {
    let vcpu = filled(rfc());
    for vcpu in [mainline(), rfc()] {
        let vcpu = filled(vcpu);
        // The largest offset in CORE, with every size, does not wrap around to a register.
        for log2 in 0..16 {
            let id = 0x6000_0000_f010_ffff | log2 << 52;
            assert_eq!(get(&vcpu, id), Err(Errno::ENOENT), "{id:#x}");
        }
    }
    // Across the start of the V registers, across two of them, and past the last one.
    let mut id = V0 & !SIZE | 4 << 52;
    assert_eq!(get(&vcpu, id - 1), Err(Errno::EINVAL));
    assert_eq!(get(&vcpu, id - 4), Err(Errno::ENOENT));
    assert_eq!(get(&vcpu, id + 1), Err(Errno::EINVAL));
    id += 4 * 31;
    assert_eq!(get(&vcpu, id).unwrap(), [0x77; 16]);
    assert_eq!(get(&vcpu, id + 1), Err(Errno::EINVAL));
    assert_eq!(get(&vcpu, id + 4), Err(Errno::ENOENT));
    // For slices too, no index makes a sum that wraps.
    for index in [0, 1, 31, u16::MAX] {
        let bounds = Bounds::of_slice(8448, 256, 256, index);
        let copy = if index == 0 { 256 } else { 0 };
        assert_eq!((bounds.copy, bounds.flush), (copy, 256 - copy), "{index}");
        assert!(bounds.start + bounds.copy <= 8448 + 256);
    }
}

#[test]
fn defect_6_a_slice_starts_where_its_register_and_index_say() {
    // By the formula of the kernel's documentation: register offset plus slice, within the register.
    for vq in 1..=16_u32 {
        let state = sve_state::SveState::zeroed(Vq::new(vq).unwrap()).unwrap();
        for n in 0..32 {
            for i in 0..32 {
                let b = state.bounds(sve::Z::with_slice(n, i).unwrap());
                let vl = 16 * vq as usize;
                let copy = if i == 0 { vl } else { 0 };
                let start = vl * n as usize + if i == 0 { 0 } else { vl };
                assert_eq!((b.start, b.copy, b.flush), (start, copy, 256 - copy));
            }
        }
        let ffr = state.bounds(sve::FFR);
        assert_eq!(
            (ffr.start, ffr.copy, ffr.flush),
            (544 * vq as usize, 2 * vq as usize, 32 - 2 * vq as usize)
        );
    }
    assert_eq!(fpsimd::V31.id(), V0 + 4 * 31);
}
