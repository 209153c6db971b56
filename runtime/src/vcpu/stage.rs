//! How far a vCPU has come, which calls fail there, and what to do about it. [`VcpuError`](super::VcpuError)
//! and `regid explain` both have their words from here.

use core::fmt;

use crate::errno::Errno;
use crate::layout::Register;
use crate::layouts::Name;
use crate::one_reg::{OneReg, reg_size};
use crate::registers::MAX_SLICE;
use crate::{fpsimd, sve};

/// How far a vCPU has come in the order that KVM wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Before `KVM_ARM_VCPU_INIT`.
    Created,
    /// After `KVM_ARM_VCPU_INIT` without SVE: there is nothing to finalize.
    WithoutSve,
    /// After `KVM_ARM_VCPU_INIT` with SVE, and before finalization.
    BeforeFinalization,
    /// After finalization.
    AfterFinalization,
}

impl Stage {
    /// The stage of a vCPU, under KVM's rules since Linux 5.2. Three GETs, of FPSR, VLS and Z0, find it: it
    /// counts which of them fail, not with which error. `None`: there is no stage at which exactly these
    /// fail.
    pub fn of<V: OneReg + ?Sized>(vcpu: &V) -> Option<Self> {
        let fails = |id| {
            let mut slice = [0; MAX_SLICE];
            vcpu.get_one_reg(id, &mut slice[..reg_size(id)]).is_err()
        };
        let failing = [fpsimd::FPSR.id(), sve::VLS.id(), sve::Z0.id()].map(fails);
        match failing {
            [true, true, true] => Some(Self::Created),
            [false, true, true] => Some(Self::WithoutSve),
            [false, false, true] => Some(Self::BeforeFinalization),
            [false, false, false] => Some(Self::AfterFinalization),
            _ => None,
        }
    }

    /// Why KVM refuses this call at this stage, if the stage is the reason.
    pub fn refuses(self, call: Call) -> Option<Refusal> {
        let kind = match call {
            Call::Finalize => None,
            Call::Get(id) | Call::Set(id) => Some(Kind::of(id)),
        };
        match (self, kind) {
            (Self::Created, _) => Some(Refusal::NotInitialised),
            (Self::WithoutSve, None) => Some(Refusal::NothingToFinalize),
            (Self::WithoutSve, Some(Kind::Vls | Kind::Register)) => Some(Refusal::WithoutSve),
            (Self::BeforeFinalization, Some(Kind::Register)) => Some(Refusal::NotFinalized),
            (Self::AfterFinalization, None) => Some(Refusal::FinalizedAlready),
            (Self::AfterFinalization, Some(Kind::Vls)) if matches!(call, Call::Set(_)) => {
                Some(Refusal::VlsSettled)
            }
            (Self::BeforeFinalization | Self::AfterFinalization, Some(Kind::View)) => {
                Some(Refusal::ViewOfZ)
            }
            _ => None,
        }
    }

    /// The constructor for a vCPU at this stage.
    fn constructor(self) -> Option<&'static str> {
        match self {
            Self::Created => None,
            Self::WithoutSve => Some("Finalized::without_sve"),
            Self::BeforeFinalization => Some("Initialised::new"),
            Self::AfterFinalization => Some("Finalized::new"),
        }
    }
}

/// The kinds of ID that a stage treats differently.
enum Kind {
    /// In `sve_state`.
    Register,
    Vls,
    /// V, the low bits of Z.
    View,
    /// There at every stage, or at none.
    Other,
}

impl Kind {
    fn of(id: u64) -> Self {
        let slice = match sve::Reg::decode(id) {
            Ok(sve::Reg::Z(z)) => z.slice(),
            Ok(sve::Reg::P(p)) => p.slice(),
            Ok(sve::Reg::FFR(ffr)) => ffr.slice(),
            Ok(sve::Reg::VLS(_)) => return Self::Vls,
            Err(_) if fpsimd::V::all().any(|v| Register::id(v) == id) => return Self::View,
            Err(_) => return Self::Other,
        };
        match slice {
            0 => Self::Register,
            _ => Self::Other,
        }
    }
}

/// A call that a step makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `KVM_GET_ONE_REG` of the register with this ID.
    Get(u64),
    /// `KVM_SET_ONE_REG` of the register with this ID.
    Set(u64),
    /// `KVM_ARM_VCPU_FINALIZE` of `KVM_ARM_VCPU_SVE`.
    Finalize,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Get(id) => write!(f, "KVM_GET_ONE_REG of {}", Name(id)),
            Self::Set(id) => write!(f, "KVM_SET_ONE_REG of {}", Name(id)),
            Self::Finalize => f.write_str("KVM_ARM_VCPU_FINALIZE of SVE"),
        }
    }
}

/// The words, because nobody can read an ID in decimal.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why KVM refuses a call at a stage of a vCPU's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Any call before `KVM_ARM_VCPU_INIT`.
    NotInitialised,
    /// Z, P or FFR before finalization.
    NotFinalized,
    /// VLS written after finalization.
    VlsSettled,
    /// A second finalization.
    FinalizedAlready,
    /// An SVE register of a vCPU that was initialised without SVE.
    WithoutSve,
    /// Finalization of such a vCPU.
    NothingToFinalize,
    /// A V register of a vCPU with SVE.
    ViewOfZ,
}

impl Refusal {
    /// What KVM answers.
    pub const fn errno(self) -> Errno {
        self.words().0
    }

    /// The reason.
    pub const fn why(self) -> &'static str {
        self.words().1
    }

    /// What to do.
    pub const fn remedy(self) -> &'static str {
        self.words().2
    }

    const fn words(self) -> (Errno, &'static str, &'static str) {
        match self {
            Self::NotInitialised => (
                Errno::ENOEXEC,
                "before KVM_ARM_VCPU_INIT a vCPU answers nothing else, whatever the ID",
                "KVM_ARM_VCPU_INIT first, with KVM_ARM_VCPU_SVE for SVE registers",
            ),
            Self::NotFinalized => (
                Errno::EPERM,
                "SVE registers exist from finalization on, and the list of registers with them",
                "choose the vector lengths (VLS) if need be, then KVM_ARM_VCPU_FINALIZE of \
                 KVM_ARM_VCPU_SVE",
            ),
            Self::VlsSettled => (
                Errno::EPERM,
                "finalization settles the vector lengths: from then on VLS can be read, and no \
                 longer written",
                "write VLS between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE; for this vCPU it \
                 is too late, it needs a new one",
            ),
            Self::FinalizedAlready => (
                Errno::EPERM,
                "the vCPU is finalized already, and stays so even if it is initialised again",
                "go on: the registers exist. To finalize with other vector lengths takes a new \
                 vCPU",
            ),
            Self::WithoutSve => (
                Errno::ENOENT,
                "the vCPU was initialised without SVE, and has no SVE registers",
                "KVM_ARM_VCPU_INIT of a new vCPU with KVM_ARM_VCPU_SVE; or, without SVE, the V \
                 registers",
            ),
            Self::NothingToFinalize => (
                Errno::EINVAL,
                "the vCPU was initialised without SVE, so there is nothing to finalize",
                "KVM_ARM_VCPU_INIT of a new vCPU with KVM_ARM_VCPU_SVE",
            ),
            Self::ViewOfZ => (
                Errno::EINVAL,
                "on a vCPU with SVE the V registers are the low 128 bits of Z, and have no ID of \
                 their own",
                "use the Z register of the same number",
            ),
        }
    }
}

/// What is shown behind the vCPU's answer: why the stage refuses the call. Nothing, if the stage is not the
/// reason.
pub(super) struct Because(pub(super) Option<Stage>, pub(super) Call);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Some(stage), call) = self else {
            return Ok(());
        };
        if let Some(refusal) = stage.refuses(*call) {
            write!(f, ": {}; {}", refusal.why(), refusal.remedy())?;
        }
        match stage.constructor() {
            Some(constructor) => write!(f, " (a vCPU like this one is for {constructor})"),
            None => Ok(()),
        }
    }
}
