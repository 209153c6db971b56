//! The header of a snapshot, which can be read before the rest is there.

use super::{
    FLAG_STATUS, HEADER_BYTES, MAGIC, OVERHEAD_BYTES, Snapshot, SnapshotError, VERSION, check_host,
    check_version,
};
use crate::lengths::vls::{Vls, VlsError};
use crate::lengths::vq::Vq;
use crate::registers::Status;
use crate::registers::layout::Layout;
use crate::sve;

/// A snapshot's first [`HEADER_BYTES`], which a destination looks at before it takes a vCPU.
///
/// ```
/// # use sve_state::{SveState, Vls, Vq, snapshot::Snapshot};
/// use sve_state::snapshot::{HEADER_BYTES, Header};
///
/// # let vq = Vq::new(4)?;
/// # let bytes = Snapshot::new(Vls::up_to(vq), SveState::zeroed(vq)?, None)?.to_bytes();
/// # let host = Vls::up_to(Vq::new(2)?);
/// // `host` is what `kvm::host_vls` found at the destination.
/// let header = Header::from_bytes(&bytes[..HEADER_BYTES])?;
/// assert_eq!(header.snapshot_bytes(), 546 * 4 + 96);
/// let error = header.check(&host).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "vector lengths (VQ) {1-4} where there are {1-2}: missing are {3-4}"
/// );
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    flags: u16,
    vq: u16,
    zero: u16,
    image: u32,
    vls: Vls,
    status: Status,
}

/// Where VLS starts, and FPSR.
const VLS: usize = 20;
const STATUS: usize = 84;

/// The first four bytes as a number.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

impl Header {
    /// The header at the start of these bytes, which need not be the whole snapshot. The checksum is after
    /// the image, so damage is found here only if the fields contradict each other; call
    /// [`Snapshot::from_bytes`] when all bytes are there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        check_version(bytes)?;
        let found = bytes.len();
        let needed = HEADER_BYTES;
        let header = bytes.first_chunk();
        let header = Self::read(header.ok_or(SnapshotError::Truncated { found, needed })?);
        Snapshot::check_vls(header.vls, header.check_fields()?)?;
        Ok(header)
    }

    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let vq = snapshot.state.vq().get();
        Self {
            flags: if snapshot.status.is_some() {
                FLAG_STATUS
            } else {
                0
            },
            vq,
            zero: 0,
            // At most 546 * 16.
            #[allow(clippy::cast_possible_truncation)]
            image: snapshot.state.as_bytes().len() as u32,
            vls: snapshot.vls,
            status: snapshot.status.unwrap_or_default(),
        }
    }

    pub(super) fn write(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let (fields, rest) = bytes.split_at_mut(VLS);
        fields[..8].copy_from_slice(&MAGIC);
        fields[8..10].copy_from_slice(&VERSION.to_le_bytes());
        fields[10..12].copy_from_slice(&self.flags.to_le_bytes());
        fields[12..14].copy_from_slice(&self.vq.to_le_bytes());
        fields[14..16].copy_from_slice(&self.zero.to_le_bytes());
        fields[16..].copy_from_slice(&self.image.to_le_bytes());
        let (vls, status) = rest.split_at_mut(STATUS - VLS);
        for (bytes, word) in vls.chunks_exact_mut(8).zip(self.vls.words()) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        status[..4].copy_from_slice(&self.status.fpsr.to_le_bytes());
        status[4..].copy_from_slice(&self.status.fpcr.to_le_bytes());
        bytes
    }

    /// Reads the fields, without a check.
    pub(super) fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(bytes[VLS..STATUS].chunks_exact(8)) {
            *word = u64::from(number(bytes)) | u64::from(number(&bytes[4..])) << 32;
        }
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self {
            flags: half(10),
            vq: half(12),
            zero: half(14),
            image: number(&bytes[16..]),
            vls: Vls::from_words(words),
            status: Status {
                fpsr: number(&bytes[STATUS..]),
                fpcr: number(&bytes[STATUS + 4..]),
            },
        }
    }

    /// Checks that it states the size that was found.
    pub(super) fn check_size(&self, found: usize) -> Result<(), SnapshotError> {
        let expected = self.snapshot_bytes();
        if found == expected {
            return Ok(());
        }
        Err(SnapshotError::Size { expected, found })
    }

    /// Checks that its fields are those of this version and go together, and returns the VQ.
    pub(super) fn check_fields(&self) -> Result<Vq, SnapshotError> {
        let status = self.has_status() || self.status == Status::default();
        if self.flags & !FLAG_STATUS != 0 || self.zero != 0 || !status {
            return Err(SnapshotError::Reserved);
        }
        let vq = Vq::new(self.vq.into())?;
        let (expected, found) = (sve::Layout::image_bytes(vq)?, self.image as usize);
        if found != expected {
            return Err(SnapshotError::ImageSize {
                vq,
                expected,
                found,
            });
        }
        Ok(vq)
    }

    pub(super) fn status(&self) -> Option<Status> {
        self.has_status().then_some(self.status)
    }

    /// The vector lengths; [`Vls::EMPTY`] where the vCPU has no SVE.
    pub fn vls(&self) -> Vls {
        self.vls
    }

    /// Whether FPSR and FPCR are in the snapshot.
    pub fn has_status(&self) -> bool {
        self.flags & FLAG_STATUS != 0
    }

    /// The size in bytes of the whole snapshot, header and checksum included.
    pub fn snapshot_bytes(&self) -> usize {
        (self.image as usize).saturating_add(OVERHEAD_BYTES)
    }

    /// Whether a vCPU of a host with the vector lengths `host` can take the snapshot, or why KVM would
    /// refuse its VLS. A snapshot without SVE goes to any host.
    pub fn check(&self, host: &Vls) -> Result<(), VlsError> {
        check_host(self.vls, host)
    }
}
