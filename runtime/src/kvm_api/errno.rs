//! The error numbers that KVM's register interface answers with.

use core::fmt;

/// A Linux error number, positive, as in `include/uapi/asm-generic/errno-base.h`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Errno {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The kernel's name for it, where it is one of those that this interface uses.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    /// Not at this stage of the vCPU's life: Z, P and FFR before finalization; after it, a SET of VLS and a second
    /// finalization.
    EPERM = 1;
    /// No such register on this vCPU.
    ENOENT = 2;
    /// The calling thread is being killed.
    EINTR = 4;
    /// Not this process's VM, or a dead one.
    EIO = 5;
    /// The list that the caller provided is too short.
    E2BIG = 7;
    /// The vCPU has not been initialized (`KVM_ARM_VCPU_INIT`).
    ENOEXEC = 8;
    /// The file descriptor is closed.
    EBADF = 9;
    /// No memory for the registers, at finalization.
    ENOMEM = 12;
    /// The kernel could not reach the caller's memory.
    EFAULT = 14;
    /// The vCPU has run, and the register can no longer change.
    EBUSY = 16;
    /// The ID, or the value, is not valid.
    EINVAL = 22;
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Errno {}
