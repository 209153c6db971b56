//! The shim under the RFC's rules, for which there is no kernel to compare with, because mainline
//! took others.

use sve_state::shim::Vcpu;
use sve_state::{Errno, OneReg, Vls, Vq};

const Z0: u64 = 0x6080_0000_0015_0000;
const P0: u64 = 0x6050_0000_0015_0400;
const FFR: u64 = 0x6050_0000_0015_0600;
const VLS: u64 = 0x6060_0000_0015_ffff;
const V0: u64 = 0x6040_0000_0010_0054;
const FPSR: u64 = 0x6020_0000_0010_00d4;

fn vcpu(sve: bool) -> Vcpu<Box<[u8]>> {
    let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(3).unwrap())).unwrap().rfc();
    if sve {
        vcpu.init_with_sve()
    } else {
        vcpu.init_without_sve()
    }
    .unwrap();
    vcpu
}

fn get(vcpu: &Vcpu<Box<[u8]>>, id: u64) -> Result<Vec<u8>, Errno> {
    let mut data = vec![0xee; 1 << (id >> 52 & 0xf)];
    vcpu.get_one_reg(id, &mut data).map(|()| data)
}

#[test]
fn registers_exist_without_finalization() {
    let mut vcpu = vcpu(true);
    vcpu.set_one_reg(Z0 + 32, &[0x11; 256]).unwrap();
    let mut expected = [0; 256];
    expected[..48].fill(0x11);
    assert_eq!(get(&vcpu, Z0 + 32).unwrap(), expected);
    assert_eq!(vcpu.finalize(4), Err(Errno::EINVAL));
    assert_eq!(get(&vcpu, VLS), Err(Errno::EINVAL));
}

#[test]
fn slices_past_the_first_read_as_zero_and_ignore_writes() {
    let mut vcpu = vcpu(true);
    for id in [Z0, P0, FFR] {
        vcpu.set_one_reg(id, &[0x22; 256]).unwrap();
        let before = vcpu.sve_state().unwrap().as_bytes().to_vec();
        for slice in 1..32 {
            let size = 1 << (id >> 52 & 0xf);
            assert_eq!(get(&vcpu, id + slice).unwrap(), vec![0; size]);
            vcpu.set_one_reg(id + slice, &[0x33; 256]).unwrap();
        }
        assert_eq!(vcpu.sve_state().unwrap().as_bytes(), before);
    }
}

#[test]
fn v_registers_are_the_low_bits_of_z_and_leave_the_rest() {
    let mut vcpu = vcpu(true);
    for n in 0..32 {
        vcpu.set_one_reg(Z0 + 32 * n, &[0x44; 256]).unwrap();
        let value = (0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10_u128 + u128::from(n)).to_ne_bytes();
        vcpu.set_one_reg(V0 + 4 * n, &value).unwrap();
        assert_eq!(get(&vcpu, V0 + 4 * n).unwrap(), value);
        let z = get(&vcpu, Z0 + 32 * n).unwrap();
        let low = u128::from_ne_bytes(value).to_le_bytes();
        assert_eq!((&z[..16], &z[16..48]), (&low[..], &[0x44; 32][..]));
    }
}

#[test]
fn without_sve_v_registers_are_kept_and_sve_is_not_there() {
    let mut vcpu = vcpu(false);
    vcpu.set_one_reg(V0 + 4 * 31, &[0x55; 16]).unwrap();
    assert_eq!(get(&vcpu, V0 + 4 * 31).unwrap(), [0x55; 16]);
    assert_eq!(get(&vcpu, Z0), Err(Errno::ENOENT));
}

#[test]
fn lists_have_no_vls_and_no_surplus_slices() {
    let mut ids = [0; 64];
    let mut needed = 0;
    vcpu(true).get_reg_list(&mut needed, &mut ids).unwrap();
    // The two status registers, and 49 of SVE.
    let n = 2 + 49;
    assert_eq!(needed, 51);
    assert!(ids[..n].contains(&FPSR) && !ids[..n].contains(&VLS));
    assert!(ids[2..n].iter().all(|id| id & 0x1f == 0));
    let short = vcpu(true).get_reg_list(&mut needed, &mut [0; 50]);
    assert_eq!(short, Err(Errno::E2BIG));
}

#[test]
fn a_vcpu_that_is_made_to_follow_the_rfc_has_yet_to_be_initialized() {
    let mut vcpu = Vcpu::new(Vls::up_to(Vq::MIN)).unwrap();
    vcpu.init_with_sve().unwrap();
    vcpu.finalize(4).unwrap();
    let vcpu = vcpu.rfc();
    assert_eq!(vcpu.sve_state().err(), Some(Errno::ENOEXEC));
}
