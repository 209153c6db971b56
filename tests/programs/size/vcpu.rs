//! A vCPU that the programs move, with all registers by ID and the errnos that matter.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;

/// As the consumers have it.
pub trait Fd {
    fn list(&self) -> io::Result<Vec<u64>>;
    fn get(&self, id: u64) -> io::Result<Vec<u8>>;
    fn set(&self, id: u64, bytes: &[u8]) -> io::Result<()>;
    fn finalize(&self) -> io::Result<()>;
}

pub fn is_core(id: u64) -> bool {
    id >> 16 & 0xfff == 0x10
}

pub fn is_firmware(id: u64) -> bool {
    id >> 16 & 0xfff == 0x14
}

pub fn reg_size(id: u64) -> usize {
    1 << (id >> 52 & 15)
}

#[derive(Debug)]
pub struct Vcpu {
    registers: RefCell<BTreeMap<u64, Vec<u8>>>,
    finalized: Cell<bool>,
}

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EINVAL: i32 = 22;

/// Made from the thread's errno, as `kvm_ioctls::Error` is.
#[inline(never)]
fn errno(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

impl Vcpu {
    /// Has the registers of a vCPU of VQ `vq`, with bytes that the program does not know.
    #[inline(never)]
    pub fn new(vq: usize) -> Self {
        let mut registers = BTreeMap::new();
        let mut put = |id: u64, width: usize| {
            let byte = |k: usize| if k < width { k as u8 } else { 0 };
            registers.insert(id, (0..reg_size(id)).map(byte).collect::<Vec<_>>());
        };
        (0..32).for_each(|n| put(0x6080_0000_0015_0000 + (n << 5), 16 * vq));
        (0..17).for_each(|n| put(0x6050_0000_0015_0400 + (n << 5), 2 * vq));
        put(0x6020_0000_0010_00d4, 4);
        put(0x6020_0000_0010_00d5, 4);
        put(0x6030_0000_0013_c080, 8);
        put(0x6030_0000_0014_0000, 8);
        let mut vls = vec![0; 64];
        vls[..8].copy_from_slice(&((1_u64 << vq) - 1).to_ne_bytes());
        registers.insert(0x6060_0000_0015_ffff, vls);
        Self {
            registers: RefCell::new(registers),
            finalized: Cell::new(false),
        }
    }

    #[inline(never)]
    pub fn get_into(&self, id: u64, data: &mut [u8]) -> io::Result<()> {
        let registers = self.registers.borrow();
        let value = registers.get(&id).ok_or_else(|| errno(ENOENT))?;
        let data = data.get_mut(..value.len()).ok_or_else(|| errno(EINVAL))?;
        data.copy_from_slice(value);
        Ok(())
    }

    #[inline(never)]
    pub fn sum(&self) -> u64 {
        let registers = self.registers.borrow();
        registers.values().flatten().map(|byte| u64::from(*byte)).sum()
    }
}

impl Fd for Vcpu {
    #[inline(never)]
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.registers.borrow().keys().copied().collect())
    }

    #[inline(never)]
    fn get(&self, id: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; reg_size(id)];
        self.get_into(id, &mut bytes)?;
        Ok(bytes)
    }

    #[inline(never)]
    fn set(&self, id: u64, data: &[u8]) -> io::Result<()> {
        let mut registers = self.registers.borrow_mut();
        let value = registers.get_mut(&id).ok_or_else(|| errno(ENOENT))?;
        let data = data.get(..value.len()).ok_or_else(|| errno(EINVAL))?;
        value.copy_from_slice(data);
        Ok(())
    }

    #[inline(never)]
    fn finalize(&self) -> io::Result<()> {
        match self.finalized.replace(true) {
            true => Err(errno(EPERM)),
            false => Ok(()),
        }
    }
}
