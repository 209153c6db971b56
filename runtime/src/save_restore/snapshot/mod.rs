//! A captured vCPU's SVE state as bytes, for a file or a migration stream.
//!
//! All numbers are little-endian; sizes and offsets are in bytes.
//!
//! | offset | size | content |
//! | --- | --- | --- |
//! | 0 | 8 | magic, `SVESTATE` in ASCII |
//! | 8 | 2 | version of the format, 1 |
//! | 10 | 2 | flags: bit 0, FPSR and FPCR are present; the others are zero |
//! | 12 | 2 | VQ, the vector length in quadwords |
//! | 14 | 2 | zero |
//! | 16 | 4 | size of the image, 546 · VQ |
//! | 20 | 64 | VLS: bit `v - 1` says whether the vCPU has VQ `v`; zero where SVE is off |
//! | 84 | 4 | FPSR, or zero |
//! | 88 | 4 | FPCR, or zero |
//! | 92 | 546 · VQ | `sve_state`; where SVE is off, VQ is 1 and Z stands for V |
//! | 92 + 546 · VQ | 4 | CRC-32 (ISO-HDLC, as in zlib) of all bytes before it |
//!
//! VLS has every power of two below its largest vector length, as every processor does, and where SVE is off, P
//! and FFR in the image are zero.
//!
//! Parsing looks at the magic and the version first, then at the size, then for damage, and only then at what the
//! fields say. From bytes it allocates nothing before that, and never more than the image; from a serde format it first
//! collects the bytes, up to those of the largest snapshot.
//!
//! # Which version reads what
//!
//! | `sve-state` | writes | reads |
//! | --- | --- | --- |
//! | 0.1 | version 1 | version 1 |
//!
//! A change to the table above makes a new version of the format, which comes with a new minor version of this crate;
//! once released, a version of the format never changes. For as long as this crate exists, every release writes the
//! newest version and reads all earlier ones; a later version it refuses by its number, whatever follows that.
//! `runtime/tests/golden` has files of version 1 that another program wrote, with SVE and without, which each test run
//! reads.
//!
//! # In serde formats
//!
//! With the feature `serde`, a snapshot is these bytes: a byte string in a binary format and, in a format for
//! people such as JSON, a string of base64 (RFC 4648, section 4, with padding), of 1584 characters at VQ 2. White
//! space in it is passed over, and formats that have no strings give it as bytes. JSON and MessagePack read both
//! base64 and a list of numbers, and CBOR reads a list of numbers too, whereas bincode, bitcode and postcard read
//! byte strings. From XML, quick-xml reads an element's text or an attribute, and serde-xml-rs only an attribute,
//! `#[serde(rename = "@sve")]`. serde-saphyr reads YAML's `!!binary` with its option
//! `ignore_binary_tag_for_string`.

// It makes no call: of `kvm_api` it uses only the size that an ID states.

#[cfg(feature = "serde")]
mod base64;
mod header;
mod registers;
#[cfg(feature = "serde")]
mod serde;
mod show;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::SveState;
use crate::lengths::vls::{Vls, VlsError};
use crate::lengths::vq::{Vq, VqError};
use crate::registers::linux::RegId;
use crate::registers::{Status, WITHOUT_SVE, without_predicates, write_text};
use crate::state::image::zeros;
use crate::{fpsimd, sve};
pub use header::Header;
pub use registers::{Allow, RegistersError};

const MAGIC: [u8; 8] = *b"SVESTATE";
const VERSION: u16 = 1;
/// The size in bytes of the header, in front of the image.
pub const HEADER_BYTES: usize = 92;
const CHECKSUM: usize = 4;
const FLAG_STATUS: u16 = 1;

/// What a snapshot takes besides the image: header and checksum.
#[doc(hidden)]
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + CHECKSUM;
/// The largest snapshot there is.
const MAX_BYTES: usize = sve::MAX_IMAGE_BYTES + OVERHEAD_BYTES;

/// The SVE state of one vCPU: vector lengths, registers and, if they travel along, FPSR and FPCR.
///
/// ```
/// use sve_state::{SveState, Vls, Vq, snapshot::Snapshot};
///
/// let vq = Vq::new(2)?;
/// let snapshot = Snapshot::new(Vls::up_to(vq), SveState::zeroed(vq)?, None)?;
/// let mut bytes = snapshot.to_bytes();
/// assert_eq!(bytes.len(), 1188);
/// assert_eq!(Snapshot::from_bytes(&bytes)?, snapshot);
///
/// bytes[100] ^= 1;
/// let error = Snapshot::from_bytes(&bytes).unwrap_err();
/// assert!(error.to_string().starts_with("damaged snapshot: "));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    vls: Vls,
    state: SveState<Box<[u8]>>,
    status: Option<Status>,
}

impl Snapshot {
    /// The state of a vCPU with these vector lengths, of which the largest must be the image's, and which must
    /// have every smaller power of two. For a vCPU without SVE the set is empty, the image has VQ 1, and its P and
    /// FFR are zero.
    pub fn new(
        vls: Vls,
        state: SveState<Box<[u8]>>,
        status: Option<Status>,
    ) -> Result<Self, SnapshotError> {
        Self::check_vls(vls, state.vq())?;
        if vls.is_empty() {
            without_predicates(state.as_bytes())
                .map_err(|id| SnapshotError::WithoutSve { id: RegId(id) })?;
        }
        Ok(Self { vls, state, status })
    }

    /// From parts that a capture has made, without a check.
    pub(crate) fn of_parts(vls: Vls, state: SveState<Box<[u8]>>, status: Status) -> Self {
        let status = Some(status);
        Self { vls, state, status }
    }

    fn check_vls(vls: Vls, vq: Vq) -> Result<(), SnapshotError> {
        if vls.max().unwrap_or(Vq::MIN) != vq {
            return Err(SnapshotError::VlsAndVq { vls, vq });
        }
        Ok(vls.check_powers()?)
    }

    /// The state of a vCPU without SVE: V0 to V31, as `struct user_fpsimd_state` has them.
    pub fn from_vregs(v: &[u128; 32], status: Option<Status>) -> Self {
        let Ok(mut state) = SveState::zeroed(Vq::MIN) else {
            unreachable!("the layout starts at VQ 1");
        };
        for (register, value) in fpsimd::V::all().zip(v) {
            state.set_view(register, &value.to_le_bytes());
        }
        let vls = Vls::EMPTY;
        Self { vls, state, status }
    }

    /// Whether it is the state of a vCPU with SVE. Only a vCPU of the same kind, with SVE or without, can take it.
    pub fn has_sve(&self) -> bool {
        !self.vls.is_empty()
    }

    /// The vector lengths. Write them, before finalization, to the vCPU that it will be restored to.
    pub fn vls(&self) -> Vls {
        self.vls
    }

    /// Whether a vCPU of a host with the vector lengths `host` can take the snapshot, or why KVM would refuse its VLS.
    /// A snapshot without SVE goes to any host. [`Header::check`] does the same before all bytes have arrived; a serde
    /// format has no header that can be read first, so there call this once the snapshot has been read.
    ///
    /// ```
    /// # use sve_state::{SveState, Vls, Vq, snapshot::Snapshot};
    /// # let (vq, host) = (Vq::new(4)?, Vls::up_to(Vq::new(2)?));
    /// let snapshot = Snapshot::new(Vls::up_to(vq), SveState::zeroed(vq)?, None)?;
    /// assert_eq!(
    ///     snapshot.check(&host).unwrap_err().to_string(),
    ///     "vector lengths (VQ) {1-4} where there are {1-2}: missing are {3-4}"
    /// );
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn check(&self, host: &Vls) -> Result<(), VlsError> {
        check_host(self.vls, host)
    }

    /// The registers.
    pub fn state(&self) -> &SveState<Box<[u8]>> {
        &self.state
    }

    /// FPSR and FPCR, if they were captured.
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// The snapshot in the form that this module describes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let image = self.state.as_bytes();
        let end = HEADER_BYTES.wrapping_add(image.len());
        let mut bytes = zeros(end.wrapping_add(CHECKSUM));
        copy(&mut bytes, 0, &Header::of(self).write());
        copy(&mut bytes, HEADER_BYTES, image);
        let checksum = checksum(bytes.get(..end).unwrap_or_default());
        copy(&mut bytes, end, &checksum.to_le_bytes());
        bytes.into()
    }

    /// Reads a snapshot, which must be all of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        check_version(bytes)?;
        let found = bytes.len();
        let Some(header) = bytes.first_chunk().filter(|_| found >= OVERHEAD_BYTES) else {
            let needed = OVERHEAD_BYTES;
            return Err(SnapshotError::Truncated { found, needed });
        };
        if found > MAX_BYTES {
            return Err(SnapshotError::TooLarge { found });
        }
        let header = Header::read(header);
        header.check_size(found)?;

        let (content, checksum) = bytes.split_at(found - CHECKSUM);
        let stated = header::number(checksum);
        let found = self::checksum(content);
        if stated != found {
            return Err(SnapshotError::Damaged { stated, found });
        }

        let vq = header.check_fields()?;
        // Not an error: the image has the size that the header states, and that is the size for this VQ.
        let image = content.get(HEADER_BYTES..).unwrap_or_default();
        let state = SveState::new(vq, boxed(image));
        Self::new(
            header.vls(),
            state.map_err(|_| SnapshotError::Reserved)?,
            header.status(),
        )
    }
}

fn check_host(vls: Vls, host: &Vls) -> Result<(), VlsError> {
    match vls.is_empty() {
        true => Ok(()),
        false => vls.check(host),
    }
}

/// Checks the magic and the version, as far as they are there. Of another version nothing else is known.
fn check_version(bytes: &[u8]) -> Result<(), SnapshotError> {
    let (magic, rest) = bytes.split_at(bytes.len().min(MAGIC.len()));
    if !MAGIC.starts_with(magic) {
        return Err(SnapshotError::Magic);
    }
    match rest.first_chunk().map(|bytes| u16::from_le_bytes(*bytes)) {
        Some(version) if version != VERSION => Err(SnapshotError::Version(version)),
        _ => Ok(()),
    }
}

fn boxed(bytes: &[u8]) -> Box<[u8]> {
    let mut new = zeros(bytes.len());
    copy(&mut new, 0, bytes);
    new
}

/// Copies the field to this offset, if it fits there.
#[inline(never)]
fn copy(bytes: &mut [u8], at: usize, field: &[u8]) {
    let bytes = bytes.get_mut(at..at.wrapping_add(field.len()));
    if let Some(bytes) = bytes {
        bytes.copy_from_slice(field);
    }
}

/// CRC-32 (ISO-HDLC), by half bytes: a table for whole ones would be a kilobyte.
#[inline(never)]
fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = {
        let (mut table, mut n) = ([0; 16], 0_u32);
        while n < 16 {
            // Each bit that leaves at the end takes away the reversed polynomial from it on.
            let (mut rest, mut bit) = (n, 0);
            while bit < 4 {
                rest = (rest >> 1) ^ (0xedb8_8320 * (rest & 1));
                bit += 1;
            }
            table[n as usize] = rest;
            n += 1;
        }
        table
    };
    let half = |crc: u32| (crc >> 4) ^ TABLE[crc as usize & 15];
    !bytes
        .iter()
        .fold(!0, |crc, byte| half(half(crc ^ u32::from(*byte))))
}

/// Why bytes are no snapshot, or parts do not make one.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// There are too few bytes for the header and the checksum or, if only a header is read, for the header.
    Truncated {
        /// How many there are.
        found: usize,
        /// What these take.
        needed: usize,
    },
    /// There are more bytes than any snapshot has.
    TooLarge {
        /// How many there are.
        found: usize,
    },
    /// The bytes do not start with the magic.
    Magic,
    /// The format has another version than this one, 1.
    Version(u16),
    /// There are more or fewer bytes than the header states.
    Size {
        /// By the header.
        expected: usize,
        /// What is there.
        found: usize,
    },
    /// The checksum is not that of the bytes.
    Damaged {
        /// In the snapshot.
        stated: u32,
        /// Of its bytes.
        found: u32,
    },
    /// A flag, or a field that must be zero, has a value that this version does not know.
    Reserved,
    /// The VQ is none that the SVE layout describes.
    Vq(VqError),
    /// The image is not as large, in bytes, as the VQ makes it.
    ImageSize {
        /// The snapshot's VQ.
        vq: Vq,
        /// The image's size at that VQ.
        expected: usize,
        /// What the snapshot has.
        found: usize,
    },
    /// The largest vector length of the set is not the image's.
    VlsAndVq {
        /// The set.
        vls: Vls,
        /// The image's VQ.
        vq: Vq,
    },
    /// No processor has these vector lengths.
    Vls(VlsError),
    /// There are no vector lengths, but a register that exists only with SVE is not zero.
    WithoutSve {
        /// The register's ID: P's or FFR's.
        id: RegId,
    },
}

impl From<VlsError> for SnapshotError {
    fn from(error: VlsError) -> Self {
        Self::Vls(error)
    }
}

impl From<VqError> for SnapshotError {
    fn from(error: VqError) -> Self {
        Self::Vq(error)
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut numbers, mut set) = ([0; 3], &Vls::EMPTY);
        let text = match *self {
            Self::Truncated { found, needed } => {
                numbers = [found as u64, needed as u64, 0];
                match needed {
                    HEADER_BYTES => "%d bytes of snapshot: the header takes %d",
                    _ => "%d bytes of snapshot: header and checksum take %d",
                }
            }
            Self::TooLarge { found } => {
                numbers = [found as u64, MAX_BYTES as u64, 0];
                "%d bytes of snapshot: the largest has %d"
            }
            Self::Size { expected, found } => {
                numbers = [found as u64, expected as u64, 0];
                "%d bytes of snapshot: its header states %d"
            }
            Self::ImageSize {
                vq,
                expected,
                found,
            } => {
                numbers = [found as u64, vq.get().into(), expected as u64];
                "%d bytes of image: at VQ %d there are %d"
            }
            Self::Magic => "not a snapshot: it does not start with SVESTATE",
            Self::Version(version) => {
                numbers = [version.into(), VERSION.into(), 0];
                "snapshot of version %d: this is a reader of version %d"
            }
            Self::Damaged { stated, found } => {
                numbers = [found.into(), stated.into(), 0];
                "damaged snapshot: its bytes have the checksum %a, it states %a"
            }
            Self::Reserved => "a flag or field is set that version 1 does not know",
            Self::Vq(error) => return error.fmt(f),
            Self::VlsAndVq { ref vls, vq } => {
                (numbers[0], set) = (vq.get().into(), vls);
                match vls.is_empty() {
                    true => {
                        "an image of VQ %d and no vector lengths: without SVE the image has VQ 1"
                    }
                    false => {
                        "an image of VQ %d with vector lengths %v: it must be the largest of them"
                    }
                }
            }
            Self::Vls(error) => return error.fmt(f),
            Self::WithoutSve { id } => {
                numbers[0] = id.0;
                WITHOUT_SVE
            }
        };
        write_text(f, text, &numbers, &[set])
    }
}

/// The message.
impl fmt::Debug for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotError({self})")
    }
}

impl core::error::Error for SnapshotError {}
