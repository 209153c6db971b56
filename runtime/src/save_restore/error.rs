//! Why a step of a vCPU was not taken.

use core::fmt::{self, Display as _};

#[cfg(feature = "snapshot")]
use super::snapshot::{RegistersError, SnapshotError};
use crate::kvm_api::Errno;
use crate::kvm_api::refusal::{Call, Refusal};
use crate::lengths::vls::{Vls, VlsError};
use crate::lengths::vq::Vq;
use crate::registers::layout::RegisterError;
use crate::registers::linux::RegId;
use crate::registers::{PAST_VLS, WITHOUT_SVE, write_text};
use crate::sve;

/// Everything that can go wrong while a VMM saves and restores: why a step with a vCPU was not taken, or how far it
/// got. All steps of [`vcpu`](crate::vcpu) fail with it, and `?` turns the errors of a `snapshot` into it as well, so a
/// VMM wraps one error, of which it may need only the [`errno`](Self::errno). `E` is the vCPU's own error, with KVM
/// `kvm_ioctls::Error`.
///
/// As in every error of this crate, the text says everything, including what the vCPU answered, and the source is the
/// implementor's error or none, never another error of this crate. (A program that prints both the text and the
/// sources therefore prints the implementor's words twice, and nothing else twice.)
///
/// ```
/// # use sve_state::{Errno, Vls, shim::Vcpu};
/// use sve_state::SveError;
/// use sve_state::vcpu::Finalized;
///
/// # type Error = Errno; // `kvm_ioctls::Error`
/// // In the VMM's own error. With the crate `thiserror`: `Sve(#[from] SveError<kvm_ioctls::Error>)`.
/// enum VmmError {
///     Sve(SveError<Error>),
/// }
/// # impl From<SveError<Error>> for VmmError { fn from(e: SveError<Error>) -> Self { Self::Sve(e) } }
/// # let mut vcpu = Vcpu::new(Vls::EMPTY)?;
/// # let mut save = || -> Result<Vec<u8>, VmmError> {
/// let bytes = Finalized::from_vcpu(&mut vcpu)?.snapshot()?.to_bytes();
/// # Ok(bytes)
/// # };
/// # let VmmError::Sve(error) = save().unwrap_err();
/// # assert_eq!(error.errno(), Errno::ENOEXEC);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SveError<E> {
    /// A call failed.
    Call {
        /// Which one.
        call: Call,
        /// What the vCPU answered.
        error: E,
        /// Its errno, by [`OneReg::errno`](crate::OneReg::errno).
        errno: Option<Errno>,
        /// Why it failed and what to do, where the errno and the vCPU's stage tell.
        refusal: Option<Refusal>,
    },
    /// The vector lengths are not for this vCPU, or those that it answered are not for any; nothing was written.
    Vls(VlsError),
    /// KVM refused vector lengths that reach above the vCPU's largest: the host lacks some of those, or has others in
    /// between. Nothing was written.
    Wider {
        /// The set asked for.
        wanted: Vls,
        /// What the vCPU has: the host's, or what is left of it after narrowing.
        vcpu: Vls,
        /// What the vCPU answered.
        error: E,
    },
    /// A register was read with bytes other than zero past its width, so either it is longer than the vCPU's vector
    /// lengths say, or those have changed since the vCPU was wrapped.
    PastVls {
        /// The register's ID.
        id: RegId,
        /// The first such byte in what was read.
        at: usize,
        /// The vector lengths.
        vls: Vls,
    },
    /// The vCPU has this register, although it was taken for one without SVE; nothing was written.
    HasSve {
        /// The register's ID: Z's, P's or FFR's.
        id: RegId,
    },
    /// The vCPU is without SVE, and the image has a register that exists only with SVE; nothing was written.
    WithoutSve {
        /// The register's ID: P's or FFR's.
        id: RegId,
    },
    /// The image has another vector length than the vCPU, or one of them has more than the SVE layout describes;
    /// nothing was read or written.
    ImageVq {
        /// The image's.
        image: Vq,
        /// The vCPU's.
        vcpu: Vq,
    },
    /// The snapshot's vector lengths are not the vCPU's; nothing was written.
    SnapshotVls {
        /// The snapshot's.
        snapshot: Vls,
        /// The vCPU's.
        vcpu: Vls,
    },
    /// There is no register with this number; no call was made.
    Number(RegisterError),
    /// Bytes are no snapshot, or parts do not make one.
    #[cfg(feature = "snapshot")]
    Snapshot(SnapshotError),
    /// A list of registers does not make a snapshot; no call was made.
    #[cfg(feature = "snapshot")]
    Registers(RegistersError),
}

macro_rules! from {
    ($($(#[$meta:meta])* $variant:ident: $error:ty;)*) => {$(
        $(#[$meta])*
        impl<E> From<$error> for SveError<E> {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from! {
    Vls: VlsError;
    Number: RegisterError;
    #[cfg(feature = "snapshot")]
    Snapshot: SnapshotError;
    #[cfg(feature = "snapshot")]
    Registers: RegistersError;
}

impl<E: fmt::Display> fmt::Display for SveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, E::fmt)
    }
}

/// The message with its remedy, because `main` prints a returned error that way. The vCPU's own error is shown by its
/// `Debug`.
impl<E: fmt::Debug> fmt::Debug for SveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SveError(")?;
        self.write(f, E::fmt)?;
        f.write_str(")")
    }
}

impl<E> SveError<E> {
    /// The message, with the vCPU's own error as `show` writes it.
    pub(crate) fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        show: fn(&E, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let (text, numbers, [first, second]) = match self {
            Self::Call {
                call,
                error,
                refusal,
                ..
            } => {
                fmt::Display::fmt(call, f)?;
                f.write_str(": ")?;
                show(error, f)?;
                let Some(refusal) = refusal else {
                    return Ok(());
                };
                f.write_str(": ")?;
                return fmt::Display::fmt(refusal, f);
            }
            Self::Vls(error) => return error.fmt(f),
            Self::Number(error) => return error.fmt(f),
            #[cfg(feature = "snapshot")]
            Self::Snapshot(error) => return error.fmt(f),
            #[cfg(feature = "snapshot")]
            Self::Registers(error) => return error.fmt(f),
            Self::Wider {
                wanted,
                vcpu,
                error,
            } => {
                wider(wanted, vcpu, f)?;
                fmt::Display::fmt(&Call::Set(RegId(sve::VLS.id())), f)?;
                f.write_str(": ")?;
                show(error, f)?;
                return f.write_str(")");
            }
            Self::PastVls { id, at, vls } => (PAST_VLS, [id.0, *at as u64], [vls; 2]),
            Self::HasSve { id } => (
                "%i: the vCPU has SVE, and was taken for one without (a vCPU like this one is for \
                 Finalized::new)",
                [id.0, 0],
                NONE,
            ),
            Self::WithoutSve { id } => (WITHOUT_SVE, [id.0, 0], NONE),
            Self::ImageVq { image, vcpu } => {
                let text = match image == vcpu {
                    true => "a vCPU or an image of VQ %d: allowed are 1 to 16",
                    false => "an image of VQ %d and a vCPU of VQ %d: they must be the same",
                };
                (text, [image, vcpu].map(|vq| vq.get().into()), NONE)
            }
            Self::SnapshotVls { snapshot, vcpu } => {
                let (text, sets) = match (snapshot.is_empty(), vcpu.is_empty()) {
                    (true, _) => (
                        "a snapshot without SVE and a vCPU with vector lengths (VQ) %v: they must be the same; \
                         initialize a new vCPU, of a new VM, without KVM_ARM_VCPU_SVE (Finalized::without_sve)",
                        [vcpu; 2],
                    ),
                    (_, true) => (
                        "a snapshot with vector lengths (VQ) %v and a vCPU without SVE: they must be the same; on \
                         a host with SVE, initialize a new vCPU, of a new VM, with KVM_ARM_VCPU_SVE \
                         (Initialized::new)",
                        [snapshot; 2],
                    ),
                    _ => (
                        "a snapshot with vector lengths (VQ) %v and a vCPU with vector lengths (VQ) %v: they must \
                         be the same; where the host has them, write the snapshot's VLS before finalization, on \
                         a new vCPU if this one is finalized",
                        [snapshot, vcpu],
                    ),
                };
                (text, [0; 2], sets)
            }
        };
        write_text(f, text, &numbers, &[first, second])
    }
}

const NONE: [&Vls; 2] = [&Vls::EMPTY; 2];

/// The vCPU may have been narrowed, so this is all that is known of the lengths above its own.
fn wider(wanted: &Vls, vcpu: &Vls, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = "vector lengths (VQ) %v where the vCPU has %v: the host lacks ";
    write_text(f, text, &[], &[wanted, vcpu])?;
    let above = wanted.without(vcpu);
    let text = match above.iter().nth(1) {
        None => "%v",
        Some(_) => "some of %v",
    };
    write_text(f, text, &[], &[&above])?;
    if let Some(max) = wanted.max() {
        if Vls::up_to(max).without(wanted).max() > vcpu.max() {
            write_text(f, ", or has others below %d", &[max.get().into()], &[])?;
        }
    }
    f.write_str(" (")
}

impl<E> SveError<E> {
    /// What the vCPU answered, where a call failed: the implementor's error, with its errno.
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Call { error, .. } | Self::Wider { error, .. } => Some(error),
            _ => None,
        }
    }

    /// The errno that the vCPU answered, where a call failed. Where no call failed, or the vCPU's error has no
    /// [`errno`](crate::OneReg::errno), it is `EINVAL`, and so it is where the call is not in the error, because the
    /// vector lengths are what was wrong: [`Vls`](Self::Vls), [`SnapshotVls`](Self::SnapshotVls).
    pub fn errno(&self) -> Errno {
        match self {
            Self::Call { errno, .. } => errno.unwrap_or(Errno::EINVAL),
            _ => Errno::EINVAL,
        }
    }
}

/// The source is [`error`](SveError::error).
impl<E: core::error::Error + 'static> core::error::Error for SveError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error().map(|error| error as _)
    }
}
