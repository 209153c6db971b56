//! Makes the VMM's vCPU one of the crate's, in lines that a VMM gets from the crate's feature
//! `kvm`.

use std::io;

use sve_state::{Errno, FinalizeSve, OneReg};

use crate::vcpu::{Fd as _, Vcpu};

impl OneReg for &Vcpu {
    type Error = io::Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> io::Result<()> {
        self.get_into(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> io::Result<()> {
        self.set(id, data)
    }

    fn errno(&self, error: &io::Error) -> Option<Errno> {
        error.raw_os_error().map(Errno)
    }
}

impl FinalizeSve for &Vcpu {
    fn finalize_sve(&mut self) -> io::Result<()> {
        self.finalize()
    }
}
