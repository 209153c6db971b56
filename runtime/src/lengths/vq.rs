//! Vector lengths, in the unit that everything else is counted in.

use core::fmt;
use core::num::NonZeroU16;

use crate::text;

/// A vector length in quadwords of 128 bits (Linux's `vq`). The VL in bytes is 16 times this number.
///
/// It holds what the ABI leaves room for, 1 to 512 (`KVM_ARM64_SVE_VQ_MIN` to
/// `KVM_ARM64_SVE_VQ_MAX` in `arch/arm64/include/uapi/asm/kvm.h`), whereas the architecture, and
/// with it the [`sve`](crate::sve) layout, has 1 to 16 today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vq(NonZeroU16);

impl Vq {
    /// The smallest: 128 bits.
    pub const MIN: Self = Self::constant(1);
    /// The largest that the architecture has: 2048 bits.
    pub const ARCH_MAX: Self = Self::constant(16);
    /// The largest that the ABI has room for (`KVM_ARM64_SVE_VQ_MAX`).
    pub const MAX: Self = Self::constant(512);

    const fn constant(vq: u16) -> Self {
        match NonZeroU16::new(vq) {
            Some(vq) => Self(vq),
            None => panic!("VQ 0"),
        }
    }

    /// A vector length of `vq` quadwords.
    pub const fn new(vq: u32) -> Result<Self, VqError> {
        if vq == 0 || vq > Self::MAX.get() as u32 {
            return Err(VqError {
                vq,
                min: Self::MIN.get(),
                max: Self::MAX.get(),
            });
        }
        // At most 512.
        #[allow(clippy::cast_possible_truncation)]
        Ok(Self::constant(vq as u16))
    }

    /// In quadwords.
    #[inline]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The vector length (VL) in bytes.
    pub const fn vl_bytes(self) -> usize {
        16 * self.get() as usize
    }

    /// Every architectural vector length, ascending.
    pub fn architectural() -> impl DoubleEndedIterator<Item = Self> {
        (Self::MIN.get()..=Self::ARCH_MAX.get()).map(Self::constant)
    }
}

impl fmt::Display for Vq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        u32::from(self.get()).fmt(f)
    }
}

/// A VQ that is not allowed where it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VqError {
    /// The VQ asked for.
    pub vq: u32,
    /// The smallest allowed.
    pub min: u16,
    /// The largest allowed.
    pub max: u16,
}

impl fmt::Display for VqError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [self.vq.into(), self.min.into(), self.max.into()];
        text::write(f, "VQ %d: allowed are %d to %d", &numbers, &[])
    }
}

impl core::error::Error for VqError {}
