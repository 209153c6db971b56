//! Snapshots from lists of registers, and lists from snapshots. VMMs keep such lists of (ID, bytes) today, as
//! `KVM_GET_ONE_REG` gave them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::ops::Range;

use super::{Snapshot, boxed, copy};
use crate::SveState;
use crate::kvm_api::reg_size;
use crate::lengths::vls::{Vls, VlsError};
use crate::lengths::vq::Vq;
use crate::registers::layout::generated::no_register;
use crate::registers::layout::{COPROC_MASK, COPROC_SHIFT, DecodeError, Layout, Reason, find};
use crate::registers::linux::RegId;
use crate::registers::{self, PAST_VLS, Status, past_end, write_text};
use crate::state::image::{ImageError, zeros};
use crate::{fpsimd, sve};

/// What to tolerate in a list of registers although KVM never gives it, or this crate does not know it. By default each
/// of these is an error, but V beside SVE, which is ignored.
///
/// ```
/// use sve_state::snapshot::Allow;
///
/// // A list that a tool has edited.
/// let allow = Allow { past_vls: true, ..Allow::default() };
/// # assert!(!allow.coprocessors);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow<'a> {
    /// Bytes other than zero past the vector length, in a slice of Z, P or FFR, which are then dropped, as KVM does.
    /// Otherwise they are an error, because a GET gives zeros there, so the registers must be longer than VLS says.
    pub past_vls: bool,
    /// Registers of coprocessors that this crate does not know, which are then passed over. Otherwise they are an
    /// error, because they may be state that would be lost. Known are those of Linux up to 7.3: 0x10, 0x11, and 0x13
    /// to 0x16.
    pub coprocessors: bool,
    /// Missing registers, which take their values from this snapshot. With SVE, also V registers, each of which is
    /// written to the low 128 bits of its Z register if the list does not have that. The list and the snapshot must
    /// be of the same kind; a list with V and nothing of SVE is of a vCPU without SVE.
    pub missing: Option<&'a Snapshot>,
}

impl Allow<'_> {
    /// For a list whose other registers stay the caller's.
    pub(crate) const OTHERS: Self = Self {
        past_vls: false,
        coprocessors: true,
        missing: None,
    };
}

impl Snapshot {
    /// Whether a snapshot keeps the register with this ID: Z, P, FFR, VLS, V, FPSR or FPCR. This divides the list of
    /// a vCPU, with SVE or without, into what snapshots keep and the rest:
    ///
    /// ```
    /// # use sve_state::{sve, snapshot::Snapshot};
    /// # const X0: u64 = 0x6030_0000_0010_0000;
    /// # let mut list = vec![X0, sve::Z3.id(), sve::VLS.id()];
    /// list.retain(|id| !Snapshot::keeps(*id)); // the rest
    /// # assert_eq!(list, [X0]);
    /// ```
    pub fn keeps(id: u64) -> bool {
        place(id).is_some()
    }

    /// Its registers as (ID, bytes): what `KVM_GET_ONE_REG` would give for a vCPU restored from it, in the order of
    /// `KVM_GET_REG_LIST`. These are V without SVE; FPSR and FPCR if they were captured; and with SVE VLS, and Z, P
    /// and FFR as whole slices, with zeros past the vector length.
    ///
    /// This is the inverse of [`from_registers`](Self::from_registers), so a VMM that keeps such a list can go on
    /// keeping it, and make a snapshot only where it writes bytes.
    pub fn registers(&self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        let mut list = Vec::with_capacity(V + 2);
        if !self.has_sve() {
            self.list_image(&mut list);
        }
        if let Some(status) = self.status {
            list_value(&mut list, fpsimd::FPSR.id(), &status.fpsr.to_ne_bytes());
            list_value(&mut list, fpsimd::FPCR.id(), &status.fpcr.to_ne_bytes());
        }
        if self.has_sve() {
            list_value(&mut list, sve::VLS.id(), &self.vls.to_bytes());
            self.list_image(&mut list);
        }
        list.into_iter()
    }

    #[inline(never)]
    fn list_image(&self, list: &mut Vec<(u64, Vec<u8>)>) {
        for (id, bytes) in self.iter() {
            list_value(list, id, bytes);
            if let (false, Some((_, value))) = (self.has_sve(), list.last_mut()) {
                in_host_order(value);
            }
        }
    }

    /// This snapshot with the values of these registers in place of its own. Each is an ID, into which a
    /// [`Register`](crate::layout::Register) converts, with bytes as in a list of registers:
    ///
    /// ```
    /// # use sve_state::{SveState, Vls, Vq, sve, fpsimd, snapshot::Snapshot};
    /// # let vq = Vq::new(2)?;
    /// # let snapshot = Snapshot::new(Vls::up_to(vq), SveState::zeroed(vq)?, None)?;
    /// let mut slice = [0; 256];
    /// slice[..32].fill(0xa5);
    /// let edited = snapshot.with_registers([(sve::Z3.id(), slice)])?;
    /// assert_eq!(edited.state().get(sve::Z3), slice);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// In a snapshot with SVE, a V register is the low 128 bits of Z. A register that a snapshot does not
    /// [keep](Self::keeps) is ignored. With another VLS, the registers get the length that it says. All else is
    /// as in [`from_registers_allowing`](Self::from_registers_allowing), with this snapshot for what is missing.
    pub fn with_registers<B: AsRef<[u8]>>(
        &self,
        registers: impl IntoIterator<Item = (u64, B)>,
    ) -> Result<Self, RegistersError> {
        let allow = Allow {
            missing: Some(self),
            ..Allow::OTHERS
        };
        Self::from_list(allow, registers, true, |_, _| {})
    }

    /// The snapshot that a vCPU's registers make, each with its ID and the bytes that `KVM_GET_ONE_REG` gave, which
    /// is the list that a VMM keeps if it goes through `KVM_GET_REG_LIST`.
    ///
    /// The order does not matter. With SVE, the 50 registers of SVE, VLS among them, must be there once each; without
    /// SVE, V0 to V31 must be there once each, and none of SVE. FPSR and FPCR must both be there, or neither. Each of
    /// these has the size that its ID states.
    ///
    /// The other registers of a vCPU are ignored, and so is V with SVE, where it shows Z. V, VLS, FPSR and FPCR are
    /// in the host's byte order. A register of a coprocessor that is not known here is an error, because the snapshot
    /// would be without it; [`split_registers`](Self::split_registers) gives it back instead.
    ///
    /// Each value goes into the image as it comes, and is not held. If VLS comes after other SVE registers, which it
    /// never does from KVM, the image starts at the largest size and is rebuilt once VLS arrives.
    ///
    /// ```
    /// # use sve_state::{OneReg, Vls, Vq, vcpu::Initialized};
    /// # use sve_state::shim::Vcpu;
    /// use sve_state::reg_size;
    /// use sve_state::snapshot::Snapshot;
    ///
    /// # let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(2)?))?;
    /// # vcpu.init_with_sve().unwrap();
    /// # Initialized::new(&mut vcpu).finalize().unwrap();
    /// let registers = vcpu.reg_list().unwrap().map(|id| {
    ///     let mut bytes = vec![0; reg_size(id)];
    ///     vcpu.get_one_reg(id, &mut bytes).unwrap();
    ///     (id, bytes)
    /// });
    /// let snapshot = Snapshot::from_registers(registers)?;
    /// assert_eq!(snapshot.state().as_bytes().len(), 1092);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn from_registers<B: AsRef<[u8]>>(
        registers: impl IntoIterator<Item = (u64, B)>,
    ) -> Result<Self, RegistersError> {
        Self::from_registers_allowing(Allow::default(), registers)
    }

    /// As [`from_registers`](Self::from_registers), for a list that may have what is otherwise an error.
    pub fn from_registers_allowing<B: AsRef<[u8]>>(
        allow: Allow<'_>,
        registers: impl IntoIterator<Item = (u64, B)>,
    ) -> Result<Self, RegistersError> {
        Self::from_list(allow, registers, false, |_, _| {})
    }

    /// Divides a vCPU's list of registers into a snapshot and the rest, which is what a snapshot does not
    /// [keep](Self::keeps), in the list's order. The rest stays the caller's to save, so it includes registers of
    /// coprocessors that are not known here. All else is as in [`from_registers`](Self::from_registers), and
    /// [`registers`](Self::registers) is the way back.
    pub fn split_registers<B: AsRef<[u8]>>(
        registers: impl IntoIterator<Item = (u64, B)>,
    ) -> Result<(Self, Vec<(u64, B)>), RegistersError> {
        let mut rest = Vec::new();
        let put = |id, bytes| rest.push((id, bytes));
        let snapshot = Self::from_list(Allow::OTHERS, registers, false, put)?;
        Ok((snapshot, rest))
    }

    /// With `edit` the list changes a snapshot, so V is one of the snapshot's registers even if nothing of SVE is
    /// listed. `other` gets what snapshots do not keep.
    fn from_list<B: AsRef<[u8]>>(
        allow: Allow<'_>,
        registers: impl IntoIterator<Item = (u64, B)>,
        edit: bool,
        mut other: impl FnMut(u64, B),
    ) -> Result<Self, RegistersError> {
        let mut list = List::new(allow);
        for (id, bytes) in registers {
            match list.add(id, bytes.as_ref()) {
                Added::Kept => {}
                Added::Other => other(id, bytes),
                Added::Refused => break,
            }
        }
        list.snapshot(edit)
    }
}

/// Adds a register, with zeros up to the size that its ID states.
#[inline(never)]
fn list_value(list: &mut Vec<(u64, Vec<u8>)>, id: u64, bytes: &[u8]) {
    let mut value = zeros(reg_size(id));
    copy(&mut value, 0, bytes);
    list.push((id, value.into()));
}

/// Turns a V register, an integer in the host's byte order and little-endian in an image, from one into the other.
fn in_host_order(value: &mut [u8]) {
    if cfg!(target_endian = "big") {
        value.reverse();
    }
}

/// How many registers a snapshot can have: 49 of the image, VLS, 32 V, FPSR and FPCR, in this order.
const PLACES: usize = FPCR + 1;
const VLS: usize = sve::REGISTERS;
const V: usize = VLS + 1;
const FPSR: usize = V + 32;
const FPCR: usize = FPSR + 1;
const OF_IMAGE: Range<usize> = 0..VLS;
const OF_SVE: Range<usize> = 0..V;
const OF_V: Range<usize> = V..FPSR;

/// The registers in the order of their places, in runs of IDs that are equally far apart: the first ID, the
/// distance as a power of two, and how many there are. FFR is what P16 would be.
const RUNS: [(u64, u32, usize); 6] = [
    (sve::Z0.id(), sve::Z::BANK.step.trailing_zeros(), 32),
    (sve::P0.id(), sve::P::BANK.step.trailing_zeros(), VLS - 32),
    (sve::VLS.id(), 0, 1),
    (
        fpsimd::V0.id(),
        fpsimd::V::BANK.step.trailing_zeros(),
        FPSR - V,
    ),
    (fpsimd::FPSR.id(), 0, 1),
    (fpsimd::FPCR.id(), 0, 1),
];

/// The place of the register that an ID names, if a snapshot keeps it. A slice other than slice 0 has none.
#[inline(never)]
fn place(id: u64) -> Option<usize> {
    let mut start = 0;
    for (first, step, count) in RUNS {
        // What is no multiple of the distance is too large after the rotation.
        let number = id.wrapping_sub(first).rotate_right(step);
        if number < count as u64 {
            // Below `count`.
            #[allow(clippy::cast_possible_truncation)]
            return Some(start + number as usize);
        }
        start += count;
    }
    None
}

/// The ID of the register at a place.
#[inline(never)]
fn id_at(mut place: usize) -> u64 {
    for (first, step, count) in RUNS {
        if place < count {
            return first + ((place as u64) << step);
        }
        place -= count;
    }
    0
}

/// What a list has had so far. Its values lie where they will be in the image, so memory is bounded whatever the list
/// is.
struct List<'a> {
    /// A bit for each place that is listed.
    listed: u128,
    /// The image of `vq`, or nothing before the first register of SVE.
    image: Box<[u8]>,
    /// The largest that there is until VLS is known, which KVM lists before the others.
    vq: Vq,
    vls: Vls,
    v: [[u8; 16]; 32],
    status: [[u8; 4]; 2],
    /// The place of the first register that is longer than VLS says, and the first byte past its end.
    past: Option<(usize, usize)>,
    /// V registers whose values cannot be used, which is an error only where V is used: a bit for the place of each,
    /// and the size of the first such value.
    wrong: u128,
    found: [usize; 32],
    /// Why the list makes no snapshot, whatever follows.
    refused: Option<RegistersError>,
    allow: Allow<'a>,
}

/// What became of a register of a list.
enum Added {
    Kept,
    /// No snapshot keeps it.
    Other,
    /// The list is no snapshot's.
    Refused,
}

impl<'a> List<'a> {
    fn new(allow: Allow<'a>) -> Self {
        Self {
            listed: 0,
            image: Box::default(),
            vq: Vq::ARCH_MAX,
            vls: Vls::EMPTY,
            v: [[0; 16]; 32],
            status: [[0; 4]; 2],
            past: None,
            wrong: 0,
            found: [0; 32],
            refused: None,
            allow,
        }
    }

    #[inline(never)]
    fn add(&mut self, id: u64, bytes: &[u8]) -> Added {
        let Some(place) = place(id) else {
            self.refused = check_other(id, self.allow).err();
            return match self.refused {
                None => Added::Other,
                Some(_) => Added::Refused,
            };
        };
        if bytes.len() != reg_size(id) || self.listed >> place & 1 == 1 {
            return self.wrong(id, place, bytes.len());
        }
        self.listed |= 1 << place;
        match place {
            ..VLS => self.put(place, bytes),
            VLS => {
                if let Ok(bytes) = bytes.try_into() {
                    self.vls = Vls::from_bytes(bytes);
                    self.settle(self.vls);
                }
            }
            V..FPSR => {
                if let (Some(v), Ok(bytes)) = (self.v.get_mut(place - V), bytes.try_into()) {
                    *v = bytes;
                    in_host_order(v);
                }
            }
            _ => {
                if let (Some(word), Ok(bytes)) =
                    (self.status.get_mut(place - FPSR), bytes.try_into())
                {
                    *word = bytes;
                }
            }
        }
        Added::Kept
    }

    /// A value that has another size than its register, or is the second one.
    #[cold]
    fn wrong(&mut self, id: u64, place: usize, found: usize) -> Added {
        if !OF_V.contains(&place) {
            self.refused = Some(wrong(id, found));
            return Added::Refused;
        }
        if let (Some(first), 0) = (self.found.get_mut(place - V), self.wrong >> place & 1) {
            *first = found;
        }
        self.wrong |= 1 << place;
        Added::Kept
    }

    /// Writes a slice's register into the image.
    #[inline(never)]
    fn put(&mut self, n: usize, slice: &[u8]) {
        if self.image.is_empty() {
            self.image = zeros(image_bytes(self.vq));
        }
        let bounds = registers::bounds(n, self.vq);
        let past = past_end(slice, bounds.copy).filter(|_| !self.allow.past_vls);
        if let Some(at) = past {
            if self.past.is_none_or(|(first, _)| n < first) {
                self.past = Some((n, at));
            }
        }
        let low = slice.get(..bounds.copy).unwrap_or(slice);
        let end = bounds.start.wrapping_add(low.len());
        if let Some(register) = self.image.get_mut(bounds.start..end) {
            register.copy_from_slice(low);
        }
    }

    /// Makes the image that of these vector lengths, and moves what was listed before them to where it is there.
    fn settle(&mut self, vls: Vls) {
        let vq = match vls.max() {
            // For others there is no image, and in the end an error.
            Some(vq) if vq <= Vq::ARCH_MAX => vq,
            _ => return,
        };
        let (before, image) = (mem::replace(&mut self.vq, vq), mem::take(&mut self.image));
        if before == vq {
            self.image = image;
            return;
        }
        for n in OF_IMAGE {
            let bounds = registers::bounds(n, before);
            let slice = image.get(bounds.start..bounds.start.wrapping_add(bounds.copy));
            if let (Some(slice), true) = (slice, self.listed >> n & 1 == 1) {
                self.put(n, slice);
            }
        }
    }

    fn snapshot(&mut self, edit: bool) -> Result<Snapshot, RegistersError> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let sve = self.first(OF_SVE, true);
        let v = match sve {
            Some(_) => None,
            None => self.first(OF_V, true),
        };
        let missing = self.allow.missing;
        let other = match missing.map(Snapshot::has_sve) {
            Some(false) => sve,
            Some(true) if sve.is_none() && !edit => v,
            _ => None,
        };
        if let Some(id) = other {
            return Err(RegistersError::OtherKind { id: RegId(id) });
        }
        let has_sve = match missing {
            Some(missing) => missing.has_sve(),
            None if sve.is_none() && v.is_none() => return Err(RegistersError::NoVectors),
            None => sve.is_some(),
        };
        // With SVE, V is used where something may be missing and Z is not listed.
        let unused = match (has_sve, missing) {
            (false, _) => 0,
            (true, Some(_)) => self.listed,
            (true, None) => u128::MAX,
        };
        let first = (self.wrong >> V & !unused).trailing_zeros() as usize;
        if let Some(found) = self.found.get(first) {
            return Err(wrong(id_at(V + first), *found));
        }
        let places = if has_sve { OF_SVE } else { OF_V };
        if let (Some(id), None) = (self.first(places, false), missing) {
            return Err(RegistersError::Missing { id: RegId(id) });
        }
        if has_sve {
            self.sve_image()?;
        } else {
            self.v_image();
        }
        let status = self.status()?;
        let (vls, state) = (
            self.vls,
            SveState::new(self.vq, mem::take(&mut self.image))?,
        );
        Ok(Snapshot { vls, state, status })
    }

    /// The first register of these that is listed, or that is not.
    #[inline(never)]
    fn first(&self, places: Range<usize>, listed: bool) -> Option<u64> {
        let all = self.listed | self.wrong;
        let bits = if listed { all } else { !all } >> places.start;
        let first = bits.trailing_zeros() as usize;
        (first < places.len()).then(|| id_at(places.start + first))
    }

    /// Completes the image and the vector lengths.
    fn sve_image(&mut self) -> Result<(), RegistersError> {
        if let (0, Some(missing)) = (self.listed >> VLS & 1, self.allow.missing) {
            self.vls = missing.vls();
            self.settle(self.vls);
        }
        let vq = self.vls.max().ok_or(VlsError::Empty)?;
        sve::Layout::image_bytes(vq).map_err(ImageError::from)?;
        self.vls.check_powers()?;
        if let Some(missing) = self.allow.missing {
            for (n, (_, bytes)) in missing.iter().enumerate() {
                if self.listed >> n & 1 == 0 {
                    self.put(n, bytes);
                    self.put_v(n);
                }
            }
        }
        if let Some((n, at)) = self.past {
            let (id, vls) = (RegId(id_at(n)), self.vls);
            return Err(RegistersError::PastVls { id, at, vls });
        }
        Ok(())
    }

    /// The image of a vCPU without SVE, where V is in the place of Z, and P and FFR are zero.
    fn v_image(&mut self) {
        self.vq = Vq::MIN;
        self.image = match self.allow.missing {
            Some(missing) => boxed(missing.state().as_bytes()),
            None => zeros(image_bytes(Vq::MIN)),
        };
        (0..32).for_each(|n| self.put_v(n));
    }

    /// Writes V, if it is listed, to the low bytes of Z.
    fn put_v(&mut self, n: usize) {
        if let (Some(v), true) = (self.v.get(n), self.listed >> (V + n) & 1 == 1) {
            let low = self.image.get_mut(n * self.vq.vl_bytes()..);
            if let Some(low) = low.and_then(|bytes| bytes.first_chunk_mut()) {
                *low = *v;
            }
        }
    }

    fn status(&self) -> Result<Option<Status>, RegistersError> {
        let from = self.allow.missing.and_then(Snapshot::status);
        if from.is_none() && self.first(FPSR..PLACES, true).is_none() {
            return Ok(None);
        }
        let mut status = from.unwrap_or_default();
        for (place, word) in (FPSR..).zip([&mut status.fpsr, &mut status.fpcr]) {
            match self.status.get(place - FPSR) {
                Some(bytes) if self.listed >> place & 1 == 1 => *word = u32::from_ne_bytes(*bytes),
                _ if from.is_some() => {}
                _ => {
                    return Err(RegistersError::Missing {
                        id: RegId(id_at(place)),
                    });
                }
            }
        }
        Ok(Some(status))
    }
}

/// What is wrong with a value of this size.
#[cold]
fn wrong(id: u64, found: usize) -> RegistersError {
    let (id, expected) = (RegId(id), reg_size(id));
    match found == expected {
        true => RegistersError::Duplicate { id },
        false => RegistersError::Size {
            id,
            expected,
            found,
        },
    }
}

/// The size of an image of a VQ that SVE has.
fn image_bytes(vq: Vq) -> usize {
    sve::Layout::image_bytes(vq).unwrap_or_default()
}

/// The coprocessors, besides CORE and SVE, whose registers are other state of a vCPU, as of Linux 7.3:
/// cache sizes, system registers, firmware registers, and firmware features.
const KNOWN: [u64; 4] = [0x11, 0x13, 0x14, 0x16];

/// Checks that an ID without a place is that of another register of a vCPU. If it is not, the ID has been damaged,
/// and its register may be one that would be missing from the snapshot.
fn check_other(id: u64, allow: Allow<'_>) -> Result<(), RegistersError> {
    if find::<sve::Layout>(id).is_some() {
        return Err(RegistersError::Slice { id: RegId(id) });
    }
    let sve = no_register::<sve::Layout>(id);
    let Reason::Coprocessor { .. } = sve.reason() else {
        return Err(sve.into());
    };
    let known = allow.coprocessors || KNOWN.contains(&((id & COPROC_MASK) >> COPROC_SHIFT));
    // V, FPSR and FPCR have places.
    let core = no_register::<fpsimd::Layout>(id);
    match core.reason() {
        // Another CORE register.
        Reason::NoRegister => Ok(()),
        Reason::Coprocessor { .. } if known => Ok(()),
        Reason::Coprocessor { .. } => Err(RegistersError::Coprocessor { id: RegId(id) }),
        _ => Err(core.into()),
    }
}

/// Why registers do not make a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistersError {
    /// A register of a snapshot is missing. If several are, it is the first in the image's order, then VLS,
    /// then FPSR or FPCR.
    Missing {
        /// The register's ID.
        id: RegId,
    },
    /// There is neither V nor anything of SVE, and so neither kind of vCPU.
    NoVectors,
    /// A register of the other kind of vCPU, with SVE or without, than that of the snapshot in [`Allow::missing`].
    OtherKind {
        /// The register's ID.
        id: RegId,
    },
    /// A register is there more than once.
    Duplicate {
        /// The register's ID.
        id: RegId,
    },
    /// A register's value is not as large as its ID states, in bytes.
    Size {
        /// The register's ID.
        id: RegId,
        /// What the ID states.
        expected: usize,
        /// What came with it.
        found: usize,
    },
    /// A slice other than slice 0, which holds the whole register at every vector length that SVE has.
    Slice {
        /// The slice's ID.
        id: RegId,
    },
    /// A coprocessor that is not known here, so what the register holds may be state that would be lost.
    /// [`Allow::coprocessors`] passes it over.
    Coprocessor {
        /// The register's ID.
        id: RegId,
    },
    /// A slice of Z, P or FFR has bytes other than zero past the vector length, where KVM gives zeros, so the
    /// register and VLS contradict each other. [`Allow::past_vls`] drops them.
    PastVls {
        /// The register's ID.
        id: RegId,
        /// The first such byte in its value.
        at: usize,
        /// The vector lengths.
        vls: Vls,
    },
    /// The ID is no register's.
    Id(DecodeError),
    /// VLS has no vector length, or is a set that no processor has.
    Vls(VlsError),
    /// The largest vector length in VLS is none that SVE has.
    Image(ImageError),
}

impl From<DecodeError> for RegistersError {
    fn from(error: DecodeError) -> Self {
        Self::Id(error)
    }
}

impl From<VlsError> for RegistersError {
    fn from(error: VlsError) -> Self {
        Self::Vls(error)
    }
}

impl From<ImageError> for RegistersError {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl fmt::Display for RegistersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, numbers) = match *self {
            Self::Missing { id } => ("no %i among the registers", [id.0, 0, 0]),
            Self::NoVectors => (
                "neither Z nor V among the registers: of a vCPU with SVE there must be Z0 to Z31, P0 to P15, FFR \
                 and VLS, of one without SVE V0 to V31",
                [0; 3],
            ),
            Self::OtherKind { id } => {
                let text = match find::<sve::Layout>(id.0) {
                    Some(_) => {
                        "%i among the registers: the snapshot that has what is missing is of a vCPU without SVE"
                    }
                    None => {
                        "%i and nothing of SVE among the registers: the snapshot that has what is missing is of \
                         a vCPU with SVE"
                    }
                };
                (text, [id.0, 0, 0])
            }
            Self::Duplicate { id } => ("%i more than once", [id.0, 0, 0]),
            Self::Size {
                id,
                expected,
                found,
            } => (
                "%d bytes for %i, which takes %d",
                [found as u64, id.0, expected as u64],
            ),
            Self::Slice { id } => ("%i: KVM has only slice 0", [id.0, 0, 0]),
            Self::Coprocessor { id } => (
                "register ID %g: coprocessor %x in bits 27:16 is not known here (known are 0x10, 0x11, 0x13 to \
                 0x16), and what it holds would be lost",
                [id.0, (id.0 & COPROC_MASK) >> COPROC_SHIFT, 0],
            ),
            Self::PastVls { id, at, ref vls } => {
                return write_text(f, PAST_VLS, &[id.0, at as u64], &[vls]);
            }
            Self::Id(error) => return error.fmt(f),
            Self::Vls(error) => {
                f.write_str("VLS: ")?;
                return error.fmt(f);
            }
            Self::Image(error) => {
                f.write_str("VLS: ")?;
                return error.fmt(f);
            }
        };
        write_text(f, text, &numbers, &[])
    }
}

/// The message, because nobody can read an ID in decimal.
impl fmt::Debug for RegistersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistersError({self})")
    }
}

impl core::error::Error for RegistersError {}
