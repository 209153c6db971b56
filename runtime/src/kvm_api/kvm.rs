//! Linux KVM by way of `kvm-ioctls`: `VcpuFd` and `&VcpuFd` as vCPUs of this crate (feature `kvm`, on Linux
//! on aarch64; elsewhere there is only this page).
//!
//! # Which `kvm-ioctls`
//!
//! All from 0.15, the first that can finalize a vCPU, to 0.25; the project's tests build both ends.
//!
//! Cargo takes the newest of these for this crate, and does not look for one that serves the VMM too, so a
//! VMM that uses another minor version has two `VcpuFd` at first, and the compiler says that its `VcpuFd` has
//! no `OneReg`. For a VMM that uses 0.22, this leaves only one:
//!
//! ```text
//! $ cargo tree -i kvm-ioctls        # says that there are two
//! $ cargo update -p kvm-ioctls@0.25.1 --precise 0.22.0
//! ```
//!
//! # A newtype, where that does not help
//!
//! With a `kvm-ioctls` outside of that range, or a fork of it, leave out the feature `kvm` and put the vCPU
//! into a type of your own, for which these are all the lines:
//!
//! ```
//! # mod fork { // Stands for the VMM's own kvm-ioctls.
//! #     pub struct Error;
//! #     impl Error {
//! #         pub fn errno(&self) -> i32 { 0 }
//! #     }
//! #     pub struct VcpuFd;
//! #     impl VcpuFd {
//! #         pub fn get_one_reg(&self, _: u64, _: &mut [u8]) -> Result<usize, Error> { Ok(0) }
//! #         pub fn set_one_reg(&self, _: u64, _: &[u8]) -> Result<usize, Error> { Ok(0) }
//! #         pub fn vcpu_finalize(&self, _: &i32) -> Result<(), Error> { Ok(()) }
//! #     }
//! # }
//! # use fork::{Error, VcpuFd};
//! # use sve_state::OneReg;
//! # use sve_state::Errno;
//! # use sve_state::FinalizeSve;
//! struct Fd<'a>(&'a VcpuFd);
//!
//! impl OneReg for Fd<'_> {
//!     type Error = Error;
//!     fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Error> {
//!         self.0.get_one_reg(id, data).map(drop)
//!     }
//!     fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Error> {
//!         self.0.set_one_reg(id, data).map(drop)
//!     }
//!     fn errno(&self, error: &Error) -> Option<Errno> {
//!         Some(Errno(error.errno()))
//!     }
//! }
//!
//! impl FinalizeSve for Fd<'_> {
//!     fn finalize_sve(&mut self) -> Result<(), Error> {
//!         self.0.vcpu_finalize(&4) // KVM_ARM_VCPU_SVE
//!     }
//! }
//! ```

#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "aarch64"))]
pub use aarch64::{host_vls, vm_vls};

#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "aarch64"))]
mod aarch64 {
    use kvm_ioctls::{Cap, Error, Kvm, VcpuFd, VmFd};

    use crate::kvm_api::{Errno, FinalizeSve, KVM_ARM_VCPU_SVE, OneReg};
    use crate::{Vls, sve};

    /// The vector lengths that this host has for vCPUs, or [`Vls::EMPTY`] where it has no SVE for them. Call
    /// it before there is a VM. [`Vls::common`] makes the set of a fleet from those of all its hosts.
    ///
    /// It asks `KVM_CHECK_EXTENSION` of `KVM_CAP_ARM_SVE`, then reads VLS of a vCPU, for which it makes a VM
    /// of its own and drops both afterwards. The VMM's VM would not do, because all vCPUs of a VM have the
    /// same features, and none can be removed; [`vm_vls`] asks whether that VM has SVE.
    pub fn host_vls(kvm: &Kvm) -> Result<Vls, Error> {
        if !kvm.check_extension(Cap::ArmSve) {
            return Ok(Vls::EMPTY);
        }
        // The smallest guest address space that all hosts have, because on newer kernels freeing a VM takes
        // longer for a larger one.
        let vm = kvm.create_vm_with_ipa_size(32)?;
        let vcpu = vm.create_vcpu(0)?;
        let mut init = Default::default();
        vm.get_preferred_target(&mut init)?;
        init.features[0] |= 1 << KVM_ARM_VCPU_SVE;
        vcpu.vcpu_init(&init)?;
        let mut bytes = [0; 64];
        VcpuFd::get_one_reg(&vcpu, sve::VLS.id(), &mut bytes)?;
        Ok(Vls::from_bytes(&bytes))
    }

    /// The vector lengths that vCPUs of this VM can have: the [host's](host_vls), or [`Vls::EMPTY`] where the
    /// VM has no SVE. Ask this if the VM may be a protected one (pKVM), for which `/dev/kvm` has
    /// `KVM_CAP_ARM_SVE` and every call of a vCPU with SVE succeeds, but whose guest finds no SVE. (As of
    /// Linux 7.3, only the VM's own answer to `KVM_CHECK_EXTENSION` tells.)
    pub fn vm_vls(kvm: &Kvm, vm: &VmFd) -> Result<Vls, Error> {
        if !vm.check_extension(Cap::ArmSve) {
            return Ok(Vls::EMPTY);
        }
        host_vls(kvm)
    }

    /// The methods of `VcpuFd` take `&self`, so a borrowed one will do as well.
    macro_rules! vcpus {
        ($($vcpu:ty)*) => {$(
            impl OneReg for $vcpu {
                type Error = Error;

                fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Error> {
                    VcpuFd::get_one_reg(self, id, data).map(drop)
                }

                fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Error> {
                    VcpuFd::set_one_reg(self, id, data).map(drop)
                }

                fn errno(&self, error: &Error) -> Option<Errno> {
                    Some(Errno(error.errno()))
                }
            }

            impl FinalizeSve for $vcpu {
                fn finalize_sve(&mut self) -> Result<(), Error> {
                    VcpuFd::vcpu_finalize(self, &(KVM_ARM_VCPU_SVE as i32))
                }
            }
        )*};
    }

    vcpus! { VcpuFd &VcpuFd }
}
