//! vCPUs of this crate's own.

use sve_state::errno::Errno;
use sve_state::shim::{FEATURE_SVE, Rules, Vcpu as Shim};
use sve_state::{OneReg, Vls, Vq};

use super::{Result, Vcpu};

pub(crate) struct ShimVcpu(Shim<Box<[u8]>>);

/// A vCPU on a host with every vector length.
pub(crate) fn vcpu() -> Result<ShimVcpu> {
    Shim::new(Vls::up_to(Vq::ARCH_MAX), Rules::Mainline)
        .map(ShimVcpu)
        .map_err(|e| e.to_string())
}

impl Vcpu for ShimVcpu {
    fn init(&mut self) -> Result<()> {
        self.0
            .init(true)
            .map_err(|e| format!("KVM_ARM_VCPU_INIT: {e}"))
    }

    fn finalize(&mut self) -> Result<()> {
        self.0
            .finalize(FEATURE_SVE)
            .map_err(|e| format!("KVM_ARM_VCPU_FINALIZE: {e}"))
    }
}

impl OneReg for ShimVcpu {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> std::result::Result<(), Errno> {
        self.0.get_one_reg(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> std::result::Result<(), Errno> {
        self.0.set_one_reg(id, data)
    }
}
