//! The calls by which a VMM reads and writes a vCPU's registers, `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`, as a trait for a
//! vCPU that has them.

use super::Errno;
use crate::registers::layout::{SIZE_MASK, SIZE_SHIFT};

/// Something with ONE_REG: the [shim](crate::shim), a KVM vCPU, or a VMM's own.
///
/// With the `kvm` feature, on Linux on aarch64, it is implemented for `kvm_ioctls::VcpuFd` and for `&VcpuFd`; the
/// page `sve_state::kvm` says of which versions, and what to do about others. For a file descriptor of your own it is
/// two ioctls:
///
/// ```no_run
/// use std::io;
/// use std::os::fd::{AsRawFd, OwnedFd};
///
/// use sve_state::OneReg;
/// use sve_state::Errno;
/// use sve_state::reg_size;
///
/// struct Vcpu(OwnedFd);
///
/// /// `struct kvm_one_reg`.
/// #[repr(C)]
/// struct KvmOneReg {
///     id: u64,
///     addr: u64,
/// }
///
/// const KVM_GET_ONE_REG: libc::Ioctl = 0x4010_aeab_u32 as libc::Ioctl;
/// const KVM_SET_ONE_REG: libc::Ioctl = 0x4010_aeac_u32 as libc::Ioctl;
///
/// impl Vcpu {
///     /// # Safety
///     ///
///     /// The kernel may read (SET) or write (GET) the ID's size at `addr`.
///     unsafe fn ioctl(&self, request: libc::Ioctl, id: u64, addr: u64) -> io::Result<()> {
///         // SAFETY: the argument lives through the call; the caller vouches for `addr`.
///         match unsafe { libc::ioctl(self.0.as_raw_fd(), request, &KvmOneReg { id, addr }) } {
///             0 => Ok(()),
///             _ => Err(io::Error::last_os_error()),
///         }
///     }
/// }
///
/// impl OneReg for Vcpu {
///     type Error = io::Error;
///
///     fn get_one_reg(&self, id: u64, data: &mut [u8]) -> io::Result<()> {
///         // The kernel does not see how long `data` is.
///         assert!(data.len() >= reg_size(id));
///         // SAFETY: `data` can be written, and is long enough.
///         unsafe { self.ioctl(KVM_GET_ONE_REG, id, data.as_mut_ptr() as u64) }
///     }
///
///     fn set_one_reg(&mut self, id: u64, data: &[u8]) -> io::Result<()> {
///         assert!(data.len() >= reg_size(id));
///         // SAFETY: `data` can be read, and is long enough.
///         unsafe { self.ioctl(KVM_SET_ONE_REG, id, data.as_ptr() as u64) }
///     }
///
///     fn errno(&self, error: &io::Error) -> Option<Errno> {
///         error.raw_os_error().map(Errno)
///     }
/// }
/// ```
///
/// With [`FinalizeSve`], which is one more ioctl, [`vcpu`](crate::vcpu) does the rest.
///
/// There are two things that KVM does not promise:
///
/// * A GET or SET waits until `KVM_RUN` returns, and is whole, but a set of them is not: if another thread runs the
///   vCPU between two calls of a capture, the registers are of two moments, and no call fails. Keep the vCPU out of
///   `KVM_RUN` for the whole of a capture or restore.
/// * A SET of Z, P or FFR whose `addr` can be read only in part ends in `EFAULT`, and has changed the
///   register: the bytes up to the fault are written, and the rest is zero. (A SET of FPSR, FPCR or VLS has
///   changed nothing.) With a slice of `data`, as above, it cannot happen.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no ONE_REG: it does not implement `OneReg`",
    label = "no vCPU that `sve-state` knows",
    note = "with the feature `kvm`, `kvm_ioctls::VcpuFd` and `&VcpuFd` have it, on Linux on aarch64: of the \
            kvm-ioctls that `sve-state` itself uses (`cargo tree -i kvm-ioctls` shows whether there are two)",
    note = "for any other vCPU, implement `OneReg` on a newtype: `sve_state::kvm` has its lines"
)]
pub trait OneReg {
    /// What a vCPU answers to a call that fails.
    type Error;

    /// Reads the register with this ID into the first [`reg_size`] bytes of `data`, which has at least as many. A
    /// call that succeeds writes all of these: the register's bytes, and zeros after them.
    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes the register with this ID from the first [`reg_size`] bytes of `data`. Those past the register's width
    /// mean nothing and need not be zero, because in a packed image they are the next registers.
    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Self::Error>;

    /// The errno in an error of this vCPU.
    ///
    /// It decides what [`SveError`](crate::SveError) says of a call that failed. Implement it wherever the error has an
    /// errno: only `ENOEXEC`, for example, means that `KVM_ARM_VCPU_INIT` is missing, and if `EIO` were mistaken for
    /// it, following the advice would clear a running guest's registers. With the default, `None`, an error shows what
    /// the vCPU answered, but no reason that rests on the errno.
    fn errno(&self, error: &Self::Error) -> Option<Errno> {
        let _ = error;
        None
    }
}

impl<T: OneReg + ?Sized> OneReg for &mut T {
    type Error = T::Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Self::Error> {
        T::get_one_reg(self, id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Self::Error> {
        T::set_one_reg(self, id, data)
    }

    fn errno(&self, error: &T::Error) -> Option<Errno> {
        T::errno(self, error)
    }
}

/// The vCPU feature to ask for, and what to finalize (Linux `arch/arm64/include/uapi/asm/kvm.h`).
pub const KVM_ARM_VCPU_SVE: u32 = 4;

/// A vCPU that can be finalized: one more call than ONE_REG.
///
/// Implemented for the [shim](crate::shim) and, with the feature `kvm`, for `kvm_ioctls::VcpuFd` and
/// `&VcpuFd`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be finalized: it has no `FinalizeSve`",
    label = "no vCPU that `sve-state` knows",
    note = "with the feature `kvm`, `kvm_ioctls::VcpuFd` and `&VcpuFd` have it, on Linux on aarch64: of the \
            kvm-ioctls that `sve-state` itself uses (`cargo tree -i kvm-ioctls` shows whether there are two)",
    note = "for any other vCPU, implement `OneReg` and `FinalizeSve` on a newtype: `sve_state::kvm` has \
            its lines"
)]
pub trait FinalizeSve: OneReg {
    /// `KVM_ARM_VCPU_FINALIZE` of `KVM_ARM_VCPU_SVE`.
    fn finalize_sve(&mut self) -> Result<(), Self::Error>;
}

impl<T: FinalizeSve + ?Sized> FinalizeSve for &mut T {
    fn finalize_sve(&mut self) -> Result<(), Self::Error> {
        T::finalize_sve(self)
    }
}

/// The size in bytes that an ID's size field states (the kernel's `KVM_REG_SIZE`), whether or not
/// the ID names a register.
pub const fn reg_size(id: u64) -> usize {
    1 << ((id & SIZE_MASK) >> SIZE_SHIFT)
}
