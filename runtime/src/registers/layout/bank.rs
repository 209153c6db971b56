//! One line of a layout as data, and what is computed from it: IDs, and places in the image.
//!
//! Sizes are in bytes unless a name says otherwise.

use core::fmt;

use super::SIZE_SHIFT;
use crate::text;

/// A quantity that is fixed or grows with the vector length: `fixed + per_vq * VQ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(hidden)]
pub struct PerVq {
    /// The part that does not depend on the vector length.
    pub fixed: u32,
    /// What each quadword of vector length adds.
    pub per_vq: u32,
}

impl PerVq {
    /// The value at this VQ. In a layout that the compiler has accepted it does not wrap, so the copies, which
    /// compute with it, need no arithmetic that panics where overflow is checked.
    #[inline]
    pub const fn at(self, vq: u16) -> u32 {
        self.fixed.wrapping_add(self.per_vq.wrapping_mul(vq as u32))
    }
}

/// Where a bank's registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(hidden)]
pub enum Place {
    /// In the layout's packed image, after all banks declared before it.
    Image,
    /// In the low bits of the registers of another bank.
    View,
    /// Nowhere, because the ID stands for something else (a pseudo-register).
    None,
}

/// One line of a layout: a bank of registers of the same kind, whose IDs and places in the image follow from their
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(hidden)]
pub struct Bank {
    /// The architecture's name, without a number: `Z`, `P`, `FFR`.
    pub name: &'static str,
    /// Whether the bank is declared as an array, so that a register's name has a number, `Z3`. Otherwise it has none,
    /// `FFR`.
    pub numbered: bool,
    /// Bits 15:0 of the ID of register 0, slice 0.
    pub base: u16,
    /// The distance from one register's ID to the next one's.
    pub step: u16,
    /// How many registers there are.
    pub count: PerVq,
    /// How many registers there are at the largest VQ. Every number below this has an ID, at every VQ.
    pub max_count: u16,
    /// How many slices of each register have an ID.
    pub slices: u16,
    /// How many bytes one ONE_REG call moves, a power of two because KVM's size field has its logarithm.
    pub slice_bytes: u32,
    /// How wide a register is, in bytes.
    pub width: PerVq,
    /// Where the registers are kept.
    pub place: Place,
}

impl Bank {
    /// The ID of a slice, with the architecture and coprocessor bits of `prefix`. The caller has checked both
    /// numbers.
    pub(super) const fn id(&self, prefix: u64, number: u16, slice: u16) -> u64 {
        let size_log2 = self.slice_bytes.trailing_zeros() as u64;
        let low = self.base as u64 + number as u64 * self.step as u64 + slice as u64;
        prefix | size_log2 << SIZE_SHIFT | low
    }

    /// The number and slice of the register whose ID minus that of register 0, slice 0, is `offset`.
    // Both are less than a `u16` of the bank.
    #[allow(clippy::cast_possible_truncation)]
    #[inline]
    pub(super) const fn locate(&self, offset: u64) -> Option<(u32, u32)> {
        let (number, slice) = (offset / self.step as u64, offset % self.step as u64);
        if number < self.max_count as u64 && slice < self.slices as u64 {
            Some((number as u32, slice as u32))
        } else {
            None
        }
    }

    /// `Z3`, `FFR`, and the slice if it is not slice 0: `Z3 slice 1`.
    #[inline(never)]
    pub(crate) fn write_slice(
        &self,
        f: &mut fmt::Formatter<'_>,
        number: u32,
        slice: u32,
    ) -> fmt::Result {
        let (text, numbers) = match (self.numbered, slice) {
            (true, 0) => ("%s%d", [number, 0]),
            (true, _) => ("%s%d slice %d", [number, slice]),
            (false, 0) => ("%s", [0; 2]),
            (false, _) => ("%s slice %d", [slice, 0]),
        };
        text::write_named(f, text, &numbers.map(u64::from), &[], self.name)
    }

    /// `Z3`, `FFR`.
    pub(super) fn write_name(&self, f: &mut fmt::Formatter<'_>, number: u16) -> fmt::Result {
        self.write_slice(f, number.into(), 0)
    }
}

/// A size or an offset in the image, as a formula of VQ: `fixed + per_vq * VQ + per_vq2 * VQ²` bytes. The square is
/// needed because both the number of registers of a bank and their width may grow with VQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageBytes {
    fixed: u32,
    per_vq: u32,
    per_vq2: u32,
}

impl ImageBytes {
    /// Where the first bank starts.
    pub(crate) const START: Self = Self {
        fixed: 0,
        per_vq: 0,
        per_vq2: 0,
    };

    /// Where the bank after this one starts, if this one starts here.
    ///
    /// In a layout that [`check`](super::check) has passed, nothing here wraps.
    pub(crate) const fn past(self, bank: &Bank) -> Self {
        if !matches!(bank.place, Place::Image) {
            return self;
        }
        let (count, width) = (bank.count, bank.width);
        Self {
            fixed: self.fixed + count.fixed * width.fixed,
            per_vq: self.per_vq + count.fixed * width.per_vq + count.per_vq * width.fixed,
            per_vq2: self.per_vq2 + count.per_vq * width.per_vq,
        }
    }

    /// The size of the first `n` banks, which is the offset of bank `n` or, if these are all banks, the size of the
    /// image.
    pub(crate) const fn of(mut banks: &[Bank], n: usize) -> Self {
        let (mut place, mut b) = (Self::START, 0);
        while let (true, [bank, rest @ ..]) = (b < n, banks) {
            place = place.past(bank);
            banks = rest;
            b += 1;
        }
        place
    }

    #[inline]
    pub(crate) const fn at(self, vq: u16) -> u32 {
        let vq = vq as u32;
        let per_vq = self.per_vq.wrapping_add(self.per_vq2.wrapping_mul(vq));
        self.fixed.wrapping_add(per_vq.wrapping_mul(vq))
    }
}
