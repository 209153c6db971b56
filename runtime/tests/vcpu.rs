//! The VMM's side: the calls that are made, and what becomes of one that fails.

use sve_state::gdb::{self, GdbError};
use sve_state::vcpu::{Call, Finalized, Initialized, Refusal, Status};
use sve_state::{
    Errno, FieldError, OneReg, RegId, SveError, SveState, Vls, VlsError, Vq, VqError, fpsimd,
    image, layout, snapshot, sve,
};

mod support;

use support::{Fd, STATUS, Shim, failed, registers, up_to, vq};

fn initialized(host: Vls) -> Shim {
    let mut vcpu = Shim::new(host).unwrap();
    vcpu.init_with_sve().unwrap();
    vcpu
}

fn finalized(max: u32) -> Finalized<Shim> {
    let vcpu = Initialized::new(initialized(up_to(max)));
    vcpu.finalize().unwrap()
}

/// An image in which no byte is zero, and no two neighbours are alike.
fn image(max: u32) -> SveState<Box<[u8]>> {
    let mut state = SveState::zeroed(vq(max)).unwrap();
    for (k, byte) in state.as_bytes_mut().iter_mut().enumerate() {
        *byte = u8::try_from(k % 251 + 1).unwrap();
    }
    state
}

/// A vCPU whose calls are noted from here on.
fn noted(fd: &Fd) -> Finalized<&Fd> {
    let vcpu = Finalized::new(fd).unwrap();
    fd.calls.take();
    vcpu
}

#[test]
fn what_was_restored_is_captured_at_every_vq() {
    for max in 1..=16 {
        let mut vcpu = finalized(max);
        vcpu.restore(&image(max)).unwrap();
        assert_eq!(vcpu.capture().unwrap().as_bytes(), image(max).as_bytes());
        // Into memory that held something else.
        let mut other = SveState::new(vq(max), vec![0xff; 546 * max as usize]).unwrap();
        vcpu.capture_into(&mut other).unwrap();
        assert_eq!(other.as_bytes(), image(max).as_bytes());
        let shim = vcpu.into_inner();
        assert_eq!(shim.sve_state().unwrap().as_bytes(), image(max).as_bytes());
    }
}

#[test]
fn capture_and_restore_are_49_calls_each_and_no_other() {
    let fd = Fd::new(finalized(3).into_inner());
    let mut vcpu = noted(&fd);
    let state = vcpu.capture().unwrap();
    let calls = |kind| registers(true).into_iter().map(move |id| (kind, id));
    assert!(fd.calls.take().into_iter().eq(calls('G')));
    vcpu.restore(&state).unwrap();
    assert!(fd.calls.take().into_iter().eq(calls('S')));
}

#[test]
fn fpsr_and_fpcr_move() {
    let (fpsr, fpcr) = (0x0800_0001, 0x02c0_0000);
    let fd = Fd::new(finalized(1).into_inner());
    let mut vcpu = noted(&fd);
    vcpu.set_status(Status { fpsr, fpcr }).unwrap();
    assert_eq!(vcpu.status().unwrap(), Status { fpsr, fpcr });
    let [fpsr, fpcr] = STATUS;
    let expected = [('S', fpsr), ('S', fpcr), ('G', fpsr), ('G', fpcr)];
    assert_eq!(fd.calls.take(), expected);
}

#[test]
fn an_image_of_another_vector_length_is_refused_before_any_call() {
    let fd = Fd::new(finalized(3).into_inner());
    let mut vcpu = noted(&fd);
    for other in [1, 2, 4, 16] {
        let refused = SveError::ImageVq {
            image: vq(other),
            vcpu: vq(3),
        };
        assert_eq!(vcpu.restore(&image(other)), Err(refused));
        assert_eq!(vcpu.capture_into(&mut image(other)), Err(refused));
    }
    assert_eq!(fd.calls.take(), []);
}

#[test]
fn the_order_is_vls_then_finalization_then_registers() {
    let fd = Fd::new(initialized(up_to(8)));
    let mut vcpu = Initialized::new(&fd);
    vcpu.set_vls(up_to(4)).unwrap();
    let vcpu = vcpu.finalize().unwrap();
    assert_eq!((vcpu.vq(), vcpu.vls()), (vq(4), up_to(4)));
    let vls = sve::VLS.id();
    let expected = [('S', vls), ('F', 0), ('G', vls)];
    assert_eq!(fd.calls.take(), expected);
}

#[test]
fn vector_lengths_are_refused_with_a_reason() {
    let set = |vqs: &[u32]| vqs.iter().map(|n| vq(*n)).collect::<Vls>();
    let host = set(&[1, 2, 4, 8]);
    let cases = [
        (
            set(&[]),
            "no vector length: a vCPU with SVE has at least one",
        ),
        (
            set(&[1, 2, 3]),
            "vector lengths (VQ) {1-3} where there are {1-2,4,8}: missing are {3}",
        ),
        (
            set(&[1, 2, 4, 8, 9, 16]),
            "vector lengths (VQ) {1-2,4,8-9,16} where the vCPU has {1-2,4,8}: the host lacks some of \
             {9,16}, or has others below 16 (KVM_SET_ONE_REG of VLS: EINVAL)",
        ),
        (
            set(&[1, 4, 16]),
            "vector lengths (VQ) {1,4,16} where there are {1-2,4,8}: missing are {16}; up to 8, KVM \
             takes all of {1-2,4,8} and no less",
        ),
        (
            set(&[1, 4]),
            "vector lengths (VQ) {1,4} where there are {1-2,4,8}: up to 4, KVM takes all of \
             {1-2,4} and no less",
        ),
    ];
    for (wanted, message) in cases {
        let fd = Fd::new(initialized(host));
        let mut vcpu = Initialized::new(&fd);
        let error = vcpu.set_vls(wanted).unwrap_err();
        assert_eq!(error.to_string(), message);
        // First KVM is asked, and then what the vCPU has.
        let seen = fd.calls.take();
        assert_eq!(seen[0], ('S', sve::VLS.id()));
        assert!(seen[1..].iter().all(|(kind, _)| *kind == 'G'));
        assert_eq!(vcpu.vls(), Ok(host));
        // The shim itself answers EINVAL, as the kernel would.
        let mut shim = initialized(host);
        let answer = shim.set_one_reg(sve::VLS.id(), &wanted.to_bytes());
        assert_eq!(answer, Err(Errno::EINVAL));
    }
    for max in [1, 2, 4, 8] {
        assert_eq!(host.narrowed_to(vq(max)).check(&host), Ok(()));
    }
    assert_eq!(Vls::EMPTY.check(&host), Err(VlsError::Empty));
}

/// `unwrap` and `main` show an error by `Debug`, so it has the ID in hexadecimal and the remedy, even if the vCPU's
/// own error has nothing but `Debug`.
#[test]
fn every_error_has_debug_where_the_vcpus_own_has_it() {
    #[derive(Debug)]
    struct Bare;
    fn show<T: std::fmt::Debug>(error: T) -> String {
        format!("{error:?}")
    }
    let (call, error) = (Call::Get(RegId(sve::Z3.id())), Bare);
    let refusal = Some(Refusal::NotFinalized);
    let text = show(SveError::Call {
        call,
        error,
        errno: None,
        refusal,
    });
    assert!(
        text.starts_with("SveError(KVM_GET_ONE_REG of Z3: Bare: "),
        "{text}"
    );
    assert!(
        text.contains("KVM_ARM_VCPU_FINALIZE of KVM_ARM_VCPU_SVE"),
        "{text}"
    );
    assert_eq!(show(call), "Get(0x6080000000150060)");
    let id = RegId(sve::Z3.id());
    let text = show(SveError::<Bare>::HasSve { id });
    assert!(text.contains("Z3 (0x6080000000150060)"), "{text}");
    let register = gdb::Reg::Vg;
    let (expected, found) = (8, 7);
    let size = GdbError::<Bare>::Size {
        register,
        expected,
        found,
    };
    assert_eq!(show(size), "GdbError(7 bytes for vg: it has 8)");
    fn debug<T: std::fmt::Debug>() {}
    debug::<layout::DecodeError>();
    debug::<layout::RegisterError>();
    debug::<image::ImageError>();
    debug::<snapshot::RegistersError>();
    debug::<snapshot::SnapshotError>();
    debug::<(FieldError, VqError, VlsError, Errno)>();
}

#[test]
fn errors_name_the_call_and_the_register() {
    let text = |error: SveError<Errno>| error.to_string();
    let (id, error) = (sve::P3.id(), Errno::EPERM);
    let get = failed(Call::Get(RegId(id)), error);
    assert_eq!(text(get), "KVM_GET_ONE_REG of P3: EPERM");
    let set = failed(Call::Set(RegId(id)), error);
    assert_eq!(text(set), "KVM_SET_ONE_REG of P3: EPERM");
    let get = failed(Call::Get(RegId(fpsimd::FPCR.id())), Errno(11));
    assert_eq!(text(get), "KVM_GET_ONE_REG of FPCR: errno 11");
    let finalize = failed(Call::Finalize, Errno::EINVAL);
    assert_eq!(text(finalize), "KVM_ARM_VCPU_FINALIZE of SVE: EINVAL");
    let other = finalized(3).restore(&image(2)).unwrap_err();
    let expected = "an image of VQ 2 and a vCPU of VQ 3: they must be the same";
    assert_eq!(text(other), expected);
    let (image, vcpu) = (vq(17), vq(17));
    let wide = SveError::ImageVq { image, vcpu };
    assert_eq!(
        text(wide),
        "a vCPU or an image of VQ 17: allowed are 1 to 16"
    );
    let (snapshot, vcpu) = (up_to(4), Vls::EMPTY);
    let lengths = SveError::SnapshotVls { snapshot, vcpu };
    assert_eq!(
        text(lengths),
        "a snapshot with vector lengths (VQ) {1-4} and a vCPU without SVE: they must be the same; \
         on a host with SVE, initialize a new vCPU, of a new VM, with KVM_ARM_VCPU_SVE \
         (Initialized::new)"
    );
    // What `main` prints of an error, and `unwrap`.
    assert_eq!(
        format!("{get:?}"),
        "SveError(KVM_GET_ONE_REG of FPCR: errno 11)"
    );
    let unknown = sve::Reg::decode(3).unwrap_err();
    assert_eq!(format!("{unknown:?}"), format!("DecodeError({unknown})"));
}

#[test]
fn the_common_set_of_a_fleet() {
    let set = |vqs: &[u32]| vqs.iter().map(|n| vq(*n)).collect::<Vls>();
    let (small, wide, odd) = (set(&[1, 2]), set(&[1, 2, 4, 8, 16]), set(&[1, 2, 3, 4]));
    assert_eq!(Vls::common(&[wide, wide]), wide);
    assert_eq!(Vls::common(&[wide, small]), small);
    assert_eq!(Vls::common(&[small, wide, odd]), small);
    // VQ 4 is on both hosts, but only one of them has 3 below it.
    assert_eq!(Vls::common(&[wide, odd]), small);
    assert_eq!(Vls::common(&[wide, Vls::EMPTY]), Vls::EMPTY);
    assert_eq!(Vls::common(&[]), Vls::EMPTY);
    let (index, why) = wide.check_all(&[wide, wide, small]).unwrap_err();
    assert_eq!(index, 2);
    assert!(why.to_string().ends_with("missing are {4,8,16}"), "{why}");
    assert_eq!(small.check_all(&[wide, small, odd]), Ok(()));
    assert_eq!(Vls::ARCHITECTURAL, Vls::up_to(Vq::ARCH_MAX));
    // Only the last host decides.
    assert_eq!(Vls::common(&[wide, wide, small]), small);
}

// A kernel that serves registers of another length than VLS says, or that says it has written what it has not.

#[test]
fn a_register_that_is_longer_than_vls_says_is_named() {
    for max in [1, 2, 5, 15] {
        let vls = up_to(max);
        for (n, id) in registers(true).into_iter().enumerate() {
            let max = max as usize;
            let (width, size) = if n < 32 {
                (16 * max, 256)
            } else {
                (2 * max, 32)
            };
            for at in [width, size - 1] {
                let mut vcpu = finalized(u32::try_from(max).unwrap());
                vcpu.restore(&image(u32::try_from(max).unwrap())).unwrap();
                let fd = Fd::new(vcpu.into_inner());
                fd.past.set(Some((id, at)));
                let vcpu = Finalized::new(&fd).unwrap();
                let error = vcpu.capture().unwrap_err();
                assert_eq!(
                    error,
                    SveError::PastVls {
                        id: RegId(id),
                        at,
                        vls
                    }
                );
                // The same by gdb's number for it.
                let number = u32::try_from(if n < 32 { 34 + n } else { 36 + n }).unwrap();
                let read = gdb::read_vcpu(&vcpu, number, &mut [0; 256]).map(drop);
                assert_eq!(read, Err(GdbError::Vcpu(error)));
                let text = error.to_string();
                let expected = format!(
                    "({id:#x}): byte {at} is not zero, and vector lengths (VQ) {vls} end before it"
                );
                assert!(text.ends_with(&expected), "{text}");
            }
        }
    }
}

#[test]
fn what_a_get_does_not_write_is_zero() {
    for max in [1, 2, 16] {
        for (n, id) in registers(true).into_iter().enumerate() {
            let mut vcpu = finalized(max);
            vcpu.restore(&image(max)).unwrap();
            let fd = Fd::new(vcpu.into_inner());
            fd.silent.set(Some(id));
            let vcpu = Finalized::new(&fd).unwrap();
            let mut expected = image(max).as_bytes().to_vec();
            let max = max as usize;
            let (z, p) = (16 * max, 2 * max);
            match n {
                0..32 => expected[z * n..][..z].fill(0),
                _ => expected[32 * z + p * (n - 32)..][..p].fill(0),
            }
            let mut state = SveState::new(vcpu.vq(), vec![0xff; 546 * max]).unwrap();
            vcpu.capture_into(&mut state).unwrap();
            assert!(state.as_bytes() == expected, "{id:#x}");
        }
    }
    // VLS of zeros is none.
    let fd = Fd::new(finalized(2).into_inner());
    fd.silent.set(Some(sve::VLS.id()));
    let error = Finalized::new(&fd).unwrap_err();
    assert_eq!(error, SveError::Vls(VlsError::Empty));
}
