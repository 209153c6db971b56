//! The stages of a vCPU's life, and what a vCPU answers at each: the shim takes its answers from here, errors and
//! `regid explain` their reasons, and the random operations of the tests follow a vCPU's stage with it.

use core::fmt;

use super::refusal::Refusal;
use super::{Errno, OneReg, reg_size};
use crate::registers::MAX_SLICE;
use crate::registers::layout::{Place, find};
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
    /// All of them, in order.
    #[doc(hidden)]
    pub const ALL: [Self; 4] = [
        Self::Created,
        Self::WithoutSve,
        Self::BeforeFinalization,
        Self::AfterFinalization,
    ];

    /// The stage of a vCPU, under KVM's rules since Linux 5.2, by what it answers to three GETs, of FPSR, VLS and Z0.
    /// It is `None` if no stage gives these answers, and also if the vCPU's error has no [`errno`](OneReg::errno),
    /// unless all three GETs succeed, which means that the vCPU is finalized.
    pub fn from_vcpu<V: OneReg + ?Sized>(vcpu: &V) -> Option<Self> {
        let ids = [fpsimd::FPSR.id(), sve::VLS.id(), sve::Z0.id()];
        let found = ids.map(|id| answer(vcpu, id));
        Self::ALL.into_iter().find(|stage| {
            let refusals = [Request::Other, Request::GetVls, Request::Register]
                .map(|request| stage.refuses(request));
            refusals.map(|refusal| refusal.map(Refusal::errno)) == found
        })
    }

    /// Why KVM refuses this at this stage, if the stage is the reason. It is a load from a table, because the shim asks it
    /// of each GET and SET, and a `match` would be compiled to an indirect branch.
    #[doc(hidden)]
    #[inline]
    pub const fn refuses(self, request: Request) -> Option<Refusal> {
        REFUSALS[request as usize][self as usize]
    }

    /// The stage after this has succeeded.
    #[doc(hidden)]
    #[must_use]
    pub const fn after(self, request: Request) -> Self {
        match (self, request) {
            (Self::Created, Request::InitWithSve) => Self::BeforeFinalization,
            (Self::Created, Request::InitWithoutSve) => Self::WithoutSve,
            (Self::BeforeFinalization, Request::Finalize) => Self::AfterFinalization,
            _ => self,
        }
    }

    /// Whether the vCPU was initialized with SVE.
    pub(crate) const fn has_sve(self) -> bool {
        matches!(self, Self::BeforeFinalization | Self::AfterFinalization)
    }
}

/// The errno of a GET, 0 if it has none, or `None` for success.
#[inline(never)]
fn answer<V: OneReg + ?Sized>(vcpu: &V, id: u64) -> Option<Errno> {
    let mut slice = [0; MAX_SLICE];
    let slice = slice.get_mut(..reg_size(id)).unwrap_or_default();
    let error = vcpu.get_one_reg(id, slice).err()?;
    Some(vcpu.errno(&error).unwrap_or(Errno(0)))
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

/// What refuses each [`Request`], in their order, when the vCPU is created, initialized without SVE, before finalization,
/// and after it: as the kernel checks, whose ioctls first ask whether the vCPU is initialized (`arch/arm64/kvm/arm.c`),
/// and whose register code then asks for SVE before it asks for finalization (`guest.c`).
#[rustfmt::skip]
pub(super) const REFUSALS: [[Option<Refusal>; 4]; 9] = {
    use Refusal::*;
    [
        [None,                 Some(OtherFeatures),     None,                   None],
        [None,                 None,                    Some(OtherFeatures),    Some(OtherFeatures)],
        [Some(NotInitialized), Some(NothingToFinalize), None,                   Some(FinalizedAlready)],
        [Some(NotInitialized), None,                    Some(NotFinalized),     None],
        [Some(NotInitialized), Some(WithoutSve),        Some(NotFinalized),     None],
        [Some(NotInitialized), Some(WithoutSve),        None,                   None],
        [Some(NotInitialized), Some(WithoutSve),        None,                   Some(VlsSettled)],
        [Some(NotInitialized), None,                    Some(ViewNotFinalized), Some(ViewOfZ)],
        [Some(NotInitialized), None,                    None,                   None],
    ]
};

/// What a vCPU is asked, as far as its stage decides on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Request {
    /// `KVM_ARM_VCPU_INIT` with `KVM_ARM_VCPU_SVE`.
    InitWithSve,
    /// `KVM_ARM_VCPU_INIT` without it.
    InitWithoutSve,
    /// `KVM_ARM_VCPU_FINALIZE` of `KVM_ARM_VCPU_SVE`.
    Finalize,
    /// `KVM_GET_REG_LIST`.
    List,
    /// GET or SET of what is in `sve_state`: Z, P and FFR, their slice 0.
    Register,
    /// GET of VLS.
    GetVls,
    /// SET of VLS.
    SetVls,
    /// GET or SET of V, the low bits of Z.
    View,
    /// GET or SET of what is there at every stage after initialization, or at none.
    Other,
}

impl Request {
    /// GET of the register with this ID.
    pub fn get(id: u64) -> Self {
        match find::<sve::Layout>(id) {
            Some((bank, _, 0)) if matches!(bank.place, Place::Image) => Self::Register,
            Some((bank, ..)) if matches!(bank.place, Place::None) => Self::GetVls,
            Some(_) => Self::Other,
            None => match find::<fpsimd::Layout>(id) {
                Some((bank, ..)) if matches!(bank.place, Place::View) => Self::View,
                _ => Self::Other,
            },
        }
    }

    /// SET of it.
    pub fn set(id: u64) -> Self {
        match Self::get(id) {
            Self::GetVls => Self::SetVls,
            get => get,
        }
    }
}
