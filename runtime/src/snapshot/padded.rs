//! The form that snapshots had before: what `KVM_GET_ONE_REG` gave, register by register.

use alloc::vec::Vec;
use core::fmt;

use super::Snapshot;
use crate::image::{ImageError, SveState};
use crate::layout::{DecodeError, Layout, Reason};
use crate::layouts::Name;
use crate::one_reg::reg_size;
use crate::vcpu::Status;
use crate::vls::{Vls, VlsError};
use crate::vq::Vq;
use crate::{fpsimd, sve};

impl Snapshot {
    /// The snapshot that a vCPU's registers make, each with its ID and the bytes that
    /// `KVM_GET_ONE_REG` gave: what a VMM has kept that goes through `KVM_GET_REG_LIST`. For a vCPU
    /// with SVE.
    ///
    /// The order does not matter. The 50 of SVE, VLS among them, must be there once each, in the
    /// sizes that their IDs state; FPSR and FPCR both or neither. What a Z, P or FFR slice holds past
    /// the vector length is ignored, as KVM does. So are the other registers of a vCPU, V among
    /// them, which with SVE shows Z. VLS, FPSR and FPCR are in the host's byte order.
    ///
    /// ```
    /// # use sve_state::{OneReg, Vls, Vq, vcpu::Initialised};
    /// # use sve_state::shim::{Rules, Vcpu};
    /// use sve_state::one_reg::reg_size;
    /// use sve_state::snapshot::Snapshot;
    ///
    /// # let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(2)?), Rules::Mainline)?;
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
        let mut slots = Slots::new()?;
        for (id, bytes) in registers {
            slots.put(id, bytes)?;
        }
        let mut slices = Vec::new();
        for id in image_ids()? {
            slices.extend(slots.bytes(id)?);
        }
        let vls = Vls::from_bytes(&slots.array(sve::VLS.id())?);
        let mut state = SveState::zeroed(vls.max().ok_or(VlsError::Empty)?)?;
        state.pack(&slices)?;
        let status = slots.status()?;
        Ok(Self { vls, state, status })
    }
}

/// Z, P and FFR in the image's order, one slice each at every VQ.
fn image_ids() -> Result<impl Iterator<Item = u64>, ImageError> {
    Ok(sve::Layout::ids(Vq::MIN)?.filter(|id| *id != sve::VLS.id()))
}

/// A place for each register of a snapshot, by ID, so that memory is bounded whatever the list is.
struct Slots<B>(Vec<(u64, Option<B>)>);

impl<B: AsRef<[u8]>> Slots<B> {
    fn new() -> Result<Self, ImageError> {
        let others = [sve::VLS.id(), fpsimd::FPSR.id(), fpsimd::FPCR.id()];
        let ids = image_ids()?.chain(others);
        Ok(Self(ids.map(|id| (id, None)).collect()))
    }

    fn put(&mut self, id: u64, bytes: B) -> Result<(), RegistersError> {
        let Some((_, slot)) = self.0.iter_mut().find(|(slot, _)| *slot == id) else {
            return check_other(id);
        };
        let (expected, found) = (reg_size(id), bytes.as_ref().len());
        if found != expected {
            return Err(RegistersError::Size {
                id,
                expected,
                found,
            });
        }
        match slot.replace(bytes) {
            None => Ok(()),
            Some(_) => Err(RegistersError::Duplicate { id }),
        }
    }

    fn find(&self, id: u64) -> Option<&[u8]> {
        let (_, slot) = self.0.iter().find(|(slot, _)| *slot == id)?;
        slot.as_ref().map(B::as_ref)
    }

    fn bytes(&self, id: u64) -> Result<&[u8], RegistersError> {
        self.find(id).ok_or(RegistersError::Missing { id })
    }

    /// The bytes of a register of this size, which was checked on the way in.
    fn array<const N: usize>(&self, id: u64) -> Result<[u8; N], RegistersError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(id)?);
        Ok(array)
    }

    fn status(&self) -> Result<Option<Status>, RegistersError> {
        let (fpsr, fpcr) = (fpsimd::FPSR.id(), fpsimd::FPCR.id());
        if self.find(fpsr).or(self.find(fpcr)).is_none() {
            return Ok(None);
        }
        Ok(Some(Status {
            fpsr: u32::from_ne_bytes(self.array(fpsr)?),
            fpcr: u32::from_ne_bytes(self.array(fpcr)?),
        }))
    }
}

/// Whether an ID that has no slot is another register of a vCPU. What is neither that nor one of a
/// snapshot's has been damaged, and with it perhaps a register that would go missing.
fn check_other(id: u64) -> Result<(), RegistersError> {
    let sve = match sve::Reg::decode(id) {
        Ok(_) => return Err(RegistersError::Slice { id }),
        Err(error) => error,
    };
    let Reason::Coprocessor { .. } = sve.reason() else {
        return Err(sve.into());
    };
    match fpsimd::Reg::decode(id) {
        // V, another CORE register, or one of another coprocessor.
        Ok(_) => Ok(()),
        Err(core) => match core.reason() {
            Reason::NoRegister | Reason::Coprocessor { .. } => Ok(()),
            _ => Err(core.into()),
        },
    }
}

/// Why registers do not make a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RegistersError {
    /// A register of a snapshot is not there; of several, the first in the image's order, then VLS,
    /// then FPSR or FPCR.
    Missing {
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
    /// The ID is no register's.
    Id(DecodeError),
    /// VLS has no vector length.
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
            Self::Slice { id } => write!(f, "{} ({id:#018x}): KVM has slice 0 alone", Name(id)),
            Self::Id(error) => error.fmt(f),
            Self::Vls(error) => write!(f, "VLS: {error}"),
            Self::Image(error) => write!(f, "VLS: {error}"),
        }
    }
}

/// The message: an ID in decimal says nothing to anyone.
impl fmt::Debug for RegistersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistersError({self})")
    }
}

impl core::error::Error for RegistersError {}
