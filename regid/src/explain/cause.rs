//! Why a call fails, and what to do: words for what the library's vCPU answers. Where the reason is the
//! vCPU's stage, the library has them. The tests hold every line against that vCPU: it applies to
//! failures only, to some at least, and its remedy helps.

use sve_state::errno::Errno;
use sve_state::vcpu::Refusal;

use super::stage::Call::Init;
use super::stage::Kind::{Coprocessor, FurtherSlice, Invalid, OtherVls, ShortList};
use super::stage::{Case, Stage};

/// One reason for one errno.
pub(crate) struct Cause {
    pub(crate) errno: Errno,
    /// The cases that fail for this reason.
    pub(crate) applies: fn(&Case) -> bool,
    pub(crate) why: &'static str,
    pub(crate) remedy: &'static str,
    /// Whether one of the cases fails for it. If none can, it is a cause of GET and SET of anything.
    pub(crate) reproducible: bool,
    /// The remedy as calls before the one that failed; none, where that call is to be another one.
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

/// The cause that the library has words for, and when it applies.
macro_rules! refused {
    ($refusal:expr, $first:expr) => {
        Cause {
            errno: $refusal.errno(),
            applies: |case| case.refusal() == Some($refusal),
            why: $refusal.why(),
            remedy: $refusal.remedy(),
            reproducible: true,
            first: $first,
        }
    };
}

pub(crate) const CAUSES: &[Cause] = &[
    refused!(Refusal::NotInitialised, &[Step::Init]),
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
        reproducible: true,
        first: &[],
    },
    Cause {
        errno: Errno::ENOENT,
        applies: |case| case.target.kind == Coprocessor && case.stage != Stage::Created,
        why: "KVM has no registers under the coprocessor in bits 27:16 of the ID",
        remedy: "use an ID of KVM_GET_REG_LIST",
        reproducible: true,
        first: &[],
    },
    Cause {
        errno: Errno::EINVAL,
        applies: |case| case.target.kind == Invalid && case.stage != Stage::Created,
        why: "no register has this ID: its architecture, size, number or a stray bit is wrong, and \
              `regid decode` says which",
        remedy: "use the ID that `regid encode` gives for the register's name",
        reproducible: true,
        first: &[],
    },
    refused!(Refusal::ViewNotFinalized, &[]),
    refused!(Refusal::ViewOfZ, &[]),
    Cause {
        errno: Errno::EINVAL,
        applies: |case| case.target.kind == OtherVls && case.stage == Stage::Initialised,
        why: "the set written is not the host's own vector lengths up to a maximum: one at least, \
              none that the host lacks, and none of the smaller ones left out",
        remedy: "read VLS after KVM_ARM_VCPU_INIT, clear only bits from the top, and write that",
        reproducible: true,
        first: &[],
    },
    refused!(Refusal::NothingToFinalize, &[Step::NewVcpu, Step::Init]),
    Cause {
        errno: Errno::EINVAL,
        applies: |case| case.call == Init && case.stage == Stage::HostWithoutSve,
        why: "the host has no SVE",
        remedy: "look at KVM_CAP_ARM_SVE before asking for KVM_ARM_VCPU_SVE; or move to a host that \
                 has it",
        reproducible: true,
        first: &[Step::NewVcpu],
    },
    Cause {
        errno: Errno::EINVAL,
        applies: |case| case.call == Init && case.stage == Stage::WithoutSve,
        why: "the vCPU was initialised with other features before, and keeps those",
        remedy: "ask for KVM_ARM_VCPU_SVE the first time; for this vCPU it is too late, it needs a new \
                 one",
        reproducible: true,
        first: &[Step::NewVcpu],
    },
    Cause {
        errno: Errno::E2BIG,
        applies: |case| {
            case.target.kind == ShortList
                && matches!(case.stage, Stage::WithoutSve | Stage::Finalized)
        },
        why: "the list has room for fewer IDs than the vCPU has",
        remedy: "KVM leaves the number that it needs in kvm_reg_list.n: make room, and call again",
        reproducible: true,
        first: &[],
    },
    Cause {
        errno: Errno::EINVAL,
        // The cases have buffers of the right size.
        applies: |_| false,
        why: "the buffer was smaller than the size in the ID: kvm-ioctls answers so, and the library's \
              vCPU; the kernel is not told how large a buffer is",
        remedy: "make it as many bytes as 2 to the power of bits 55:52 of the ID: 256 for Z, 32 for P and \
                 FFR, 64 for VLS, 16 for V, 4 for FPSR and FPCR",
        reproducible: false,
        first: &[],
    },
    Cause {
        errno: Errno::EFAULT,
        // The library's vCPU takes Rust slices, which are always there.
        applies: |_| false,
        why: "the kernel could not reach the caller's memory",
        remedy: "kvm_one_reg.addr is the address of a buffer of the size in the ID, as a 64-bit \
                 number; for a GET it must be writable",
        reproducible: false,
        first: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::stage::Target;

    fn failures() -> Vec<(Case, Errno)> {
        let cases = Case::all(&Target::examples()).into_iter();
        cases
            .filter_map(|case| case.answer().err().map(|errno| (case, errno)))
            .collect()
    }

    fn describe(case: &Case) -> String {
        let (call, stage) = (case.call.name(), case.stage.name());
        let target = &case.target;
        format!(
            "{call} {:?} {:#018x} on a vCPU {stage}",
            target.kind, target.id
        )
    }

    /// Both ways: a case that fails has one cause, of its errno; one that succeeds has none.
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
            assert_eq!(met, cause.reproducible, "{}", cause.why);
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
            let mut vcpu = case.stage.vcpu().expect("the stage is reached");
            for step in cause.first {
                match step {
                    Step::NewVcpu => vcpu = Stage::Created.vcpu().expect("created"),
                    Step::Init => vcpu.init(true).expect("initialised"),
                    Step::Finalize => vcpu
                        .finalize(sve_state::shim::FEATURE_SVE)
                        .expect("finalized"),
                }
            }
            assert_ne!(case.answer_of(&mut vcpu), Err(errno), "{}", describe(&case));
        }
        assert!(helped > 20, "{helped}");
    }
}
