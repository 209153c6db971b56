//! One error for a VMM to wrap once.

use core::error::Error;
use core::fmt;

use crate::fields::FieldError;
use crate::gdb::GdbError;
use crate::snapshot::{RegistersError, SnapshotError};
use crate::vcpu::VcpuError;
use crate::vls::VlsError;

/// Whatever goes wrong while a VMM saves and restores. `?` turns the errors of steps with a vCPU
/// ([`vcpu`](crate::vcpu), [`gdb`](crate::gdb)), with a [`snapshot`](crate::snapshot), a signal frame
/// ([`signal`](crate::signal)) and a register set ([`regset`](crate::regset)) into this one. `E` is the vCPU's
/// own error; with KVM it is `kvm_ioctls::Error`.
///
/// For every error of this crate, the text says everything, including what the vCPU answered. The source is
/// the implementor's error or none, never another error of this crate. (So a program that prints the text and
/// the sources prints the implementor's words twice, and nothing else twice.)
///
/// ```
/// # use sve_state::{errno::Errno, vcpu::FinalizeSve};
/// use sve_state::SveError;
/// use sve_state::snapshot::Snapshot as SveSnapshot;
/// use sve_state::vcpu::Initialised;
///
/// fn restore<V>(vcpu: V, list: &[(u64, Vec<u8>)]) -> Result<(), SveError<V::Error>>
/// where
///     V: FinalizeSve,
/// {
///     let snapshot = SveSnapshot::from_registers(list.iter().map(|(id, bytes)| (*id, bytes)))?;
///     Initialised::new(vcpu).restore_snapshot(&snapshot)?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SveError<E> {
    /// A step with a vCPU was not taken.
    Vcpu(VcpuError<E>),
    /// Bytes are no snapshot, or parts do not make one.
    Snapshot(SnapshotError),
    /// Registers do not make a snapshot.
    Registers(RegistersError),
    /// A host cannot have these vector lengths.
    Vls(VlsError),
    /// A register could not be read or written for gdb.
    Gdb(GdbError<E>),
    /// A signal frame, a register set or a buffer for one is not right.
    Field(FieldError),
}

impl<E> SveError<E> {
    /// What the vCPU answered, where a call failed: the implementor's error, with its errno.
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Vcpu(error) | Self::Gdb(GdbError::Vcpu(error)) => error.error(),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($variant:ident: $error:ty;)*) => {$(
        impl<E> From<$error> for SveError<E> {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from! {
    Vcpu: VcpuError<E>;
    Snapshot: SnapshotError;
    Registers: RegistersError;
    Vls: VlsError;
    Gdb: GdbError<E>;
    Field: FieldError;
}

/// The text of the error itself.
impl<E: fmt::Display> fmt::Display for SveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vcpu(error) => error.fmt(f),
            Self::Snapshot(error) => error.fmt(f),
            Self::Registers(error) => error.fmt(f),
            Self::Vls(error) => error.fmt(f),
            Self::Gdb(error) => error.fmt(f),
            Self::Field(error) => error.fmt(f),
        }
    }
}

/// The message, because nobody can read an ID in decimal.
impl<E: fmt::Display> fmt::Debug for SveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SveError({self})")
    }
}

/// The source is [`error`](SveError::error).
impl<E: Error + 'static> Error for SveError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error().map(|error| error as _)
    }
}
