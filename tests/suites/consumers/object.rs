//! A trait object with `&self`, a struct with V in it, a list of registers of 64 bits, two lists of wide ones, and
//! JSON, which is Cloud Hypervisor's shape.

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
// (+
use sve_state::snapshot::Snapshot as SveSnapshot;
use sve_state::vcpu::{Finalized, Initialized, Status};
// +)
// (any
use sve_state::FinalizeSve;
// any)
use thiserror::Error;

use super::{Fd, is_core, reg_size};

/// What a hypervisor's vCPU fails with, whichever hypervisor it is.
#[derive(Debug, Error)]
pub enum HypervisorCpuError {
    /// The list.
    #[error("Failed to retrieve list of registers: {0}")]
    GetRegList(#[source] anyhow::Error),
    /// A register of 64 bits.
    #[error("Failed to get system register: {0}")]
    GetSysRegister(#[source] anyhow::Error),
    /// A register of 64 bits.
    #[error("Failed to set system register: {0}")]
    SetSysRegister(#[source] anyhow::Error),
    /// A wide register.
    #[error("Failed to get extended register: {0}")]
    GetExtendedRegister(#[source] anyhow::Error),
    /// A wide register.
    #[error("Failed to set extended register: {0}")]
    SetExtendedRegister(#[source] anyhow::Error),
}
use HypervisorCpuError as Error;

/// `struct kvm_regs`.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct CoreRegs {
    /// The program counter, standing for all that does not matter here.
    pub pc: u64,
    /// V0 to V31.
    pub vregs: [u128; 32],
    /// FPSR.
    pub fpsr: u32,
    /// FPCR.
    pub fpcr: u32,
}

/// A register that is wider than 64 bits.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct ExtendedReg {
    /// Its ID.
    pub id: u64,
    /// Its value.
    pub data: Vec<u8>,
}

/// As it is saved.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct State {
    /// On a vCPU with SVE, V, FPSR and FPCR were zero.
    pub core_regs: CoreRegs,
    /// Of 64 bits.
    pub sys_regs: Vec<(u64, u64)>,
    /// VLS, before there was `sve`.
    #[serde(default)]
    pub pre_finalize_regs: Vec<ExtendedReg>,
    /// Z, P and FFR, before there was `sve`.
    #[serde(default)]
    pub extended_regs: Vec<ExtendedReg>,
    // (+
    /// All of these, with FPSR and FPCR.
    #[serde(default)]
    pub sve: Option<SveSnapshot>,
    // +)
}

/// A vCPU, of whatever hypervisor.
pub trait Vcpu {
    /// Its state.
    fn state(&self) -> Result<State, HypervisorCpuError>;
    /// Writes the state to a vCPU after `KVM_ARM_VCPU_INIT`.
    fn set_state(&self, state: &State) -> Result<(), HypervisorCpuError>;
}

/// A vCPU of KVM, where `V` is `kvm_ioctls::VcpuFd`.
#[derive(Debug)]
pub struct KvmVcpu<V> {
    /// The file descriptor.
    pub fd: V,
}

/// The value of a register of 64 bits or less.
fn word(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |word, byte| word << 8 | u64::from(*byte))
}

//- const KVM_REG_ARM64_SVE_VLS: u64 = 0x6060_0000_0015_ffff;
//- const FPSR: u64 = 0x6020_0000_0010_00d4;
//- const FPCR: u64 = 0x6020_0000_0010_00d5;
//-
//- /// The ID of a V register.
//- fn v_id(n: usize) -> u64 {
//-     0x6040_0000_0010_0054 + 4 * n as u64
//- }
//-
//- impl<V: Fd> KvmVcpu<V> {
//-     fn get_fpsimd_regs(&self, regs: &mut CoreRegs) -> std::io::Result<()> {
//-         for (n, v) in regs.vregs.iter_mut().enumerate() {
//-             let bytes = self.fd.get(v_id(n))?.try_into();
//-             *v = u128::from_le_bytes(bytes.map_err(|_| std::io::ErrorKind::Other)?);
//-         }
//-         regs.fpsr = word(&self.fd.get(FPSR)?) as u32;
//-         regs.fpcr = word(&self.fd.get(FPCR)?) as u32;
//-         Ok(())
//-     }
//-
//-     fn set_fpsimd_regs(&self, regs: &CoreRegs) -> std::io::Result<()> {
//-         for (n, v) in regs.vregs.iter().enumerate() {
//-             self.fd.set(v_id(n), &v.to_le_bytes())?;
//-         }
//-         self.fd.set(FPSR, &regs.fpsr.to_le_bytes())?;
//-         self.fd.set(FPCR, &regs.fpcr.to_le_bytes())
//-     }
//- }
//-
impl<V> Vcpu for KvmVcpu<V>
where
    V: Fd,
    // (any
    for<'a> &'a V: FinalizeSve<Error: std::error::Error + Send + Sync + 'static>,
    // any)
{
    fn state(&self) -> Result<State, HypervisorCpuError> {
        let mut state = State::default();
        state.core_regs.pc = 0x8000_0000;
        let list = self.fd.list().map_err(|e| Error::GetRegList(e.into()))?;
        for id in list {
            //- if is_core(id) {
            // (+
            if is_core(id) || SveSnapshot::keeps(id) {
                // +)
                // Handled elsewhere.
            } else if reg_size(id) <= 8 {
                let bytes = self.fd.get(id);
                let bytes = bytes.map_err(|e| Error::GetSysRegister(e.into()))?;
                state.sys_regs.push((id, word(&bytes)));
            //- } else if id >> 16 & 0xfff == 0x15 {
            //-     let data = self.fd.get(id);
            //-     let data = data.map_err(|e| Error::GetExtendedRegister(e.into()))?;
            //-     match id {
            //-         KVM_REG_ARM64_SVE_VLS => state.pre_finalize_regs.push(ExtendedReg { id, data }),
            //-         _ => state.extended_regs.push(ExtendedReg { id, data }),
            //-     }
            } else {
                let error = anyhow!("Unsupported register family: {id:#x}");
                return Err(Error::GetExtendedRegister(error));
            }
        }
        //- if state.extended_regs.is_empty() {
        //-     let got = self.get_fpsimd_regs(&mut state.core_regs);
        //-     got.map_err(|e| Error::GetExtendedRegister(e.into()))?;
        //- }
        // (+
        let sve = Finalized::from_vcpu(&self.fd).and_then(|vcpu| vcpu.snapshot());
        state.sve = Some(sve.map_err(|e| Error::GetExtendedRegister(e.into()))?);
        // +)
        Ok(state)
    }

    fn set_state(&self, state: &State) -> Result<(), HypervisorCpuError> {
        //- for reg in &state.pre_finalize_regs {
        //-     let set = self.fd.set(reg.id, &reg.data).and_then(|()| self.fd.finalize());
        //-     set.map_err(|e| Error::SetExtendedRegister(e.into()))?;
        //- }
        //- for reg in &state.extended_regs {
        //-     let set = self.fd.set(reg.id, &reg.data);
        //-     set.map_err(|e| Error::SetExtendedRegister(e.into()))?;
        //- }
        //- if state.extended_regs.is_empty() {
        //-     let set = self.set_fpsimd_regs(&state.core_regs);
        //-     set.map_err(|e| Error::SetExtendedRegister(e.into()))?;
        //- }
        // (+
        let vcpu = Initialized::new(&self.fd);
        let wide = state.pre_finalize_regs.iter().chain(&state.extended_regs);
        let restored = match &state.sve {
            Some(sve) => vcpu.restore_snapshot(sve),
            None if wide.clone().next().is_some() => {
                vcpu.restore_registers(wide.map(|reg| (reg.id, &reg.data)))
            }
            None => {
                let CoreRegs { fpsr, fpcr, .. } = state.core_regs;
                let status = Some(Status { fpsr, fpcr });
                vcpu.restore_snapshot(&SveSnapshot::from_vregs(&state.core_regs.vregs, status))
            }
        };
        restored.map_err(|e| Error::SetExtendedRegister(e.into()))?;
        // +)
        for (id, value) in &state.sys_regs {
            let set = self.fd.set(*id, &value.to_le_bytes()[..reg_size(*id)]);
            set.map_err(|e| Error::SetSysRegister(e.into()))?;
        }
        Ok(())
    }
}
