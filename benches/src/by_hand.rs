//! What the author of a VMM writes today: IDs by formula, slice 0, `copy_from_slice` and `fill`. It is as
//! fast as it can be without effort, and checks nothing that its job does not need.

use crc::{CRC_32_ISO_HDLC, Crc};
use sve_state::{Errno, OneReg};

const Z: u64 = 0x6080_0000_0015_0000;
const P: u64 = 0x6050_0000_0015_0400;
const VLS: u64 = 0x6060_0000_0015_ffff;
const FPSR: u64 = 0x6020_0000_0010_00d4;
const FPCR: u64 = 0x6020_0000_0010_00d5;

/// A register; FFR is P16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reg {
    /// A vector register.
    Z(usize),
    /// A predicate register.
    P(usize),
}

/// The register that an ID names.
#[inline]
pub fn decode(id: u64) -> Option<Reg> {
    let number = (id >> 5 & 0x1f) as usize;
    match id {
        _ if id & 0x1f != 0 => None,
        Z..0x6080_0000_0015_0400 => Some(Reg::Z(number)),
        P..=0x6050_0000_0015_0600 => Some(Reg::P(number)),
        _ => None,
    }
}

/// The IDs of Z, P and FFR.
pub fn ids() -> impl Iterator<Item = u64> {
    let z = (0..32).map(|n| Z + (n << 5));
    z.chain((0..17).map(|n| P + (n << 5)))
}

const fn size(id: u64) -> usize {
    1 << (id >> 52 & 15)
}

/// A vCPU's registers.
#[derive(Clone, Debug)]
pub struct State {
    /// `sve_state`.
    pub image: Vec<u8>,
    /// The vector length in quadwords.
    pub vq: usize,
}

impl State {
    /// GET of a Z register.
    #[inline]
    pub fn get_z(&self, n: usize, slice: &mut [u8; 256]) {
        let width = 16 * self.vq;
        slice[..width].copy_from_slice(&self.image[n * width..][..width]);
        slice[width..].fill(0);
    }

    /// GET of a Z register, by value.
    #[inline]
    pub fn z(&self, n: usize) -> [u8; 256] {
        let width = 16 * self.vq;
        let mut slice = [0; 256];
        slice[..width].copy_from_slice(&self.image[n * width..][..width]);
        slice
    }

    /// SET of a Z register.
    #[inline]
    pub fn set_z(&mut self, n: usize, slice: &[u8; 256]) {
        let width = 16 * self.vq;
        self.image[n * width..][..width].copy_from_slice(&slice[..width]);
    }

    /// GET of a P register, or of FFR.
    #[inline]
    pub fn get_p(&self, n: usize, slice: &mut [u8; 32]) {
        let width = 2 * self.vq;
        let start = 512 * self.vq + n * width;
        slice[..width].copy_from_slice(&self.image[start..][..width]);
        slice[width..].fill(0);
    }

    /// GET of a P register, or of FFR, by value.
    #[inline]
    pub fn p(&self, n: usize) -> [u8; 32] {
        let mut slice = [0; 32];
        self.get_p(n, &mut slice);
        slice
    }

    /// SET of a P register, or of FFR.
    #[inline]
    pub fn set_p(&mut self, n: usize, slice: &[u8; 32]) {
        let width = 2 * self.vq;
        let start = 512 * self.vq + n * width;
        self.image[start..][..width].copy_from_slice(&slice[..width]);
    }

    /// GET of a V register.
    #[inline]
    pub fn get_v(&self, n: usize, value: &mut [u8; 16]) {
        value.copy_from_slice(&self.image[n * 16 * self.vq..][..16]);
    }

    /// SET of a V register.
    #[inline]
    pub fn set_v(&mut self, n: usize, value: &[u8; 16]) {
        self.image[n * 16 * self.vq..][..16].copy_from_slice(value);
    }

    /// GET of what an ID names, or `false` if there is no such register.
    #[inline]
    pub fn get(&self, id: u64, slice: &mut [u8; 256]) -> bool {
        let (predicate, _) = slice.split_first_chunk_mut().expect("256 are more than 32");
        match decode(id) {
            Some(Reg::Z(n)) => self.get_z(n, slice),
            Some(Reg::P(n)) => self.get_p(n, predicate),
            None => return false,
        }
        true
    }

    /// SET of what an ID names.
    #[inline]
    pub fn set(&mut self, id: u64, slice: &[u8; 256]) -> bool {
        let (predicate, _) = slice.split_first_chunk().expect("256 are more than 32");
        match decode(id) {
            Some(Reg::Z(n)) => self.set_z(n, slice),
            Some(Reg::P(n)) => self.set_p(n, predicate),
            None => return false,
        }
        true
    }
}

/// An emulator's finalized vCPU with ONE_REG, as a stub of KVM's interface would have it.
#[derive(Clone, Debug)]
pub struct Vcpu {
    /// Its registers.
    pub state: State,
    /// VLS.
    pub vls: [u8; 64],
    /// FPSR and FPCR.
    pub status: [u32; 2],
}

impl Vcpu {
    /// `KVM_GET_ONE_REG`.
    pub fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        let data = data.get_mut(..size(id)).ok_or(Errno::EINVAL)?;
        match id {
            VLS => data.copy_from_slice(&self.vls),
            FPSR => data.copy_from_slice(&self.status[0].to_ne_bytes()),
            FPCR => data.copy_from_slice(&self.status[1].to_ne_bytes()),
            _ => match decode(id).ok_or(Errno::ENOENT)? {
                Reg::Z(n) => {
                    let slice = data.try_into().map_err(|_| Errno::EINVAL)?;
                    self.state.get_z(n, slice);
                }
                Reg::P(n) => {
                    let slice = data.try_into().map_err(|_| Errno::EINVAL)?;
                    self.state.get_p(n, slice);
                }
            },
        }
        Ok(())
    }

    /// `KVM_SET_ONE_REG`.
    pub fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        let data = data.get(..size(id)).ok_or(Errno::EINVAL)?;
        let word = |data: &[u8]| {
            let word = data.try_into().map_err(|_| Errno::EINVAL)?;
            Ok(u32::from_ne_bytes(word))
        };
        match id {
            VLS => return Err(Errno::EPERM),
            FPSR => self.status[0] = word(data)?,
            FPCR => self.status[1] = word(data)?,
            _ => match decode(id).ok_or(Errno::ENOENT)? {
                Reg::Z(n) => {
                    let slice = data.try_into().map_err(|_| Errno::EINVAL)?;
                    self.state.set_z(n, slice);
                }
                Reg::P(n) => {
                    let slice = data.try_into().map_err(|_| Errno::EINVAL)?;
                    self.state.set_p(n, slice);
                }
            },
        }
        Ok(())
    }
}

/// What a VMM keeps of a vCPU: VLS, then Z, P and FFR as whole slices, then FPSR and FPCR, one after the
/// other.
pub fn save<V: OneReg>(vcpu: &V) -> Result<Vec<u8>, V::Error> {
    let mut saved = Vec::with_capacity(64 + 32 * 256 + 17 * 32 + 8);
    for id in [VLS].into_iter().chain(ids()).chain([FPSR, FPCR]) {
        let start = saved.len();
        saved.resize(start + size(id), 0);
        vcpu.get_one_reg(id, &mut saved[start..])?;
    }
    Ok(saved)
}

/// Restores it to a vCPU that is finalized with the same vector lengths.
pub fn restore<V: OneReg>(vcpu: &mut V, saved: &[u8]) -> Result<(), V::Error> {
    let mut rest = &saved[64..];
    for id in ids().chain([FPSR, FPCR]) {
        let (slice, more) = rest.split_at(size(id));
        vcpu.set_one_reg(id, slice)?;
        rest = more;
    }
    Ok(())
}

/// A snapshot that a VMM defines itself: the image, VLS, FPSR and FPCR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// VLS.
    pub vls: [u8; 64],
    /// FPSR and FPCR.
    pub status: [u32; 2],
    /// `sve_state`.
    pub image: Vec<u8>,
}

/// The largest VQ in VLS.
fn largest(vls: &[u8; 64]) -> Option<usize> {
    let vq = 64 - u64::from_le_bytes(*vls.first_chunk()?).leading_zeros();
    (1..=16).contains(&vq).then_some(vq as usize)
}

const MAGIC: [u8; 8] = *b"BY HAND!";
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

impl Snapshot {
    /// To bytes, with a checksum.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(84 + self.image.len());
        bytes.extend(MAGIC);
        bytes.extend(self.vls);
        bytes.extend(self.status[0].to_le_bytes());
        bytes.extend(self.status[1].to_le_bytes());
        bytes.extend_from_slice(&self.image);
        bytes.extend(CRC.checksum(&bytes).to_le_bytes());
        bytes
    }

    /// From bytes that are whole.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = bytes.split_last_chunk()?;
        if CRC.checksum(content) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let rest = content.strip_prefix(&MAGIC)?;
        let (vls, rest) = rest.split_first_chunk()?;
        let (fpsr, rest) = rest.split_first_chunk()?;
        let (fpcr, image) = rest.split_first_chunk()?;
        let status = [fpsr, fpcr].map(|word| u32::from_le_bytes(*word));
        let right = image.len() == 546 * largest(vls)?;
        right.then(|| Self {
            vls: *vls,
            status,
            image: image.to_vec(),
        })
    }

    /// From (ID, bytes) as a VMM keeps them, with each register once.
    pub fn from_registers(registers: &[(u64, Vec<u8>)]) -> Option<Self> {
        let (_, vls) = registers.iter().find(|(id, _)| *id == VLS)?;
        let vls: [u8; 64] = vls[..].try_into().ok()?;
        let vq = largest(&vls)?;
        let mut state = State {
            image: vec![0; 546 * vq],
            vq,
        };
        let (mut status, mut seen) = ([0; 2], 0_u64);
        for (id, bytes) in registers {
            match *id {
                VLS => {}
                FPSR => status[0] = u32::from_ne_bytes(bytes[..].try_into().ok()?),
                FPCR => status[1] = u32::from_ne_bytes(bytes[..].try_into().ok()?),
                id => match decode(id)? {
                    Reg::Z(n) => {
                        state.set_z(n, bytes[..].try_into().ok()?);
                        seen |= 1 << n;
                    }
                    Reg::P(n) => {
                        state.set_p(n, bytes[..].try_into().ok()?);
                        seen |= 1 << (32 + n);
                    }
                },
            }
        }
        let all = registers.len() == 52 && seen == (1 << 49) - 1;
        let image = state.image;
        all.then_some(Self { vls, status, image })
    }

    /// To (ID, bytes), in the order that KVM lists them.
    pub fn registers(&self) -> Vec<(u64, Vec<u8>)> {
        let [fpsr, fpcr] = self.status.map(|word| word.to_ne_bytes().to_vec());
        let mut registers = vec![(FPSR, fpsr), (FPCR, fpcr), (VLS, self.vls.to_vec())];
        let vq = self.image.len() / 546;
        let mut rest = &self.image[..];
        for id in ids() {
            let (register, more) = rest.split_at(if id >= Z { 16 * vq } else { 2 * vq });
            let mut slice = vec![0; size(id)];
            slice[..register.len()].copy_from_slice(register);
            registers.push((id, slice));
            rest = more;
        }
        registers
    }
}
