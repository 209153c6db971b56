//! vCPUs of this crate's own.

use sve_state::shim::Vcpu;
use sve_state::{Vls, Vq};

use super::Result;

/// A vCPU after `KVM_ARM_VCPU_INIT` with SVE, on a host with every vector length.
pub(crate) fn vcpu() -> Result<Vcpu<Box<[u8]>>> {
    let host = Vls::up_to(Vq::ARCH_MAX);
    let mut vcpu = Vcpu::new(host).map_err(|e| e.to_string())?;
    vcpu.init_with_sve()
        .map_err(|e| format!("KVM_ARM_VCPU_INIT: {e}"))?;
    Ok(vcpu)
}
