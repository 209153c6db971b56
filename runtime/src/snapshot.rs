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
//! VLS has every power of two below its largest vector length, as every processor does; where SVE is
//! off, P and FFR in the image are zero.
//!
//! A change to any of this is another version. Parsing looks at the magic and the version first, then
//! at the size, then for damage, and only then at what the fields say; it allocates nothing before
//! that, and never more than the image.

mod padded;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc};

use crate::image::SveState;
use crate::layout::Layout;
use crate::sve;
use crate::vcpu::{Status, WithoutSve, without_predicates};
use crate::vls::{Vls, VlsError};
use crate::vq::{Vq, VqError};
pub use padded::{Allow, RegistersError};

const MAGIC: [u8; 8] = *b"SVESTATE";
const VERSION: u16 = 1;
/// Behind the magic and the version.
const VERSION_END: usize = 10;
/// The header, in front of the image.
const HEADER: usize = 92;
const CHECKSUM: usize = 4;
const FLAG_STATUS: u16 = 1;
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What a snapshot takes besides the image: header and checksum.
pub const OVERHEAD_BYTES: usize = HEADER + CHECKSUM;
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
    /// The state of a vCPU with these vector lengths, the largest of which is the image's, and every
    /// smaller power of two among them; of a vCPU without SVE, which has none, the image has VQ 1, and
    /// its P and FFR are zero.
    pub fn new(
        vls: Vls,
        state: SveState<Box<[u8]>>,
        status: Option<Status>,
    ) -> Result<Self, SnapshotError> {
        if vls.max().unwrap_or(Vq::MIN) != state.vq() {
            let vq = state.vq();
            return Err(SnapshotError::VlsAndVq { vls, vq });
        }
        vls.check_powers()?;
        if vls == Vls::EMPTY {
            without_predicates(&state).map_err(|id| SnapshotError::WithoutSve { id })?;
        }
        Ok(Self { vls, state, status })
    }

    /// The vector lengths, to write to the vCPU that it is restored to, before finalization.
    pub fn vls(&self) -> Vls {
        self.vls
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
        let flags = if self.status.is_some() {
            FLAG_STATUS
        } else {
            0
        };
        let status = self.status.unwrap_or_default();
        // At most 546 * 16.
        #[allow(clippy::cast_possible_truncation)]
        let len = image.len() as u32;

        let mut bytes = Vec::with_capacity(image.len() + OVERHEAD_BYTES);
        let mut put = |field: &[u8]| append(&mut bytes, field);
        put(&MAGIC);
        put(&VERSION.to_le_bytes());
        put(&flags.to_le_bytes());
        put(&self.state.vq().get().to_le_bytes());
        put(&[0; 2]);
        put(&len.to_le_bytes());
        self.vls
            .words()
            .iter()
            .for_each(|word| put(&word.to_le_bytes()));
        put(&status.fpsr.to_le_bytes());
        put(&status.fpcr.to_le_bytes());
        put(image);
        let checksum = CRC.checksum(&bytes);
        append(&mut bytes, &checksum.to_le_bytes());
        bytes
    }

    /// The snapshot that these bytes, and all of them, are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        check_version(bytes)?;
        if bytes.len() < OVERHEAD_BYTES {
            let found = bytes.len();
            return Err(SnapshotError::Truncated { found });
        }
        if bytes.len() > MAX_BYTES {
            let found = bytes.len();
            return Err(SnapshotError::TooLarge { found });
        }
        let mut header = Reader(&bytes[VERSION_END..]);
        let flags = u16::from_le_bytes(header.take()?);
        let vq = u16::from_le_bytes(header.take()?);
        let zero = u16::from_le_bytes(header.take()?);
        let len = u32::from_le_bytes(header.take()?);
        check_size(bytes.len(), len)?;

        let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        let stated = u32::from_le_bytes(Reader(checksum).take()?);
        let found = CRC.checksum(content);
        if stated != found {
            return Err(SnapshotError::Damaged { stated, found });
        }

        let mut words = [0; 8];
        for word in &mut words {
            *word = u64::from_le_bytes(header.take()?);
        }
        let status = Status {
            fpsr: u32::from_le_bytes(header.take()?),
            fpcr: u32::from_le_bytes(header.take()?),
        };
        let has_status = flags & FLAG_STATUS != 0;
        if flags & !FLAG_STATUS != 0 || zero != 0 || (!has_status && status != Status::default()) {
            return Err(SnapshotError::Reserved);
        }
        let vq = Vq::new(vq.into())?;
        let expected = sve::Layout::image_bytes(vq)?;
        let image = &content[HEADER..];
        let size = SnapshotError::ImageSize {
            vq,
            expected,
            found: image.len(),
        };
        let state = SveState::new(vq, image.into()).map_err(|_| size)?;
        Self::new(Vls::from_words(words), state, has_status.then_some(status))
    }
}

/// The magic and the version, as far as they are there: of another version nothing else is known.
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

/// Out of line, since there are many fields, and a program is to stay small.
#[inline(never)]
fn append(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend_from_slice(field);
}

/// The size that the header states is the size that is there.
fn check_size(found: usize, image: u32) -> Result<(), SnapshotError> {
    let expected = image as usize;
    match found.checked_sub(OVERHEAD_BYTES) {
        Some(image) if image == expected => Ok(()),
        _ => Err(SnapshotError::Size {
            expected: expected.saturating_add(OVERHEAD_BYTES),
            found,
        }),
    }
}

/// Bytes from outside, taken from the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let found = self.0.len();
        let truncated = SnapshotError::Truncated { found };
        let (taken, rest) = self.0.split_first_chunk().ok_or(truncated)?;
        self.0 = rest;
        Ok(*taken)
    }
}

/// Why bytes are no snapshot, or parts do not make one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SnapshotError {
    /// There are fewer bytes than the header and the checksum take.
    Truncated {
        /// How many there are.
        found: usize,
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
    /// A flag, or a field that must be zero, has a meaning that this version does not know.
    Reserved,
    /// No VQ, or one that the SVE layout does not describe.
    Vq(VqError),
    /// The image is not as large as the VQ makes it, in bytes.
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
    /// There are no vector lengths, and a register that there is with SVE only is not zero.
    WithoutSve {
        /// The register's ID: P's or FFR's.
        id: u64,
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
        match self {
            Self::Truncated { found } => {
                write!(
                    f,
                    "{found} bytes of snapshot: header and checksum alone take {OVERHEAD_BYTES}"
                )
            }
            Self::TooLarge { found } => {
                write!(f, "{found} bytes of snapshot: the largest has {MAX_BYTES}")
            }
            Self::Magic => f.write_str("no snapshot: it does not start with SVESTATE"),
            Self::Version(version) => write!(
                f,
                "snapshot of version {version}: this is a reader of version {VERSION}"
            ),
            Self::Size { expected, found } => {
                write!(f, "{found} bytes of snapshot: its header states {expected}")
            }
            Self::Damaged { stated, found } => write!(
                f,
                "damaged snapshot: its bytes have the checksum {found:#010x}, it states \
                 {stated:#010x}"
            ),
            Self::Reserved => f.write_str("a flag or field is set that version 1 does not know"),
            Self::Vq(error) => error.fmt(f),
            Self::ImageSize {
                vq,
                expected,
                found,
            } => write!(f, "{found} bytes of image: at VQ {vq} there are {expected}"),
            Self::VlsAndVq { vls, vq } if *vls == Vls::EMPTY => write!(
                f,
                "an image of VQ {vq} and no vector lengths: without SVE the image has VQ 1"
            ),
            Self::VlsAndVq { vls, vq } => write!(
                f,
                "an image of VQ {vq} with vector lengths {vls}: it must be the largest of them"
            ),
            Self::Vls(error) => error.fmt(f),
            Self::WithoutSve { id } => WithoutSve(*id).fmt(f),
        }
    }
}

/// The message.
impl fmt::Debug for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotError({self})")
    }
}

impl core::error::Error for SnapshotError {}

/// As the bytes that this module describes, and validated on the way in.
#[cfg(feature = "serde")]
mod serde {
    use core::fmt;

    use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::{Serialize, Serializer};

    use super::{MAX_BYTES, Snapshot, Vec, check_version};

    impl Serialize for Snapshot {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.to_bytes())
        }
    }

    impl<'de> Deserialize<'de> for Snapshot {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            // Some formats have no bytes to lend: CBOR from a reader, or in pieces.
            deserializer.deserialize_byte_buf(Bytes)
        }
    }

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Snapshot;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the bytes of an SVE snapshot")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Snapshot, E> {
            Snapshot::from_bytes(bytes).map_err(E::custom)
        }

        /// Formats for people write bytes as a list of numbers.
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Snapshot, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = list.next_element()? {
                if bytes.len() == MAX_BYTES {
                    check_version(&bytes).map_err(A::Error::custom)?;
                    return Err(A::Error::invalid_length(MAX_BYTES + 1, &self));
                }
                bytes.push(byte);
            }
            self.visit_bytes(&bytes)
        }
    }
}
