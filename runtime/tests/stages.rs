//! Every constructor and step on a vCPU at every stage of its life: what fails says why, and who does
//! what the message says gets there.

#![cfg(feature = "snapshot")]

use std::cell::Cell;
use std::collections::HashSet;
use std::ops::{Deref, DerefMut};

use sve_state::errno::Errno;
use sve_state::shim;
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{FinalizeSve, Finalized, Initialized, Refusal, Stage, Status};
use sve_state::{OneReg, SveError, SveState, Vls, Vq, sve};

/// A vCPU of which a call fails with an errno that its stage does not answer there.
#[derive(Clone, Debug)]
struct Shim {
    vcpu: shim::Vcpu<Box<[u8]>>,
    fault: Option<Fault>,
    calls: Cell<usize>,
    /// Whether the implementor tells the errno of an error.
    told: bool,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    errno: Errno,
    /// The first call that fails.
    at: usize,
    /// How many fail.
    calls: usize,
}

impl Shim {
    fn new(host: Vls) -> Self {
        Self {
            vcpu: shim::Vcpu::new(host).unwrap(),
            fault: None,
            calls: Cell::new(0),
            told: true,
        }
    }

    fn call(&self) -> Result<(), Errno> {
        let call = self.calls.replace(self.calls.get() + 1);
        match self.fault {
            Some(fault) if call >= fault.at && call - fault.at < fault.calls => Err(fault.errno),
            _ => Ok(()),
        }
    }

    /// The stage, by what `KVM_GET_REG_LIST` answers.
    fn stage(&self) -> Stage {
        match self
            .vcpu
            .reg_list()
            .map(|mut ids| ids.any(|id| id == sve::VLS.id()))
        {
            Err(Errno::ENOEXEC) => Stage::Created,
            Err(_) => Stage::BeforeFinalization,
            Ok(true) => Stage::AfterFinalization,
            Ok(false) => Stage::WithoutSve,
        }
    }
}

impl OneReg for Shim {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        self.call()?;
        self.vcpu.get_one_reg(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        self.call()?;
        self.vcpu.set_one_reg(id, data)
    }

    fn errno(&self, error: &Errno) -> Option<Errno> {
        self.told.then_some(*error)
    }
}

impl FinalizeSve for Shim {
    fn finalize_sve(&mut self) -> Result<(), Errno> {
        self.call()?;
        self.vcpu.finalize_sve()
    }
}

impl Deref for Shim {
    type Target = shim::Vcpu<Box<[u8]>>;

    fn deref(&self) -> &Self::Target {
        &self.vcpu
    }
}

impl DerefMut for Shim {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.vcpu
    }
}

type Outcome = Result<(), SveError<Errno>>;

fn vq(vq: u32) -> Vq {
    Vq::new(vq).unwrap()
}

fn set(vqs: &[u32]) -> Vls {
    vqs.iter().map(|n| vq(*n)).collect()
}

/// Every stage, and what it can differ in: the host's SVE, and whether VLS was narrowed.
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

const VLS: u64 = 0x6060_0000_0015_ffff;

impl State {
    /// On a host with VQ 1, 2 and 4, if with any; narrowed to 1 and 2.
    fn vcpu(self) -> Shim {
        let host = match self {
            HostWithoutSve => Vls::EMPTY,
            _ => set(&[1, 2, 4]),
        };
        let mut vcpu = Shim::new(host);
        if self != Created {
            if !matches!(self, HostWithoutSve | WithoutSve) {
                vcpu.init_with_sve()
            } else {
                vcpu.init_without_sve()
            }
            .unwrap();
        }
        if matches!(self, Narrowed | FinalizedNarrowed) {
            vcpu.set_one_reg(VLS, &set(&[1, 2]).to_bytes()).unwrap();
        }
        if matches!(self, AtEnd | FinalizedNarrowed) {
            vcpu.finalize(4).unwrap();
        }
        vcpu
    }
}

/// What a vCPU is wrapped as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum As {
    Initialized,
    Finalized,
    WithoutSve,
}

/// Those that have a reason, and EAGAIN, EBUSY, ENOTTY, EOPNOTSUPP, EHWPOISON.
const ERRNOS: [i32; 14] = [1, 2, 4, 5, 8, 9, 11, 12, 14, 16, 22, 25, 95, 133];

const KINDS: [As; 3] = [As::Initialized, As::Finalized, As::WithoutSve];

/// The first call that fails, how many do, and whether the errno is told.
const FAULTS: [(usize, usize, bool); 16] = {
    const ALL: usize = usize::MAX;
    [
        (0, 1, true),
        (1, 1, true),
        (2, 1, true),
        (33, 1, true),
        (0, ALL, true),
        (1, ALL, true),
        (2, ALL, true),
        (33, ALL, true),
        (0, 1, false),
        (1, 1, false),
        (2, 1, false),
        (33, 1, false),
        (0, ALL, false),
        (1, ALL, false),
        (2, ALL, false),
        (33, ALL, false),
    ]
};

fn finalized(vcpu: &mut Shim, wrapped: As) -> Result<Finalized<&mut Shim>, SveError<Errno>> {
    match wrapped {
        As::Initialized => Initialized::new(vcpu).finalize(),
        As::Finalized => Finalized::new(vcpu),
        As::WithoutSve => Ok(Finalized::without_sve(vcpu)),
    }
}

type Step = fn(&mut Shim, As) -> Outcome;

fn capture(vcpu: &mut Shim, wrapped: As) -> Outcome {
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
        assert_eq!(Stage::from_vcpu(&vcpu), Some(stage), "{state:?}");
        assert_eq!(Stage::from_vcpu(&vcpu.vcpu), Some(stage), "{state:?}");
    }
    // The RFC's vCPU has no VLS, and so is at none of these.
    let mut rfc = shim::Vcpu::new(set(&[1, 2, 4])).unwrap().rfc();
    rfc.init_with_sve().unwrap();
    assert_eq!(Stage::from_vcpu(&rfc), None);
}

/// What fails, with what, and why; by the kernel's documentation of its ioctls.
#[test]
fn a_step_at_the_wrong_stage_names_the_stage() {
    let not_yet = "ENOEXEC: before KVM_ARM_VCPU_INIT";
    let without = "ENOENT: the vCPU was initialized without SVE";
    let nothing = "EINVAL: the vCPU was initialized without SVE, so there is nothing to finalize";
    let too_early = "EPERM: SVE registers exist from finalization on";
    let settled = "EPERM: finalization settles the vector lengths";
    let again = "EPERM: the vCPU is finalized already";
    let has_sve = "the vCPU has SVE, and was taken for one without";
    let view = "EINVAL: on a vCPU with SVE the V registers are the low 128 bits of Z";
    // Host without SVE and vCPU without are one to the vCPU; so are narrowed and not.
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
            let found = step(&mut state.vcpu(), wrapped);
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
    let of = |state: State| Finalized::new(&mut state.vcpu()).unwrap_err().to_string();
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
    let mut vcpu = AtEnd.vcpu();
    let error = Initialized::new(&mut vcpu).set_vls(set(&[1, 2, 4]));
    assert_eq!(
        error.unwrap_err().to_string(),
        "KVM_SET_ONE_REG of VLS: EPERM: finalization settles the vector lengths: from then on VLS \
         can be read, and no longer written; write VLS between KVM_ARM_VCPU_INIT and \
         KVM_ARM_VCPU_FINALIZE; for this vCPU it is too late, it needs a new one (a vCPU like this \
         one is for Finalized::new)"
    );
}

/// A SET that a vCPU would take, though it was taken for another kind, is not made.
#[test]
fn what_has_sve_is_not_written_as_if_it_had_none() {
    let mut vcpu = AtEnd.vcpu();
    let before = vcpu.clone().sve_state().unwrap().as_bytes().to_vec();
    let refused = Finalized::without_sve(&mut vcpu).set(sve::Z3, &[0x5a; 256]);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "Z3 (0x6080000000150060): the vCPU has SVE, and was taken for one without (a vCPU like this one is \
         for Finalized::new)"
    );
    assert_eq!(vcpu.sve_state().unwrap().as_bytes(), before);
}

/// A refusal has the errno that the vCPU gave.
#[test]
fn a_refusal_has_the_errno_that_was_given() {
    let mut found = Vec::new();
    for (name, step) in steps() {
        for state in STATES {
            for wrapped in KINDS {
                let Err(SveError::Call {
                    call,
                    error,
                    refusal,
                    errno: _,
                }) = step(&mut state.vcpu(), wrapped)
                else {
                    continue;
                };
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

/// A reason and a remedy are given only at the stage that they are for, whichever call fails, once or from
/// then on, and with whatever errno. (From a vCPU that is initialized, KVM never answers ENOEXEC to everything.)
#[test]
fn a_remedy_is_given_only_at_its_stage() {
    let (mut given, mut faults) = (HashSet::new(), 0);
    for (name, step) in steps() {
        for (state, wrapped) in STATES.iter().flat_map(|s| KINDS.map(|kind| (*s, kind))) {
            for errno in ERRNOS.map(Errno) {
                for (at, calls, told) in FAULTS {
                    if (errno, calls) == (Errno::ENOEXEC, usize::MAX) && state != Created {
                        continue;
                    }
                    faults += 1;
                    let mut vcpu = state.vcpu();
                    (vcpu.fault, vcpu.told) = (Some(Fault { errno, at, calls }), told);
                    let Err(error) = step(&mut vcpu, wrapped) else {
                        continue;
                    };
                    let what = format!(
                        "{name} of {state:?} as {wrapped:?}, {:?}, {told}: {error}",
                        vcpu.fault
                    );
                    let stage = vcpu.stage();
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
                            let vls = Initialized::new(&mut *vcpu).vls();
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
    // All of them: 8 of a stage, 5 of none.
    assert_eq!(given.len(), 13, "{given:?}");
    assert!(faults > 40_000, "{faults}");
}

/// Where the vCPU is gone, as in a child after fork, it is said, and nothing of a stage.
#[test]
fn a_vcpu_that_is_gone_has_no_stage() {
    for state in STATES {
        let mut vcpu = state.vcpu();
        vcpu.fault = Some(Fault {
            errno: Errno::EIO,
            at: 0,
            calls: usize::MAX,
        });
        assert_eq!(Stage::from_vcpu(&vcpu), None);
    }
    let mut vcpu = AtEnd.vcpu();
    let mut vcpu = Finalized::new(&mut vcpu).unwrap();
    vcpu.vcpu().fault = Some(Fault {
        errno: Errno::EIO,
        at: 0,
        calls: usize::MAX,
    });
    assert_eq!(
        vcpu.capture().unwrap_err().to_string(),
        "KVM_GET_ONE_REG of Z0: EIO: KVM serves a vCPU only to the process whose VM it is, while the VM \
         lives: this one is another, such as a child after fork, or the VM is dead; make the call in the \
         process that created the VM; what a dead VM had cannot be read any more"
    );
}

/// Who does what the messages say, one after the other, has the step done.
#[test]
fn the_remedies_lead_there() {
    for (name, step) in steps() {
        for state in STATES {
            for wrapped in KINDS {
                let (mut vcpu, mut as_what) = (state.vcpu(), wrapped);
                let mut said = Vec::new();
                while let Err(error) = step(&mut vcpu, as_what) {
                    said.push(error.to_string());
                    let path = format!("{name} of {state:?} as {wrapped:?}: {said:#?}");
                    assert!(said.len() < 6, "{path}");
                    if !follow(&error.to_string(), &mut vcpu, &mut as_what, &path) {
                        break;
                    }
                }
            }
        }
    }
}

/// Does what a message says; false where that is another step, which was tried.
fn follow(text: &str, vcpu: &mut Shim, wrapped: &mut As, path: &str) -> bool {
    // What this vCPU is said to be for is so.
    let meant = text.split_once("this one is for ").map(|(_, name)| name);
    let meant = meant.map(|name| match name.trim_end_matches(')') {
        "Initialized::new" => As::Initialized,
        "Finalized::new" => As::Finalized,
        "Finalized::without_sve" => As::WithoutSve,
        other => panic!("{other}: {path}"),
    });
    if let Some(meant) = meant {
        let tried = capture(&mut vcpu.clone(), meant);
        assert_eq!(tried, Ok(()), "{path}");
    }
    let new = |sve: bool| {
        let mut vcpu = Created.vcpu();
        if sve {
            vcpu.init_with_sve()
        } else {
            vcpu.init_without_sve()
        }
        .unwrap();
        vcpu
    };
    if text.contains("KVM_ARM_VCPU_INIT first") {
        vcpu.init_with_sve().unwrap();
    } else if text.contains("of a new VM, without KVM_ARM_VCPU_SVE (Finalized::without_sve)") {
        (*vcpu, *wrapped) = (new(false), As::WithoutSve);
    } else if text.contains("of a new VM, with KVM_ARM_VCPU_SVE (Initialized::new)") {
        (*vcpu, *wrapped) = (new(true), As::Initialized);
    } else if text.contains("where the host has them, write the snapshot's VLS before") {
        (*vcpu, *wrapped) = (new(true), As::Initialized);
        let wanted = Initialized::new(&mut *vcpu).set_vls(set(&[1, 2]));
        assert_eq!(wanted, Ok(()), "{path}");
    } else if text.contains("go on: the registers exist") || text.contains("use the Z register") {
        assert!(meant.is_some(), "{path}");
        return false;
    } else if text.contains("of a new VM, with KVM_ARM_VCPU_SVE") || text.contains("a new one") {
        *vcpu = new(true);
    } else if text.contains("the vCPU has SVE, and was taken for one without") {
        *wrapped = meant.unwrap_or_else(|| panic!("{path}"));
    } else if text.contains("KVM_ARM_VCPU_FINALIZE of KVM_ARM_VCPU_SVE") {
        vcpu.finalize(4).unwrap();
    } else {
        panic!("no remedy: {path}");
    }
    true
}

/// KVM judges a set by the host's, whatever was written before.
#[test]
fn vector_lengths_can_be_wider_again() {
    let host = set(&[1, 2, 4]);
    let mut vcpu = Begun.vcpu();
    for wanted in [set(&[1]), set(&[1, 2]), host, set(&[1, 2])] {
        // A new wrapper, or the same one: it remembers nothing.
        assert_eq!(Initialized::new(&mut vcpu).set_vls(wanted), Ok(()));
        assert_eq!(Initialized::new(&mut vcpu).vls(), Ok(wanted));
    }
}

/// What is said of the host holds for every host with VQ 1 to 5, and every vCPU of it.
#[test]
fn what_a_refusal_says_of_the_host_is_so() {
    let sets = || (1..32_u64).map(|bits| Vls::from_words([bits, 0, 0, 0, 0, 0, 0, 0]));
    let mut refusals = [0; 4];
    for host in sets() {
        for max in host.iter() {
            let mut vcpu = Shim::new(host);
            vcpu.init_with_sve().unwrap();
            let narrowed = host.narrowed_to(max);
            Initialized::new(&mut vcpu).set_vls(narrowed).unwrap();
            for wanted in sets() {
                let error = match Initialized::new(&mut vcpu.clone()).set_vls(wanted) {
                    Err(error @ SveError::Wider { .. }) => error.to_string(),
                    _ => continue,
                };
                let (_, reason) = error.split_once("the host lacks ").unwrap();
                let (lacks, has_others) = match reason.split_once(", or has others below ") {
                    Some((lacks, below)) => (lacks, below.split_once(' ')),
                    None => (reason.split_once(" (").unwrap().0, None),
                };
                let (some, above) = match lacks.strip_prefix("some of ") {
                    Some(above) => (true, above),
                    None => (false, lacks),
                };
                let lacked = |vq: &Vq| !host.contains(*vq);
                let above_the_vcpus: Vls = wanted.iter().filter(|vq| *vq > max).collect();
                assert_eq!(above, above_the_vcpus.to_string(), "{host}: {error}");
                let mut above = above_the_vcpus.iter();
                let lacked = if some {
                    above.any(|vq| lacked(&vq))
                } else {
                    above.all(|vq| lacked(&vq))
                };
                let others = has_others.is_some_and(|(below, _)| {
                    let below = vq(below.parse().unwrap());
                    host.iter().any(|vq| vq < below && !wanted.contains(vq))
                });
                assert!(lacked || others, "{host}: {error}");
                let end = wanted.max().unwrap().get();
                let mut between = (max.get()..end).map(|n| vq(n.into()));
                let left_out = between.any(|vq| vq > max && !wanted.contains(vq));
                assert_eq!(has_others.is_some(), left_out, "{error}");
                refusals[usize::from(some) + 2 * usize::from(has_others.is_some())] += 1;
            }
        }
    }
    assert!(refusals.iter().all(|count| *count > 5), "{refusals:?}");
}

/// Another errno than EINVAL, or one that is not told, is not the host's answer to these vector lengths.
#[test]
fn what_is_not_einval_says_nothing_of_the_host() {
    let faults = [
        (Errno(11), true),
        (Errno::EPERM, true),
        (Errno::EINVAL, false),
    ];
    for (errno, told) in faults {
        let mut vcpu = Begun.vcpu();
        let (at, calls) = (0, 1);
        (vcpu.fault, vcpu.told) = (Some(Fault { errno, at, calls }), told);
        let error = Initialized::new(&mut vcpu).set_vls(set(&[1, 2, 4, 8]));
        let text = format!("KVM_SET_ONE_REG of VLS: {errno}");
        assert_eq!(error.unwrap_err().to_string(), text);
    }
}

/// A snapshot with SVE, and a vCPU with SVE that was taken for one without: no new vCPU is needed.
#[test]
fn a_vcpu_with_sve_is_not_told_to_be_a_new_one() {
    for (state, meant) in [(Begun, "Initialized::new"), (AtEnd, "Finalized::new")] {
        let mut vcpu = state.vcpu();
        let restored =
            Finalized::without_sve(&mut vcpu).restore_snapshot(&snapshot_of(set(&[1, 2, 4])));
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

/// What a narrowed vCPU cannot tell, the message does not; and what it says to do shows it.
#[test]
fn what_was_narrowed_is_not_taken_for_the_host() {
    let of = |wanted: &[u32]| {
        let mut vcpu = Narrowed.vcpu();
        let refused = Initialized::new(&mut vcpu)
            .set_vls(set(wanted))
            .unwrap_err();
        assert_eq!(Initialized::new(&mut vcpu).vls(), Ok(set(&[1, 2])));
        refused.to_string()
    };
    // The host has 4, and so not this set. The vCPU knows of 1 and 2 only.
    assert_eq!(
        of(&[1, 2, 8]),
        "vector lengths (VQ) {1-2,8} where the vCPU has {1-2}: the host lacks {8}, or has others \
         below 8 (KVM_SET_ONE_REG of VLS: EINVAL)"
    );
    let mut vcpu = Narrowed.vcpu();
    vcpu.init_with_sve().unwrap();
    assert_eq!(Initialized::new(&mut vcpu).vls(), Ok(set(&[1, 2, 4])));
    // What both know of decides.
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
