//! A list of (ID, bytes) from `KVM_GET_REG_LIST`, in bitcode. In memory it stays what it was, for its
//! editor and its printer; a snapshot is only in the bytes.

use serde::{Deserialize, Serialize};
// (+
use sve_state::SveError;
use sve_state::snapshot::Snapshot as SveSnapshot;
use sve_state::vcpu::{FinalizeSve, Initialised};
// +)

use super::Fd;

/// What the VMM fails with.
#[derive(Debug)]
pub enum Error {
    /// A call.
    Kvm(String),
    /// Bytes.
    Format(bitcode::Error),
    // (+
    /// SVE state.
    Sve(String),
    // +)
}

// (+
impl<E: std::fmt::Display> From<SveError<E>> for Error {
    fn from(error: SveError<E>) -> Self {
        Self::Sve(error.to_string())
    }
}
// +)

/// A vCPU's registers, in memory.
pub type Registers = Vec<(u64, Vec<u8>)>;

/// As version 1 saved them, all in the list.
#[derive(Serialize, Deserialize)]
struct Saved {
    registers: Registers,
}

/// Reads the registers of a vCPU.
pub fn save<V: Fd>(vcpu: &V) -> Result<Registers, Error> {
    let ids = vcpu.list().map_err(Error::Kvm)?;
    let get = |id| vcpu.get(id).map(|bytes| (id, bytes)).map_err(Error::Kvm);
    ids.into_iter().map(get).collect()
}

/// Writes them to a vCPU after `KVM_ARM_VCPU_INIT`.
pub fn restore<'a, V: Fd>(vcpu: &'a V, registers: &Registers) -> Result<(), Error>
where
    &'a V: FinalizeSve<Error: std::fmt::Display>,
{
    // (+
    sve(vcpu, registers)?;
    let keeps = |id: &u64| SveSnapshot::keeps(*id);
    for (id, bytes) in registers.iter().filter(|(id, _)| !keeps(id)) {
        // +)
        vcpu.set(*id, bytes).map_err(Error::Kvm)?;
    }
    Ok(())
}

// (+
fn sve<V: FinalizeSve>(vcpu: V, list: &Registers) -> Result<(), SveError<V::Error>> {
    let snapshot = SveSnapshot::from_registers(list.iter().map(|(id, bytes)| (*id, bytes)))?;
    Initialised::new(vcpu).restore_snapshot(&snapshot)?;
    Ok(())
}
// +)

/// To bytes.
pub fn serialize(registers: &Registers) -> Result<Vec<u8>, Error> {
    // (+
    let list = registers.iter().map(|(id, bytes)| (*id, bytes));
    let sve = SveSnapshot::from_registers(list).map_err(SveError::<String>::from)?;
    let rest = registers.iter().filter(|(id, _)| !SveSnapshot::keeps(*id));
    bitcode::serialize(&(sve, rest.collect::<Vec<_>>())).map_err(Error::Format)
    // +)
}

/// From bytes, of either version.
pub fn deserialize(bytes: &[u8]) -> Result<Registers, Error> {
    // (+
    if let Ok((sve, rest)) = bitcode::deserialize::<(SveSnapshot, Registers)>(bytes) {
        return Ok(sve.registers().chain(rest).collect());
    }
    // +)
    let Saved { registers } = bitcode::deserialize(bytes).map_err(Error::Format)?;
    Ok(registers)
}

/// As version 1 wrote them, for the tests.
pub fn serialize_as_version_1(registers: &Registers) -> Result<Vec<u8>, Error> {
    let registers = registers.clone();
    bitcode::serialize(&Saved { registers }).map_err(Error::Format)
}
