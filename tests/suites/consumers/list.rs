//! A list of (ID, bytes) from `KVM_GET_REG_LIST`, in bitcode, which is Firecracker's shape. In memory the list
//! stays what it is, for its editor and its printer, and the restore is the crate's. Packing is a second step
//! that the VMM may take or leave, so its lines are counted by themselves.

use std::error::Error as StdError;
use std::io;

use serde::{Deserialize, Serialize};
// (+
use sve_state::SveError;
use sve_state::snapshot::Snapshot as SveSnapshot;
use sve_state::vcpu::Initialized;
// +)
// (any
use sve_state::FinalizeSve;
// any)
use thiserror::Error;

use super::Fd;

/// What the VMM fails with. `E` is `kvm_ioctls::Error`.
#[derive(Debug, Error)]
pub enum Error<E: StdError + 'static> {
    /// A call.
    #[error("KVM: {0}")]
    Kvm(#[from] io::Error),
    /// KVM_RUN.
    #[error("KVM_RUN: {0}")]
    Run(E),
    /// Bytes.
    #[error("bytes: {0}")]
    Format(#[from] bitcode::Error),
    // (+
    /// SVE state.
    #[error("SVE state: {0}")]
    Sve(#[from] SveError<E>),
    // +)
}

//- const KVM_REG_ARM64_SVE_VLS: u64 = 0x6060_0000_0015_ffff;

/// A vCPU's registers, in memory.
pub type Registers = Vec<(u64, Vec<u8>)>;

/// As they are saved.
#[derive(Serialize, Deserialize, Debug)]
pub struct State {
    /// In the first version, all of them, and since then what the snapshot does not keep.
    pub registers: Registers,
    // (pack
    /// None if the list is no vCPU's but a test's or an editor's.
    pub sve: Option<SveSnapshot>,
    // pack)
}

/// The first version.
#[derive(Serialize, Deserialize)]
struct Version1 {
    registers: Registers,
}

/// Reads the registers of a vCPU.
pub fn save<V: Fd>(vcpu: &V) -> io::Result<Registers> {
    let ids = vcpu.list()?;
    let get = |id| Ok((id, vcpu.get(id)?));
    ids.into_iter().map(get).collect()
}

/// Writes them to a vCPU after `KVM_ARM_VCPU_INIT`.
pub fn restore<'a, V: Fd, E>(vcpu: &'a V, registers: &Registers) -> Result<(), Error<E>>
where
    // (any
    &'a V: FinalizeSve<Error = E>,
    // any)
    E: StdError + 'static,
{
    //- let vls = registers.iter().find(|(id, _)| *id == KVM_REG_ARM64_SVE_VLS);
    //- if let Some((id, bytes)) = vls {
    //-     vcpu.set(*id, bytes)?;
    //-     vcpu.finalize()?;
    //- }
    //- let vls = |id: &u64| *id == KVM_REG_ARM64_SVE_VLS;
    //- for (id, bytes) in registers.iter().filter(|(id, _)| !vls(id)) {
    // (+
    let list = registers.iter().map(|(id, bytes)| (*id, bytes));
    Initialized::new(vcpu).restore_registers(list)?;
    let keeps = |id: &u64| SveSnapshot::keeps(*id);
    for (id, bytes) in registers.iter().filter(|(id, _)| !keeps(id)) {
        // +)
        vcpu.set(*id, bytes)?;
    }
    Ok(())
}

/// The registers as they are saved.
pub fn pack(registers: &Registers) -> State {
    // (pack
    if let Ok((sve, registers)) = SveSnapshot::split_registers(registers.iter().cloned()) {
        let sve = Some(sve);
        return State { registers, sve };
    }
    // pack)
    State {
        registers: registers.clone(),
        // (pack
        sve: None,
        // pack)
    }
}

/// All registers again.
pub fn unpack(state: State) -> Registers {
    // (pack
    if let Some(sve) = state.sve {
        return sve.registers().chain(state.registers).collect();
    }
    // pack)
    state.registers
}

/// To bytes.
pub fn serialize(state: &State) -> Result<Vec<u8>, bitcode::Error> {
    bitcode::serialize(state)
}

/// From bytes, of either version.
pub fn deserialize(bytes: &[u8]) -> Result<State, bitcode::Error> {
    bitcode::deserialize(bytes).or_else(|_| {
        let Version1 { registers } = bitcode::deserialize(bytes)?;
        Ok(State {
            registers,
            // (pack
            sve: None,
            // pack)
        })
    })
}

/// As version 1 wrote them, for the tests.
pub fn serialize_as_version_1(registers: &Registers) -> Result<Vec<u8>, bitcode::Error> {
    let registers = registers.clone();
    bitcode::serialize(&Version1 { registers })
}
