//! What two VMMs write to use this crate, in the two shapes that VMMs have. [`list`] keeps a list of (ID,
//! bytes), and has a binary format. [`object`] has a trait object, and JSON. Both take `&self`, and still read
//! what they wrote before they had this crate. [`by_hand`] does what `object` does, without the crate.
//!
//! The lines for SVE and floating point stand between `// (+` and `// +)`, and a test counts them.

pub mod by_hand;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub mod kvm;
pub mod list;
pub mod object;

use std::cell::RefCell;

use sve_state::OneReg;
use sve_state::errno::Errno;
use sve_state::shim;
use sve_state::vcpu::FinalizeSve;

/// A vCPU that takes `&self`, as `kvm_ioctls::VcpuFd` does.
pub trait Fd {
    /// What `KVM_GET_REG_LIST` lists.
    fn list(&self) -> Result<Vec<u64>, String>;
    /// `KVM_GET_ONE_REG`.
    fn get(&self, id: u64) -> Result<Vec<u8>, String>;
    /// `KVM_SET_ONE_REG`.
    fn set(&self, id: u64, bytes: &[u8]) -> Result<(), String>;
    /// `KVM_ARM_VCPU_FINALIZE`.
    fn finalize(&self) -> Result<(), String>;
}

/// The shim behind `&self`.
#[derive(Debug)]
pub struct ShimFd(pub RefCell<shim::Vcpu<Box<[u8]>>>);

impl OneReg for &ShimFd {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        self.0.borrow().get_one_reg(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        self.0.borrow_mut().set_one_reg(id, data)
    }

    fn errno(&self, error: &Errno) -> Option<Errno> {
        Some(*error)
    }
}

impl FinalizeSve for &ShimFd {
    fn finalize_sve(&mut self) -> Result<(), Errno> {
        self.0.borrow_mut().finalize_sve()
    }
}

impl Fd for ShimFd {
    fn list(&self) -> Result<Vec<u64>, String> {
        let vcpu = self.0.borrow();
        let list = vcpu.reg_list().map_err(|e| e.to_string())?;
        Ok(list.collect())
    }

    fn get(&self, id: u64) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; sve_state::one_reg::reg_size(id)];
        let got = self.0.borrow().get_one_reg(id, &mut bytes);
        got.map(|()| bytes).map_err(|e| format!("{id:#x}: {e}"))
    }

    fn set(&self, id: u64, bytes: &[u8]) -> Result<(), String> {
        let set = self.0.borrow_mut().set_one_reg(id, bytes);
        set.map_err(|e| format!("{id:#x}: {e}"))
    }

    fn finalize(&self) -> Result<(), String> {
        self.0
            .borrow_mut()
            .finalize_sve()
            .map_err(|e| e.to_string())
    }
}
