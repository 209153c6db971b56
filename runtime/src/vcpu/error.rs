//! Why a step of a vCPU was not taken.

use core::fmt;

use super::stage::{Call, Refusal};
use crate::layout::Layout;
use crate::layouts::Name;
use crate::registers::{PastVls, WithoutSve};
use crate::sve;
use crate::vls::{Vls, VlsError};
use crate::vq::Vq;

/// Why a step was not taken, or how far it came.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VcpuError<E> {
    /// A call failed.
    Call {
        /// Which one.
        call: Call,
        /// What the vCPU answered.
        error: E,
        /// Why, and what to do, where the errno and the vCPU's stage tell.
        refusal: Option<Refusal>,
    },
    /// The vector lengths are not for this vCPU; nothing was written.
    Vls(VlsError),
    /// KVM refused vector lengths of which some are larger than all that the vCPU has: the host does
    /// not have them, or has others in between. Nothing was written.
    Wider {
        /// The set asked for.
        wanted: Vls,
        /// What the vCPU has: the host's, or what is left of it after narrowing.
        vcpu: Vls,
        /// What the vCPU answered.
        error: E,
    },
    /// A register was read that has bytes other than zero past its width. Either it is longer than the vCPU's
    /// vector lengths say, or those have changed since the vCPU was wrapped.
    PastVls {
        /// The register's ID.
        id: u64,
        /// The first such byte in what was read.
        at: usize,
        /// The vector lengths.
        vls: Vls,
    },
    /// The vCPU has this register, although it was taken for one without SVE; nothing was written.
    HasSve {
        /// The register's ID: Z's, P's or FFR's.
        id: u64,
    },
    /// The vCPU is without SVE, and the image has a register that exists only with SVE; nothing was written.
    WithoutSve {
        /// The register's ID: P's or FFR's.
        id: u64,
    },
    /// The image is of another vector length than the vCPU, or of one that the SVE layout does
    /// not describe; nothing was read or written.
    VectorLength {
        /// The image's.
        image: Vq,
        /// The vCPU's.
        vcpu: Vq,
    },
    /// The snapshot's vector lengths are not the vCPU's; nothing was written.
    VectorLengths {
        /// The snapshot's.
        snapshot: Vls,
        /// The vCPU's.
        vcpu: Vls,
    },
}

impl<E> From<VlsError> for VcpuError<E> {
    fn from(error: VlsError) -> Self {
        Self::Vls(error)
    }
}

impl<E: fmt::Display> fmt::Display for VcpuError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call {
                call,
                error,
                refusal,
            } => {
                write!(f, "{call}: {error}")?;
                refusal.map_or(Ok(()), |refusal| write!(f, ": {refusal}"))
            }
            Self::Vls(error) => error.fmt(f),
            Self::Wider {
                wanted,
                vcpu,
                error,
            } => {
                // The vCPU may have been narrowed, so of the lengths above its own only this is known.
                let above = wanted.without(vcpu);
                let some = above.iter().nth(1).map_or("", |_| "some of ");
                write!(
                    f,
                    "vector lengths (VQ) {wanted} where the vCPU has {vcpu}: the host lacks {some}{above}"
                )?;
                if let Some(max) = wanted.max() {
                    if Vls::up_to(max).without(wanted).max() > vcpu.max() {
                        write!(f, ", or has others below {max}")?;
                    }
                }
                write!(f, " ({}: {error})", Call::Set(sve::VLS.id()))
            }
            Self::PastVls { id, at, vls } => PastVls {
                id: *id,
                at: *at,
                vls,
            }
            .fmt(f),
            Self::HasSve { id } => write!(
                f,
                "{} ({id:#018x}): the vCPU has SVE, and was taken for one without (a vCPU like this one \
                 is for Finalized::new)",
                Name(*id)
            ),
            Self::WithoutSve { id } => WithoutSve(*id).fmt(f),
            Self::VectorLength { image, vcpu } if image == vcpu => {
                let max = sve::Layout::VQ_MAX;
                write!(
                    f,
                    "a vCPU or an image of VQ {image}: allowed are 1 to {max}"
                )
            }
            Self::VectorLength { image, vcpu } => write!(
                f,
                "an image of VQ {image} and a vCPU of VQ {vcpu}: they must be the same"
            ),
            Self::VectorLengths { snapshot, vcpu } => {
                let remedy = match (*snapshot, *vcpu) {
                    (Vls::EMPTY, _) => {
                        "initialise a new vCPU, of a new VM, without KVM_ARM_VCPU_SVE \
                         (Finalized::without_sve)"
                    }
                    (_, Vls::EMPTY) => {
                        "on a host with SVE, initialise a new vCPU, of a new VM, with KVM_ARM_VCPU_SVE \
                         (Initialised::new)"
                    }
                    _ => "where the host has them, write the snapshot's VLS before finalization",
                };
                write!(
                    f,
                    "a snapshot {} and a vCPU {}: they must be the same; {remedy}",
                    With(snapshot),
                    With(vcpu)
                )
            }
        }
    }
}

/// The message, because nobody can read an ID in decimal.
impl<E: fmt::Display> fmt::Debug for VcpuError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VcpuError({self})")
    }
}

impl<E> VcpuError<E> {
    /// What the vCPU answered, where a call failed: the implementor's error, with its errno.
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Call { error, .. } | Self::Wider { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// The source is [`error`](VcpuError::error).
impl<E: core::error::Error + 'static> core::error::Error for VcpuError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error().map(|error| error as _)
    }
}

/// With these vector lengths, or without SVE.
struct With<'a>(&'a Vls);

impl fmt::Display for With<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.0 {
            Vls::EMPTY => f.write_str("without SVE"),
            vls => write!(f, "with vector lengths (VQ) {vls}"),
        }
    }
}
