//! Numbers in records from outside, each of which is checked before it is used.

use core::fmt;

use crate::lengths::vq::Vq;

/// A field of a kernel structure that cannot be right, or a buffer that is too short for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The structure, as the kernel's header calls it.
    pub record: &'static str,
    /// The field, as the header calls it, or what else was judged: `bytes` is the buffer's length in bytes, `records`
    /// their number, `address` where the buffer lies, and `next magic` and `next size` are of the record after this
    /// one.
    pub field: &'static str,
    /// What it holds.
    pub found: u64,
    /// What it may hold.
    #[doc(hidden)]
    pub allowed: Allowed,
    /// What the numbers do not say, such as why, or who writes it so.
    #[doc(hidden)]
    pub note: Option<&'static str>,
}

impl FieldError {
    pub(crate) fn new(
        record: &'static str,
        field: &'static str,
        found: u64,
        allowed: Allowed,
    ) -> Self {
        Self {
            record,
            field,
            found,
            allowed,
            note: None,
        }
    }

    pub(crate) fn with_note(self, note: &'static str) -> Self {
        let note = Some(note);
        Self { note, ..self }
    }
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(hidden)]
pub enum Allowed {
    /// This much or more.
    AtLeast(u64),
    /// This much or less.
    AtMost(u64),
    /// This, and nothing else.
    Exactly(u64),
    /// These bits.
    Bits(u64),
    /// A multiple of 8 from one to the other.
    EightsBetween(u64, u64),
    /// A multiple of 16 from one to the other.
    SixteensBetween(u64, u64),
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "it must be {least} or more"),
            Self::AtMost(most) => write!(f, "it must be {most} or less"),
            Self::Exactly(value) => write!(f, "it must be {value}"),
            Self::Bits(bits) => write!(f, "it may have the bits {bits:#x} only"),
            Self::EightsBetween(first, last) => {
                write!(f, "it must be a multiple of 8 from {first} to {last}")
            }
            Self::SixteensBetween(first, last) => {
                write!(f, "it must be a multiple of 16 from {first} to {last}")
            }
        }
    }
}

/// `sve_context: vl is 24: it must be a multiple of 16 from 16 to 256`.
impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            record,
            field,
            found,
            allowed,
            note,
        } = self;
        write!(f, "{record}: {field} is {found}: {allowed}")?;
        note.map_or(Ok(()), |note| write!(f, "; {note}"))
    }
}

impl core::error::Error for FieldError {}

/// A structure of the kernel's as bytes, whose numbers are in this machine's byte order.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    /// What the kernel calls it.
    pub(crate) name: &'static str,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The error for a field that is not as it should be.
    pub(crate) fn error(&self, field: &'static str, found: u64, allowed: Allowed) -> FieldError {
        FieldError::new(self.name, field, found, allowed)
    }

    /// Checks that a field has an allowed value.
    pub(crate) fn check(
        &self,
        field: &'static str,
        found: u64,
        allowed: Allowed,
    ) -> Result<(), FieldError> {
        let right = match allowed {
            Allowed::AtLeast(least) => found >= least,
            Allowed::AtMost(most) => found <= most,
            Allowed::Exactly(value) => found == value,
            Allowed::Bits(bits) => found & !bits == 0,
            Allowed::EightsBetween(first, last) => {
                (first..=last).contains(&found) && found % 8 == 0
            }
            Allowed::SixteensBetween(first, last) => {
                (first..=last).contains(&found) && found % 16 == 0
            }
        };
        match right {
            true => Ok(()),
            false => Err(self.error(field, found, allowed)),
        }
    }

    /// The `bytes` bytes of it that start at `at`.
    pub(crate) fn part(&self, at: usize, bytes: usize) -> Result<&'a [u8], FieldError> {
        let found = self.bytes.len() as u64;
        let end = at.saturating_add(bytes);
        let short = self.error("bytes", found, Allowed::AtLeast(end as u64));
        self.bytes.get(at..end).ok_or(short)
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], FieldError> {
        let mut array = [0; N];
        array.copy_from_slice(self.part(at, N)?);
        Ok(array)
    }

    pub(crate) fn u16(&self, at: usize) -> Result<u16, FieldError> {
        self.array(at).map(u16::from_ne_bytes)
    }

    pub(crate) fn u32(&self, at: usize) -> Result<u32, FieldError> {
        self.array(at).map(u32::from_ne_bytes)
    }

    pub(crate) fn u64(&self, at: usize) -> Result<u64, FieldError> {
        self.array(at).map(u64::from_ne_bytes)
    }

    /// Checks a vector length in bytes, which must lie between these two.
    pub(crate) fn vq(
        &self,
        field: &'static str,
        vl: u16,
        min: Vq,
        max: Vq,
    ) -> Result<Vq, FieldError> {
        let allowed = Allowed::SixteensBetween(min.vl_bytes() as u64, max.vl_bytes() as u64);
        self.check(field, vl.into(), allowed)?;
        Vq::new(u32::from(vl) / 16).map_err(|_| self.error(field, vl.into(), allowed))
    }
}

/// The first `needed` bytes of the caller's buffer, into which a record of this name is to be
/// written.
pub(crate) fn room<'a>(
    name: &'static str,
    bytes: &'a mut [u8],
    needed: usize,
) -> Result<&'a mut [u8], FieldError> {
    let allowed = Allowed::AtLeast(needed as u64);
    let short = FieldError::new(name, "bytes", bytes.len() as u64, allowed);
    bytes.get_mut(..needed).ok_or(short)
}

/// Writes fields one after the other into a buffer that has room for them.
pub(crate) fn put(bytes: &mut [u8], fields: &[&[u8]]) {
    let mut at = 0;
    for field in fields {
        bytes[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    }
}
