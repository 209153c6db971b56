//! The interface that both sides share: `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`.

use crate::layout::{SIZE_MASK, SIZE_SHIFT};

/// Something with ONE_REG: the [shim](crate::shim), a KVM vCPU, or a VMM's own.
///
/// With the `kvm` feature, on Linux on aarch64, it is implemented for `kvm_ioctls::VcpuFd`. For a
/// type of your own it is two ioctls on the vCPU's file descriptor, with a `struct kvm_one_reg` of
/// the ID and the buffer's address.
pub trait OneReg {
    /// What a failed call answers.
    type Error;

    /// Reads the register with this ID. `data` has at least [`reg_size`] bytes; a call that
    /// succeeds writes exactly the first that many.
    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes the register with this ID from the first [`reg_size`] bytes of `data`.
    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Self::Error>;
}

impl<T: OneReg + ?Sized> OneReg for &mut T {
    type Error = T::Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Self::Error> {
        T::get_one_reg(self, id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Self::Error> {
        T::set_one_reg(self, id, data)
    }
}

/// The size in bytes that an ID's size field states (the kernel's `KVM_REG_SIZE`), whether or not
/// the ID names a register.
pub const fn reg_size(id: u64) -> usize {
    1 << ((id & SIZE_MASK) >> SIZE_SHIFT)
}

#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "aarch64"))]
impl OneReg for kvm_ioctls::VcpuFd {
    type Error = kvm_ioctls::Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Self::Error> {
        self.get_one_reg(id, data).map(drop)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Self::Error> {
        kvm_ioctls::VcpuFd::set_one_reg(self, id, data).map(drop)
    }
}
