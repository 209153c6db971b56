//! The VMM's side: the calls that are made, and what becomes of one that fails.

use std::cell::{Cell, RefCell};

use sve_state::errno::Errno;
use sve_state::shim::{self, Rules};
use sve_state::vcpu::{FinalizeSve, Finalized, Initialised, Status, VcpuError};
use sve_state::vls::VlsError;
use sve_state::{OneReg, SveState, Vls, Vq, fpsimd, sve};

type Shim = shim::Vcpu<Box<[u8]>>;

fn vq(vq: u32) -> Vq {
    Vq::new(vq).unwrap()
}

fn initialised(host: Vls) -> Shim {
    let mut vcpu = Shim::new(host, Rules::Mainline).unwrap();
    vcpu.init(true).unwrap();
    vcpu
}

fn finalized(max: u32) -> Finalized<Shim> {
    let vcpu = Initialised::new(initialised(Vls::up_to(vq(max))));
    vcpu.finalize().unwrap()
}

/// An image with no byte zero, and no two neighbours alike.
fn image(max: u32) -> SveState<Box<[u8]>> {
    let mut state = SveState::zeroed(vq(max)).unwrap();
    for (k, byte) in state.as_bytes_mut().iter_mut().enumerate() {
        *byte = u8::try_from(k % 251 + 1).unwrap();
    }
    state
}

/// A vCPU that notes the calls it gets, and fails the one that comes after so many.
struct Probe<'a> {
    vcpu: Shim,
    calls: &'a Calls,
}

#[derive(Default)]
struct Calls {
    seen: RefCell<Vec<(char, u64)>>,
    fail_after: Cell<Option<usize>>,
}

impl Probe<'_> {
    fn call(&self, kind: char, id: u64) -> Result<(), Errno> {
        let mut seen = self.calls.seen.borrow_mut();
        seen.push((kind, id));
        match self.calls.fail_after.get() {
            Some(n) if n + 1 == seen.len() => Err(Errno(4)),
            _ => Ok(()),
        }
    }
}

impl OneReg for Probe<'_> {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        assert_eq!(data.len(), 1 << (id >> 52 & 0xf), "exactly the ID's size");
        self.call('G', id)?;
        self.vcpu.get_one_reg(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        assert_eq!(data.len(), 1 << (id >> 52 & 0xf), "exactly the ID's size");
        self.call('S', id)?;
        self.vcpu.set_one_reg(id, data)
    }
}

impl FinalizeSve for Probe<'_> {
    fn finalize_sve(&mut self) -> Result<(), Errno> {
        self.call('F', 0)?;
        self.vcpu.finalize_sve()
    }
}

/// Z0 to Z31, P0 to P15, FFR, by the formulas of the kernel's headers.
fn ids() -> Vec<u64> {
    let z = (0..32).map(|n| 0x6080_0000_0015_0000 + (n << 5));
    let p = (0..17).map(|n| 0x6050_0000_0015_0400 + (n << 5));
    z.chain(p).collect()
}

fn probe(vcpu: Shim, calls: &Calls) -> Finalized<Probe<'_>> {
    let probe = Finalized::new(Probe { vcpu, calls }).unwrap();
    calls.seen.take();
    probe
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
    let calls = Calls::default();
    let mut vcpu = probe(finalized(3).into_inner(), &calls);
    let state = vcpu.capture().unwrap();
    let gets: Vec<_> = ids().into_iter().map(|id| ('G', id)).collect();
    assert_eq!(calls.seen.take(), gets);
    vcpu.restore(&state).unwrap();
    let sets: Vec<_> = ids().into_iter().map(|id| ('S', id)).collect();
    assert_eq!(calls.seen.take(), sets);
}

#[test]
fn a_call_that_fails_is_named_and_the_whole_can_be_repeated() {
    for max in [1, 2, 16] {
        for (k, id) in ids().into_iter().enumerate() {
            let calls = Calls::default();
            let mut vcpu = probe(finalized(max).into_inner(), &calls);
            let (source, error) = (image(max), Errno(4));

            calls.fail_after.set(Some(k));
            assert_eq!(vcpu.restore(&source), Err(VcpuError::Set { id, error }));
            assert_eq!(calls.seen.take().len(), k + 1);
            assert_eq!(source.as_bytes(), image(max).as_bytes());
            calls.fail_after.set(None);
            vcpu.restore(&source).unwrap();

            calls.seen.take();
            calls.fail_after.set(Some(k));
            assert_eq!(vcpu.capture().unwrap_err(), VcpuError::Get { id, error });
            assert_eq!(calls.seen.take().len(), k + 1);
            calls.fail_after.set(None);
            assert_eq!(vcpu.capture().unwrap().as_bytes(), source.as_bytes());
        }
    }
}

#[test]
fn fpsr_and_fpcr_move_and_their_failures_are_named() {
    let (fpsr, fpcr) = (0x6020_0000_0010_00d4, 0x6020_0000_0010_00d5);
    let status = Status {
        fpsr: 0x0800_0001,
        fpcr: 0x02c0_0000,
    };
    let calls = Calls::default();
    let mut vcpu = probe(finalized(1).into_inner(), &calls);
    vcpu.set_status(status).unwrap();
    assert_eq!(vcpu.status().unwrap(), status);
    let expected = [('S', fpsr), ('S', fpcr), ('G', fpsr), ('G', fpcr)];
    assert_eq!(calls.seen.take(), expected);
    for (k, id) in [fpsr, fpcr].into_iter().enumerate() {
        let error = Errno(4);
        calls.fail_after.set(Some(k));
        assert_eq!(vcpu.status(), Err(VcpuError::Get { id, error }));
        calls.seen.take();
        assert_eq!(vcpu.set_status(status), Err(VcpuError::Set { id, error }));
        calls.seen.take();
    }
}

#[test]
fn an_image_of_another_vector_length_is_refused_before_any_call() {
    let calls = Calls::default();
    let mut vcpu = probe(finalized(3).into_inner(), &calls);
    for other in [1, 2, 4, 16] {
        let refused = VcpuError::VectorLength {
            image: vq(other),
            vcpu: vq(3),
        };
        assert_eq!(vcpu.restore(&image(other)), Err(refused));
        assert_eq!(vcpu.capture_into(&mut image(other)), Err(refused));
    }
    assert_eq!(calls.seen.take(), []);
}

#[test]
fn the_order_is_vls_then_finalization_then_registers() {
    let calls = Calls::default();
    let vcpu = initialised(Vls::up_to(vq(8)));
    let mut vcpu = Initialised::new(Probe {
        vcpu,
        calls: &calls,
    });
    vcpu.set_vls(Vls::up_to(vq(4))).unwrap();
    let vcpu = vcpu.finalize().unwrap();
    assert_eq!((vcpu.vq(), vcpu.vls()), (vq(4), Vls::up_to(vq(4))));
    let vls = sve::VLS.id();
    let expected = [('G', vls), ('S', vls), ('F', 0), ('G', vls)];
    assert_eq!(calls.seen.take(), expected);
}

#[test]
fn vector_lengths_are_refused_with_a_reason_before_they_are_written() {
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
            "vector lengths (VQ) {1-2,4,8-9,16} where there are {1-2,4,8}: missing are {9,16}",
        ),
        (
            set(&[1, 4]),
            "vector lengths (VQ) {1,4} where there are {1-2,4,8}: up to 4, KVM takes all of \
             {1-2,4} and no less",
        ),
    ];
    for (wanted, message) in cases {
        let calls = Calls::default();
        let vcpu = initialised(host);
        let mut vcpu = Initialised::new(Probe {
            vcpu,
            calls: &calls,
        });
        let error = vcpu.set_vls(wanted).unwrap_err();
        assert!(matches!(error, VcpuError::Vls(_)));
        assert_eq!(error.to_string(), message);
        assert_eq!(calls.seen.take(), [('G', sve::VLS.id())]);
        // And the shim itself, as the kernel would, answers EINVAL.
        let mut shim = initialised(host);
        let answer = shim.set_one_reg(sve::VLS.id(), &wanted.to_bytes());
        assert_eq!(answer, Err(Errno::EINVAL));
    }
    for max in [1, 2, 4, 8] {
        assert_eq!(host.narrowed_to(vq(max)).check(&host), Ok(()));
    }
    assert_eq!(Vls::EMPTY.check(&host), Err(VlsError::Empty));
}

#[test]
fn errors_name_the_call_and_the_register() {
    let text = |error: VcpuError<Errno>| error.to_string();
    let (id, error) = (sve::P3.id(), Errno::EPERM);
    let get = VcpuError::Get { id, error };
    assert_eq!(text(get), "KVM_GET_ONE_REG of P3: EPERM");
    let set = VcpuError::Set { id, error };
    assert_eq!(text(set), "KVM_SET_ONE_REG of P3: EPERM");
    let (id, error) = (fpsimd::FPCR.id(), Errno(4));
    let get = VcpuError::Get { id, error };
    assert_eq!(text(get), "KVM_GET_ONE_REG of FPCR: errno 4");
    let finalize = VcpuError::Finalize(Errno::EINVAL);
    assert_eq!(text(finalize), "KVM_ARM_VCPU_FINALIZE of SVE: EINVAL");
    let other = finalized(3).restore(&image(2)).unwrap_err();
    let expected = "an image of VQ 2 and a vCPU of VQ 3: they must be the same";
    assert_eq!(text(other), expected);
    let (image, vcpu) = (vq(17), vq(17));
    let wide = VcpuError::VectorLength { image, vcpu };
    assert_eq!(text(wide), "an image of VQ 17: allowed are 1 to 16");
    let (snapshot, vcpu) = (Vls::up_to(vq(4)), Vls::EMPTY);
    let lengths = VcpuError::VectorLengths { snapshot, vcpu };
    assert_eq!(
        text(lengths),
        "a snapshot with vector lengths (VQ) {1-4} and a vCPU without SVE: they must be the same; \
         where the host has them, write the snapshot's VLS before finalization"
    );
    // What `main` prints of an error, and `unwrap`.
    assert_eq!(
        format!("{get:?}"),
        "VcpuError(KVM_GET_ONE_REG of FPCR: errno 4)"
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
    // VQ 4 is on both, but only one of them has 3 below it.
    assert_eq!(Vls::common(&[wide, odd]), small);
    assert_eq!(Vls::common(&[wide, Vls::EMPTY]), Vls::EMPTY);
    assert_eq!(Vls::common(&[]), Vls::EMPTY);
    let (index, why) = wide.check_all(&[wide, wide, small]).unwrap_err();
    assert_eq!(index, 2);
    assert!(why.to_string().ends_with("missing are {4,8,16}"), "{why}");
    assert_eq!(small.check_all(&[wide, small, odd]), Ok(()));
    assert_eq!(Vls::ARCHITECTURAL, Vls::up_to(Vq::ARCH_MAX));
    // The last host alone decides.
    assert_eq!(Vls::common(&[wide, wide, small]), small);
}
