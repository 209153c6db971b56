//! How far a vCPU has come, which calls fail there, and what to do about it, in the words that both
//! [`SveError`](super::SveError) and `regid explain` use.

use core::fmt;

use crate::kvm_api::Errno;
use crate::kvm_api::{OneReg, reg_size};
use crate::registers::layout::{Place, find};
use crate::registers::linux::RegId;
use crate::registers::{MAX_SLICE, write_text};
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
    /// The stage of a vCPU, under KVM's rules since Linux 5.2, by what it answers to three GETs, of FPSR, VLS and
    /// Z0. It is `None` if a vCPU answers so at no stage, or if its error has no [`errno`](OneReg::errno),
    /// without which only a finalized vCPU, which answers all three, is known.
    pub fn from_vcpu<V: OneReg + ?Sized>(vcpu: &V) -> Option<Self> {
        // EPERM is 1, ENOENT 2 and ENOEXEC 8, so the three answers are the digits of a number, in which 0 is
        // success.
        let mut answers = 0;
        for id in [fpsimd::FPSR.id(), sve::VLS.id(), sve::Z0.id()] {
            answers = answers << 4 | answer(vcpu, id);
        }
        match answers {
            0x888 => Some(Self::Created),
            0x022 => Some(Self::WithoutSve),
            0x001 => Some(Self::BeforeFinalization),
            0x000 => Some(Self::AfterFinalization),
            _ => None,
        }
    }

    /// Why KVM refuses this call at this stage, if the stage is the reason.
    #[doc(hidden)]
    pub fn refuses(self, call: Call) -> Option<Refusal> {
        let kind = match call {
            Call::Finalize => None,
            Call::Get(id) | Call::Set(id) => Some(Kind::of(id.0)),
        };
        match (self, kind) {
            (Self::Created, _) => Some(Refusal::NotInitialized),
            (Self::WithoutSve, None) => Some(Refusal::NothingToFinalize),
            (Self::WithoutSve, Some(Kind::Vls | Kind::Register)) => Some(Refusal::WithoutSve),
            (Self::BeforeFinalization, Some(Kind::Register)) => Some(Refusal::NotFinalized),
            (Self::AfterFinalization, None) => Some(Refusal::FinalizedAlready),
            (Self::AfterFinalization, Some(Kind::Vls)) if matches!(call, Call::Set(_)) => {
                Some(Refusal::VlsSettled)
            }
            (Self::BeforeFinalization, Some(Kind::View)) => Some(Refusal::ViewNotFinalized),
            (Self::AfterFinalization, Some(Kind::View)) => Some(Refusal::ViewOfZ),
            _ => None,
        }
    }

    /// The constructor for a vCPU at this stage.
    fn constructor(self) -> Option<&'static str> {
        match self {
            Self::Created => None,
            Self::WithoutSve => Some("Finalized::without_sve"),
            Self::BeforeFinalization => Some("Initialized::new"),
            Self::AfterFinalization => Some("Finalized::new"),
        }
    }
}

/// The errno of a GET, which is 0 for success, or 15 if it is another than those of [`Stage::from_vcpu`].
#[inline(never)]
fn answer<V: OneReg + ?Sized>(vcpu: &V, id: u64) -> i32 {
    let mut slice = [0; MAX_SLICE];
    let slice = slice.get_mut(..reg_size(id)).unwrap_or_default();
    match vcpu.get_one_reg(id, slice) {
        Ok(()) => 0,
        Err(error) => match vcpu.errno(&error) {
            Some(Errno(errno @ 1..=8)) => errno,
            _ => 15,
        },
    }
}

/// In words: `initialized with SVE, not finalized`.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created, not initialized",
            Self::WithoutSve => "initialized without SVE",
            Self::BeforeFinalization => "initialized with SVE, not finalized",
            Self::AfterFinalization => "finalized",
        })
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
        match find::<sve::Layout>(id) {
            Some((bank, _, 0)) if matches!(bank.place, Place::Image) => Self::Register,
            Some((bank, ..)) if matches!(bank.place, Place::None) => Self::Vls,
            Some(_) => Self::Other,
            None => match find::<fpsimd::Layout>(id) {
                Some((bank, ..)) if matches!(bank.place, Place::View) => Self::View,
                _ => Self::Other,
            },
        }
    }
}

/// A call that a step makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `KVM_GET_ONE_REG` of the register with this ID.
    Get(RegId),
    /// `KVM_SET_ONE_REG` of the register with this ID.
    Set(RegId),
    /// `KVM_ARM_VCPU_FINALIZE` of `KVM_ARM_VCPU_SVE`.
    Finalize,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, id) = match *self {
            Self::Get(id) => ("KVM_GET_ONE_REG of %n", id.0),
            Self::Set(id) => ("KVM_SET_ONE_REG of %n", id.0),
            Self::Finalize => ("KVM_ARM_VCPU_FINALIZE of SVE", 0),
        };
        write_text(f, text, &[id], &[])
    }
}

/// Why KVM refuses a call: at one stage of a vCPU's life, or at any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(hidden)]
pub enum Refusal {
    /// Any call before `KVM_ARM_VCPU_INIT`.
    NotInitialized,
    /// Z, P or FFR before finalization.
    NotFinalized,
    /// VLS written after finalization.
    VlsSettled,
    /// A second finalization.
    FinalizedAlready,
    /// An SVE register of a vCPU that was initialized without SVE.
    WithoutSve,
    /// Finalization of such a vCPU.
    NothingToFinalize,
    /// A V register of a vCPU with SVE, before finalization.
    ViewNotFinalized,
    /// A V register of a vCPU with SVE, after finalization.
    ViewOfZ,
    /// Any call, in another process than the VM's, or of a dead VM.
    OtherProcess,
    /// Any call, while the calling thread is being killed.
    Killed,
    /// Any call, of a file descriptor that is closed.
    Closed,
    /// Any call, with an address that the kernel could not reach.
    Unreachable,
    /// Finalization without memory for the registers.
    NoMemory,
}

impl Refusal {
    /// Why this call of this vCPU failed with this errno, if that can be told. Where the errno does not tell, the
    /// vCPU is asked whether its stage is the reason.
    pub(super) fn of<V: OneReg>(vcpu: &V, call: Call, errno: Option<Errno>) -> Option<Self> {
        let refusal = match errno {
            Some(Errno::EIO) => return Some(Self::OtherProcess),
            Some(Errno::EINTR) => return Some(Self::Killed),
            Some(Errno::EBADF) => return Some(Self::Closed),
            Some(Errno::EFAULT) => return Some(Self::Unreachable),
            Some(Errno::ENOMEM) => return Some(Self::NoMemory).filter(|_| call == Call::Finalize),
            _ => Stage::from_vcpu(vcpu)?.refuses(call)?,
        };
        errno
            .is_none_or(|errno| errno == refusal.errno())
            .then_some(refusal)
    }

    /// The stage at which it is met, or `None` for any.
    pub const fn stage(self) -> Option<Stage> {
        match self {
            Self::NotInitialized => Some(Stage::Created),
            Self::WithoutSve | Self::NothingToFinalize => Some(Stage::WithoutSve),
            Self::NotFinalized | Self::ViewNotFinalized => Some(Stage::BeforeFinalization),
            Self::VlsSettled | Self::FinalizedAlready | Self::ViewOfZ => {
                Some(Stage::AfterFinalization)
            }
            Self::OtherProcess
            | Self::Killed
            | Self::Closed
            | Self::Unreachable
            | Self::NoMemory => None,
        }
    }

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

    // Once in a program, and not in each place that asks, because of its texts.
    #[inline(never)]
    const fn words(self) -> &'static (Errno, &'static str, &'static str) {
        match self {
            Self::NotInitialized => &(
                Errno::ENOEXEC,
                "before KVM_ARM_VCPU_INIT a vCPU answers nothing else, whatever the ID",
                "KVM_ARM_VCPU_INIT first, with KVM_ARM_VCPU_SVE for SVE registers",
            ),
            Self::NotFinalized => &(
                Errno::EPERM,
                "SVE registers exist from finalization on, and the list of registers with them",
                "choose the vector lengths (VLS) if need be, then KVM_ARM_VCPU_FINALIZE of \
                 KVM_ARM_VCPU_SVE",
            ),
            Self::VlsSettled => &(
                Errno::EPERM,
                "finalization settles the vector lengths: from then on VLS can be read, and no \
                 longer written",
                "write VLS between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE; for this vCPU it \
                 is too late, it needs a new one",
            ),
            Self::FinalizedAlready => &(
                Errno::EPERM,
                "the vCPU is finalized already, and stays so even if it is initialized again",
                "go on: the registers exist. To finalize with other vector lengths takes a new \
                 vCPU",
            ),
            Self::WithoutSve => &(
                Errno::ENOENT,
                "the vCPU was initialized without SVE, and has no SVE registers",
                "on a host with SVE, KVM_ARM_VCPU_INIT of a new vCPU, of a new VM, with \
                 KVM_ARM_VCPU_SVE; or, without SVE, the V registers",
            ),
            Self::NothingToFinalize => &(
                Errno::EINVAL,
                "the vCPU was initialized without SVE, so there is nothing to finalize",
                "on a host with SVE, KVM_ARM_VCPU_INIT of a new vCPU, of a new VM, with \
                 KVM_ARM_VCPU_SVE; or go on: the V registers exist",
            ),
            Self::ViewNotFinalized => &(
                Errno::EINVAL,
                VIEW,
                "KVM_ARM_VCPU_FINALIZE of KVM_ARM_VCPU_SVE, then use the Z register of the same number",
            ),
            Self::ViewOfZ => &(Errno::EINVAL, VIEW, "use the Z register of the same number"),
            Self::OtherProcess => &(
                Errno::EIO,
                "KVM serves a vCPU only to the process whose VM it is, while the VM lives: this one is \
                 another, such as a child after fork, or the VM is dead",
                "make the call in the process that created the VM; what a dead VM had cannot be read \
                 any more",
            ),
            Self::Killed => &(
                Errno::EINTR,
                "the calling thread was killed while it waited for the vCPU, which another thread has \
                 in KVM_RUN or in another call",
                "make the call again, if the thread goes on at all: it has had no effect",
            ),
            Self::Closed => &(
                Errno::EBADF,
                "the file descriptor is closed, or was never open",
                "make the call on the vCPU's own descriptor, and keep that open",
            ),
            Self::Unreachable => &(
                Errno::EFAULT,
                "the kernel could not reach the caller's memory; if a SET of Z, P or FFR ends so, the \
                 register may have changed: the bytes up to the fault are written, those after it zero",
                "give the address of memory that is mapped, as large as the call needs: for GET and SET, \
                 kvm_one_reg.addr as a 64-bit number, and the size in the ID; a GET and a list need to \
                 write there. Then make the call again",
            ),
            Self::NoMemory => &(
                Errno::ENOMEM,
                "finalization takes the memory for the registers, and the host has none to give",
                "free memory, or raise the limit of the control group, and finalize again: the vCPU is \
                 as it was",
            ),
        }
    }
}

/// Why a V register of a vCPU with SVE has no ID.
const VIEW: &str =
    "on a vCPU with SVE the V registers are the low 128 bits of Z, and have no ID of their own";

/// The reason and the remedy, to be shown after the vCPU's answer.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let constructor = self.stage().and_then(Stage::constructor);
        let (before, constructor, after) = match constructor {
            Some(constructor) => (" (a vCPU like this one is for ", constructor, ")"),
            None => ("", "", ""),
        };
        for part in [self.why(), "; ", self.remedy(), before, constructor, after] {
            f.write_str(part)?;
        }
        Ok(())
    }
}
