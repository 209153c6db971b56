//! The V registers, which the kernel's FPSIMD structures have as numbers in the host's byte order, and an
//! image as the low bits of Z in little-endian order.

use core::fmt;

use crate::SveState;
use crate::fpsimd;
use crate::registers::Status;
use crate::signal_core_gdb::fields::{FieldError, Record, put, room};
use crate::state::image::Storage;

/// What the 32 registers take, in bytes.
const BYTES: usize = 512;

/// The 32 V registers of 128 bits, borrowed from an image or from a structure of the kernel's.
#[derive(Clone, Copy)]
pub struct VRegs<'a> {
    /// V0 is at the start.
    bytes: &'a [u8],
    /// From one register to the next, in bytes.
    step: usize,
    /// Whether they are numbers in the host's byte order, or else little-endian bytes.
    native: bool,
}

impl<'a> VRegs<'a> {
    /// The V registers of an image, in which V(n) is the low 128 bits of Z(n).
    pub fn from_state<S: Storage>(state: &'a SveState<S>) -> Self {
        Self {
            bytes: state.as_bytes(),
            step: state.vq().vl_bytes(),
            native: false,
        }
    }

    /// The kernel's `__uint128_t vregs[32]`: 512 bytes, numbers in the host's byte order.
    pub fn from_bytes(vregs: &'a [u8; BYTES]) -> Self {
        Self {
            bytes: vregs,
            step: 16,
            native: true,
        }
    }

    /// The value of a register.
    pub fn get(&self, register: fpsimd::V) -> u128 {
        let mut value = [0; 16];
        let at = usize::from(register.number()) * self.step;
        value.copy_from_slice(&self.bytes[at..at + 16]);
        match self.native {
            true => u128::from_ne_bytes(value),
            false => u128::from_le_bytes(value),
        }
    }

    /// Writes them into an image, where P, FFR and all of Z above its low 128 bits stay as they are.
    pub fn copy_to<S: Storage + AsMut<[u8]>>(&self, state: &mut SveState<S>) {
        for register in fpsimd::V::all() {
            state.set_view(register, &self.get(register).to_le_bytes());
        }
    }

    /// As the kernel's `vregs`.
    fn write(&self, vregs: &mut [u8]) {
        for (register, bytes) in fpsimd::V::all().zip(vregs.chunks_exact_mut(16)) {
            bytes.copy_from_slice(&self.get(register).to_ne_bytes());
        }
    }
}

impl PartialEq for VRegs<'_> {
    fn eq(&self, other: &Self) -> bool {
        fpsimd::V::all().all(|register| self.get(register) == other.get(register))
    }
}

impl Eq for VRegs<'_> {}

/// Without the registers, because they are a guest's and may be secret.
impl fmt::Debug for VRegs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VRegs").finish_non_exhaustive()
    }
}

/// V0 to V31 with FPSR and FPCR: what the kernel has in `struct user_fpsimd_state` (`asm/ptrace.h`),
/// which is also the content of the core note `NT_PRFPREG`, and in `struct fpsimd_context`
/// (`asm/sigcontext.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FpsimdState<'a> {
    /// The V registers.
    pub v: VRegs<'a>,
    /// FPSR and FPCR.
    pub status: Status,
}

impl<'a> FpsimdState<'a> {
    /// The size of `struct user_fpsimd_state` in bytes.
    pub const BYTES: usize = 528;
    /// The size of `struct fpsimd_context` in bytes, its head included.
    #[doc(hidden)]
    pub const CONTEXT_BYTES: usize = 528;
    /// `FPSIMD_MAGIC`.
    #[doc(hidden)]
    pub const MAGIC: u32 = 0x4650_8001;

    /// The V registers of an image, with FPSR and FPCR.
    pub fn from_state<S: Storage>(state: &'a SveState<S>, status: Status) -> Self {
        let v = VRegs::from_state(state);
        Self { v, status }
    }

    /// Parses a `struct user_fpsimd_state` from its start.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FieldError> {
        let name = "user_fpsimd_state";
        let record = Record { name, bytes };
        record.part(0, Self::BYTES)?;
        Self::at(record, 0, BYTES)
    }

    /// Parses a `struct fpsimd_context` whose head has been checked.
    pub(crate) fn parse_context(record: Record<'a>) -> Result<Self, FieldError> {
        Self::at(record, 16, 8)
    }

    fn at(record: Record<'a>, v: usize, status: usize) -> Result<Self, FieldError> {
        Ok(Self {
            v: VRegs {
                bytes: record.part(v, BYTES)?,
                step: 16,
                native: true,
            },
            status: Status {
                fpsr: record.u32(status)?,
                fpcr: record.u32(status + 4)?,
            },
        })
    }

    /// Writes a `struct user_fpsimd_state` into the first [`BYTES`](Self::BYTES) of a buffer.
    pub fn write(&self, bytes: &mut [u8]) -> Result<usize, FieldError> {
        let bytes = room("user_fpsimd_state", bytes, Self::BYTES)?;
        let (v, rest) = bytes.split_at_mut(BYTES);
        self.v.write(v);
        put(rest, &[&self.status(), &[0; 8]]);
        Ok(Self::BYTES)
    }

    /// Writes a `struct fpsimd_context`, head included, into the first 528 bytes of a buffer, and returns
    /// how many these are.
    pub fn write_context(&self, bytes: &mut [u8]) -> Result<usize, FieldError> {
        let bytes = room("fpsimd_context", bytes, Self::CONTEXT_BYTES)?;
        let (head, v) = bytes.split_at_mut(16);
        const SIZE: u32 = 528;
        let size = SIZE.to_ne_bytes();
        put(head, &[&Self::MAGIC.to_ne_bytes(), &size, &self.status()]);
        self.v.write(v);
        Ok(Self::CONTEXT_BYTES)
    }

    /// Writes the V registers into an image, as [`VRegs::copy_to`] does, and returns FPSR and FPCR.
    pub fn copy_to<S: Storage + AsMut<[u8]>>(&self, state: &mut SveState<S>) -> Status {
        self.v.copy_to(state);
        self.status
    }

    fn status(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        let Status { fpsr, fpcr } = self.status;
        put(&mut bytes, &[&fpsr.to_ne_bytes(), &fpcr.to_ne_bytes()]);
        bytes
    }
}
