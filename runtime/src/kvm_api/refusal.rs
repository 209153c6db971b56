//! Which calls fail, why, and what to do about it, in the words that both [`SveError`](crate::SveError) and
//! `regid explain` use.

use core::fmt;

use super::stage::{REFUSALS, Request, Stage};
use super::{Errno, OneReg};
use crate::registers::linux::RegId;
use crate::registers::write_text;

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

impl Call {
    pub(crate) fn request(self) -> Request {
        match self {
            Self::Get(id) => Request::get(id.0),
            Self::Set(id) => Request::set(id.0),
            Self::Finalize => Request::Finalize,
        }
    }
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

/// Why KVM refuses a call: at one stage of a vCPU's life, or at any. [`why`](Self::why) has each in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(hidden)]
pub enum Refusal {
    NotInitialized,
    NotFinalized,
    VlsSettled,
    FinalizedAlready,
    WithoutSve,
    NothingToFinalize,
    ViewNotFinalized,
    ViewOfZ,
    OtherProcess,
    Killed,
    Closed,
    Unreachable,
    NoMemory,
    OtherFeatures,
}

impl Refusal {
    /// Why this call of this vCPU failed with this errno, if that can be told. Where the errno does not tell, the
    /// vCPU is asked whether its stage is the reason.
    pub(crate) fn of<V: OneReg>(vcpu: &V, call: Call, errno: Option<Errno>) -> Option<Self> {
        let refusal = match errno {
            Some(Errno::EIO) => return Some(Self::OtherProcess),
            Some(Errno::EINTR) => return Some(Self::Killed),
            Some(Errno::EBADF) => return Some(Self::Closed),
            Some(Errno::EFAULT) => return Some(Self::Unreachable),
            Some(Errno::ENOMEM) => return Some(Self::NoMemory).filter(|_| call == Call::Finalize),
            _ => Stage::from_vcpu(vcpu)?.refuses(call.request())?,
        };
        errno
            .is_none_or(|errno| errno == refusal.errno())
            .then_some(refusal)
    }

    /// The one stage at which it is met, or `None` if there is more than one, or any.
    pub fn stage(self) -> Option<Stage> {
        let here = |stage: Stage| REFUSALS.iter().any(|row| row[stage as usize] == Some(self));
        let mut stages = Stage::ALL.into_iter().filter(|stage| here(*stage));
        stages.next().filter(|_| stages.next().is_none())
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
                "SVE registers exist only from finalization on, as does the list of registers",
                "choose the vector lengths (VLS) if need be, then KVM_ARM_VCPU_FINALIZE of \
                 KVM_ARM_VCPU_SVE",
            ),
            Self::VlsSettled => &(
                Errno::EPERM,
                "finalization fixes the vector lengths: from then on VLS can be read, but no \
                 longer written",
                "write VLS between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE; it is too \
                 late for this vCPU, so create a new one",
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
            Self::OtherFeatures => &(
                Errno::EINVAL,
                "the vCPU was initialized with other features before, and keeps those",
                "ask for the features of the first KVM_ARM_VCPU_INIT, KVM_ARM_VCPU_SVE among them or not; for \
                 others it is too late for this vCPU, so create a new one, in a new VM",
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
        let constructor = match self.stage() {
            None | Some(Stage::Created) => "",
            Some(Stage::WithoutSve) => " (a vCPU like this one is for Finalized::without_sve)",
            Some(Stage::BeforeFinalization) => " (a vCPU like this one is for Initialized::new)",
            Some(Stage::AfterFinalization) => " (a vCPU like this one is for Finalized::new)",
        };
        for part in [self.why(), "; ", self.remedy(), constructor] {
            f.write_str(part)?;
        }
        Ok(())
    }
}
