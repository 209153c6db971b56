//! A vCPU's answers by nothing but the rules, as simply as they can be written: every register in an array
//! of its own, every byte moved by itself, every ID taken apart here. Nothing comes from `sve-state`, not
//! even constants and tables, because that is the point.
//!
//! For little-endian hosts, where a CORE register's bytes are in the image's order. IDs are arm64's, with
//! no bit set outside of the fields.

use super::{Rules, Stage};

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ENOEXEC: i32 = 8;
const EINVAL: i32 = 22;

const _: () = assert!(cfg!(target_endian = "little"));

/// What an ID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A slice of a Z register: the register's number, and the slice's.
    Z(usize, usize),
    /// A slice of a P register, likewise.
    P(usize, usize),
    /// A slice of FFR.
    Ffr(usize),
    /// The vector-length set.
    Vls,
    /// Bytes of a V register: its number, the first, and how many.
    V(usize, usize, usize),
    /// The status register.
    Fpsr,
    /// The control register.
    Fpcr,
}

/// A vCPU.
#[derive(Clone)]
pub(super) struct Vcpu {
    pub(super) rules: Rules,
    pub(super) stage: Stage,
    /// Bit `vq - 1` is set if the host has this vector length.
    pub(super) host: u16,
    /// Bit `vq - 1` is set if the vCPU has this vector length.
    pub(super) vls: u16,
    /// V(n) is the start of Z(n).
    pub(super) z: [[u8; 256]; 32],
    pub(super) p: [[u8; 32]; 16],
    pub(super) ffr: [u8; 32],
    pub(super) fpsr: [u8; 4],
    pub(super) fpcr: [u8; 4],
}

fn low(id: u64) -> usize {
    (id % 0x1_0000) as usize
}

/// The size that an ID states, in bytes.
pub(super) fn size(id: u64) -> usize {
    2_usize.pow((id >> 52) as u32 % 16)
}

/// What an ID names in the SVE space.
pub(super) fn sve(id: u64) -> Option<Named> {
    let i = low(id) % 32;
    match (low(id), size(id)) {
        (0..0x400, 256) => Some(Named::Z(low(id) / 32, i)),
        (0x400..0x600, 32) => Some(Named::P((low(id) - 0x400) / 32, i)),
        (0x600..0x620, 32) => Some(Named::Ffr(i)),
        (0xffff, 64) => Some(Named::Vls),
        _ => None,
    }
}

/// What an ID names in CORE, whole registers only.
pub(super) fn core(id: u64) -> Option<Named> {
    match (low(id), size(id)) {
        (low @ 0x54..0xd4, 16) if low.is_multiple_of(4) => Some(Named::V((low - 0x54) / 4, 0, 16)),
        (0xd4, 4) => Some(Named::Fpsr),
        (0xd5, 4) => Some(Named::Fpcr),
        _ => None,
    }
}

/// CORE as the RFC has it: any whole words of one V register.
fn core_rfc(id: u64) -> Result<Named, i32> {
    let first = low(id);
    let last = first + size(id).div_ceil(4) - 1;
    if last < 0x54 || first > 0xd3 {
        return core(id).ok_or(ENOENT);
    }
    let words = size(id).is_multiple_of(4);
    let inside = first >= 0x54 && last <= 0xd3;
    if words && inside && (first - 0x54) / 4 == (last - 0x54) / 4 {
        Ok(Named::V(
            (first - 0x54) / 4,
            (first - 0x54) % 4 * 4,
            size(id),
        ))
    } else {
        Err(EINVAL)
    }
}

impl Vcpu {
    fn has_sve(&self) -> bool {
        matches!(self.stage, Stage::BeforeFinalization | Stage::Finalized)
    }

    /// Its largest vector length in quadwords.
    pub(super) fn vq(&self) -> usize {
        (1..=16)
            .rfind(|vq| self.vls & (1 << (vq - 1)) != 0)
            .unwrap_or(0)
    }

    /// What an ID names on this vCPU at this stage.
    fn named(&self, id: u64) -> Result<Named, i32> {
        if self.stage == Stage::Created {
            return Err(ENOEXEC);
        }
        match (id >> 16) % 0x1000 {
            0x15 => self.named_in_sve(id),
            0x10 if self.rules == Rules::Rfc => core_rfc(id),
            0x10 => self.named_in_core(id),
            _ => Err(ENOENT),
        }
    }

    fn named_in_sve(&self, id: u64) -> Result<Named, i32> {
        let named = sve(id).ok_or(EINVAL)?;
        if self.rules == Rules::Rfc {
            return match named {
                Named::Vls => Err(EINVAL),
                _ if self.has_sve() => Ok(named),
                _ => Err(ENOENT),
            };
        }
        match named {
            Named::Z(_, i) | Named::P(_, i) | Named::Ffr(i) if i > 0 => Err(ENOENT),
            _ if !self.has_sve() => Err(ENOENT),
            Named::Vls => Ok(named),
            _ if self.stage == Stage::BeforeFinalization => Err(EPERM),
            _ => Ok(named),
        }
    }

    fn named_in_core(&self, id: u64) -> Result<Named, i32> {
        // Below are registers that the shim does not keep. `struct kvm_regs` has 216 words, and the kernel
        // wants more than the register to be left of it.
        if low(id) < 0x54 || low(id) + size(id) / 4 >= 216 {
            return Err(ENOENT);
        }
        match core(id).ok_or(EINVAL)? {
            Named::V(..) if self.has_sve() => Err(EINVAL),
            named => Ok(named),
        }
    }

    /// GET, which gives the slice or the errno.
    pub(super) fn get(&self, id: u64) -> Result<Vec<u8>, i32> {
        let named = self.named(id)?;
        let byte = |k: usize| match named {
            Named::Z(n, i) if i * 256 + k < 16 * self.vq() => self.z[n][i * 256 + k],
            Named::P(n, i) if i * 32 + k < 2 * self.vq() => self.p[n][i * 32 + k],
            Named::Ffr(i) if i * 32 + k < 2 * self.vq() => self.ffr[i * 32 + k],
            Named::Z(..) | Named::P(..) | Named::Ffr(_) => 0,
            Named::Vls => self.vls.to_le_bytes().get(k).copied().unwrap_or(0),
            Named::V(n, first, _) => self.z[n][first + k],
            Named::Fpsr => self.fpsr[k],
            Named::Fpcr => self.fpcr[k],
        };
        Ok((0..size(id)).map(byte).collect())
    }

    /// SET from as many bytes as the ID states, or the errno.
    pub(super) fn set(&mut self, id: u64, data: &[u8]) -> Result<(), i32> {
        let (named, vq) = (self.named(id)?, self.vq());
        if named == Named::Vls {
            return self.set_vls(data);
        }
        for (k, byte) in data[..size(id)].iter().copied().enumerate() {
            match named {
                Named::Z(n, i) if i * 256 + k < 16 * vq => self.z[n][i * 256 + k] = byte,
                Named::P(n, i) if i * 32 + k < 2 * vq => self.p[n][i * 32 + k] = byte,
                Named::Ffr(i) if i * 32 + k < 2 * vq => self.ffr[i * 32 + k] = byte,
                Named::Z(..) | Named::P(..) | Named::Ffr(_) | Named::Vls => {}
                Named::V(n, first, _) => self.z[n][first + k] = byte,
                Named::Fpsr => self.fpsr[k] = byte,
                Named::Fpcr => self.fpcr[k] = byte,
            }
        }
        Ok(())
    }

    /// Accepts the host's own lengths up to one of them, and nothing else.
    fn set_vls(&mut self, data: &[u8]) -> Result<(), i32> {
        if self.stage == Stage::Finalized {
            return Err(EPERM);
        }
        let wanted = u16::from_le_bytes([data[0], data[1]]);
        let rest = data[2..64].iter().all(|byte| *byte == 0);
        let allowed = (0..16)
            .filter(|bit| self.host & (1 << bit) != 0)
            .map(|bit| self.host & (u16::MAX >> (15 - bit)));
        if !rest || allowed.into_iter().all(|allowed| allowed != wanted) {
            return Err(EINVAL);
        }
        self.vls = wanted;
        Ok(())
    }

    /// The registers in the order of `sve_state`, or without SVE V0 to V31.
    pub(super) fn registers(&self) -> Vec<u8> {
        let (z, p) = match self.has_sve() {
            true => (16 * self.vq(), 2 * self.vq()),
            false => (16, 0),
        };
        let mut bytes = Vec::new();
        self.z.iter().for_each(|r| bytes.extend(&r[..z]));
        self.p.iter().for_each(|r| bytes.extend(&r[..p]));
        bytes.extend(&self.ffr[..p]);
        bytes
    }
}
