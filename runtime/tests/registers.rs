//! One register of a live vCPU, read and written, with SVE and without.

use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{Errno, OneReg, RegId, SveError, fpsimd, sve};

mod support;

use support::{Fd, Shim, init, up_to};

fn vcpu(max: u32) -> Finalized<Shim> {
    let mut vcpu = Shim::new(up_to(max.max(1))).unwrap();
    init(&mut vcpu, max > 0);
    let vcpu = Initialized::new(vcpu);
    vcpu.finalize_if_sve(None).unwrap()
}

/// Bytes of which none is zero.
fn bytes<const N: usize>(seed: usize) -> [u8; N] {
    std::array::from_fn(|k| u8::try_from((k * 7 + seed * 31) % 251 + 1).unwrap())
}

fn read(vcpu: &mut Finalized<Shim>, id: u64) -> Vec<u8> {
    let mut data = vec![0; 1 << (id >> 52 & 0xf)];
    vcpu.vcpu().get_one_reg(id, &mut data).unwrap();
    data
}

#[test]
fn z_p_and_ffr_are_as_wide_as_the_vector_length() {
    for max in 1..=16_u32 {
        let mut vcpu = vcpu(max);
        let (z, p) = (16 * max as usize, 2 * max as usize);
        for n in 0..32 {
            let value: [u8; 256] = bytes(n as usize);
            vcpu.set(sve::Z::new(n).unwrap(), &value).unwrap();
            let found = vcpu.get(sve::Z::new(n).unwrap()).unwrap();
            assert_eq!(found[..z], value[..z]);
            assert!(found[z..].iter().all(|byte| *byte == 0));
            let id = 0x6080_0000_0015_0000 + (u64::from(n) << 5);
            assert_eq!(read(&mut vcpu, id), found);
        }
        for n in 0..17 {
            let value: [u8; 32] = bytes(n as usize);
            let found = match n {
                16 => {
                    vcpu.set(sve::FFR, &value).unwrap();
                    vcpu.get(sve::FFR).unwrap()
                }
                _ => {
                    vcpu.set(sve::P::new(n).unwrap(), &value).unwrap();
                    vcpu.get(sve::P::new(n).unwrap()).unwrap()
                }
            };
            assert_eq!(found[..p], value[..p]);
            assert!(found[p..].iter().all(|byte| *byte == 0));
            let id = 0x6050_0000_0015_0400 + (u64::from(n) << 5);
            assert_eq!(read(&mut vcpu, id), found);
        }
    }
}

#[test]
fn v_is_the_low_part_of_z_and_the_rest_of_z_stays() {
    for max in [1, 2, 16] {
        let mut vcpu = vcpu(max);
        for n in 0..32 {
            let (z, v) = (sve::Z::new(n).unwrap(), fpsimd::V::new(n).unwrap());
            vcpu.set(z, &bytes(1)).unwrap();
            let before = vcpu.get(z).unwrap();
            assert_eq!(vcpu.get(v).unwrap(), before[..16]);
            let value: [u8; 16] = bytes(100 + n as usize);
            vcpu.set(v, &value).unwrap();
            assert_eq!(vcpu.get(v).unwrap(), value);
            let after = vcpu.get(z).unwrap();
            assert_eq!((&after[..16], &after[16..]), (&value[..], &before[16..]));
        }
    }
}

#[test]
fn without_sve_there_is_v_and_no_z() {
    let mut vcpu = vcpu(0);
    for n in 0..32 {
        let v = fpsimd::V::new(n).unwrap();
        let value: [u8; 16] = bytes(n as usize);
        vcpu.set(v, &value).unwrap();
        assert_eq!(vcpu.get(v).unwrap(), value);
        let id = 0x6040_0000_0010_0054 + 4 * u64::from(n);
        let word = u128::from_ne_bytes(read(&mut vcpu, id).try_into().unwrap());
        assert_eq!(word, u128::from_le_bytes(value));
    }
    for error in [
        vcpu.get(sve::Z3).unwrap_err(),
        vcpu.get(sve::P3).unwrap_err(),
        vcpu.set(sve::FFR, &[0; 32]).unwrap_err(),
    ] {
        assert_eq!(error.error(), Some(&Errno::ENOENT));
        let text = error.to_string();
        assert!(
            text.contains("the vCPU was initialized without SVE"),
            "{text}"
        );
    }
}

#[test]
fn fpsr_and_fpcr_of_either_kind() {
    for max in [0, 2] {
        let mut vcpu = vcpu(max);
        vcpu.set(fpsimd::FPSR, &0x0800_009f_u32.to_le_bytes())
            .unwrap();
        vcpu.set(fpsimd::FPCR, &0x02c0_0000_u32.to_le_bytes())
            .unwrap();
        let status = vcpu.status().unwrap();
        assert_eq!((status.fpsr, status.fpcr), (0x0800_009f, 0x02c0_0000));
        assert_eq!(vcpu.get(fpsimd::FPSR).unwrap(), [0x9f, 0, 0, 8]);
        assert_eq!(vcpu.get(fpsimd::FPCR).unwrap(), [0, 0, 0xc0, 2]);
    }
}

/// On a kernel whose registers are longer than VLS says.
#[test]
fn a_register_that_is_longer_than_vls_says_is_named() {
    let fd = Fd::new(vcpu(2).into_inner());
    fd.past.set(Some((sve::P7.id(), 30)));
    let vcpu = Finalized::new(&fd).unwrap();
    let (id, vls) = (sve::P7.id(), vcpu.vls());
    let error = vcpu.get(sve::P7).unwrap_err();
    assert_eq!(
        error,
        SveError::PastVls {
            id: RegId(id),
            at: 30,
            vls
        }
    );
    assert!(vcpu.get(sve::P6).is_ok());
}

/// A bank's other slices name the same register, for which slice 0 is meant, because KVM has no
/// other.
#[test]
fn a_slice_stands_for_its_register() {
    let mut vcpu = vcpu(2);
    let slice = sve::Z::with_slice(3, 1).unwrap();
    vcpu.set(slice, &bytes(3)).unwrap();
    assert_eq!(vcpu.get(sve::Z3).unwrap()[..32], bytes::<256>(3)[..32]);
    assert_eq!(vcpu.get(slice), vcpu.get(sve::Z3));
}

/// A vCPU with more vector lengths than SVE has.
struct Wide;

impl OneReg for Wide {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        if id == fpsimd::FPSR.id() {
            data.fill(1);
            return Ok(());
        }
        assert_eq!(id, sve::VLS.id(), "no register of SVE is read");
        data.copy_from_slice(&up_to(17).to_bytes());
        Ok(())
    }

    fn set_one_reg(&mut self, _: u64, _: &[u8]) -> Result<(), Errno> {
        panic!("no register is written");
    }

    fn errno(&self, error: &Errno) -> Option<Errno> {
        Some(*error)
    }
}

#[test]
fn a_register_that_has_more_than_slice_0_is_not_read_or_written() {
    let mut vcpu = Finalized::new(Wide).unwrap();
    let error = vcpu.get(sve::Z3).unwrap_err();
    let words = "a vCPU or an image of VQ 17: allowed are 1 to 16";
    assert_eq!(error.to_string(), words);
    assert_eq!(vcpu.set(sve::Z3, &[1; 256]).unwrap_err(), error);
    // FPSR has no slices.
    assert_eq!(vcpu.get(fpsimd::FPSR), Ok([1; 4]));
}

/// V by number is V by name, as a number of 128 bits, and with SVE the rest of Z stays as it is.
#[test]
fn v_is_read_and_written_by_number() {
    for max in [0, 1, 2, 16] {
        let mut vcpu = vcpu(max);
        if max > 0 {
            for z in sve::Z::all() {
                vcpu.set(z, &[0x5a; 256]).unwrap();
            }
        }
        for number in 0..32 {
            let value = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100 + u128::from(number);
            vcpu.set_vector(number, value).unwrap();
            assert_eq!(vcpu.get_vector(number), Ok(value));
            // As KVM has it: an integer in CORE, or the first 16 bytes of Z, which are little-endian.
            let (id, bytes) = match max {
                0 => (
                    0x6040_0000_0010_0054 + 4 * u64::from(number),
                    value.to_ne_bytes(),
                ),
                _ => (
                    0x6080_0000_0015_0000 + 32 * u64::from(number),
                    value.to_le_bytes(),
                ),
            };
            let mut slice = [0; 256];
            vcpu.vcpu().get_one_reg(id, &mut slice).unwrap();
            assert_eq!(slice[..16], bytes);
            let width = 16 * max.max(1) as usize;
            assert_eq!(slice[16..width], [0x5a; 240][..width - 16]);
        }
        for number in [32, u32::MAX] {
            let text = format!("register V{number}: the bank has V0 to V31");
            assert_eq!(vcpu.get_vector(number).unwrap_err().to_string(), text);
            assert_eq!(vcpu.set_vector(number, 1).unwrap_err().to_string(), text);
        }
    }
}
