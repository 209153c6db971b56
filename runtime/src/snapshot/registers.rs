//! Snapshots from lists of registers, and lists from snapshots. VMMs keep such lists today: (ID, bytes), as
//! `KVM_GET_ONE_REG` gave them.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::Snapshot;
use crate::image::{ImageError, SveState};
use crate::layout::{ByteArray, COPROC_MASK, COPROC_SHIFT, DecodeError, InImage, Reason, Register};
use crate::layouts::Name;
use crate::one_reg::reg_size;
use crate::registers::{self, PastVls, Status, not_zero};
use crate::vls::{Vls, VlsError};
use crate::vq::Vq;
use crate::{fpsimd, sve};

/// What a list of registers may have although no KVM gives it, or it is not known here. By default each of
/// these is an error.
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
    /// Bytes other than zero past the vector length, in a slice of Z, P or FFR. They are dropped, as KVM
    /// does. Otherwise they are an error: a GET gives zeros there, so the registers must be longer than VLS
    /// says.
    pub past_vls: bool,
    /// Registers of coprocessors that this crate does not know. They are passed over. Otherwise they
    /// are an error: they may be state that would be lost. Known are those of Linux up to 7.3: 0x10,
    /// 0x11, and 0x13 to 0x16.
    pub coprocessors: bool,
    /// Missing registers, which take their values from this snapshot. With SVE, also V registers: each is
    /// written to the low 128 bits of its Z register, if the list does not have that. The list and the
    /// snapshot must be of the same kind; a list with V and nothing of SVE is of a vCPU without SVE.
    pub missing: Option<&'a Snapshot>,
}

impl Snapshot {
    /// Whether a snapshot keeps the register with this ID: Z, P, FFR, VLS, V, FPSR, FPCR. This divides the
    /// list of a vCPU of either kind into what snapshots keep and the rest:
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

    /// Its registers as (ID, bytes): what `KVM_GET_ONE_REG` would give for a vCPU restored from it, in the
    /// order of `KVM_GET_REG_LIST`. These are V without SVE; FPSR and FPCR if they were captured; VLS, Z, P
    /// and FFR with SVE. Z, P and FFR are whole slices, with zeros past the vector length.
    ///
    /// This is the inverse of [`from_registers`](Self::from_registers). So a VMM that keeps such a list can
    /// go on to keep it, and make a snapshot only where it writes bytes.
    pub fn registers(&self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        // Each part knows how many registers it has, so a list of all is allocated only once.
        let if_there = |there, count| if there { count } else { 0 };
        let Status { fpsr, fpcr } = self.status.unwrap_or_default();
        let status = [(fpsimd::FPSR.id(), fpsr), (fpsimd::FPCR.id(), fpcr)].into_iter();
        let status = status.take(if_there(self.status.is_some(), 2));
        let status = status.map(|(id, word)| (id, word.to_ne_bytes().to_vec()));
        let vls = (sve::VLS.id(), self.vls.to_bytes().to_vec());
        let vls = self.has_sve().then_some(vls);
        let image = |sve| {
            let registers = self
                .iter()
                .take(if_there(self.has_sve() == sve, sve::REGISTERS));
            registers.map(move |(id, bytes)| {
                let mut value = vec![0; reg_size(id)];
                value[..bytes.len()].copy_from_slice(bytes);
                if !sve {
                    in_host_order(&mut value);
                }
                (id, value)
            })
        };
        let (v, sve) = (image(false), image(true));
        v.chain(status).chain(vls).chain(sve)
    }

    /// This snapshot with the values of these registers in place of its own. Each has its ID, which a
    /// [`Register`] turns into, and bytes as in a list of registers:
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
            ..Allow::default()
        };
        Self::from_list(allow, registers, true)
    }

    /// The snapshot that a vCPU's registers make, each with its ID and the bytes that `KVM_GET_ONE_REG` gave.
    /// A VMM that goes through `KVM_GET_REG_LIST` keeps such a list.
    ///
    /// The order does not matter. With SVE, the 50 registers of SVE, VLS among them, must be there once each.
    /// Without SVE, V0 to V31 must be there once each, and none of SVE. FPSR and FPCR must be there both, or
    /// neither. Each of these has the size that its ID states.
    ///
    /// The other registers of a vCPU are ignored. So is V with SVE, where it shows Z. V, VLS, FPSR and FPCR
    /// are in the host's byte order.
    ///
    /// Values are held until the list ends, at most one of each register, and none of a wrong size.
    ///
    /// ```
    /// # use sve_state::{OneReg, Vls, Vq, vcpu::Initialised};
    /// # use sve_state::shim::Vcpu;
    /// use sve_state::one_reg::reg_size;
    /// use sve_state::snapshot::Snapshot;
    ///
    /// # let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(2)?))?;
    /// # vcpu.init(true).unwrap();
    /// # Initialised::new(&mut vcpu).finalize().unwrap();
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
        Self::from_list(allow, registers, false)
    }

    /// `edit`: the list changes a snapshot. V is then one of the snapshot's registers, even if nothing of SVE
    /// is listed.
    fn from_list<B: AsRef<[u8]>>(
        allow: Allow<'_>,
        registers: impl IntoIterator<Item = (u64, B)>,
        edit: bool,
    ) -> Result<Self, RegistersError> {
        // The values are held until VLS is known: of each register one, which has its size.
        let mut held = Vec::new();
        held.resize_with(PLACES, || None);
        let (mut listed, mut v) = ([false; PLACES], Ok(()));
        for (id, bytes) in registers {
            let Some(place) = place(id) else {
                check_other(id, allow)?;
                continue;
            };
            let (expected, found) = (reg_size(id), bytes.as_ref().len());
            let judged = if found != expected {
                Err(RegistersError::Size {
                    id,
                    expected,
                    found,
                })
            } else if listed[place] {
                Err(RegistersError::Duplicate { id })
            } else {
                held[place] = Some(bytes);
                Ok(())
            };
            listed[place] = true;
            if OF_V.contains(&place) {
                v = v.and(judged);
            } else {
                judged?;
            }
        }
        let mut values = [None; PLACES];
        for (value, bytes) in values.iter_mut().zip(&held) {
            *value = bytes.as_ref().map(AsRef::as_ref);
        }
        List {
            listed,
            values,
            v,
            allow,
        }
        .snapshot(edit)
    }
}

type State = SveState<Box<[u8]>>;

/// V is an integer in the host's byte order, and little-endian in an image. Turns one into the other, or
/// back.
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
const OF_SVE: Range<usize> = 0..V;
const OF_V: Range<usize> = V..FPSR;

/// The place of the register that an ID names, if a snapshot keeps it.
fn place(id: u64) -> Option<usize> {
    let (place, slice) = match sve::Reg::decode(id) {
        Ok(sve::Reg::Z(z)) => (z.index(), z.slice()),
        Ok(sve::Reg::P(p)) => (p.index(), p.slice()),
        Ok(sve::Reg::FFR(ffr)) => (ffr.index(), ffr.slice()),
        Ok(sve::Reg::VLS(_)) => (VLS, 0),
        Err(_) => match fpsimd::Reg::decode(id).ok()? {
            fpsimd::Reg::V(v) => (V + usize::from(v.number()), 0),
            fpsimd::Reg::FPSR(_) => (FPSR, 0),
            fpsimd::Reg::FPCR(_) => (FPCR, 0),
        },
    };
    (slice == 0).then_some(place)
}

/// The ID of the register at a place.
fn id_at(place: usize) -> u64 {
    let of_image = |has_sve, n| {
        let register = registers::all(has_sve, Vq::MIN).nth(n);
        register.map_or(0, |(id, _)| id)
    };
    match place {
        ..VLS => of_image(true, place),
        VLS => sve::VLS.id(),
        V..FPSR => of_image(false, place - V),
        FPSR => fpsimd::FPSR.id(),
        _ => fpsimd::FPCR.id(),
    }
}

/// A list's registers, each at its place, so that memory is bounded whatever the list is.
struct List<'a> {
    listed: [bool; PLACES],
    values: [Option<&'a [u8]>; PLACES],
    /// What is wrong with V. It matters only where V is used.
    v: Result<(), RegistersError>,
    allow: Allow<'a>,
}

impl List<'_> {
    fn snapshot(&self, edit: bool) -> Result<Snapshot, RegistersError> {
        let (sve, v) = (self.first(OF_SVE), self.first(OF_V));
        let missing = self.allow.missing.map(Snapshot::has_sve);
        let other = match (missing, sve) {
            (Some(false), sve) => sve,
            (Some(true), None) if !edit => v,
            _ => None,
        };
        if let Some(id) = other {
            return Err(RegistersError::OtherKind { id });
        }
        let without_sve = match missing {
            Some(has_sve) => !has_sve,
            None if sve.is_none() && v.is_none() => return Err(RegistersError::NoVectors),
            None => sve.is_none(),
        };
        let (vls, state) = match without_sve {
            true => (Vls::EMPTY, self.v_state()?),
            false => self.sve_state()?,
        };
        let status = self.status()?;
        Ok(Snapshot { vls, state, status })
    }

    /// The first register of these that is listed.
    fn first(&self, mut places: Range<usize>) -> Option<u64> {
        places.find(|place| self.listed[*place]).map(id_at)
    }

    /// The value at a place, if it is listed.
    fn value<T: ByteArray>(&self, place: usize) -> Result<Option<&T>, RegistersError> {
        let Some(bytes) = self.values[place] else {
            return Ok(None);
        };
        match T::from_slice(bytes) {
            // A second `as_ref` gave other bytes than the first.
            None => Err(RegistersError::Size {
                id: id_at(place),
                expected: T::BYTES,
                found: bytes.len(),
            }),
            value => Ok(value),
        }
    }

    fn v_state(&self) -> Result<State, RegistersError> {
        self.v?;
        let mut state = match self.allow.missing {
            Some(missing) => missing.state.clone(),
            None => SveState::zeroed(Vq::MIN)?,
        };
        for (v, place) in fpsimd::V::all().zip(OF_V) {
            match self.value(place)? {
                Some(value) => {
                    let mut value: [u8; 16] = *value;
                    in_host_order(&mut value);
                    state.set_view(v, &value);
                }
                None if self.allow.missing.is_some() => {}
                None => return absent(place),
            }
        }
        Ok(state)
    }

    fn sve_state(&self) -> Result<(Vls, State), RegistersError> {
        let from = self.allow.missing;
        let mut places = OF_SVE;
        if from.is_some() {
            // V is used where Z is not listed.
            let mut v_and_z = OF_V.zip(places);
            if v_and_z.any(|(v, z)| self.listed[v] && !self.listed[z]) {
                self.v?;
            }
        } else if let Some(place) = places.find(|place| !self.listed[*place]) {
            return absent(place);
        }
        let vls = self.value(VLS)?.map(Vls::from_bytes);
        let vls = vls.or(from.map(Snapshot::vls)).unwrap_or(Vls::EMPTY);
        let mut state = SveState::zeroed(vls.max().ok_or(VlsError::Empty)?)?;
        vls.check_powers()?;
        for (z, v) in sve::Z::all().zip(OF_V) {
            self.write(&mut state, vls, z, Some(v))?;
        }
        for p in sve::P::all() {
            self.write(&mut state, vls, p, None)?;
        }
        self.write(&mut state, vls, sve::FFR, None)?;
        Ok((vls, state))
    }

    /// Writes a register of the image. `low` is the place of the V register that shows its low bytes.
    fn write<B>(
        &self,
        state: &mut State,
        vls: Vls,
        register: Register<B>,
        low: Option<usize>,
    ) -> Result<(), RegistersError>
    where
        B: InImage<Layout = sve::Layout>,
    {
        let mut own;
        let slice = match (self.value(register.index())?, self.allow.missing) {
            (Some(slice), _) => slice,
            (None, None) => return absent(register.index()),
            (None, Some(missing)) => {
                own = missing.state.get(register);
                if let Some(value) = low.map_or(Ok(None), |v| self.value::<[u8; 16]>(v))? {
                    let low = &mut own.as_mut()[..16];
                    low.copy_from_slice(value);
                    in_host_order(low);
                }
                &own
            }
        };
        let bytes = state.bounds(register).copy;
        match not_zero(&slice.as_ref()[bytes..]) {
            Some(past) if !self.allow.past_vls => {
                let (id, at) = (register.id(), bytes + past);
                Err(RegistersError::PastVls { id, at, vls })
            }
            _ => {
                state.set(register, slice);
                Ok(())
            }
        }
    }

    fn status(&self) -> Result<Option<Status>, RegistersError> {
        let from = self.allow.missing.and_then(Snapshot::status);
        if from.is_none() && self.first(FPSR..PLACES).is_none() {
            return Ok(None);
        }
        let word = |place, from: Option<u32>| match self.value(place)? {
            Some(value) => Ok(u32::from_ne_bytes(*value)),
            None => from.map_or_else(|| absent(place), Ok),
        };
        let fpsr = word(FPSR, from.map(|status| status.fpsr))?;
        let fpcr = word(FPCR, from.map(|status| status.fpcr))?;
        Ok(Some(Status { fpsr, fpcr }))
    }
}

fn absent<T>(place: usize) -> Result<T, RegistersError> {
    Err(RegistersError::Missing { id: id_at(place) })
}

/// The coprocessors, besides CORE and SVE, whose registers are other state of a vCPU, as of Linux 7.3:
/// cache sizes, system registers, firmware registers, and firmware features.
const KNOWN: [u64; 4] = [0x11, 0x13, 0x14, 0x16];

/// Checks that an ID without a slot is that of another register of a vCPU. If it is not, the ID has been
/// damaged, and its register may be one that would be missing from the snapshot.
fn check_other(id: u64, allow: Allow<'_>) -> Result<(), RegistersError> {
    let sve = match sve::Reg::decode(id) {
        Ok(_) => return Err(RegistersError::Slice { id }),
        Err(error) => error,
    };
    let Reason::Coprocessor { .. } = sve.reason() else {
        return Err(sve.into());
    };
    let known = allow.coprocessors || KNOWN.contains(&((id & COPROC_MASK) >> COPROC_SHIFT));
    match fpsimd::Reg::decode(id) {
        // V, FPSR and FPCR have slots.
        Ok(_) => Err(sve.into()),
        Err(core) => match core.reason() {
            // Another CORE register.
            Reason::NoRegister => Ok(()),
            Reason::Coprocessor { .. } if known => Ok(()),
            Reason::Coprocessor { .. } => Err(RegistersError::Coprocessor { id }),
            _ => Err(core.into()),
        },
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
        id: u64,
    },
    /// There is no V and nothing of SVE, and so neither kind of vCPU.
    NoVectors,
    /// A register of the other kind of vCPU, with SVE or without, than that of the snapshot in
    /// [`Allow::missing`].
    OtherKind {
        /// The register's ID.
        id: u64,
    },
    /// A register is there more than once.
    Duplicate {
        /// The register's ID.
        id: u64,
    },
    /// A register's value is not as large as its ID states, in bytes.
    Size {
        /// The register's ID.
        id: u64,
        /// What the ID states.
        expected: usize,
        /// What came with it.
        found: usize,
    },
    /// Another slice than slice 0, which holds the whole register at every vector length that SVE
    /// has.
    Slice {
        /// The slice's ID.
        id: u64,
    },
    /// A coprocessor that is not known here: what the register holds may be state that would be lost.
    /// [`Allow::coprocessors`] passes it over.
    Coprocessor {
        /// The register's ID.
        id: u64,
    },
    /// A slice of Z, P or FFR has bytes other than zero past the vector length, where KVM gives zeros:
    /// the register and VLS contradict each other. [`Allow::past_vls`] drops them.
    PastVls {
        /// The register's ID.
        id: u64,
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
        match *self {
            Self::Missing { id } => write!(f, "no {} ({id:#018x}) among the registers", Name(id)),
            Self::NoVectors => f.write_str(
                "neither Z nor V among the registers: of a vCPU with SVE there must be Z0 to Z31, P0 to \
                 P15, FFR and VLS, of one without SVE V0 to V31",
            ),
            Self::OtherKind { id } => {
                let (nothing, with) = match sve::Reg::decode(id) {
                    Ok(_) => ("", "without"),
                    Err(_) => (" and nothing of SVE", "with"),
                };
                write!(
                    f,
                    "{} ({id:#018x}){nothing} among the registers: the snapshot that has what is missing is \
                     of a vCPU {with} SVE",
                    Name(id)
                )
            }
            Self::Duplicate { id } => write!(f, "{} ({id:#018x}) more than once", Name(id)),
            Self::Size {
                id,
                expected,
                found,
            } => write!(
                f,
                "{found} bytes for {} ({id:#018x}), which takes {expected}",
                Name(id)
            ),
            Self::Slice { id } => write!(f, "{} ({id:#018x}): KVM has only slice 0", Name(id)),
            Self::Coprocessor { id } => write!(
                f,
                "register ID {id:#018x}: coprocessor {:#x} in bits 27:16 is not known here (known \
                 are 0x10, 0x11, 0x13 to 0x16), and what it holds would be lost",
                (id & COPROC_MASK) >> COPROC_SHIFT
            ),
            Self::PastVls { id, at, vls } => PastVls { id, at, vls: &vls }.fmt(f),
            Self::Id(error) => error.fmt(f),
            Self::Vls(error) => write!(f, "VLS: {error}"),
            Self::Image(error) => write!(f, "VLS: {error}"),
        }
    }
}

/// The message, because nobody can read an ID in decimal.
impl fmt::Debug for RegistersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistersError({self})")
    }
}

impl core::error::Error for RegistersError {}
