//! The register sets `NT_ARM_SVE` and `NT_ARM_SSVE`, which ptrace hands out and core files keep.
//!
//! ```text
//! header  Z0 … Z31  P0 … P15  FFR  padding  FPSR  FPCR  padding     SVE_PT_SIZE(vq, SVE)
//! 16      546 · VQ                 to 16    4     4     to 16       592 bytes at VQ 1, 8768 at VQ 16
//!
//! header  V0 … V31  FPSR  FPCR  padding                             SVE_PT_SIZE(vq, FPSIMD)
//! 16      512       4     4     8                                   544 bytes
//! ```
//!
//! Between header and padding lies `sve_state` as it is, so it is borrowed and not copied. The header, FPSR, FPCR and
//! V are in the host's byte order, and lengths in the header are in bytes.
//!
//! ```
//! use sve_state::regset::{Payload, Regset};
//! use sve_state::vcpu::Status;
//! use sve_state::{SveState, Vq, sve};
//!
//! let mut state = SveState::zeroed(Vq::new(2)?)?;
//! state.set(sve::Z3, &[0xa5; 256]);
//!
//! // For PTRACE_SETREGSET, or for a core file.
//! let regset = Regset::from_state(&state, Status { fpsr: 0x10, fpcr: 0 });
//! let mut bytes = [0; 1136];
//! assert_eq!(regset.write(&mut bytes)?, 1136);
//!
//! // From PTRACE_GETREGSET, or from a core file.
//! match Regset::parse(&bytes)?.payload() {
//!     Payload::Sve { state, status } => assert_eq!((state.register(sve::Z3)[0], status.fpsr), (0xa5, 0x10)),
//!     Payload::Fpsimd(_) | Payload::None => unreachable!("it was written with SVE registers"),
//! }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! gdb looks for FPSR and FPCR directly after the registers, as if there were no padding. There is none at VQ 8 and
//! 16, and at VQ 1 to 4 and 9 to 12 it has room for a copy of both, which [`Regset::write`] puts there. At every
//! power of two gdb therefore shows the right values, and so does a program that goes by the kernel's layout. At VQ 5
//! to 7 and 13 to 15 gdb shows other bytes for these two registers.
//!
//! gdb also takes the first thread's vector length for all threads of a core file, so for gdb
//! [resize](SveState::resize_from) all of them to the largest. LLDB shows each thread at its own, and finds FPSR and
//! FPCR at every vector length. [`gdb`](crate::gdb#what-differs-by-debugger) has what else differs.
//!
//! Source: `struct user_sve_header` and `SVE_PT_*` in Linux's `arch/arm64/include/uapi/asm/ptrace.h`, and
//! `Documentation/arch/arm64/sve.rst`.

use crate::SveState;
use crate::lengths::vq::Vq;
use crate::registers::Status;
use crate::registers::layout::Layout;
use crate::signal_core_gdb::fields::{Allowed, FieldError, Record, put, room};
pub use crate::signal_core_gdb::vregs::{FpsimdState, VRegs};
use crate::state::image::Storage;
use crate::sve;

/// The type of the register set and of its core note, whose owner is `LINUX` (`linux/elf.h`).
pub const NT_ARM_SVE: u32 = 0x405;
/// The same for SVE registers in streaming mode (`linux/elf.h`).
pub const NT_ARM_SSVE: u32 = 0x40b;
/// The type of the core note of SME's array ZA; its owner is `LINUX` too (`linux/elf.h`).
#[doc(hidden)]
pub const NT_ARM_ZA: u32 = 0x40c;
/// The type of the core note that has a [`FpsimdState`], with the owner `CORE` (`linux/elf.h`).
pub const NT_PRFPREG: u32 = 2;
/// The owner of `NT_ARM_SVE` in a core file; under another owner, readers skip the note silently.
#[doc(hidden)]
pub const NOTE_OWNER: &str = "LINUX";

/// `SVE_PT_REGS_SVE`: SVE registers follow.
#[doc(hidden)]
pub const REGS_SVE: u16 = 1;
/// `SVE_PT_VL_INHERIT`: the thread passes its vector length on to programs that it executes.
pub const VL_INHERIT: u16 = 2;
/// `SVE_PT_VL_ONEXEC`: in PTRACE_SETREGSET, the vector length takes effect at the next `execve`.
pub const VL_ONEXEC: u16 = 4;

const NAME: &str = "user_sve_header";
/// `struct user_sve_header`, in bytes.
const HEADER: usize = 16;
/// An ELF note's header and the owner's name with its padding.
const NOTE_HEADER: usize = 12 + 8;
/// The size of [`Regset::inactive_za_note`] in bytes.
#[doc(hidden)]
pub const ZA_NOTE_BYTES: usize = NOTE_HEADER + HEADER;

/// A register set: `struct user_sve_header` and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regset<'a> {
    /// None for a `vl` of 0.
    vq: Option<Vq>,
    max_vq: Vq,
    flags: u16,
    payload: Payload<'a>,
    note: u32,
}

/// What follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// SVE registers.
    Sve {
        /// Z, P and FFR. In NT_ARM_SSVE, FFR is zero without FEAT_SME_FA64.
        state: SveState<&'a [u8]>,
        /// FPSR and FPCR.
        status: Status,
    },
    /// V registers, because the machine has no SVE or the thread has used no others since its last system call.
    Fpsimd(FpsimdState<'a>),
    /// No registers, because the thread is not in the mode that was asked for, or because it is only a header.
    None,
}

impl<'a> Regset<'a> {
    /// Parses what PTRACE_GETREGSET of NT_ARM_SVE has written, or that core note's content, from its start.
    ///
    /// The header says how large the register set is. More bytes may follow, because PTRACE_GETREGSET gives all that
    /// the largest one would take. Every field of the header is checked except `max_size`, `max_vl` and `__reserved`,
    /// which say nothing of the registers.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FieldError> {
        Self::parse_note(bytes, NT_ARM_SVE)
    }

    /// Parses the same from NT_ARM_SSVE. For a thread outside streaming mode, Linux gives a header whose size field
    /// says 16 or 8, or one that says 8 with V registers after it, or only V registers, depending on its version; all of these
    /// parse as [`Payload::None`].
    pub fn parse_streaming(bytes: &'a [u8]) -> Result<Self, FieldError> {
        Self::parse_note(bytes, NT_ARM_SSVE)
    }

    fn parse_note(bytes: &'a [u8], note: u32) -> Result<Self, FieldError> {
        let record = Record { name: NAME, bytes };
        record.part(0, HEADER)?;
        let size = record.u32(0)?;
        record.part(0, size as usize)?;
        // Without registers Linux gives 16, but 6.19 gives 8.
        if size != 8 {
            record.check("size", size.into(), Allowed::AtLeast(HEADER as u64))?;
        }
        let (vl, max_vl, flags) = (record.u16(8)?, record.u16(10)?, record.u16(12)?);
        let known = REGS_SVE | VL_INHERIT | VL_ONEXEC;
        record.check("flags", flags.into(), Allowed::Bits(known.into()))?;
        let sve = flags & REGS_SVE != 0;
        let none = size as usize <= HEADER || note == NT_ARM_SSVE && !sve;
        let vq = match vl {
            0 if !none && !sve => None,
            _ => Some(record.vq("vl", vl, Vq::MIN, Vq::ARCH_MAX)?),
        };
        let payload = if none {
            Payload::None
        } else {
            let needed = match vq.filter(|_| sve) {
                Some(vq) => size_at(vq),
                None => HEADER + FpsimdState::BYTES,
            };
            record.check("size", size.into(), Allowed::AtLeast(needed as u64))?;
            let bytes = record.part(HEADER, needed - HEADER)?;
            match vq.filter(|_| sve) {
                Some(vq) => sve_payload(Record { name: NAME, bytes }, vq)?,
                None => Payload::Fpsimd(FpsimdState::parse(bytes)?),
            }
        };
        let least = vq.unwrap_or(Vq::MIN);
        let max_vq = record.vq("max_vl", max_vl, least, Vq::MAX);
        Ok(Self {
            vq,
            max_vq: max_vq.unwrap_or(least),
            flags,
            payload,
            note,
        })
    }

    /// A register set with these SVE registers, at the image's vector length. For a smaller one, such as that
    /// of a guest that sets ZCR, [resize](SveState::resize_from) the image first.
    pub fn from_state<S: Storage>(state: &'a SveState<S>, status: Status) -> Self {
        let state = state.by_ref();
        Self::with(Some(state.vq()), REGS_SVE, Payload::Sve { state, status })
    }

    /// A register set with V registers, for a vCPU without SVE. `vq` is what its header says, 1 to 16; in a file that
    /// also has vCPUs with SVE, take theirs.
    ///
    /// `None` is a `vl` of 0. Where there is SME and no SVE, PTRACE_SETREGSET of NT_ARM_SVE takes nothing else, and
    /// makes the thread leave streaming mode, while PTRACE_GETREGSET of NT_ARM_SVE fails there (EINVAL).
    pub fn from_fpsimd(vq: Option<Vq>, fpsimd: FpsimdState<'a>) -> Self {
        Self::with(vq, 0, Payload::Fpsimd(fpsimd))
    }

    /// A header without registers, with which PTRACE_SETREGSET sets the thread's vector length, 1 to 16, and writes no
    /// registers. P, FFR and the bits of Z above V are lost; V, FPSR and FPCR are kept or cleared, depending on the
    /// version of Linux.
    pub fn from_vq(vq: Vq) -> Self {
        Self::with(Some(vq), REGS_SVE, Payload::None)
    }

    fn with(vq: Option<Vq>, flags: u16, payload: Payload<'a>) -> Self {
        Self {
            vq,
            max_vq: vq.unwrap_or(Vq::MIN),
            flags,
            payload,
            note: NT_ARM_SVE,
        }
    }

    /// The same with another `max_vl`; if that is smaller than `vl`, `vl` is used.
    pub fn with_max_vq(self, max_vq: Vq) -> Self {
        let max_vq = max_vq.max(self.vq());
        Self { max_vq, ..self }
    }

    /// The same with these flags, of which all but [`VL_INHERIT`] and [`VL_ONEXEC`] are ignored.
    pub fn with_flags(self, flags: u16) -> Self {
        let flags = flags & (VL_INHERIT | VL_ONEXEC) | self.flags & REGS_SVE;
        Self { flags, ..self }
    }

    /// The same for streaming mode, so that [`write_note`](Self::write_note) makes it NT_ARM_SSVE; the header does
    /// not say which mode it is. In a core file gdb wants [`inactive_za_note`](Self::inactive_za_note) after it.
    pub fn streaming(self) -> Self {
        let note = NT_ARM_SSVE;
        Self { note, ..self }
    }

    /// The vector length; in NT_ARM_SSVE, that of streaming mode. It is 1 for a `vl` of 0, where there are only V
    /// registers.
    pub fn vq(&self) -> Vq {
        self.vq.unwrap_or(Vq::MIN)
    }

    /// The largest vector length that the thread may have, or that the vCPU has. It is [`vq`](Self::vq) where the
    /// header says less, as QEMU's dump of a vCPU in streaming mode does.
    pub fn max_vq(&self) -> Vq {
        self.max_vq
    }

    /// The flags without `SVE_PT_REGS_SVE`, which [`payload`](Self::payload) shows.
    pub fn flags(&self) -> u16 {
        self.flags & !REGS_SVE
    }

    /// The registers.
    pub fn payload(&self) -> Payload<'a> {
        self.payload
    }

    /// Writes the registers into an image of any vector length, as the thread would have them, and returns FPSR and
    /// FPCR. If there are only V registers, zeros are written above them, and to P and FFR. If there are no
    /// registers, nothing is written, and it returns `None`.
    pub fn copy_to<S>(&self, state: &mut SveState<S>) -> Option<Status>
    where
        S: Storage + AsMut<[u8]>,
    {
        match self.payload {
            Payload::Sve {
                state: from,
                status,
            } => {
                state.resize_from(&from);
                Some(status)
            }
            Payload::Fpsimd(fpsimd) => {
                state.as_bytes_mut().fill(0);
                Some(fpsimd.copy_to(state))
            }
            Payload::None => None,
        }
    }

    /// How many bytes it has, header included (`SVE_PT_SIZE`).
    pub fn size(&self) -> usize {
        match self.payload {
            Payload::Sve { state, .. } => size_at(state.vq()),
            Payload::Fpsimd(_) => HEADER + FpsimdState::BYTES,
            Payload::None => HEADER,
        }
    }

    /// Writes it into the first [`size`](Self::size) bytes of a buffer, and returns how many these are. A VQ above 16
    /// is refused, and so are V registers for [streaming](Self::streaming) mode, because Linux gives none, and since
    /// 6.16 takes none.
    pub fn write(&self, bytes: &mut [u8]) -> Result<usize, FieldError> {
        let size = self.size();
        let (header, payload) = room(NAME, bytes, size)?.split_at_mut(HEADER);
        let record = Record {
            name: NAME,
            bytes: &[],
        };
        record.vq("vl", vl(self.vq()), Vq::MIN, Vq::ARCH_MAX)?;
        if let (NT_ARM_SSVE, Payload::Fpsimd(_)) = (self.note, self.payload) {
            let error = record.error(
                "flags",
                self.flags.into(),
                Allowed::AtLeast(REGS_SVE.into()),
            );
            return Err(error.with_note("NT_ARM_SSVE has SVE registers, or none"));
        }
        self.put_header(header, size, size_at(self.max_vq), self.flags);
        match self.payload {
            Payload::Sve { state, status } => {
                let (registers, rest) = payload.split_at_mut(state.as_bytes().len());
                registers.copy_from_slice(state.as_bytes());
                rest.fill(0);
                let fields = [status.fpsr.to_ne_bytes(), status.fpcr.to_ne_bytes()];
                let padding = rest.len() - 16;
                put(&mut rest[padding..], &[&fields[0], &fields[1]]);
                if padding >= 8 {
                    // The copy that gdb finds, right after the registers.
                    put(rest, &[&fields[0], &fields[1]]);
                }
            }
            Payload::Fpsimd(fpsimd) => {
                fpsimd.write(payload)?;
            }
            Payload::None => {}
        }
        Ok(size)
    }

    /// How many bytes it has as a core note.
    pub fn note_size(&self) -> usize {
        NOTE_HEADER + self.size()
    }

    /// Writes it as a core note, for a file in this machine's byte order: the note's header (`Elf64_Nhdr`), the owner
    /// and the content. The note is `NT_ARM_SVE`, or `NT_ARM_SSVE` in [streaming](Self::streaming) mode. Returns its
    /// size, which is a multiple of 4, so that the next note may follow directly.
    pub fn write_note(&self, bytes: &mut [u8]) -> Result<usize, FieldError> {
        let (header, content) =
            room("Elf64_Nhdr", bytes, self.note_size())?.split_at_mut(NOTE_HEADER);
        self.write(content)?;
        put_note_header(header, self.note, self.size());
        Ok(self.note_size())
    }

    /// A core note `NT_ARM_ZA` of a thread, or vCPU, that does not use ZA, which is only `struct user_za_header` with
    /// this register set's vector lengths.
    ///
    /// It belongs in a core file with each [streaming](Self::streaming) note, because without it gdb 16.3 and 18.1
    /// show no vector register of that thread. Linux writes both.
    pub fn inactive_za_note(&self) -> [u8; ZA_NOTE_BYTES] {
        let mut note = [0; ZA_NOTE_BYTES];
        let (header, content) = note.split_at_mut(NOTE_HEADER);
        put_note_header(header, NT_ARM_ZA, HEADER);
        let vl = self.vq().vl_bytes();
        self.put_header(content, HEADER, HEADER + vl * vl, 0);
        note
    }

    /// `struct user_sve_header`, whose fields `struct user_za_header` has too.
    fn put_header(&self, header: &mut [u8], size: usize, max_size: usize, flags: u16) {
        put(
            header,
            &[
                &number(size).to_ne_bytes(),
                &number(max_size).to_ne_bytes(),
                &self.vq.map_or(0, vl).to_ne_bytes(),
                &vl(self.max_vq).to_ne_bytes(),
                &flags.to_ne_bytes(),
                &[0; 2],
            ],
        );
    }
}

/// `Elf64_Nhdr`, and the owner.
fn put_note_header(header: &mut [u8], kind: u32, size: usize) {
    put(
        header,
        &[
            &number(NOTE_OWNER.len() + 1).to_ne_bytes(),
            &number(size).to_ne_bytes(),
            &kind.to_ne_bytes(),
            NOTE_OWNER.as_bytes(),
            &[0; 8 - NOTE_OWNER.len()],
        ],
    );
}

/// `SVE_PT_SIZE(vq, SVE_PT_REGS_SVE)`.
fn size_at(vq: Vq) -> usize {
    // Not by the layout, because VQs above 16 come here too, and no image has those.
    let registers = 546 * usize::from(vq.get());
    HEADER + registers.next_multiple_of(16) + 16
}

/// What follows the header where there are SVE registers.
fn sve_payload(record: Record<'_>, vq: Vq) -> Result<Payload<'_>, FieldError> {
    let status = record.bytes.len() - 16;
    let bytes = sve::Layout::image_bytes(vq).unwrap_or(0);
    let state = SveState::new(vq, record.part(0, bytes)?);
    let most = Allowed::AtMost(vl(Vq::ARCH_MAX).into());
    Ok(Payload::Sve {
        state: state.map_err(|_| record.error("vl", vl(vq).into(), most))?,
        status: Status {
            fpsr: record.u32(status)?,
            fpcr: record.u32(status + 4)?,
        },
    })
}

/// At most 8192 squared, and a little.
#[allow(clippy::cast_possible_truncation)]
fn number(size: usize) -> u32 {
    size as u32
}

/// At most 8192.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn vl(vq: Vq) -> u16 {
    vq.vl_bytes() as u16
}
