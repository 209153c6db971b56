//! One error for a VMM to wrap once.

use core::error::Error;
use core::fmt;

use crate::fields::FieldError;
use crate::gdb::GdbError;
use crate::snapshot::{RegistersError, SnapshotError};
use crate::vcpu::VcpuError;
use crate::vls::VlsError;

/// Whatever goes wrong while a VMM saves and restores: each error of [`vcpu`](crate::vcpu),
/// [`snapshot`](crate::snapshot), [`gdb`](crate::gdb), [`signal`](crate::signal) and [`regset`](crate::regset)
/// becomes one by `?`. `E` is what the vCPU answers, with KVM
/// `kvm_ioctls::Error`.
///
/// Of all errors of this crate: the text says all of it, what the vCPU answered included, and the source is
/// the implementor's error or none, never another error of this crate. (Who prints text and sources reads the
/// implementor's words twice, and no others.)
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
    /// A register is not read or written for gdb.
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

/// That of the error itself.
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

/// The message: an ID in decimal says nothing to anyone.
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
