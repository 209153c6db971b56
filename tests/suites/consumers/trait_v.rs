//! A trait with `get_vector_reg(n) -> u128`, from which another crate makes the snapshot and gdb's registers,
//! with V in a struct of its own and what only one hypervisor has as JSON beside it, which is crosvm's shape.
//! The vCPU is its own, and its error is an errno.

use std::collections::BTreeMap;
use std::{fmt, io};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
// (+
use sve_state::snapshot::Snapshot as SveSnapshot;
use sve_state::vcpu::Finalized;
use sve_state::{Errno, OneReg, SveError};
// +)

use super::{Fd, is_firmware};

/// An errno: `base::Error`, of another crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(i32);

impl Error {
    /// With this errno.
    pub fn new(errno: i32) -> Self {
        Self(errno)
    }

    /// The errno.
    pub fn errno(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        io::Error::from_raw_os_error(self.0).fmt(f)
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(0))
    }
}

type Result<T> = std::result::Result<T, Error>;

/// As it is saved.
#[derive(Serialize, Deserialize, Debug)]
pub struct VcpuSnapshot {
    /// V0 to V31, which a vCPU with SVE could not be asked for.
    pub v: [u128; 32],
    /// What only its hypervisor understands.
    pub hypervisor_data: serde_json::Value,
}

/// A vCPU, of whatever hypervisor.
pub trait VcpuAArch64 {
    /// Writes a V register.
    fn set_vector_reg(&self, reg_num: u8, data: u128) -> Result<()>;
    /// Reads a V register.
    fn get_vector_reg(&self, reg_num: u8) -> Result<u128>;
    /// What only this hypervisor has.
    fn hypervisor_specific_snapshot(&self) -> anyhow::Result<serde_json::Value>;
    /// Restores it.
    fn hypervisor_specific_restore(&self, data: serde_json::Value) -> anyhow::Result<()>;

    /// The vCPU's state.
    fn snapshot(&self) -> anyhow::Result<VcpuSnapshot> {
        let mut v = [0; 32];
        for (n, v) in (0..).zip(&mut v) {
            *v = self
                .get_vector_reg(n)
                .with_context(|| format!("Failed to get V{n}"))?;
        }
        let hypervisor_data = self
            .hypervisor_specific_snapshot()
            .context("Failed to get hypervisor specific data")?;
        Ok(VcpuSnapshot { v, hypervisor_data })
    }

    /// Writes the state to a vCPU that is initialized and finalized.
    fn restore(&self, snapshot: &VcpuSnapshot) -> anyhow::Result<()> {
        for (n, v) in (0..).zip(&snapshot.v) {
            self.set_vector_reg(n, *v)
                .with_context(|| format!("Failed to restore V{n}"))?;
        }
        self.hypervisor_specific_restore(snapshot.hypervisor_data.clone())
            .context("Failed to restore hypervisor specific data")
    }
}

/// A register of KVM's.
#[derive(Clone, Copy, Debug)]
enum KvmVcpuRegister {
    Firmware(u16),
    //- V(u8),
    // (+
    Id(u64),
    // +)
}

impl From<KvmVcpuRegister> for u64 {
    fn from(register: KvmVcpuRegister) -> Self {
        match register {
            KvmVcpuRegister::Firmware(n) => 0x6030_0000_0014_0000 | Self::from(n),
            //- KvmVcpuRegister::V(n) => 0x6040_0000_0010_0054 + 4 * u64::from(n),
            // (+
            KvmVcpuRegister::Id(id) => id,
            // +)
        }
    }
}

/// A vCPU of KVM.
#[derive(Debug)]
pub struct KvmVcpu<V> {
    /// The file descriptor.
    pub fd: V,
}

impl<V: Fd> KvmVcpu<V> {
    fn get_one_kvm_reg(&self, register: KvmVcpuRegister, data: &mut [u8]) -> Result<()> {
        data.copy_from_slice(&self.fd.get(register.into())?);
        Ok(())
    }

    fn set_one_kvm_reg(&self, register: KvmVcpuRegister, data: &[u8]) -> Result<()> {
        Ok(self.fd.set(register.into(), data)?)
    }
}

// (+
impl<V: Fd> OneReg for &KvmVcpu<V> {
    type Error = Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<()> {
        self.get_one_kvm_reg(KvmVcpuRegister::Id(id), data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<()> {
        self.set_one_kvm_reg(KvmVcpuRegister::Id(id), data)
    }

    fn errno(&self, error: &Error) -> Option<Errno> {
        Some(Errno(error.errno()))
    }
}

fn errno(error: SveError<Error>) -> Error {
    Error::new(error.errno().0)
}
// +)

#[derive(Serialize, Deserialize)]
struct KvmSnapshot {
    firmware_regs: BTreeMap<u16, u64>,
    // (+
    sve: Option<SveSnapshot>,
    // +)
}

impl<V: Fd> VcpuAArch64 for KvmVcpu<V> {
    fn set_vector_reg(&self, reg_num: u8, data: u128) -> Result<()> {
        //- if reg_num > 31 {
        //-     return Err(Error::new(22));
        //- }
        //- self.set_one_kvm_reg(KvmVcpuRegister::V(reg_num), &data.to_ne_bytes())
        // (+
        let mut vcpu = Finalized::from_vcpu(self).map_err(errno)?;
        vcpu.set_vector(reg_num.into(), data).map_err(errno)
        // +)
    }

    fn get_vector_reg(&self, reg_num: u8) -> Result<u128> {
        //- if reg_num > 31 {
        //-     return Err(Error::new(22));
        //- }
        //- let mut bytes = [0; 16];
        //- self.get_one_kvm_reg(KvmVcpuRegister::V(reg_num), &mut bytes)?;
        //- Ok(u128::from_ne_bytes(bytes))
        // (+
        let vcpu = Finalized::from_vcpu(self).map_err(errno)?;
        vcpu.get_vector(reg_num.into()).map_err(errno)
        // +)
    }

    fn hypervisor_specific_snapshot(&self) -> anyhow::Result<serde_json::Value> {
        let mut firmware_regs = BTreeMap::new();
        for id in self.fd.list()?.into_iter().filter(|id| is_firmware(*id)) {
            let n = u16::try_from(id & 0xffff)?;
            let mut value = [0; 8];
            self.get_one_kvm_reg(KvmVcpuRegister::Firmware(n), &mut value)?;
            firmware_regs.insert(n, u64::from_ne_bytes(value));
        }
        let snapshot = KvmSnapshot {
            firmware_regs,
            // (+
            sve: Some(Finalized::from_vcpu(self)?.snapshot()?),
            // +)
        };
        Ok(serde_json::to_value(snapshot)?)
    }

    fn hypervisor_specific_restore(&self, data: serde_json::Value) -> anyhow::Result<()> {
        let snapshot: KvmSnapshot = serde_json::from_value(data)?;
        // (+
        if let Some(sve) = &snapshot.sve {
            Finalized::from_vcpu(self)?.restore_snapshot(sve)?;
        }
        // +)
        for (n, value) in &snapshot.firmware_regs {
            self.set_one_kvm_reg(KvmVcpuRegister::Firmware(*n), &value.to_ne_bytes())?;
        }
        Ok(())
    }
}
