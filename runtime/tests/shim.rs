//! The edges of the shim that the conformance suite cannot ask a kernel about.

use sve_state::image::ImageError;
use sve_state::shim::{Vcpu, memory_bytes};
use sve_state::{Errno, OneReg, Vls, Vq, fpsimd, sve};

fn host(max: u32) -> Vls {
    Vls::up_to(Vq::new(max).unwrap())
}

#[test]
fn memory_is_exactly_what_the_host_asks_for() {
    let needed = memory_bytes(host(3)).unwrap();
    assert_eq!(needed, 546 * 3);
    let mut memory = vec![0xff; needed + 1];
    for found in [0, needed - 1, needed + 1] {
        let vcpu = Vcpu::with_memory(host(3), &mut memory[..found]);
        assert!(matches!(vcpu, Err(ImageError::Size { expected, .. }) if expected == needed));
    }
    let memory = &mut memory[..needed];
    let mut vcpu = Vcpu::with_memory(host(3), memory).unwrap();
    vcpu.init_with_sve().unwrap();
    vcpu.finalize(4).unwrap();
    assert_eq!(vcpu.sve_state().unwrap().as_bytes(), [0; 546 * 3]);
    assert!(memory_bytes(host(17)).is_err());
    assert_eq!(memory_bytes(Vls::EMPTY), Ok(546));
}

#[test]
fn a_buffer_shorter_than_the_id_says_is_einval() {
    let mut vcpu = Vcpu::new(host(2)).unwrap();
    vcpu.init_with_sve().unwrap();
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
    let mut vcpu = Vcpu::new(host(2)).unwrap();
    assert_eq!(stage(&mut vcpu), Err(Errno::ENOEXEC));
    vcpu.init_with_sve().unwrap();
    assert_eq!(stage(&mut vcpu), Err(Errno::EPERM));
    vcpu.finalize(4).unwrap();
    assert_eq!(stage(&mut vcpu), Ok(()));
    let mut vcpu = Vcpu::new(host(2)).unwrap();
    vcpu.init_without_sve().unwrap();
    assert_eq!(stage(&mut vcpu), Err(Errno::ENOENT));
}

#[test]
fn a_host_without_sve_has_no_vcpu_with_it() {
    let mut vcpu = Vcpu::new(Vls::EMPTY).unwrap();
    assert_eq!(vcpu.init_with_sve(), Err(Errno::EINVAL));
    assert_eq!(vcpu.init_without_sve(), Ok(()));
}

#[test]
fn registers_are_not_in_debug_output() {
    let mut vcpu = Vcpu::new(host(1)).unwrap().rfc();
    vcpu.init_with_sve().unwrap();
    vcpu.set_one_reg(sve::Z0.id(), &[0xab; 256]).unwrap();
    let text = format!("{vcpu:?}");
    assert!(!text.contains("171") && text.contains("Rfc"), "{text}");
}

/// As the kernel leaves `kvm_reg_list.n`: with E2BIG it is the number to make room for.
#[test]
fn a_list_that_is_too_short_learns_how_many_there_are() {
    let stages = [
        // 32 V registers and two of status; then these two, VLS, and 49 of SVE.
        (false, 34),
        (true, 2 + 1 + 49),
    ];
    for (sve, needed) in stages {
        let mut vcpu = Vcpu::new(host(2)).unwrap();
        let mut n = 7;
        assert_eq!(vcpu.get_reg_list(&mut n, &mut []), Err(Errno::ENOEXEC));
        if !sve {
            vcpu.init_without_sve().unwrap();
        } else {
            vcpu.init_with_sve().unwrap();
            assert_eq!(vcpu.get_reg_list(&mut n, &mut []), Err(Errno::EPERM));
            vcpu.finalize(4).unwrap();
        }
        assert_eq!(n, 7, "it is written once the list exists");
        for len in [0, 1, needed - 1] {
            n = 0;
            let mut list = vec![u64::MAX; len];
            assert_eq!(vcpu.get_reg_list(&mut n, &mut list), Err(Errno::E2BIG));
            assert_eq!(n, needed as u64);
            assert!(list.iter().all(|id| *id == u64::MAX));
        }
        let mut list = vec![u64::MAX; usize::try_from(n).unwrap() + 1];
        n = 0;
        vcpu.get_reg_list(&mut n, &mut list).unwrap();
        assert_eq!(n, needed as u64);
        assert!(list[..needed].iter().all(|id| id >> 56 == 0x60));
        assert_eq!(list[needed], u64::MAX);
    }
}

#[test]
fn the_vector_lengths_are_those_that_the_register_states() {
    let mut vcpu = Vcpu::new(host(4)).unwrap();
    assert_eq!(vcpu.vls(), Vls::EMPTY);
    vcpu.init_with_sve().unwrap();
    assert_eq!(vcpu.vls(), host(4));
    let wanted = host(3).to_bytes();
    vcpu.set_one_reg(sve::VLS.id(), &wanted).unwrap();
    vcpu.finalize(4).unwrap();
    let mut value = [0; 64];
    vcpu.get_one_reg(sve::VLS.id(), &mut value).unwrap();
    assert_eq!((vcpu.vls(), value), (host(3), wanted));
    let mut vcpu = Vcpu::new(host(4)).unwrap();
    vcpu.init_without_sve().unwrap();
    assert_eq!(vcpu.vls(), Vls::EMPTY);
}
