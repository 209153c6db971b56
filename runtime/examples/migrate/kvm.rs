//! vCPUs of Linux KVM, each in a VM of its own.

use kvm_bindings::{KVM_ARM_VCPU_SVE, kvm_vcpu_init};
use kvm_ioctls::{Cap, Error, Kvm, VcpuFd, VmFd};
use sve_state::OneReg;

use super::{Result, Vcpu};

pub(crate) struct KvmVcpu {
    vcpu: VcpuFd,
    vm: VmFd,
}

/// A vCPU on this host, or why there is none with SVE.
pub(crate) fn vcpu() -> Result<KvmVcpu> {
    let kvm = Kvm::new().map_err(|e| format!("/dev/kvm: {e}"))?;
    let vm = kvm.create_vm().map_err(|e| format!("KVM_CREATE_VM: {e}"))?;
    if !vm.check_extension(Cap::ArmSve) {
        return Err("/dev/kvm is there, but this host has no SVE".to_owned());
    }
    let vcpu = vm
        .create_vcpu(0)
        .map_err(|e| format!("KVM_CREATE_VCPU: {e}"))?;
    Ok(KvmVcpu { vcpu, vm })
}

impl Vcpu for KvmVcpu {
    fn init(&mut self) -> Result<()> {
        let mut init = kvm_vcpu_init::default();
        self.vm
            .get_preferred_target(&mut init)
            .map_err(|e| format!("KVM_ARM_PREFERRED_TARGET: {e}"))?;
        init.features[0] |= 1 << KVM_ARM_VCPU_SVE;
        self.vcpu
            .vcpu_init(&init)
            .map_err(|e| format!("KVM_ARM_VCPU_INIT: {e}"))
    }

    fn finalize(&mut self) -> Result<()> {
        self.vcpu
            .vcpu_finalize(&KVM_ARM_VCPU_SVE.cast_signed())
            .map_err(|e| format!("KVM_ARM_VCPU_FINALIZE: {e}"))
    }
}

impl OneReg for KvmVcpu {
    type Error = Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> std::result::Result<(), Error> {
        OneReg::get_one_reg(&self.vcpu, id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> std::result::Result<(), Error> {
        OneReg::set_one_reg(&mut self.vcpu, id, data)
    }
}
