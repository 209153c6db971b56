//! Operations on a vCPU and their answers, as data.

use std::fmt;

use sve_state::Errno;

use super::ids;
use crate::lengths::Lengths;

/// One call to a vCPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// `KVM_ARM_VCPU_INIT`, with the SVE feature or without.
    Init {
        /// Whether to ask for SVE.
        sve: bool,
    },
    /// `KVM_ARM_VCPU_INIT` with SVE and `KVM_ARM_VCPU_EL1_32BIT`, for a guest of 32 bits.
    Init32,
    /// `KVM_ARM_VCPU_FINALIZE` of a feature number.
    Finalize(u32),
    /// `KVM_GET_ONE_REG`.
    Get(u64),
    /// `KVM_SET_ONE_REG`, with as many bytes as the ID's size field states.
    Set(u64, Vec<u8>),
    /// `KVM_GET_REG_LIST`, of which the SVE registers, V, FPSR and FPCR are kept, in order.
    List,
}

/// What a vCPU answers.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// Success, with nothing to tell.
    Done,
    /// Success, with a register's value.
    Bytes(Vec<u8>),
    /// Success, with register IDs.
    Ids(Vec<u64>),
    /// Failure, with an errno.
    Errno(i32),
    /// Failure with an errno and with these bytes in the caller's buffer, which such a call must
    /// leave as it is.
    Scribbled(i32, Vec<u8>),
}

impl Answer {
    /// What `KVM_GET_ONE_REG` of this ID answers, where `call` gets the buffer and gives an errno.
    pub(super) fn of_get(id: u64, call: impl FnOnce(&mut [u8]) -> Result<(), i32>) -> Self {
        // Not zeros, so that a byte which was not written shows, and so does one that was.
        const UNTOUCHED: u8 = 0xee;
        let mut data = vec![UNTOUCHED; ids::size(id)];
        match call(&mut data) {
            Ok(()) => Self::Bytes(data),
            Err(errno) if data.iter().all(|byte| *byte == UNTOUCHED) => Self::Errno(errno),
            Err(errno) => Self::Scribbled(errno, data),
        }
    }
}

/// A vCPU under test.
pub trait Vcpu {
    /// Performs one operation, and returns what the vCPU answered.
    fn perform(&mut self, op: &Op) -> Answer;
}

/// Something that creates vCPUs.
pub trait Host {
    /// What to call it in a report.
    fn name(&self) -> &'static str;

    /// The vector lengths that it has.
    fn lengths(&self) -> Lengths;

    /// Whether its vCPUs can have guests of 32 bits.
    fn has_32_bits(&self) -> bool {
        true
    }

    /// The command that runs something on such a host.
    fn command(&self) -> String {
        match self.lengths() {
            Lengths::ALL => "cargo harness kvm".to_owned(),
            lengths => format!("cargo harness kvm --lengths {lengths}"),
        }
    }

    /// A new vCPU in a VM of its own, with no other, before `KVM_ARM_VCPU_INIT`.
    fn create(&mut self) -> Result<Box<dyn Vcpu>, String>;
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init { sve } => write!(f, "INIT sve={sve}"),
            Self::Init32 => f.write_str("INIT sve=true, 32 bits"),
            Self::Finalize(feature) => write!(f, "FINALIZE feature={feature}"),
            Self::Get(id) => write!(f, "GET {id:#018x}"),
            Self::Set(id, data) => write!(f, "SET {id:#018x} to {}", Hex(data)),
            Self::List => f.write_str("GET_REG_LIST"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("success"),
            Self::Bytes(data) => Hex(data).fmt(f),
            Self::Ids(ids) => {
                write!(f, "{} IDs", ids.len())?;
                ids.iter().try_for_each(|id| write!(f, " {id:#x}"))
            }
            Self::Errno(errno) => Errno(*errno).fmt(f),
            Self::Scribbled(errno, data) => {
                write!(f, "{}, and in the buffer {}", Errno(*errno), Hex(data))
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes in hex, with a run of one byte at the end shortened, because slices end in padding.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.last();
        let run = self.0.iter().rev().take_while(|b| Some(*b) == last).count();
        for byte in &self.0[..self.0.len() - run] {
            write!(f, "{byte:02x}")?;
        }
        match last {
            Some(byte) => write!(f, "[{byte:02x} × {run}]"),
            None => f.write_str("[]"),
        }
    }
}
