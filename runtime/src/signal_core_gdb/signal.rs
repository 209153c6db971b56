//! The vector registers that a signal handler gets and returns with: the records `fpsimd_context` and `sve_context` of an
//! arm64 signal frame.
//!
//! ```text
//! sigcontext.__reserved                                                  after it
//! fpsimd_context  other records  sve_context                 end
//! fpsimd_context  other records  extra_context           end  sve_context  end     from VQ 7 on
//!
//! sve_context     head, vl, flags, reserved (16 bytes)  Z0 … Z31  P0 … P15  FFR (546 · VQ)
//! fpsimd_context  head (8)  FPSR (4)  FPCR (4)  V0 … V31 (512)
//! ```
//!
//! When a handler returns, the kernel takes FPSR, FPCR and the low 128 bits of Z from `fpsimd_context`, and all else
//! from `sve_context`. Headers, FPSR, FPCR and V are in the host's byte order, and parsing copies nothing.
//!
//! ```
//! use sve_state::signal::{self, Frame, SveContext};
//! # use sve_state::regset::FpsimdState;
//! # use sve_state::vcpu::Status;
//! use sve_state::{SveState, Vq, sve};
//! # let mut state = SveState::zeroed(Vq::new(2)?)?;
//! # state.set(sve::Z3, &[0xa5; 256]);
//! # let mut bytes = [0; 4096];
//! # let at = FpsimdState::from_state(&state, Status::default()).write_context(&mut bytes)?;
//! # SveContext::from_state(&state).write(&mut bytes[at..])?;
//!
//! // `bytes` are the 4096 of `__reserved`, which is at `RESERVED_OFFSET` of the `ucontext` that a handler
//! // is given. From VQ 7 on there are more after them; if `bytes` lacks those, the error says how many
//! // bytes are needed.
//! let needed = signal::frame_bytes(&bytes)?;
//! let frame = Frame::parse(bytes.get(..needed).unwrap_or(&bytes))?;
//! let vq = frame.sve.map_or(Vq::MIN, |sve| sve.vq); // without SVE there is V only
//! let mut state = SveState::zeroed(vq)?;
//! let status = frame.copy_to(&mut state);
//! assert_eq!(state.register(sve::Z3)[0], 0xa5);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! [`write()`] puts registers back into such a frame, and [`Frame::write`] makes a whole one, in an emulator or a
//! tracer.
//!
//! # Frames that are not as one expects
//!
//! * Where there is SME and no SVE (`-cpu max,sve=off` of QEMU, guests of an Apple M4), a thread outside streaming
//!   mode has a `sve_context` with a `vl` of 0 and no registers, which counts as none.
//! * qemu-user breaks the rule that records and the extra space start at a multiple of 16, and has null records of 8
//!   bytes, so its `datap` is an odd multiple of 8. Such frames are read and written too.
//! * In streaming mode FFR exists only with FEAT_SME_FA64, and without it is zero here.
//!
//! Source: Linux's `arch/arm64/include/uapi/asm/sigcontext.h` and `ucontext.h`, and
//! `Documentation/arch/arm64/sve.rst`.

use core::ops::Range;

use crate::SveState;
use crate::lengths::vq::Vq;
use crate::registers::Status;
use crate::registers::layout::Layout;
use crate::signal_core_gdb::fields::{Allowed, FieldError, Record, put, room};
use crate::signal_core_gdb::regset::{FpsimdState, vl};
use crate::state::image::Storage;
use crate::sve;

/// Where `uc_mcontext.__reserved` is in `struct ucontext`, in bytes.
pub const RESERVED_OFFSET: usize = 464;
/// The size of `sigcontext.__reserved` in bytes.
pub const RESERVED_BYTES: usize = 4096;
/// `SVE_MAGIC`.
#[doc(hidden)]
pub const SVE_MAGIC: u32 = 0x5356_4501;
/// `EXTRA_MAGIC`.
#[doc(hidden)]
pub const EXTRA_MAGIC: u32 = 0x4558_5401;
/// `SVE_SIG_FLAG_SM`: the registers are those of streaming mode.
#[doc(hidden)]
pub const FLAG_SM: u16 = 1;

const SVE: &str = "sve_context";
/// `struct sve_context` and `struct extra_context`, in bytes.
const HEADER: usize = 16;
const EXTRA_BYTES: usize = 32;
/// The end of records, with its padding.
const END: usize = 16;
const NULL_RECORD: &str = "a null record (magic 0, size 0) must end the list";
const V_ONLY: &str = "the frame has room for V only, and the image has more";

/// The registers of a signal frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// V, FPSR and FPCR, which every frame has.
    pub fpsimd: FpsimdState<'a>,
    /// The additional record of a thread with a vector length, that is, on a machine with SVE or in streaming mode.
    pub sve: Option<SveContext<'a>>,
}

/// `struct sve_context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SveContext<'a> {
    /// The vector length.
    pub vq: Vq,
    /// Whether this is streaming mode, in which there always are registers, and FFR is zero without FEAT_SME_FA64.
    pub streaming: bool,
    /// Z, P and FFR, or none if the thread has used only V registers since its last system call.
    pub state: Option<SveState<&'a [u8]>>,
}

/// How many bytes of a frame there are to parse, from the start of `__reserved` on: those of `reserved`, which has
/// 4096, or more if an `extra_context` says so. The frame may say up to 4 GiB here, but [`Frame::parse`] refuses more
/// than there is.
pub fn frame_bytes(reserved: &[u8]) -> Result<usize, FieldError> {
    Ok(match Records::of(reserved, false)?.extra {
        Some(extra) => extra.end.max(reserved.len()),
        None => reserved.len(),
    })
}

impl<'a> Frame<'a> {
    /// Parses a frame from the start of `__reserved` to its end, or as far as [`frame_bytes`] says. Records of other
    /// kinds are skipped; in those that are read, every field that matters is checked.
    pub fn parse(frame: &'a [u8]) -> Result<Self, FieldError> {
        Self::at(frame, &Records::of(frame, true)?)
    }

    fn at(frame: &'a [u8], records: &Records) -> Result<Self, FieldError> {
        let record = |name, range: Range<usize>| Record {
            name,
            bytes: &frame[range],
        };
        let fpsimd = record("fpsimd_context", records.fpsimd_context()?);
        let sve = records.sve.clone().map(|range| record(SVE, range));
        // A head of zeros counts as none: Linux writes it where there is SME and no SVE.
        let sve = sve.filter(|record| record.bytes[8..] != [0; 8]);
        let sve = sve.map(SveContext::at);
        Ok(Self {
            fpsimd: FpsimdState::parse_context(fpsimd)?,
            sve: sve.transpose()?,
        })
    }

    /// Writes the registers into an image of any vector length, as the thread has them when the handler returns, and
    /// returns FPSR and FPCR. The low 128 bits of Z come from `fpsimd_context`, and the rest from `sve_context`, or
    /// is zero where that has no registers.
    pub fn copy_to<S>(&self, state: &mut SveState<S>) -> Status
    where
        S: Storage + AsMut<[u8]>,
    {
        match self.sve.and_then(|sve| sve.state) {
            Some(from) => state.resize_from(&from),
            None => state.as_bytes_mut().fill(0),
        }
        self.fpsimd.copy_to(state)
    }

    /// How many bytes [`write`](Self::write) needs: the 4096 of `__reserved`, or more with an `extra_context`.
    pub fn size(&self) -> usize {
        let (start, sve) = self.sve_place();
        RESERVED_BYTES.max(start + sve + END)
    }

    /// Where the `sve_context` is or would be, and its size. It is after an `extra_context` where it has to be.
    fn sve_place(&self) -> (usize, usize) {
        let sve = self.sve.map_or(0, |sve| sve.size());
        match FpsimdState::CONTEXT_BYTES + sve + END <= RESERVED_BYTES {
            true => (FpsimdState::CONTEXT_BYTES, sve),
            false => (FpsimdState::CONTEXT_BYTES + EXTRA_BYTES + END, sve),
        }
    }

    /// Writes a whole frame, whatever was in memory before: `fpsimd_context`, `sve_context`, `extra_context` where
    /// `__reserved` has no room for all (from VQ 7 on), and the null records that end the lists.
    ///
    /// `bytes` starts with `__reserved`, which the thread will have at `address`, a multiple of 16. Returns
    /// [`size`](Self::size), which is how many of these bytes the frame takes; those after the last null record stay.
    pub fn write(&self, address: u64, bytes: &mut [u8]) -> Result<usize, FieldError> {
        let (size, (start, sve)) = (self.size(), self.sve_place());
        let reserved = "sigcontext.__reserved";
        let bytes = room(reserved, bytes, size)?;
        let record = Record {
            name: reserved,
            bytes,
        };
        let last = u64::MAX - 16 * RESERVED_BYTES as u64;
        record.check("address", address, Allowed::SixteensBetween(16, last))?;
        // First, because it may refuse.
        if let Some(sve) = self.sve {
            sve.write(&mut bytes[start..])?;
        }
        let fpsimd = self.fpsimd.write_context(bytes)?;
        if start > fpsimd {
            // At most 8768.
            #[allow(clippy::cast_possible_truncation)]
            let (extra, size) = (EXTRA_BYTES as u32, (sve + END) as u32);
            put(
                &mut bytes[fpsimd..start],
                &[
                    &EXTRA_MAGIC.to_ne_bytes(),
                    &extra.to_ne_bytes(),
                    &(address + start as u64).to_ne_bytes(),
                    &size.to_ne_bytes(),
                    &[0; 12 + END],
                ],
            );
        }
        bytes[start + sve..][..END].fill(0);
        Ok(size)
    }
}

impl<'a> SveContext<'a> {
    /// Parses a `struct sve_context` and the registers after it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FieldError> {
        let record = Record { name: SVE, bytes };
        let (magic, size) = (record.u32(0)?, record.u32(4)?);
        record.check(
            "head.magic",
            magic.into(),
            Allowed::Exactly(SVE_MAGIC.into()),
        )?;
        let bytes = record.part(0, size as usize)?;
        Self::at(Record { name: SVE, bytes })
    }

    /// Parses a record that is as long as its head says.
    fn at(record: Record<'a>) -> Result<Self, FieldError> {
        let (vq, streaming) = Self::head(record, record.bytes.len())?;
        let bytes = sve::Layout::image_bytes(vq).unwrap_or(usize::MAX);
        let registers = record.part(HEADER, bytes).ok();
        Ok(Self {
            vq,
            streaming,
            state: registers.and_then(|bytes| SveState::new(vq, bytes).ok()),
        })
    }

    /// Checks a head against the size of the record, and returns the vector length and whether it is streaming mode.
    /// Nothing depends on `__reserved`, at which Linux does not look either.
    fn head(record: Record<'_>, size: usize) -> Result<(Vq, bool), FieldError> {
        let (vl, flags) = (record.u16(8)?, record.u16(10)?);
        let vq = record.vq("vl", vl, Vq::MIN, Vq::ARCH_MAX);
        let no_sve = "Linux gives 0, without registers, where there is SME and no SVE";
        let vq = vq.map_err(|error| {
            if vl == 0 {
                error.with_note(no_sve)
            } else {
                error
            }
        })?;
        record.check("flags", flags.into(), Allowed::Bits(FLAG_SM.into()))?;
        let streaming = flags & FLAG_SM != 0;
        // The kernel takes a head without registers or with all of them; otherwise sigreturn fails with EINVAL.
        if size != HEADER || streaming {
            let bytes = sve::Layout::image_bytes(vq).unwrap_or(usize::MAX);
            let needed = HEADER.saturating_add(bytes) as u64;
            let whole = record.check("head.size", size as u64, Allowed::AtLeast(needed));
            whole.map_err(|error| match size {
                HEADER => error.with_note("in streaming mode there are registers"),
                _ => error,
            })?;
        }
        Ok((vq, streaming))
    }

    /// A record with these registers, not of streaming mode.
    pub fn from_state<S: Storage>(state: &'a SveState<S>) -> Self {
        Self {
            vq: state.vq(),
            streaming: false,
            state: Some(state.by_ref()),
        }
    }

    /// How many bytes the record takes, a multiple of 16: with registers, `SVE_SIG_CONTEXT_SIZE` and padding.
    pub fn size(&self) -> usize {
        let registers = self.state.map_or(0, |state| state.as_bytes().len());
        (HEADER + registers).next_multiple_of(16)
    }

    /// Writes the record into the first [`size`](Self::size) bytes of a buffer, and returns how many these are. What
    /// [`parse`](Self::parse) would refuse is refused: a VQ above 16, and streaming mode without registers.
    pub fn write(&self, bytes: &mut [u8]) -> Result<usize, FieldError> {
        let size = self.size();
        let (header, registers) = room(SVE, bytes, size)?.split_at_mut(HEADER);
        let vq = self.state.map_or(self.vq, |state| state.vq());
        let state = self.state.map_or(&[][..], SveState::into_inner);
        let flags = if self.streaming { FLAG_SM } else { 0 };
        // At most 8752.
        #[allow(clippy::cast_possible_truncation)]
        let size_field = size as u32;
        let mut head = [0; HEADER];
        put(
            &mut head,
            &[
                &SVE_MAGIC.to_ne_bytes(),
                &size_field.to_ne_bytes(),
                &vl(vq).to_ne_bytes(),
                &flags.to_ne_bytes(),
            ],
        );
        let record = Record {
            name: SVE,
            bytes: &head,
        };
        Self::head(record, size)?;
        header.copy_from_slice(&head);
        let (registers, padding) = registers.split_at_mut(state.len());
        registers.copy_from_slice(state);
        padding.fill(0);
        Ok(size)
    }
}

/// Writes registers into a frame, so that the thread goes on with them when the handler returns. If the frame has no
/// room for them, because the vector length is another one, or because the frame has only V registers and the image
/// has more, it refuses and changes nothing.
///
/// A frame has only V on a machine without SVE, and where the thread has used no others since its last system call.
/// The image's Z registers are then written as V, and all else in it must be zero.
pub fn write<S: Storage>(
    frame: &mut [u8],
    state: &SveState<S>,
    status: Status,
) -> Result<(), FieldError> {
    let records = Records::of(frame, true)?;
    let parsed = Frame::at(frame, &records)?;
    let fpsimd = records.fpsimd_context()?;
    let refused = |field, found: usize, allowed: usize| {
        let allowed = Allowed::Exactly(allowed as u64);
        FieldError::new(SVE, field, found as u64, allowed)
    };
    match (parsed.sve, records.sve) {
        (Some(sve), _) if sve.vq != state.vq() => {
            let own = usize::from(vl(state.vq()));
            return Err(refused("vl", vl(sve.vq).into(), own));
        }
        (Some(SveContext { state: Some(_), .. }), Some(range)) => {
            // The head stays, because a kernel may give a record more bytes than it has to.
            let registers = &mut frame[range][HEADER..][..state.as_bytes().len()];
            registers.copy_from_slice(state.as_bytes());
        }
        (sve, range) if !has_v_only(state) => {
            let error = match (sve, range) {
                (Some(_), Some(range)) => refused(
                    "head.size",
                    range.len(),
                    SveContext::from_state(state).size(),
                ),
                _ => refused("records", 0, 1),
            };
            return Err(error.with_note(V_ONLY));
        }
        _ => {}
    }
    FpsimdState::from_state(state, status).write_context(&mut frame[fpsimd])?;
    Ok(())
}

/// Whether nothing is set above the low 128 bits of Z, nor in P or FFR.
fn has_v_only<S: Storage>(state: &SveState<S>) -> bool {
    let vl = state.vq().vl_bytes();
    let (z, predicates) = state.as_bytes().split_at(32 * vl);
    let mut others = z.chunks_exact(vl).map(|z| &z[16..]).chain([predicates]);
    others.all(|bytes| bytes.iter().all(|byte| *byte == 0))
}

/// Where the records are, heads included.
#[derive(Default)]
struct Records {
    fpsimd: Option<Range<usize>>,
    sve: Option<Range<usize>>,
    /// The extra space, whether or not it has been looked at.
    extra: Option<Range<usize>>,
}

impl Records {
    /// Goes through the records, with `all` through those in the extra space too.
    fn of(frame: &[u8], all: bool) -> Result<Self, FieldError> {
        let mut found = Self::default();
        found.walk(frame, 0..frame.len().min(RESERVED_BYTES), true)?;
        if let (Some(extra), true) = (&found.extra, all) {
            let extra = extra.clone();
            let record = Record {
                name: "extra_context",
                bytes: frame,
            };
            record.part(extra.start, extra.len())?;
            found.walk(frame, extra, false)?;
        }
        Ok(found)
    }

    /// Goes through the records of one space, up to the null record that ends it.
    fn walk(&mut self, frame: &[u8], space: Range<usize>, base: bool) -> Result<(), FieldError> {
        let mut at = space.start;
        loop {
            let record = Record {
                name: "_aarch64_ctx",
                bytes: &frame[at..space.end],
            };
            let unended = |error: FieldError| error.with_note(NULL_RECORD);
            record.part(0, 8).map_err(unended)?;
            let (magic, size) = (record.u32(0)?, record.u32(4)?);
            let largest = (space.end - at) as u64;
            if magic == 0 {
                return record.check("size", size.into(), Allowed::Exactly(0));
            }
            let fits = record.check("size", size.into(), Allowed::SixteensBetween(16, largest));
            fits.map_err(unended)?;
            let range = at..at + size as usize;
            match magic {
                FpsimdState::MAGIC => {
                    let size = size.into();
                    let right = Allowed::Exactly(FpsimdState::CONTEXT_BYTES as u64);
                    named("fpsimd_context", record).check("head.size", size, right)?;
                    once(&mut self.fpsimd, "fpsimd_context", range)?;
                }
                SVE_MAGIC => once(&mut self.sve, SVE, range)?,
                EXTRA_MAGIC if base => {
                    let extra = extra(named("extra_context", record), at, size)?;
                    once(&mut self.extra, "extra_context", extra)?;
                }
                EXTRA_MAGIC => once(&mut self.extra, "extra_context", range)?,
                _ => {}
            }
            at += size as usize;
        }
    }

    fn fpsimd_context(&self) -> Result<Range<usize>, FieldError> {
        let none = FieldError::new("fpsimd_context", "records", 0, Allowed::Exactly(1));
        self.fpsimd.clone().ok_or(none)
    }
}

fn named<'a>(name: &'static str, record: Record<'a>) -> Record<'a> {
    Record { name, ..record }
}

/// The extra space that an `extra_context` at this place describes. It starts after the null record that must follow
/// the `extra_context` directly, which has 16 bytes in Linux, but 8 in qemu-user, whose space starts and ends at an
/// odd multiple of 8. (Frames are at multiples of 16.)
fn extra(record: Record<'_>, at: usize, size: u32) -> Result<Range<usize>, FieldError> {
    record.check(
        "head.size",
        size.into(),
        Allowed::AtLeast(EXTRA_BYTES as u64),
    )?;
    let (datap, extra) = (record.u64(8)?, record.u32(16)?);
    record.check("datap", datap, Allowed::EightsBetween(8, u64::MAX))?;
    let (null, allowed) = match datap % 16 {
        0 => (END, Allowed::SixteensBetween(16, u32::MAX.into())),
        _ => (8, Allowed::EightsBetween(8, u32::MAX.into())),
    };
    record.check("size", extra.into(), allowed)?;
    let end = size as usize;
    record.check("next magic", record.u32(end)?.into(), Allowed::Exactly(0))?;
    record.check(
        "next size",
        record.u32(end + 4)?.into(),
        Allowed::Exactly(0),
    )?;
    let start = at + end + null;
    Ok(start..start.saturating_add(extra as usize))
}

/// Notes the place of a record of which there may be only one.
fn once(
    place: &mut Option<Range<usize>>,
    name: &'static str,
    range: Range<usize>,
) -> Result<(), FieldError> {
    match place.replace(range) {
        None => Ok(()),
        Some(_) => Err(FieldError::new(name, "records", 2, Allowed::AtMost(1))),
    }
}
