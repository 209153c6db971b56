//! Snapshots from lists of registers, and lists from snapshots. VMMs keep such lists today: (ID, bytes), as
//! `KVM_GET_ONE_REG` gave them.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use core::{fmt, mem};

use super::Snapshot;
use crate::image::{ImageError, SveState};
use crate::layout::{BankType, COPROC_MASK, COPROC_SHIFT, DecodeError, Reason, Register};
use crate::layouts::Name;
use crate::one_reg::reg_size;
use crate::registers::{self, PastVls, Status};
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
        let word = |id, word: u32| (id, word.to_ne_bytes().to_vec());
        let status = self.status.into_iter().flat_map(move |status| {
            let (fpsr, fpcr) = (fpsimd::FPSR.id(), fpsimd::FPCR.id());
            [word(fpsr, status.fpsr), word(fpcr, status.fpcr)]
        });
        let vls = (sve::VLS.id(), self.vls.to_bytes().to_vec());
        let vls = self.has_sve().then_some(vls);
        let has_sve = self.has_sve();
        let image = move |v| self.iter().filter(move |_| has_sve != v);
        let v = image(true).map(|(id, bytes)| {
            let mut value = bytes.to_vec();
            in_host_order(&mut value);
            (id, value)
        });
        let sve = image(false).map(|(id, bytes)| {
            let mut slice = vec![0; reg_size(id)];
            slice[..bytes.len()].copy_from_slice(bytes);
            (id, slice)
        });
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
        let mut list = List::new();
        if let Some(missing) = allow.missing {
            list.fill(missing);
        }
        for (id, bytes) in registers {
            // Asked only once, because a second call might give other bytes.
            list.put(id, bytes.as_ref(), allow)?;
        }
        if let Some(missing) = allow.missing {
            let other = match (list.listed(OF_SVE), missing.has_sve()) {
                (sve, false) => sve,
                (None, true) if !edit => list.listed(OF_V),
                _ => None,
            };
            other.map_or(Ok(()), |id| Err(RegistersError::OtherKind { id }))?;
        }
        let (vls, state) = if list.without_sve() {
            (Vls::EMPTY, list.v_state()?)
        } else {
            if allow.missing.is_some() {
                list.v_to_z()?;
            }
            list.sve_state(allow)?
        };
        let status = list.status()?;
        Ok(Self { vls, state, status })
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

/// The ID of the register at each place, and where its value starts in [`List::bytes`].
const IDS: [(u64, usize); PLACES] = {
    let (mut ids, mut n, mut start) = ([(0, 0); PLACES], 0, 0);
    while n < PLACES {
        // Below 32.
        #[allow(clippy::cast_possible_truncation)]
        const fn of<B: BankType>(n: usize) -> u64 {
            Register::<B>::constant(n as u16, 0).id()
        }
        const P: usize = sve::P0.index();
        const FFR: usize = sve::FFR.index();
        let id = match n {
            ..P => of::<sve::bank::Z>(n),
            P..FFR => of::<sve::bank::P>(n - P),
            FFR => sve::FFR.id(),
            VLS => sve::VLS.id(),
            V..FPSR => of::<fpsimd::bank::V>(n - V),
            FPSR => fpsimd::FPSR.id(),
            _ => fpsimd::FPCR.id(),
        };
        ids[n] = (id, start);
        (n, start) = (n + 1, start + reg_size(id));
    }
    ids
};

/// The list's registers, each at its place, so that memory is bounded whatever the list is.
struct List {
    has: [Has; PLACES],
    /// The values, one behind the other; those of the image are the slices that `pack` reads.
    bytes: Vec<u8>,
    /// What is wrong with V. It matters only without SVE.
    v: Result<(), RegistersError>,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Has {
    Nothing,
    Missing,
    Listed,
}

impl List {
    fn new() -> Self {
        let (id, start) = IDS[FPCR];
        Self {
            has: [Has::Nothing; PLACES],
            bytes: vec![0; start + reg_size(id)],
            v: Ok(()),
        }
    }

    /// Values for what the list may lack.
    fn fill(&mut self, missing: &Snapshot) {
        for (id, bytes) in missing.registers() {
            if let Some(place) = place(id) {
                self.bytes[IDS[place].1..][..bytes.len()].copy_from_slice(&bytes);
                self.has[place] = Has::Missing;
            }
        }
    }

    fn put(&mut self, id: u64, bytes: &[u8], allow: Allow<'_>) -> Result<(), RegistersError> {
        let Some(place) = place(id) else {
            return check_other(id, allow);
        };
        let (expected, found) = (reg_size(id), bytes.len());
        let before = mem::replace(&mut self.has[place], Has::Listed);
        let put = if found != expected {
            Err(RegistersError::Size {
                id,
                expected,
                found,
            })
        } else if before == Has::Listed {
            Err(RegistersError::Duplicate { id })
        } else {
            self.bytes[IDS[place].1..][..expected].copy_from_slice(bytes);
            Ok(())
        };
        if OF_V.contains(&place) {
            self.v = self.v.and(put);
            return Ok(());
        }
        put
    }

    /// Copies the V registers that are listed to the Z registers that are not.
    fn v_to_z(&mut self) -> Result<(), RegistersError> {
        for (v, z) in OF_V.zip(OF_SVE) {
            if (self.has[v], self.has[z]) == (Has::Listed, Has::Missing) {
                self.v?;
                let (v, z) = (IDS[v].1, IDS[z].1);
                self.bytes.copy_within(v..v + 16, z);
                in_host_order(&mut self.bytes[z..][..16]);
            }
        }
        Ok(())
    }

    /// The first register of these that came from the list.
    fn listed(&self, mut places: Range<usize>) -> Option<u64> {
        let place = places.find(|place| self.has[*place] == Has::Listed);
        place.map(|place| IDS[place].0)
    }

    /// Whether they are of a vCPU without SVE: it lists V, and nothing of SVE.
    fn without_sve(&self) -> bool {
        let there = |places: Range<usize>| self.has[places].iter().any(|has| *has != Has::Nothing);
        there(OF_V) && !there(OF_SVE)
    }

    /// The value at a place, which has its size since [`put`](Self::put).
    fn value<const N: usize>(&self, place: usize) -> Result<[u8; N], RegistersError> {
        let (id, start) = IDS[place];
        match self.bytes[start..].first_chunk() {
            Some(value) if self.has[place] != Has::Nothing => Ok(*value),
            _ => Err(RegistersError::Missing { id }),
        }
    }

    fn v_state(&self) -> Result<State, RegistersError> {
        self.v?;
        let mut state = SveState::zeroed(Vq::MIN)?;
        for (v, place) in fpsimd::V::all().zip(OF_V) {
            let value = u128::from_ne_bytes(self.value(place)?);
            state.set_view(v, &value.to_le_bytes());
        }
        Ok(state)
    }

    fn sve_state(&self, allow: Allow<'_>) -> Result<(Vls, State), RegistersError> {
        let mut places = OF_SVE;
        if let Some(place) = places.find(|place| self.has[*place] == Has::Nothing) {
            return Err(RegistersError::Missing { id: IDS[place].0 });
        }
        let vls = Vls::from_bytes(&self.value(VLS)?);
        let vq = vls.max().ok_or(VlsError::Empty)?;
        let mut state = SveState::zeroed(vq)?;
        vls.check_powers()?;
        state.pack(&self.bytes[..IDS[VLS].1])?;
        if !allow.past_vls {
            for ((id, start), (_, bounds)) in IDS.into_iter().zip(registers::all(true, vq)) {
                let bytes = bounds.copy as usize;
                let slice = &self.bytes[start..][..reg_size(id)];
                if let Some(past) = registers::not_zero(&slice[bytes..]) {
                    let at = bytes + past;
                    return Err(RegistersError::PastVls { id, at, vls });
                }
            }
        }
        Ok((vls, state))
    }

    fn status(&self) -> Result<Option<Status>, RegistersError> {
        if self.has[FPSR..=FPCR] == [Has::Nothing; 2] {
            return Ok(None);
        }
        let [fpsr, fpcr] = [self.value(FPSR)?, self.value(FPCR)?].map(u32::from_ne_bytes);
        Ok(Some(Status { fpsr, fpcr }))
    }
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
    /// then FPSR or FPCR. If there is neither V nor anything of SVE, it is Z0.
    Missing {
        /// The register's ID.
        id: u64,
    },
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
