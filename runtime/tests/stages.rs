//! Every constructor and step on a vCPU at every stage of its life: what fails says why, and following its
//! message leads to success.

#![cfg(feature = "snapshot")]

use std::collections::HashSet;

use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Call, Finalized, Initialized, Refusal, Stage, Status};
use sve_state::{Errno, OneReg, SveError, SveState, Vls, Vq, shim, sve};

mod support;

use support::{Fault, Fd, STATUS, Shim, VLS, init, vq};

/// The stage, by what `KVM_GET_REG_LIST` answers.
fn stage(fd: &Fd) -> Stage {
    let vcpu = fd.vcpu.borrow();
    match vcpu.reg_list().map(|mut ids| ids.any(|id| id == VLS)) {
        Err(Errno::ENOEXEC) => Stage::Created,
        Err(_) => Stage::BeforeFinalization,
        Ok(true) => Stage::AfterFinalization,
        Ok(false) => Stage::WithoutSve,
    }
}

type Outcome = Result<(), SveError<Errno>>;

fn set(vqs: &[u32]) -> Vls {
    vqs.iter().map(|n| vq(*n)).collect()
}

/// Every stage, and what else can differ there: the host's SVE, and whether VLS was narrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Created,
    HostWithoutSve,
    WithoutSve,
    Initialized,
    Narrowed,
    Finalized,
    FinalizedNarrowed,
}

use State::{
    Created, Finalized as AtEnd, FinalizedNarrowed, HostWithoutSve, Initialized as Begun, Narrowed,
    WithoutSve,
};

const STATES: [State; 7] = [
    Created,
    HostWithoutSve,
    WithoutSve,
    Begun,
    Narrowed,
    AtEnd,
    FinalizedNarrowed,
];

impl State {
    /// A vCPU on a host with VQ 1, 2 and 4, if it has SVE, where narrowed means to 1 and 2.
    fn vcpu(self) -> Fd {
        let host = match self {
            HostWithoutSve => Vls::EMPTY,
            _ => set(&[1, 2, 4]),
        };
        let mut vcpu = Shim::new(host).unwrap();
        if self != Created {
            init(&mut vcpu, !matches!(self, HostWithoutSve | WithoutSve));
        }
        if matches!(self, Narrowed | FinalizedNarrowed) {
            vcpu.set_one_reg(VLS, &set(&[1, 2]).to_bytes()).unwrap();
        }
        if matches!(self, AtEnd | FinalizedNarrowed) {
            vcpu.finalize(4).unwrap();
        }
        Fd::new(vcpu)
    }
}

/// What a vCPU is wrapped as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum As {
    Initialized,
    Finalized,
    WithoutSve,
}

/// The errnos that have a reason, and EAGAIN, EBUSY, ENOTTY, EOPNOTSUPP, EHWPOISON.
const ERRNOS: [i32; 14] = [1, 2, 4, 5, 8, 9, 11, 12, 14, 16, 22, 25, 95, 133];

const KINDS: [As; 3] = [As::Initialized, As::Finalized, As::WithoutSve];

/// The first call that fails, how many do from then on, and whether the errno is told.
fn faults() -> impl Iterator<Item = (usize, usize, bool)> {
    let ats = [0, 1, 2, 33].into_iter();
    let calls = ats.flat_map(|at| [1, usize::MAX].map(|calls| (at, calls)));
    calls.flat_map(|(at, calls)| [true, false].map(|told| (at, calls, told)))
}

fn finalized(vcpu: &Fd, wrapped: As) -> Result<Finalized<&Fd>, SveError<Errno>> {
    match wrapped {
        As::Initialized => Initialized::new(vcpu).finalize(),
        As::Finalized => Finalized::new(vcpu),
        As::WithoutSve => Ok(Finalized::without_sve(vcpu)),
    }
}

type Step = fn(&Fd, As) -> Outcome;

fn capture(vcpu: &Fd, wrapped: As) -> Outcome {
    finalized(vcpu, wrapped)?.capture().map(drop)
}

fn snapshot_of(vls: Vls) -> Snapshot {
    let state = SveState::zeroed(vls.max().unwrap_or(Vq::MIN)).unwrap();
    Snapshot::new(vls, state, Some(Status::default())).unwrap()
}

/// Every method that makes a call, by name.
fn steps() -> Vec<(&'static str, Step)> {
    vec![
        ("vls", |vcpu, _| Initialized::new(vcpu).vls().map(drop)),
        ("set_vls", |vcpu, _| {
            Initialized::new(vcpu).set_vls(set(&[1, 2]))
        }),
        ("finalize", |vcpu, _| {
            Initialized::new(vcpu).finalize().map(drop)
        }),
        ("new", |vcpu, wrapped| finalized(vcpu, wrapped).map(drop)),
        ("capture", capture),
        ("capture_into", |vcpu, wrapped| {
            let vcpu = finalized(vcpu, wrapped)?;
            vcpu.capture_into(&mut SveState::zeroed(vcpu.vq()).unwrap())
        }),
        ("restore", |vcpu, wrapped| {
            let mut vcpu = finalized(vcpu, wrapped)?;
            vcpu.restore(&SveState::zeroed(vcpu.vq()).unwrap())
        }),
        ("status", |vcpu, wrapped| {
            finalized(vcpu, wrapped)?.status().map(drop)
        }),
        ("set_status", |vcpu, wrapped| {
            finalized(vcpu, wrapped)?.set_status(Status::default())
        }),
        ("get", |vcpu, wrapped| {
            finalized(vcpu, wrapped)?.get(sve::Z3).map(drop)
        }),
        ("set", |vcpu, wrapped| {
            finalized(vcpu, wrapped)?.set(sve::Z3, &[0x5a; 256])
        }),
        ("snapshot", |vcpu, wrapped| {
            finalized(vcpu, wrapped)?.snapshot().map(drop)
        }),
        ("restore_snapshot", |vcpu, wrapped| {
            let mut vcpu = finalized(vcpu, wrapped)?;
            vcpu.restore_snapshot(&snapshot_of(vcpu.vls()))
        }),
        ("restore_snapshot, narrow", |vcpu, wrapped| {
            finalized(vcpu, wrapped)?.restore_snapshot(&snapshot_of(set(&[1, 2])))
        }),
        ("restore_snapshot, without SVE", |vcpu, wrapped| {
            finalized(vcpu, wrapped)?.restore_snapshot(&snapshot_of(Vls::EMPTY))
        }),
    ]
}

#[test]
fn the_stage_of_a_vcpu_is_found_by_what_it_answers() {
    for (state, stage) in [
        (Created, Stage::Created),
        (HostWithoutSve, Stage::WithoutSve),
        (WithoutSve, Stage::WithoutSve),
        (Begun, Stage::BeforeFinalization),
        (Narrowed, Stage::BeforeFinalization),
        (AtEnd, Stage::AfterFinalization),
        (FinalizedNarrowed, Stage::AfterFinalization),
    ] {
        let vcpu = state.vcpu();
        assert_eq!(Stage::from_vcpu(&&vcpu), Some(stage), "{state:?}");
        assert_eq!(
            Stage::from_vcpu(&*vcpu.vcpu.borrow()),
            Some(stage),
            "{state:?}"
        );
    }
    // The RFC's vCPU has no VLS, and so is at none of these stages.
    let mut rfc = shim::Vcpu::new(set(&[1, 2, 4])).unwrap().rfc();
    rfc.init_with_sve().unwrap();
    assert_eq!(Stage::from_vcpu(&rfc), None);
}

/// What fails, with what errno, and why, by the kernel's documentation of its ioctls.
#[test]
fn a_step_at_the_wrong_stage_names_the_stage() {
    let not_yet = "ENOEXEC: before KVM_ARM_VCPU_INIT";
    let without = "ENOENT: the vCPU was initialized without SVE";
    let nothing = "EINVAL: the vCPU was initialized without SVE, so there is nothing to finalize";
    let too_early = "EPERM: SVE registers exist only from finalization on";
    let settled = "EPERM: finalization fixes the vector lengths";
    let again = "EPERM: the vCPU is finalized already";
    let has_sve = "the vCPU has SVE, and was taken for one without";
    let view = "EINVAL: on a vCPU with SVE the V registers are the low 128 bits of Z";
    // To the vCPU, a host without SVE and a vCPU without it are the same, and so are narrowed and not.
    let cases: [(&str, As, [&str; 4]); 21] = [
        ("get", As::Finalized, [not_yet, without, too_early, ""]),
        ("set", As::Finalized, [not_yet, without, too_early, ""]),
        (
            "get",
            As::WithoutSve,
            [not_yet, without, too_early, has_sve],
        ),
        (
            "set",
            As::WithoutSve,
            [not_yet, without, too_early, has_sve],
        ),
        ("vls", As::Initialized, [not_yet, without, "", ""]),
        ("set_vls", As::Initialized, [not_yet, without, "", settled]),
        ("finalize", As::Initialized, [not_yet, nothing, "", again]),
        ("new", As::Finalized, [not_yet, without, "", ""]),
        ("capture", As::Finalized, [not_yet, without, too_early, ""]),
        (
            "capture_into",
            As::Finalized,
            [not_yet, without, too_early, ""],
        ),
        ("restore", As::Finalized, [not_yet, without, too_early, ""]),
        ("snapshot", As::Finalized, [not_yet, without, too_early, ""]),
        (
            "restore_snapshot",
            As::Finalized,
            [not_yet, without, too_early, ""],
        ),
        ("status", As::Finalized, [not_yet, without, "", ""]),
        ("set_status", As::Finalized, [not_yet, without, "", ""]),
        ("new", As::WithoutSve, ["", "", "", ""]),
        ("capture", As::WithoutSve, [not_yet, "", view, view]),
        ("restore", As::WithoutSve, [not_yet, "", view, view]),
        ("snapshot", As::WithoutSve, [not_yet, "", view, view]),
        (
            "restore_snapshot",
            As::WithoutSve,
            [not_yet, "", view, view],
        ),
        ("status", As::WithoutSve, [not_yet, "", "", ""]),
    ];
    for (name, wrapped, expected) in cases {
        let (_, step) = steps().into_iter().find(|(n, _)| *n == name).unwrap();
        for state in STATES {
            let expected = expected[match state {
                Created => 0,
                HostWithoutSve | WithoutSve => 1,
                Begun | Narrowed => 2,
                AtEnd | FinalizedNarrowed => 3,
            }];
            let found = step(&state.vcpu(), wrapped);
            let text = found.err().map(|e| e.to_string()).unwrap_or_default();
            let reason = text.split_once(": ").map_or("", |(_, reason)| reason);
            assert!(
                reason.starts_with(expected) && text.is_empty() == expected.is_empty(),
                "{name} of {state:?} as {wrapped:?}: {text:?}"
            );
        }
    }
}

#[test]
fn a_message_in_full() {
    let of = |state: State| Finalized::new(&state.vcpu()).unwrap_err().to_string();
    assert_eq!(
        of(WithoutSve),
        "KVM_GET_ONE_REG of VLS: ENOENT: the vCPU was initialized without SVE, and has no SVE \
         registers; on a host with SVE, KVM_ARM_VCPU_INIT of a new vCPU, of a new VM, with \
         KVM_ARM_VCPU_SVE; or, without SVE, the V registers (a vCPU like this one is for Finalized::without_sve)"
    );
    assert_eq!(
        of(Created),
        "KVM_GET_ONE_REG of VLS: ENOEXEC: before KVM_ARM_VCPU_INIT a vCPU answers nothing else, \
         whatever the ID; KVM_ARM_VCPU_INIT first, with KVM_ARM_VCPU_SVE for SVE registers"
    );
    let vcpu = AtEnd.vcpu();
    let error = Initialized::new(&vcpu).set_vls(set(&[1, 2, 4]));
    assert_eq!(
        error.unwrap_err().to_string(),
        "KVM_SET_ONE_REG of VLS: EPERM: finalization fixes the vector lengths: from then on VLS \
         can be read, but no longer written; write VLS between KVM_ARM_VCPU_INIT and \
         KVM_ARM_VCPU_FINALIZE; it is too late for this vCPU, so create a new one (a vCPU like this \
         one is for Finalized::new)"
    );
}

/// A SET is not made on a vCPU that was taken for another kind, even if the vCPU would take it.
#[test]
fn what_has_sve_is_not_written_as_if_it_had_none() {
    let vcpu = AtEnd.vcpu();
    let before = vcpu
        .vcpu
        .borrow_mut()
        .sve_state()
        .unwrap()
        .as_bytes()
        .to_vec();
    let refused = Finalized::without_sve(&vcpu).set(sve::Z3, &[0x5a; 256]);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "Z3 (0x6080000000150060): the vCPU has SVE, and was taken for one without (a vCPU like this one is \
         for Finalized::new)"
    );
    assert_eq!(
        vcpu.vcpu.borrow_mut().sve_state().unwrap().as_bytes(),
        before
    );
}

/// A refusal has the errno that the vCPU gave, to a call that was made.
#[test]
fn a_refusal_has_the_errno_that_was_given() {
    let mut found = Vec::new();
    for (name, step) in steps() {
        for state in STATES {
            for wrapped in KINDS {
                let vcpu = state.vcpu();
                let Err(SveError::Call {
                    call,
                    error,
                    refusal,
                    errno: _,
                }) = step(&vcpu, wrapped)
                else {
                    continue;
                };
                let made = match call {
                    Call::Get(id) => ('G', id.0),
                    Call::Set(id) => ('S', id.0),
                    _ => ('F', 0),
                };
                let failed = vcpu.calls.borrow()[vcpu.failed.get().unwrap() - 1];
                assert_eq!(failed, made, "{name} of {state:?} as {wrapped:?}");
                let refusal = refusal.unwrap_or_else(|| panic!("{name} of {state:?}: {call}"));
                assert_eq!(refusal.errno(), error, "{name} of {state:?}");
                found.push(refusal);
            }
        }
    }
    let all = [
        Refusal::NotInitialized,
        Refusal::NotFinalized,
        Refusal::VlsSettled,
        Refusal::FinalizedAlready,
        Refusal::WithoutSve,
        Refusal::NothingToFinalize,
        Refusal::ViewNotFinalized,
        Refusal::ViewOfZ,
    ];
    assert!(all.iter().all(|refusal| found.contains(refusal)));
}

/// A reason and a remedy are given only at the stage that they are for, whichever call fails, once or from then
/// on, and with whatever errno. (KVM never answers ENOEXEC to everything if the vCPU is initialized.)
#[test]
fn a_remedy_is_given_only_at_its_stage() {
    let (mut given, mut tried) = (HashSet::new(), 0);
    for (name, step) in steps() {
        for (state, wrapped) in STATES.iter().flat_map(|s| KINDS.map(|kind| (*s, kind))) {
            for errno in ERRNOS.map(Errno) {
                for (at, calls, told) in faults() {
                    if (errno, calls) == (Errno::ENOEXEC, usize::MAX) && state != Created {
                        continue;
                    }
                    tried += 1;
                    let vcpu = state.vcpu();
                    vcpu.fault.set(Some(Fault { errno, at, calls }));
                    vcpu.told.set(told);
                    let Err(error) = step(&vcpu, wrapped) else {
                        continue;
                    };
                    let what = format!(
                        "{name} of {state:?} as {wrapped:?}, {:?}, {told}: {error}",
                        vcpu.fault.get()
                    );
                    let stage = stage(&vcpu);
                    match error {
                        SveError::Call {
                            error,
                            refusal: Some(refusal),
                            ..
                        } => {
                            assert!(told || stage == Stage::AfterFinalization, "{what}");
                            assert!(!told || refusal.errno() == error, "{what}");
                            assert_eq!(refusal.stage().unwrap_or(stage), stage, "{what}");
                            given.insert(refusal);
                        }
                        SveError::Call { .. } => assert!(!what.contains("; "), "{what}"),
                        SveError::SnapshotVls { snapshot, vcpu: of } => {
                            vcpu.fault.set(None);
                            let vls = Initialized::new(&vcpu).vls();
                            assert_eq!(vls.unwrap_or(Vls::EMPTY), of, "{what}");
                            assert_ne!(snapshot, of, "{what}");
                            assert_ne!(stage, Stage::Created, "{what}");
                        }
                        SveError::HasSve { .. } => {
                            assert_eq!(stage, Stage::AfterFinalization, "{what}");
                        }
                        _ => panic!("{what}"),
                    }
                }
            }
        }
    }
    // Every refusal was given: 8 of a stage, 5 of none.
    assert_eq!(given.len(), 13, "{given:?}");
    assert!(tried > 40_000, "{tried}");
}

/// Where the vCPU is gone, as in a child after fork, the error says so, and nothing of a stage.
#[test]
fn a_vcpu_that_is_gone_has_no_stage() {
    const GONE: Fault = Fault {
        errno: Errno::EIO,
        at: 0,
        calls: usize::MAX,
    };
    for state in STATES {
        let vcpu = state.vcpu();
        vcpu.fault.set(Some(GONE));
        assert_eq!(Stage::from_vcpu(&&vcpu), None);
    }
    let vcpu = AtEnd.vcpu();
    let wrapped = Finalized::new(&vcpu).unwrap();
    vcpu.fault.set(Some(GONE));
    assert_eq!(
        wrapped.capture().unwrap_err().to_string(),
        "KVM_GET_ONE_REG of Z0: EIO: KVM serves a vCPU only to the process whose VM it is, while the VM \
         lives: this one is another, such as a child after fork, or the VM is dead; make the call in the \
         process that created the VM; what a dead VM had cannot be read any more"
    );
}

/// After a call that fails there are at most five more, all of them GETs of VLS, Z0 and FPSR, as `vcpu` says.
#[test]
fn to_find_out_why_takes_five_gets_at_most() {
    let more = |vcpu: &Fd, what: &str| {
        let calls = vcpu.calls.take();
        let more = &calls[vcpu.failed.take().unwrap_or(calls.len())..];
        let known = [VLS, sve::Z0.id(), STATUS[0]].map(|id| ('G', id));
        assert!(more.iter().all(|call| known.contains(call)), "{what}");
        more.len()
    };
    let mut most = 0;
    for (state, told) in STATES.iter().flat_map(|s| [(*s, true), (*s, false)]) {
        for (name, step) in steps() {
            for wrapped in KINDS {
                let vcpu = state.vcpu();
                vcpu.told.set(told);
                if step(&vcpu, wrapped).is_err() {
                    let what = format!("{name} of {state:?} as {wrapped:?}, {told}");
                    most = most.max(more(&vcpu, &what));
                    assert!(most <= 5, "{what}: {most}");
                }
            }
        }
        for vls in [Vls::EMPTY, set(&[1]), set(&[1, 2]), set(&[1, 2, 4])] {
            let vcpu = state.vcpu();
            vcpu.told.set(told);
            if Initialized::new(&vcpu)
                .restore_snapshot(&snapshot_of(vls))
                .is_err()
            {
                let what = format!("{vls} to {state:?}, {told}");
                most = most.max(more(&vcpu, &what));
                assert!(most <= 5, "{what}: {most}");
            }
        }
    }
    assert_eq!(most, 5);
}

/// Following the messages, one after the other, completes the step.
#[test]
fn the_remedies_lead_there() {
    for (name, step) in steps() {
        for state in STATES {
            for wrapped in KINDS {
                let (mut vcpu, mut as_what) = (state.vcpu(), wrapped);
                let mut said = Vec::new();
                while let Err(error) = step(&vcpu, as_what) {
                    said.push(error.to_string());
                    let path = format!("{name} of {state:?} as {wrapped:?}: {said:#?}");
                    assert!(said.len() < 6, "{path}");
                    if !follow(&error, &mut vcpu, &mut as_what, &path) {
                        break;
                    }
                }
            }
        }
    }
}

/// Does what an error says, in the words that are written here; returns false where that is another step, which
/// was tried.
fn follow(error: &SveError<Errno>, vcpu: &mut Fd, wrapped: &mut As, path: &str) -> bool {
    let text = error.to_string();
    // What this vCPU is for, as a message may say.
    let (name, meant) = match stage(vcpu) {
        Stage::WithoutSve => ("Finalized::without_sve", As::WithoutSve),
        Stage::AfterFinalization => ("Finalized::new", As::Finalized),
        _ => ("Initialized::new", As::Initialized),
    };
    let is_meant = text.ends_with(&format!("(a vCPU like this one is for {name})"));
    assert_eq!(is_meant, text.contains("this one is for"), "{path}");
    if is_meant {
        assert_eq!(capture(&vcpu.clone(), meant), Ok(()), "{path}");
    }
    let new = |sve: bool| {
        let vcpu = Created.vcpu();
        init(&mut vcpu.vcpu.borrow_mut(), sve);
        vcpu
    };
    let says = |words: &str| assert!(text.contains(words), "{words}: {path}");
    match *error {
        SveError::Call {
            refusal: Some(refusal),
            ..
        } => match refusal {
            Refusal::NotInitialized => {
                says("KVM_ARM_VCPU_INIT first");
                vcpu.vcpu.borrow_mut().init_with_sve().unwrap();
            }
            Refusal::WithoutSve | Refusal::NothingToFinalize => {
                says("of a new VM, with KVM_ARM_VCPU_SVE");
                *vcpu = new(true);
            }
            Refusal::VlsSettled => {
                says("create a new one");
                *vcpu = new(true);
            }
            Refusal::NotFinalized => {
                says("KVM_ARM_VCPU_FINALIZE of KVM_ARM_VCPU_SVE");
                vcpu.vcpu.borrow_mut().finalize(4).unwrap();
            }
            Refusal::FinalizedAlready | Refusal::ViewOfZ | Refusal::ViewNotFinalized => {
                let go_on = text.contains("go on: the registers exist");
                assert!(go_on || text.contains("use the Z register"), "{path}");
                assert!(is_meant, "{path}");
                return false;
            }
            _ => panic!("{refusal:?}: {path}"),
        },
        SveError::SnapshotVls { snapshot, vcpu: of } => {
            let sve = snapshot != Vls::EMPTY;
            if !sve {
                says("of a new VM, without KVM_ARM_VCPU_SVE (Finalized::without_sve)");
            } else if of == Vls::EMPTY {
                says("of a new VM, with KVM_ARM_VCPU_SVE (Initialized::new)");
            } else {
                says("where the host has them, write the snapshot's VLS before finalization");
            }
            let is_new = text.contains("initialize a new vCPU")
                || meant == As::Finalized
                    && text.contains("on a new vCPU if this one is finalized");
            if is_new {
                *vcpu = new(sve);
            }
            *wrapped = match sve {
                true => As::Initialized,
                false => As::WithoutSve,
            };
            if sve && of != Vls::EMPTY {
                let wanted = Initialized::new(&*vcpu).set_vls(snapshot);
                assert_eq!(wanted, Ok(()), "{path}");
            }
        }
        SveError::HasSve { .. } => {
            says("the vCPU has SVE, and was taken for one without");
            assert!(is_meant, "{path}");
            *wrapped = meant;
        }
        _ => panic!("no remedy: {path}"),
    }
    true
}

/// KVM judges a set by the host's, whatever was written before.
#[test]
fn vector_lengths_can_be_wider_again() {
    let host = set(&[1, 2, 4]);
    let vcpu = Begun.vcpu();
    for wanted in [set(&[1]), set(&[1, 2]), host, set(&[1, 2])] {
        // With a new wrapper or the same one, because it remembers nothing.
        assert_eq!(Initialized::new(&vcpu).set_vls(wanted), Ok(()));
        assert_eq!(Initialized::new(&vcpu).vls(), Ok(wanted));
    }
}

/// What is said of the host holds for every host with VQ 1 to 5, and every vCPU of it.
#[test]
fn what_a_refusal_says_of_the_host_is_so() {
    let sets = || (1..32_u64).map(|bits| Vls::from_words([bits, 0, 0, 0, 0, 0, 0, 0]));
    let mut refusals = [0; 4];
    for host in sets() {
        for max in host.iter() {
            let mut vcpu = Shim::new(host).unwrap();
            vcpu.init_with_sve().unwrap();
            let vcpu = Fd::new(vcpu);
            let narrowed = host.narrowed_to(max);
            Initialized::new(&vcpu).set_vls(narrowed).unwrap();
            for wanted in sets() {
                let refused = Initialized::new(&vcpu.clone()).set_vls(wanted);
                let Err(error @ SveError::Wider { .. }) = refused else {
                    continue;
                };
                // What the vCPU cannot tell is whether the host has these, and what it has between them.
                let above: Vls = wanted.iter().filter(|vq| *vq > max).collect();
                let end = wanted.max().unwrap();
                let mut between = (max.get() + 1..end.get()).map(|n| vq(n.into()));
                let has_others = between.any(|vq| !wanted.contains(vq));
                let some = above.iter().count() > 1;
                let lacks = format!(
                    "the host lacks {}{above}",
                    if some { "some of " } else { "" }
                );
                let others = match has_others {
                    true => format!(", or has others below {end}"),
                    false => String::new(),
                };
                let expected = format!("{lacks}{others} (KVM_SET_ONE_REG of VLS: EINVAL)");
                assert!(error.to_string().ends_with(&expected), "{host}: {error}");
                let lacked = above.iter().any(|vq| !host.contains(vq));
                let mut hosts = host.iter();
                let other = hosts.any(|vq| vq < end && !wanted.contains(vq));
                assert!(lacked || has_others && other, "{host}: {error}");
                refusals[usize::from(some) + 2 * usize::from(has_others)] += 1;
            }
        }
    }
    assert!(refusals.iter().all(|count| *count > 5), "{refusals:?}");
}

/// An errno other than EINVAL, or one that is not told, is not the host's answer to these vector lengths.
#[test]
fn what_is_not_einval_says_nothing_of_the_host() {
    let faults = [
        (Errno(11), true),
        (Errno::EPERM, true),
        (Errno::EINVAL, false),
    ];
    for (errno, told) in faults {
        let vcpu = Begun.vcpu();
        let (at, calls) = (0, 1);
        vcpu.fault.set(Some(Fault { errno, at, calls }));
        vcpu.told.set(told);
        let error = Initialized::new(&vcpu).set_vls(set(&[1, 2, 4, 8]));
        let text = format!("KVM_SET_ONE_REG of VLS: {errno}");
        assert_eq!(error.unwrap_err().to_string(), text);
    }
}

/// A snapshot with SVE, and a vCPU with SVE that was taken for one without: no new vCPU is needed.
#[test]
fn a_vcpu_with_sve_is_not_told_to_be_a_new_one() {
    for (state, meant) in [(Begun, "Initialized::new"), (AtEnd, "Finalized::new")] {
        let vcpu = state.vcpu();
        let restored =
            Finalized::without_sve(&vcpu).restore_snapshot(&snapshot_of(set(&[1, 2, 4])));
        let text = restored.unwrap_err().to_string();
        assert!(
            text.starts_with("KVM_GET_ONE_REG of V0: EINVAL: "),
            "{text}"
        );
        assert!(
            text.ends_with(&format!("(a vCPU like this one is for {meant})")),
            "{text}"
        );
    }
}

/// What a narrowed vCPU cannot tell, the message does not say, and what it says to do shows it.
#[test]
fn what_was_narrowed_is_not_taken_for_the_host() {
    let of = |wanted: &[u32]| {
        let vcpu = Narrowed.vcpu();
        let refused = Initialized::new(&vcpu).set_vls(set(wanted)).unwrap_err();
        assert_eq!(Initialized::new(&vcpu).vls(), Ok(set(&[1, 2])));
        refused.to_string()
    };
    // The host has 4, and so not this set, but the vCPU knows only of 1 and 2.
    assert_eq!(
        of(&[1, 2, 8]),
        "vector lengths (VQ) {1-2,8} where the vCPU has {1-2}: the host lacks {8}, or has others \
         below 8 (KVM_SET_ONE_REG of VLS: EINVAL)"
    );
    let vcpu = Narrowed.vcpu();
    vcpu.vcpu.borrow_mut().init_with_sve().unwrap();
    assert_eq!(Initialized::new(&vcpu).vls(), Ok(set(&[1, 2, 4])));
    // Only the lengths that both know of decide.
    assert_eq!(
        of(&[1, 4]),
        "vector lengths (VQ) {1,4} where there are {1-2}: missing are {4}; up to 2, KVM takes all of \
         {1-2} and no less"
    );
    assert_eq!(
        of(&[]),
        "no vector length: a vCPU with SVE has at least one"
    );
}
