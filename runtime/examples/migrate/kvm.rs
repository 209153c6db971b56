//! vCPUs of Linux KVM.

use kvm_bindings::{KVM_ARM_VCPU_SVE, kvm_vcpu_init};
use kvm_ioctls::{Cap, Kvm, VcpuFd};

use super::Result;

/// A vCPU after `KVM_ARM_VCPU_INIT` with SVE, in a VM of its own, or the reason why there is none.
pub(crate) fn vcpu() -> Result<VcpuFd> {
    let failed = |call: &'static str| move |error| format!("{call}: {error}");
    let kvm = Kvm::new().map_err(failed("/dev/kvm"))?;
    // The vCPU keeps its VM alive. It runs nothing, so the smallest guest address space will do, and
    // Linux 6.19 and later take seconds to free a large one where EL2 is emulated.
    let vm = kvm
        .create_vm_with_ipa_size(32)
        .map_err(failed("KVM_CREATE_VM"))?;
    if !vm.check_extension(Cap::ArmSve) {
        return Err("/dev/kvm is there, but this host has no SVE".to_owned());
    }
    let vcpu = vm.create_vcpu(0).map_err(failed("KVM_CREATE_VCPU"))?;
    let mut init = kvm_vcpu_init::default();
    vm.get_preferred_target(&mut init)
        .map_err(failed("KVM_ARM_PREFERRED_TARGET"))?;
    init.features[0] |= 1 << KVM_ARM_VCPU_SVE;
    vcpu.vcpu_init(&init).map_err(failed("KVM_ARM_VCPU_INIT"))?;
    Ok(vcpu)
}
