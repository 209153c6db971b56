//! A vCPU whose call number k fails, for every k of every step and every errno: the error names the register,
//! exactly the calls before it have had an effect, and the step can be repeated.

#![cfg(feature = "snapshot")]

use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Call, Finalized, Initialized, Stage, Status};
use sve_state::{Errno, OneReg, RegId, SveError, SveState, Vls};

mod support;

use support::{
    Fd, STATUS, Shim, VLS, failed, initialized, registers, registers_and_status, up_to, vq,
};

/// What these calls of Linux can fail with: EPERM, ENOENT, EINTR (the caller is being killed),
/// ENOEXEC, ENOMEM (finalization), EFAULT, EINVAL.
const ERRNOS: [i32; 7] = [1, 2, 4, 8, 12, 14, 22];

/// The vCPUs whose state is moved: with SVE at a VQ, or without SVE.
const VQS: [u32; 4] = [0, 1, 3, 16];

/// How many bytes of a register a vCPU has.
fn width(max: u32, id: u64) -> usize {
    match 1 << (id >> 52 & 0xf) {
        256 => 16 * max as usize,
        32 => 2 * max as usize,
        size => size,
    }
}

const OLD: u8 = 0;
const NEW: u8 = 0xff;

/// The value of a register or of VLS, where no byte of a register is the same as with another `flip`.
fn value(max: u32, id: u64, flip: u8) -> Vec<u8> {
    if id == VLS {
        return up_to(max).to_bytes().to_vec();
    }
    let n = (id % 0x10000 / 4) as usize;
    let bytes = (0..width(max, id)).map(|k| (31 * n + 7 * k + 1).to_le_bytes()[0] ^ flip);
    let mut value: Vec<_> = bytes.collect();
    value.resize(1 << (id >> 52 & 0xf), 0);
    value
}

/// A vCPU with the old values in all its registers.
fn finalized(max: u32) -> Shim {
    let mut vcpu = initialized(max > 0);
    if max > 0 {
        vcpu.set_one_reg(VLS, &value(max, VLS, OLD)).unwrap();
        vcpu.finalize(4).unwrap();
    }
    for id in registers_and_status(max > 0) {
        vcpu.set_one_reg(id, &value(max, id, OLD)).unwrap();
    }
    vcpu
}

/// What a vCPU answers to a GET of any register.
fn answers(vcpu: &Shim) -> Vec<Result<[u8; 256], Errno>> {
    let ids = [&registers(false)[..], &registers_and_status(true), &[VLS]].concat();
    let answer = |id: &u64| {
        let mut data = [0; 256];
        vcpu.get_one_reg(*id, &mut data).map(|()| data)
    };
    ids.iter().map(answer).collect()
}

type Outcome = Result<Vec<u8>, SveError<Errno>>;

/// A step of a vCPU's life.
struct Step {
    name: &'static str,
    /// Whether the step is for a vCPU that is not finalized.
    first: bool,
    /// The calls that it is made of.
    calls: fn(sve: bool) -> Vec<(char, u64)>,
    /// Takes the step, and returns what it has read, one register after the other.
    run: fn(&Fd, u32) -> Outcome,
}

fn gets(ids: &[u64]) -> Vec<(char, u64)> {
    ids.iter().map(|id| ('G', *id)).collect()
}

fn sets(ids: &[u64]) -> Vec<(char, u64)> {
    ids.iter().map(|id| ('S', *id)).collect()
}

/// The new values, with V in the place of Z.
fn image(max: u32) -> SveState<Box<[u8]>> {
    let mut state = SveState::zeroed(vq(max.max(1))).unwrap();
    let values = registers(max > 0).into_iter();
    let values = values.flat_map(|id| value(max, id, NEW)[..width(max, id)].to_vec());
    for (byte, value) in state.as_bytes_mut().iter_mut().zip(values) {
        *byte = value;
    }
    state
}

fn status(max: u32) -> Status {
    let word = |id| u32::from_ne_bytes(value(max, id, NEW).try_into().unwrap());
    let [fpsr, fpcr] = STATUS.map(word);
    Status { fpsr, fpcr }
}

fn snapshot(max: u32) -> Snapshot {
    let vls = if max == 0 { Vls::EMPTY } else { up_to(max) };
    Snapshot::new(vls, image(max), Some(status(max))).unwrap()
}

fn words(Status { fpsr, fpcr }: Status) -> Vec<u8> {
    [fpsr, fpcr].map(u32::to_ne_bytes).concat()
}

/// The part of an image that is the vCPU's.
fn own(state: &SveState<Box<[u8]>>, max: u32) -> Vec<u8> {
    state.as_bytes()[..if max == 0 { 512 } else { 546 * max as usize }].to_vec()
}

const STEPS: [Step; 10] = [
    Step {
        name: "capture",
        first: false,
        calls: |sve| gets(&registers(sve)),
        run: |fd, max| Ok(own(&taken(fd)?.capture()?, max)),
    },
    Step {
        name: "restore",
        first: false,
        calls: |sve| sets(&registers(sve)),
        run: |fd, max| taken(fd)?.restore(&image(max)).map(|()| vec![]),
    },
    Step {
        name: "snapshot",
        first: false,
        calls: |sve| gets(&registers_and_status(sve)),
        run: |fd, max| {
            let snapshot = taken(fd)?.snapshot()?;
            let status = words(snapshot.status().unwrap());
            Ok([own(snapshot.state(), max), status].concat())
        },
    },
    Step {
        name: "restore_snapshot",
        first: false,
        calls: |sve| sets(&registers_and_status(sve)),
        run: |fd, max| taken(fd)?.restore_snapshot(&snapshot(max)).map(|()| vec![]),
    },
    Step {
        name: "status",
        first: false,
        calls: |_| gets(&STATUS),
        run: |fd, _| Ok(words(taken(fd)?.status()?)),
    },
    Step {
        name: "set_status",
        first: false,
        calls: |_| sets(&STATUS),
        run: |fd, max| taken(fd)?.set_status(status(max)).map(|()| vec![]),
    },
    Step {
        name: "vls",
        first: true,
        calls: |sve| gets(&[VLS][usize::from(!sve)..]),
        run: |fd, _| Ok(Initialized::new(fd).vls()?.to_bytes().to_vec()),
    },
    Step {
        name: "set_vls",
        first: true,
        calls: |sve| sets(&[VLS][usize::from(!sve)..]),
        run: |fd, max| Initialized::new(fd).set_vls(up_to(max)).map(|()| vec![]),
    },
    Step {
        name: "finalize",
        first: true,
        calls: |sve| {
            if sve {
                vec![('F', 0), ('G', VLS)]
            } else {
                vec![]
            }
        },
        run: |fd, _| {
            let settled = Stage::from_vcpu(&fd) == Some(Stage::AfterFinalization);
            fd.calls.take();
            // The vCPU is finalized, as the error of another call tells, so going on means reading VLS again.
            let vcpu = match settled {
                true => Finalized::new(fd)?,
                false => Initialized::new(fd).finalize()?,
            };
            Ok(vcpu.vls().to_bytes().to_vec())
        },
    },
    Step {
        name: "restore_snapshot, of an initialized vCPU",
        first: true,
        calls: |sve| {
            let first = [('S', VLS), ('F', 0)].into_iter().filter(|_| sve);
            first.chain(sets(&registers_and_status(sve))).collect()
        },
        run: |fd, max| {
            let restored = Initialized::new(fd).restore_snapshot(&snapshot(max));
            restored.map(|_| vec![])
        },
    },
];

/// Wrapped, by calls that neither count nor fail.
fn taken(fd: &Fd) -> Result<Finalized<&Fd>, SveError<Errno>> {
    let fault = fd.fault.take();
    let vcpu = Finalized::from_vcpu(fd);
    fd.calls.take();
    fd.fault.set(fault);
    vcpu
}

/// What some of a step's calls do to a vCPU, and what they read.
fn model(vcpu: &Shim, max: u32, calls: &[(char, u64)]) -> (Shim, Vec<u8>) {
    let (mut vcpu, mut read) = (vcpu.clone(), Vec::new());
    for (kind, id) in calls {
        match kind {
            'S' => vcpu.set_one_reg(*id, &value(max, *id, NEW)).unwrap(),
            'F' => vcpu.finalize(4).unwrap(),
            _ => {
                let mut data = [0; 256];
                vcpu.get_one_reg(*id, &mut data).unwrap();
                read.extend(&data[..width(max, *id)]);
            }
        }
    }
    (vcpu, read)
}

/// The error is that of this call, both in its fields and in words.
fn assert_names(found: SveError<Errno>, (kind, id): (char, u64), errno: Errno) {
    let name = match id % 0x10000 {
        _ if kind == 'F' => "SVE".to_owned(),
        0xffff => "VLS".to_owned(),
        0xd4 if id == STATUS[0] => "FPSR".to_owned(),
        0xd5 if id == STATUS[1] => "FPCR".to_owned(),
        low if id >> 16 & 0xfff == 0x10 => format!("V{}", (low - 0x54) / 4),
        0x600 => "FFR".to_owned(),
        low @ 0..0x400 => format!("Z{}", low / 32),
        low => format!("P{}", (low - 0x400) / 32),
    };
    let (call, ioctl) = match kind {
        'G' => (Call::Get(RegId(id)), "KVM_GET_ONE_REG"),
        'S' => (Call::Set(RegId(id)), "KVM_SET_ONE_REG"),
        _ => (Call::Finalize, "KVM_ARM_VCPU_FINALIZE"),
    };
    assert_eq!(found, failed(call, errno));
    let text = format!("{ioctl} of {name}: {errno}");
    assert!(found.to_string().starts_with(&text), "{found}");
}

#[test]
fn whatever_fails_is_named_has_no_effect_and_can_be_repeated() {
    let mut faults = 0;
    for step in STEPS {
        for max in VQS {
            let calls = (step.calls)(max > 0);
            let before = if step.first {
                initialized(max > 0)
            } else {
                finalized(max)
            };
            let (after, read) = model(&before, max, &calls);
            let after = answers(&after);
            let half_way = (0..calls.len()).map(|k| answers(&model(&before, max, &calls[..k]).0));
            let half_way: Vec<_> = half_way.collect();
            for (k, errno) in (0..calls.len()).flat_map(|k| ERRNOS.map(|errno| (k, Errno(errno)))) {
                let what = format!("{} at VQ {max}, call {k}, {errno}", step.name);
                let fd = Fd::new(before.clone());
                fd.fail(k, errno);
                let error = (step.run)(&fd, max).expect_err(&what);
                assert_names(error, calls[k], errno);
                let made = fd.calls.take();
                assert_eq!(made[..=k], calls[..=k], "{what}");
                // The calls after it find out why it failed and, for VLS, what the vCPU has.
                let (more, most) = (&made[k + 1..], 3 + usize::from(calls[k] == ('S', VLS)));
                let only_gets = more.len() <= most && more.iter().all(|(kind, _)| *kind == 'G');
                assert!(only_gets, "{what}: {more:x?}");
                assert!(answers(&fd.vcpu.borrow()) == half_way[k], "{what}");

                fd.fault.set(None);
                if step.first && max > 0 && calls.len() > 2 {
                    another_snapshot(&fd, max, k);
                }
                assert_eq!((step.run)(&fd, max), Ok(read.clone()), "{what}");
                let made = fd.calls.take();
                let is_finalized = calls[..k].contains(&('F', 0));
                assert!(made == calls || is_finalized, "{what}");
                assert!(answers(&fd.vcpu.borrow()) == after, "{what}");
                faults += 1;
            }
        }
    }
    // By rows: registers; those with FPSR and FPCR; both of these; VLS; and its finalization.
    let (registers, status) = (3 * 49 + 32, 2 * VQS.len());
    let all = 2 * registers + 2 * (registers + status) + 2 * status + 2 * 3 + 3 * 2;
    assert_eq!(faults, 7 * (all + registers + status + 3 * 2));
}

/// Until a register is written a vCPU takes any snapshot, and from then on only one with the same vector
/// lengths.
fn another_snapshot(fd: &Fd, max: u32, k: usize) {
    let other = Fd::new(fd.vcpu.borrow().clone());
    let stage = Stage::from_vcpu(&&other);
    let wider = snapshot(if max == 16 { 15 } else { max + 1 });
    let restored = Initialized::new(&other).restore_snapshot(&wider).map(drop);
    if k < 2 {
        assert_eq!(stage, Some(Stage::BeforeFinalization));
        assert_eq!(restored, Ok(()));
        let kept = Finalized::from_vcpu(&other).unwrap().snapshot();
        assert_eq!(kept, Ok(wider));
    } else {
        assert_eq!(stage, Some(Stage::AfterFinalization));
        let (snapshot, vcpu) = (wider.vls(), up_to(max));
        assert_eq!(restored, Err(SveError::SnapshotVls { snapshot, vcpu }));
        let own = Initialized::new(&other).restore_snapshot(&self::snapshot(max));
        assert_eq!(own.map(drop), Ok(()));
    }
}

#[test]
fn capture_into_keeps_the_registers_before_the_one_that_failed() {
    for max in VQS {
        let fd = Fd::new(finalized(max));
        let (_, all) = model(&fd.vcpu.borrow(), max, &gets(&registers(max > 0)));
        let vcpu = Finalized::from_vcpu(&fd).unwrap();
        let mut before = 0;
        for (k, id) in registers(max > 0).into_iter().enumerate() {
            for errno in ERRNOS.map(Errno) {
                let memory = vec![0xaa; 546 * usize::from(vcpu.vq().get())];
                let mut state = SveState::new(vcpu.vq(), memory).unwrap();
                fd.fail(k, errno);
                let error = vcpu.capture_into(&mut state).unwrap_err();
                assert_names(error, ('G', id), errno);
                assert_eq!(state.as_bytes()[..before], all[..before]);
                fd.fault.set(None);
                // The same image again, whatever the failure left in it.
                vcpu.capture_into(&mut state).unwrap();
                let (read, rest) = state.as_bytes().split_at(all.len());
                assert_eq!(read, all);
                assert!(rest.iter().all(|byte| *byte == 0));
            }
            before += width(max, id);
        }
    }
}

/// A set that the vCPU already has gets no reason of its own either.
#[test]
fn vls_is_asked_for_where_it_is_what_there_is() {
    for errno in ERRNOS.map(Errno) {
        let fd = Fd::new(initialized(true));
        fd.fail(0, errno);
        let error = Initialized::new(&fd).set_vls(Vls::ARCHITECTURAL);
        assert_names(error.unwrap_err(), ('S', VLS), errno);
    }
}
