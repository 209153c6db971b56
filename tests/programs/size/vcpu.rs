//! A vCPU that both programs move: all registers by ID, and the errnos that matter.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

#[derive(Default)]
pub struct Vcpu {
    registers: BTreeMap<u64, Vec<u8>>,
    finalized: bool,
}

/// As `kvm_ioctls::Error`: an error number that is an error.
pub struct Errno(i32);

pub const EPERM: Errno = Errno(1);
pub const ENOENT: Errno = Errno(2);

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "errno {}", self.0)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Errno {}

impl Vcpu {
    /// With the registers that a vCPU of VQ `vq` has, of bytes that the program does not know.
    #[inline(never)]
    pub fn new(vq: usize) -> Self {
        let mut vcpu = Self::default();
        let mut put = |id: u64, width: usize| {
            let size = 1 << (id >> 52 & 15);
            let byte = |k: usize| if k < width { k as u8 } else { 0 };
            vcpu.registers.insert(id, (0..size).map(byte).collect());
        };
        (0..32).for_each(|n| put(0x6080_0000_0015_0000 + (n << 5), 16 * vq));
        (0..17).for_each(|n| put(0x6050_0000_0015_0400 + (n << 5), 2 * vq));
        put(0x6020_0000_0010_00d4, 4);
        put(0x6020_0000_0010_00d5, 4);
        let mut vls = vec![0; 64];
        vls[..8].copy_from_slice(&((1_u64 << vq) - 1).to_ne_bytes());
        vcpu.registers.insert(0x6060_0000_0015_ffff, vls);
        vcpu
    }

    #[inline(never)]
    pub fn get(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        let value = self.registers.get(&id).ok_or(ENOENT)?;
        data.get_mut(..value.len()).ok_or(ENOENT)?.copy_from_slice(value);
        Ok(())
    }

    #[inline(never)]
    pub fn set(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        let value = self.registers.get_mut(&id).ok_or(ENOENT)?;
        let data = data.get(..value.len()).ok_or(ENOENT)?;
        value.copy_from_slice(data);
        Ok(())
    }

    #[inline(never)]
    pub fn finalize(&mut self) -> Result<(), Errno> {
        if self.finalized {
            return Err(EPERM);
        }
        self.finalized = true;
        Ok(())
    }

    #[inline(never)]
    pub fn sum(&self) -> u64 {
        self.registers.values().flatten().map(|byte| u64::from(*byte)).sum()
    }
}
