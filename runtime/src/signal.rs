//! What a signal handler is handed, and what it returns with: the records `fpsimd_context` and
//! `sve_context` of an arm64 signal frame.
//!
//! ```text
//! sigcontext.__reserved                                                  behind it
//! fpsimd_context  other records  sve_context                 end
//! fpsimd_context  other records  extra_context           end  sve_context  end     from VQ 7 on
//!
//! sve_context     head, vl, flags, reserved (16 bytes)  Z0 … Z31  P0 … P15  FFR (546 · VQ)
//! fpsimd_context  head (8)  FPSR (4)  FPCR (4)  V0 … V31 (512)
//! ```
//!
//! When a handler returns, the kernel takes FPSR, FPCR and the low 128 bits of Z from `fpsimd_context`, and
//! all else from `sve_context`. Parsing copies nothing. Headers, FPSR, FPCR and V are in the host's byte
//! order.
//!
//! ```
//! use sve_state::signal::{self, Frame, SveContext};
//! # use sve_state::regset::FpsimdState;
//! # use sve_state::vcpu::Status;
//! use sve_state::{SveState, Vq, sve};
//! # let mut state = SveState::zeroed(Vq::new(2)?)?;
//! # state.set(sve::Z3, &[0xa5; 256]);
//! # let mut bytes = [0; 4096];
//! # let at = FpsimdState::of(&state, Status::default()).write_context(&mut bytes)?;
//! # SveContext::of(&state).write(&mut bytes[at..])?;
//!
//! // `bytes` are the 4096 of `__reserved`, which is at `RESERVED_OFFSET` of the `ucontext` that a handler
//! // is given. From VQ 7 on there are more behind them; if `bytes` lacks those, the error says how many
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
//! [`write()`] is the way back.
//!
//! Source: Linux's `arch/arm64/include/uapi/asm/sigcontext.h` and `ucontext.h`, and
//! `Documentation/arch/arm64/sve.rst`.

use core::ops::Range;

use crate::fields::{Allowed, FieldError, Record, put, room};
use crate::image::{Storage, SveState};
use crate::layout::Layout;
use crate::registers::{Status, without_predicates};
use crate::regset::{FpsimdState, vl};
use crate::sve;
use crate::vq::Vq;

/// Where `uc_mcontext.__reserved` is in `struct ucontext`, in bytes.
pub const RESERVED_OFFSET: usize = 464;
/// The size of `sigcontext.__reserved` in bytes.
pub const RESERVED_BYTES: usize = 4096;
/// `SVE_MAGIC`.
pub const SVE_MAGIC: u32 = 0x5356_4501;
/// `EXTRA_MAGIC`.
pub const EXTRA_MAGIC: u32 = 0x4558_5401;
/// `SVE_SIG_FLAG_SM`: the registers are those of streaming mode.
pub const FLAG_SM: u16 = 1;

const SVE: &str = "sve_context";
/// `struct sve_context` and `struct extra_context`, in bytes.
const HEADER: usize = 16;
const EXTRA_BYTES: usize = 32;
/// The end of records, with its padding.
const END: usize = 16;

/// The registers of a signal frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// V, FPSR and FPCR, which every frame has.
    pub fpsimd: FpsimdState<'a>,
    /// The record that a machine with SVE has besides.
    pub sve: Option<SveContext<'a>>,
}

/// `struct sve_context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SveContext<'a> {
    /// The vector length.
    pub vq: Vq,
    /// Whether this is streaming mode. Then FFR is zero.
    pub streaming: bool,
    /// Z, P and FFR; none if the thread has used only V registers since its last system call.
    pub state: Option<SveState<&'a [u8]>>,
}

/// How many bytes of a frame there are to parse, from the start of `__reserved` on: those of `reserved`, which
/// has 4096, or more if an `extra_context` says so. The frame may say up to 4 GiB here; [`Frame::parse`]
/// refuses it if it says more than there is.
pub fn frame_bytes(reserved: &[u8]) -> Result<usize, FieldError> {
    Ok(match Records::of(reserved, false)?.extra {
        Some(extra) => extra.end.max(reserved.len()),
        None => reserved.len(),
    })
}

impl<'a> Frame<'a> {
    /// From the start of `__reserved`, and on to its end, or as far as [`frame_bytes`] says.
    ///
    /// Records of other kinds are passed over. Every field of those that count is checked.
    pub fn parse(frame: &'a [u8]) -> Result<Self, FieldError> {
        Self::at(frame, &Records::of(frame, true)?)
    }

    fn at(frame: &'a [u8], records: &Records) -> Result<Self, FieldError> {
        let record = |name, range: Range<usize>| Record {
            name,
            bytes: &frame[range],
        };
        let fpsimd = record("fpsimd_context", records.fpsimd_context()?);
        let sve = (records.sve.clone()).map(|range| SveContext::at(record(SVE, range)));
        Ok(Self {
            fpsimd: FpsimdState::parse_context(fpsimd)?,
            sve: sve.transpose()?,
        })
    }

    /// Writes the registers into an image, whatever its vector length, as the thread has them when the
    /// handler returns: the low 128 bits of Z from `fpsimd_context`, the rest from `sve_context`, or zero
    /// where that has no registers. Gives FPSR and FPCR.
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
}

impl<'a> SveContext<'a> {
    /// From a `struct sve_context` and the registers behind it.
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

    /// From a record that is as long as its head says.
    fn at(record: Record<'a>) -> Result<Self, FieldError> {
        let vq = record.vq("vl", record.u16(8)?, Vq::MIN, Vq::ARCH_MAX)?;
        let flags = record.u16(10)?;
        record.check("flags", flags.into(), Allowed::Bits(FLAG_SM.into()))?;
        record.check("__reserved", record.u32(12)?.into(), Allowed::Exactly(0))?;
        // The kernel's rule: a head without registers, or all of them; otherwise sigreturn fails with EINVAL.
        let bytes = sve::Layout::image_bytes(vq).unwrap_or(usize::MAX);
        let size = record.bytes.len();
        if size != HEADER {
            let needed = HEADER.saturating_add(bytes) as u64;
            record.check("head.size", size as u64, Allowed::AtLeast(needed))?;
        }
        let registers = record.part(HEADER, bytes).ok();
        Ok(Self {
            vq,
            streaming: flags & FLAG_SM != 0,
            state: registers.and_then(|bytes| SveState::new(vq, bytes).ok()),
        })
    }

    /// With these registers, not of streaming mode.
    pub fn of<S: Storage>(state: &'a SveState<S>) -> Self {
        Self {
            vq: state.vq(),
            streaming: false,
            state: Some(state.by_ref()),
        }
    }

    /// How many bytes the record takes, a multiple of 16. If it has registers, these are
    /// `SVE_SIG_CONTEXT_SIZE` and padding.
    pub fn size(&self) -> usize {
        let registers = self.state.map_or(0, |state| state.as_bytes().len());
        (HEADER + registers).next_multiple_of(16)
    }

    /// Writes the record into the first [`size`](Self::size) bytes of a buffer; gives how many these are.
    pub fn write(&self, bytes: &mut [u8]) -> Result<usize, FieldError> {
        let size = self.size();
        let (header, registers) = room(SVE, bytes, size)?.split_at_mut(HEADER);
        let vq = self.state.map_or(self.vq, |state| state.vq());
        let state = self.state.map_or(&[][..], SveState::into_inner);
        let flags = if self.streaming { FLAG_SM } else { 0 };
        // At most 8752.
        #[allow(clippy::cast_possible_truncation)]
        let size_field = size as u32;
        put(
            header,
            &[
                &SVE_MAGIC.to_ne_bytes(),
                &size_field.to_ne_bytes(),
                &vl(vq).to_ne_bytes(),
                &flags.to_ne_bytes(),
                &[0; 4],
            ],
        );
        let (registers, padding) = registers.split_at_mut(state.len());
        registers.copy_from_slice(state);
        padding.fill(0);
        Ok(size)
    }
}

/// Writes registers into a frame, for the thread to go on with when the handler returns. Refuses, and
/// changes nothing, where the frame has no room for them: the vector length is another one, or the thread
/// was not using its SVE registers.
///
/// On a machine without SVE the image has VQ 1. Its Z registers are written as V; its P and FFR must be zero.
pub fn write<S: Storage>(
    frame: &mut [u8],
    state: &SveState<S>,
    status: Status,
) -> Result<(), FieldError> {
    let records = Records::of(frame, true)?;
    let parsed = Frame::at(frame, &records)?;
    let fpsimd = records.fpsimd_context()?;
    let error = |field, found: usize, allowed: usize| FieldError {
        record: SVE,
        field,
        found: found as u64,
        allowed: Allowed::Exactly(allowed as u64),
    };
    let own = usize::from(vl(state.vq()));
    match (parsed.sve, records.sve) {
        (Some(sve), Some(range)) => {
            if sve.vq != state.vq() {
                return Err(error("vl", vl(sve.vq).into(), own));
            }
            let context = SveContext {
                state: Some(state.by_ref()),
                ..sve
            };
            if sve.state.is_none() {
                return Err(error("head.size", range.len(), context.size()));
            }
            // The head stays: a kernel may give a record more bytes than it has to.
            let registers = &mut frame[range][HEADER..][..state.as_bytes().len()];
            registers.copy_from_slice(state.as_bytes());
        }
        // Only V would be written.
        _ if state.vq() != Vq::MIN || without_predicates(state).is_err() => {
            return Err(error("records", 0, 1));
        }
        _ => {}
    }
    FpsimdState::of(state, status).write_context(&mut frame[fpsimd])?;
    Ok(())
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
    /// Goes through the records; `all`: those in the extra space too.
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
            let (magic, size) = (record.u32(0)?, record.u32(4)?);
            let largest = (space.end - at) as u64;
            if magic == 0 {
                return record.check("size", size.into(), Allowed::Exactly(0));
            }
            record.check("size", size.into(), Allowed::SixteensBetween(16, largest))?;
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
        self.fpsimd.clone().ok_or(FieldError {
            record: "fpsimd_context",
            field: "records",
            found: 0,
            allowed: Allowed::Exactly(1),
        })
    }
}

fn named<'a>(name: &'static str, record: Record<'a>) -> Record<'a> {
    Record { name, ..record }
}

/// The extra space that an `extra_context` at this place describes. It starts behind the null record that
/// must follow the `extra_context` directly.
fn extra(record: Record<'_>, at: usize, size: u32) -> Result<Range<usize>, FieldError> {
    record.check(
        "head.size",
        size.into(),
        Allowed::AtLeast(EXTRA_BYTES as u64),
    )?;
    let (datap, extra) = (record.u64(8)?, record.u32(16)?);
    let sixteens = |last| Allowed::SixteensBetween(16, last);
    record.check("datap", datap, sixteens(u64::MAX))?;
    record.check("size", extra.into(), sixteens(u64::from(u32::MAX)))?;
    let end = size as usize;
    record.check("next magic", record.u32(end)?.into(), Allowed::Exactly(0))?;
    record.check(
        "next size",
        record.u32(end + 4)?.into(),
        Allowed::Exactly(0),
    )?;
    let start = at + end + END;
    Ok(start..start.saturating_add(extra as usize))
}

/// Notes the place of a record of which there may be only one.
fn once(
    place: &mut Option<Range<usize>>,
    record: &'static str,
    range: Range<usize>,
) -> Result<(), FieldError> {
    if place.is_some() {
        return Err(FieldError {
            record,
            field: "records",
            found: 2,
            allowed: Allowed::AtMost(1),
        });
    }
    *place = Some(range);
    Ok(())
}
