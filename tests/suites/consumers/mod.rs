//! What three VMMs write to use this crate, in the shapes that VMMs have: [`list`] keeps a list of (ID, bytes) in
//! bitcode, [`object`] has a trait object, a struct and lists in JSON, and [`trait_v`] has a trait with V by
//! number, and JSON. All take `&self`, and still read what they wrote before they had this crate.
//!
//! The lines that use the crate are between `// (+` and `// +)`, where a test counts them as rustfmt has them,
//! blank ones and those for errors included. Between `// (any` and `// any)` is what only a consumer of any vCPU
//! needs, and after `//-` what the VMM had before. `cargo harness package` builds both, before and after, and
//! compares their sizes.

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub mod kvm;
pub mod list;
pub mod object;
pub mod trait_v;

use std::cell::RefCell;
use std::io;

use sve_state::{Errno, FinalizeSve, OneReg, reg_size, shim};

/// A vCPU that takes `&self`, as `kvm_ioctls::VcpuFd` does.
pub trait Fd {
    /// What `KVM_GET_REG_LIST` lists.
    fn list(&self) -> io::Result<Vec<u64>>;
    /// `KVM_GET_ONE_REG`.
    fn get(&self, id: u64) -> io::Result<Vec<u8>>;
    /// `KVM_SET_ONE_REG`.
    fn set(&self, id: u64, bytes: &[u8]) -> io::Result<()>;
    /// `KVM_ARM_VCPU_FINALIZE`.
    fn finalize(&self) -> io::Result<()>;
}

/// Whether it is one of CORE's registers.
fn is_core(id: u64) -> bool {
    id >> 16 & 0xfff == 0x10
}

/// Whether it is a firmware register.
fn is_firmware(id: u64) -> bool {
    id >> 16 & 0xfff == 0x14
}

/// The shim through `&self`, with a register that only the VMM knows.
#[derive(Debug)]
pub struct ShimFd {
    /// The shim.
    pub vcpu: RefCell<shim::Vcpu<Box<[u8]>>>,
    /// SME's ZA0, as proposed, in coprocessor 0x17.
    pub za0: RefCell<Option<Vec<u8>>>,
}

/// Its ID.
pub const ZA0: u64 = 0x6080_0000_0017_0000;

impl ShimFd {
    fn one_of(&self, id: u64) -> bool {
        id == ZA0 && self.za0.borrow().is_some()
    }
}

impl OneReg for &ShimFd {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        self.vcpu.borrow().get_one_reg(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        self.vcpu.borrow_mut().set_one_reg(id, data)
    }

    fn errno(&self, error: &Errno) -> Option<Errno> {
        Some(*error)
    }
}

impl FinalizeSve for &ShimFd {
    fn finalize_sve(&mut self) -> Result<(), Errno> {
        self.vcpu.borrow_mut().finalize_sve()
    }
}

fn io_error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.0)
}

impl Fd for ShimFd {
    fn list(&self) -> io::Result<Vec<u64>> {
        let vcpu = self.vcpu.borrow();
        let list = vcpu.reg_list().map_err(io_error)?;
        Ok(list.chain(self.one_of(ZA0).then_some(ZA0)).collect())
    }

    fn get(&self, id: u64) -> io::Result<Vec<u8>> {
        if self.one_of(id) {
            return Ok(self.za0.borrow().clone().unwrap_or_default());
        }
        let mut bytes = vec![0; reg_size(id)];
        let got = self.vcpu.borrow().get_one_reg(id, &mut bytes);
        got.map(|()| bytes).map_err(io_error)
    }

    fn set(&self, id: u64, bytes: &[u8]) -> io::Result<()> {
        if self.one_of(id) {
            self.za0.replace(Some(bytes.to_vec()));
            return Ok(());
        }
        let set = self.vcpu.borrow_mut().set_one_reg(id, bytes);
        set.map_err(io_error)
    }

    fn finalize(&self) -> io::Result<()> {
        self.vcpu.borrow_mut().finalize_sve().map_err(io_error)
    }
}
