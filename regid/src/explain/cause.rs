//! Why a call fails and what to do about it, in words for what the library's vCPU answers; where the
//! reason is the vCPU's stage, the words are the library's own. The tests hold every entry against that
//! vCPU: it applies only to failures, it applies to some, and its remedy helps.

use sve_state::Errno;
use sve_state::vcpu::{Refusal, Stage};

use super::stage::Kind::{Coprocessor, FurtherSlice, HostWithoutSve, Invalid, OtherVls, ShortList};
use super::stage::{Call, Case};

/// One reason for one errno.
pub(crate) struct Cause {
    pub(crate) errno: Errno,
    /// The cases that fail for this reason.
    pub(crate) applies: fn(&Case) -> bool,
    pub(crate) why: &'static str,
    pub(crate) remedy: &'static str,
    /// The calls that fail for this reason, and the registers for which they do, where the library's
    /// vCPU cannot: it has no processes, no memory that cannot be reached, and no registers of other
    /// coprocessors.
    pub(crate) elsewhere: &'static [(Call, Option<&'static str>)],
    /// The remedy, as calls to make before the one that failed; empty where another call is to be made
    /// in its place.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests take these steps"))]
    pub(crate) first: &'static [Step],
}

/// A step of a remedy.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Another vCPU, in another VM.
    NewVcpu,
    /// `KVM_ARM_VCPU_INIT` with SVE.
    Init,
    /// `KVM_ARM_VCPU_FINALIZE`.
    Finalize,
}

/// A cause for which the library has the words and knows when it applies.
macro_rules! refused {
    ($refusal:expr, $first:expr) => {
        Cause {
            errno: $refusal.errno(),
            applies: |case| case.refusal() == Some($refusal),
            why: $refusal.why(),
            remedy: $refusal.remedy(),
            elsewhere: &[],
            first: $first,
        }
    };
    ($refusal:expr, at any stage of $calls:expr) => {
        Cause {
            errno: $refusal.errno(),
            applies: |_| false,
            why: $refusal.why(),
            remedy: $refusal.remedy(),
            elsewhere: $calls,
            first: &[],
        }
    };
}

pub(crate) const ANY: &str = "any ID";
const GET_AND_SET: &[(Call, Option<&str>)] = &[(Call::Get, Some(ANY)), (Call::Set, Some(ANY))];
const ALL_CALLS: &[(Call, Option<&str>)] = &[
    (Call::Init, None),
    (Call::Finalize, None),
    (Call::Get, Some(ANY)),
    (Call::Set, Some(ANY)),
    (Call::List, None),
];

pub(crate) const CAUSES: &[Cause] = &[
    refused!(Refusal::NotInitialized, &[Step::Init]),
    refused!(Refusal::NotFinalized, &[Step::Finalize]),
    refused!(Refusal::VlsSettled, &[Step::NewVcpu, Step::Init]),
    refused!(Refusal::FinalizedAlready, &[Step::NewVcpu, Step::Init]),
    refused!(Refusal::WithoutSve, &[Step::NewVcpu, Step::Init]),
    Cause {
        errno: Errno::ENOENT,
        applies: |case| case.target.kind == FurtherSlice && case.stage != Stage::Created,
        why: "a register of today's vector lengths fits into slice 0; the other slices have IDs and \
              do not exist",
        remedy: "use slice 0",
        elsewhere: &[],
        first: &[],
    },
    Cause {
        errno: Errno::ENOENT,
        applies: |case| case.target.kind == Coprocessor && case.stage != Stage::Created,
        why: "KVM has no registers under the coprocessor in bits 27:16 of the ID",
        remedy: "use an ID of KVM_GET_REG_LIST",
        elsewhere: &[],
        first: &[],
    },
    Cause {
        errno: Errno::EINVAL,
        applies: |case| case.target.kind == Invalid && case.stage != Stage::Created,
        why: "no register has this ID: its architecture, size, number or a stray bit is wrong, and \
              `regid decode` says which",
        remedy: "use the ID that `regid encode` gives for the register's name",
        elsewhere: &[],
        first: &[],
    },
    refused!(Refusal::ViewNotFinalized, &[]),
    refused!(Refusal::ViewOfZ, &[]),
    Cause {
        errno: Errno::EINVAL,
        applies: |case| case.target.kind == OtherVls && case.stage == Stage::BeforeFinalization,
        why: "the set written is not the host's own vector lengths up to a maximum: one at least, \
              none that the host lacks, and none of the smaller ones left out",
        remedy: "read VLS after KVM_ARM_VCPU_INIT, clear only bits from the top, and write that",
        elsewhere: &[],
        first: &[],
    },
    refused!(Refusal::NothingToFinalize, &[Step::NewVcpu, Step::Init]),
    Cause {
        errno: Errno::EINVAL,
        applies: |case| case.target.kind == HostWithoutSve,
        why: "the host has no SVE",
        remedy: "before asking for KVM_ARM_VCPU_SVE, ask the VM for KVM_CAP_ARM_SVE (not /dev/kvm, which \
                 does not know of protected VMs: their vCPUs take SVE, and their guests have none); or move \
                 to a host that has it",
        elsewhere: &[],
        first: &[Step::NewVcpu],
    },
    refused!(Refusal::OtherFeatures, &[Step::NewVcpu]),
    Cause {
        errno: Errno::E2BIG,
        applies: |case| {
            case.target.kind == ShortList
                && matches!(case.stage, Stage::WithoutSve | Stage::AfterFinalization)
        },
        why: "the list has room for fewer IDs than the vCPU has",
        remedy: "KVM leaves the number that it needs in kvm_reg_list.n: make room, and call again",
        elsewhere: &[],
        first: &[],
    },
    Cause {
        errno: Errno::EINVAL,
        applies: |_| false,
        why: "another vCPU of the VM was initialized with other features; Linux 6.1 allows that, 6.12 does not",
        remedy: "ask for the same features for all vCPUs of a VM; one with others is for another VM",
        elsewhere: &[(Call::Init, None)],
        first: &[],
    },
    Cause {
        errno: Errno::EINVAL,
        applies: |_| false,
        why: "the value changes a field that cannot change: ID_AA64PFR0_EL1.SVE follows KVM_ARM_VCPU_SVE, and \
              of ID_AA64ZFR0_EL1 Linux 6.1 takes only the vCPU's own value",
        remedy: "ask for the features that the value was read with; move to a host of the same kernel, or a \
                 newer one",
        elsewhere: &[(Call::Set, Some("ID_AA64PFR0_EL1, ID_AA64ZFR0_EL1"))],
        first: &[],
    },
    Cause {
        errno: Errno::EINVAL,
        // The cases always have buffers of the right size.
        applies: |_| false,
        why: "the buffer was smaller than the size in the ID: kvm-ioctls answers so, and the library's \
              vCPU; the kernel is not told how large a buffer is",
        remedy: "make it as many bytes as 2 to the power of bits 55:52 of the ID: 256 for Z, 32 for P and \
                 FFR, 64 for VLS, 16 for V, 4 for FPSR and FPCR",
        elsewhere: GET_AND_SET,
        first: &[],
    },
    Cause {
        errno: Errno::EBUSY,
        applies: |_| false,
        why: "a vCPU of the VM has run, and from then on an ID register takes only the value that it has",
        remedy: "write ID registers before the first KVM_RUN in the VM",
        elsewhere: &[(Call::Set, Some("ID_AA64PFR0_EL1, ID_AA64ZFR0_EL1"))],
        first: &[],
    },
    refused!(Refusal::NoMemory, at any stage of &[(Call::Finalize, None)]),
    refused!(Refusal::Unreachable, at any stage of ALL_CALLS),
    refused!(Refusal::OtherProcess, at any stage of ALL_CALLS),
    refused!(Refusal::Killed, at any stage of ALL_CALLS),
    refused!(Refusal::Closed, at any stage of ALL_CALLS),
];

#[cfg(test)]
mod tests {
    use sve_state::Vls;
    use sve_state::shim::Vcpu;

    use super::*;
    use crate::explain::stage::Target;

    fn failures() -> Vec<(Case, Errno)> {
        let cases = Case::all(&Target::examples()).into_iter();
        cases
            .filter_map(|case| case.answer().err().map(|errno| (case, errno)))
            .collect()
    }

    fn describe(case: &Case) -> String {
        let (call, stage) = (case.call.name(), case.of_which_vcpu());
        let target = &case.target;
        format!(
            "{call} {:?} {:#018x} on a vCPU {stage}",
            target.kind, target.id
        )
    }

    /// Both ways: a case that fails has exactly one cause, with its errno, and one that succeeds has
    /// none.
    #[test]
    fn causes_are_those_of_the_librarys_vcpu() {
        let cases = Case::all(&Target::examples());
        assert!(cases.len() > 100, "{}", cases.len());
        for case in cases {
            let causes = CAUSES.iter().filter(|cause| (cause.applies)(&case));
            let errnos: Vec<_> = causes.map(|cause| cause.errno).collect();
            let answer: Vec<_> = case.answer().err().into_iter().collect();
            assert_eq!(errnos, answer, "{}", describe(&case));
        }
    }

    #[test]
    fn every_cause_is_met_if_it_can_be() {
        let failures = failures();
        for cause in CAUSES {
            let met = failures.iter().any(|(case, _)| (cause.applies)(case));
            assert_eq!(met, cause.elsewhere.is_empty(), "{}", cause.why);
        }
    }

    #[test]
    fn a_remedy_helps() {
        let (mut helped, failures) = (0, failures());
        for (case, errno) in failures {
            let causes = CAUSES.iter().filter(|cause| (cause.applies)(&case));
            let [cause] = causes.collect::<Vec<_>>()[..] else {
                panic!("{errno}: {}", describe(&case));
            };
            if cause.first.is_empty() {
                continue;
            }
            helped += 1;
            let mut vcpu = case.vcpu().expect("the stage is reached");
            for step in cause.first {
                match step {
                    Step::NewVcpu => vcpu = Vcpu::new(Vls::ARCHITECTURAL).expect("created"),
                    Step::Init => vcpu.init_with_sve().expect("initialized"),
                    Step::Finalize => vcpu
                        .finalize(sve_state::KVM_ARM_VCPU_SVE)
                        .expect("finalized"),
                }
            }
            assert_ne!(case.answer_of(&mut vcpu), Err(errno), "{}", describe(&case));
        }
        assert!(helped > 20, "{helped}");
    }
}
