//! The shim's own edges: what the conformance suite cannot ask a kernel.

use sve_state::errno::Errno;
use sve_state::image::ImageError;
use sve_state::shim::{Rules, Vcpu, memory_bytes};
use sve_state::{OneReg, Vls, Vq, fpsimd, sve};

fn host(max: u32) -> Vls {
    Vls::up_to(Vq::new(max).unwrap())
}

#[test]
fn memory_is_exactly_what_the_host_asks_for() {
    let needed = memory_bytes(host(3)).unwrap();
    assert_eq!(needed, 546 * 3);
    let mut memory = vec![0xff; needed + 1];
    for found in [0, needed - 1, needed + 1] {
        let vcpu = Vcpu::with_memory(host(3), Rules::Mainline, &mut memory[..found]);
        assert!(matches!(vcpu, Err(ImageError::Size { expected, .. }) if expected == needed));
    }
    let memory = &mut memory[..needed];
    let mut vcpu = Vcpu::with_memory(host(3), Rules::Mainline, memory).unwrap();
    vcpu.init(true).unwrap();
    vcpu.finalize(4).unwrap();
    assert_eq!(vcpu.sve_state().unwrap().as_bytes(), [0; 546 * 3]);
    assert!(memory_bytes(host(17)).is_err());
    assert_eq!(memory_bytes(Vls::EMPTY), Ok(546));
}

#[test]
fn a_buffer_shorter_than_the_id_says_is_einval() {
    let mut vcpu = Vcpu::new(host(2), Rules::Mainline).unwrap();
    vcpu.init(true).unwrap();
    vcpu.finalize(4).unwrap();
    for id in [sve::Z0.id(), sve::P0.id(), sve::VLS.id(), fpsimd::FPSR.id()] {
        let size = 1_usize << (id >> 52 & 0xf);
        let mut data = vec![0xee; size - 1];
        assert_eq!(vcpu.get_one_reg(id, &mut data), Err(Errno::EINVAL));
        assert!(data.iter().all(|byte| *byte == 0xee));
        assert_eq!(vcpu.set_one_reg(id, &data), Err(Errno::EINVAL));
    }
}

#[test]
fn the_image_is_there_from_finalization_on() {
    let stage = |vcpu: &mut Vcpu<Box<[u8]>>| {
        let reading = vcpu.sve_state().map(drop);
        assert_eq!(vcpu.sve_state_mut().map(drop), reading);
        reading
    };
    let mut vcpu = Vcpu::new(host(2), Rules::Mainline).unwrap();
    assert_eq!(stage(&mut vcpu), Err(Errno::ENOEXEC));
    vcpu.init(true).unwrap();
    assert_eq!(stage(&mut vcpu), Err(Errno::EPERM));
    vcpu.finalize(4).unwrap();
    assert_eq!(stage(&mut vcpu), Ok(()));
    let mut vcpu = Vcpu::new(host(2), Rules::Mainline).unwrap();
    vcpu.init(false).unwrap();
    assert_eq!(stage(&mut vcpu), Err(Errno::ENOENT));
}

#[test]
fn a_host_without_sve_has_no_vcpu_with_it() {
    let mut vcpu = Vcpu::new(Vls::EMPTY, Rules::Mainline).unwrap();
    assert_eq!(vcpu.init(true), Err(Errno::EINVAL));
    assert_eq!(vcpu.init(false), Ok(()));
}

#[test]
fn registers_are_not_in_debug_output() {
    let mut vcpu = Vcpu::new(host(1), Rules::Rfc).unwrap();
    vcpu.init(true).unwrap();
    vcpu.set_one_reg(sve::Z0.id(), &[0xab; 256]).unwrap();
    let text = format!("{vcpu:?}");
    assert!(!text.contains("171") && text.contains("Rfc"), "{text}");
}
