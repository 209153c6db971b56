//! Where a slice lies in the image, and how a GET of it fills its buffer.
//!
//! This is for code that asks, by `Image::bounds`, `Layout::bounds` or the table `BOUNDS` of a layout, and for the
//! loops of capture and restore. A GET or SET of a slice reads no table, but computes the same numbers in
//! `state/access.rs`.

use super::bank::{Bank, ImageBytes, Place};

/// Where one slice of a register lies in the image, in bytes, and how a GET fills its buffer.
///
/// ```text
///            ├── copy ──┤
/// image  ····█▒▒▒▒▒▒▒▒▒▒█····      start: from the beginning of the image
/// slice      ├── copy ──┤├─ flush ─┤
/// ```
///
/// `copy + flush` is the bank's slice size. A GET writes `copy` bytes from the image, then `flush` zeros; a SET
/// writes the first `copy` bytes of the slice into the image, and ignores the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Bounds {
    /// Where the slice's bytes start in the image.
    pub start: usize,
    /// How many bytes the image and the slice share.
    pub copy: usize,
    /// How many bytes of the slice lie past the register's end.
    pub flush: usize,
}

impl Bounds {
    /// The bounds of slice `index`, for slices of `slice_bytes`, of a register at `offset` in the
    /// image and `width` wide.
    ///
    /// If the whole slice is past the register's end, it starts at that end and is empty, so the bounds never leave
    /// the register, whatever the index is.
    #[doc(hidden)]
    pub const fn of_slice(offset: usize, width: usize, slice_bytes: usize, index: u16) -> Self {
        let skipped = (index as usize).saturating_mul(slice_bytes);
        let skipped = if skipped < width { skipped } else { width };
        let left = width - skipped;
        let copy = if left < slice_bytes {
            left
        } else {
            slice_bytes
        };
        Self {
            start: offset + skipped,
            copy,
            flush: slice_bytes - copy,
        }
    }

    /// The bounds of a slice of one of a bank's registers, where the bank starts at `offset` in the image. If this VQ
    /// does not have the register, the bounds are empty, and lie at the bank's end.
    pub(crate) const fn of_register(
        bank: &Bank,
        offset: ImageBytes,
        vq: u16,
        number: u16,
        index: u16,
    ) -> Self {
        let (count, width) = (bank.count.at(vq) as usize, bank.width.at(vq) as usize);
        let (number, own) = if (number as usize) < count {
            (number as usize, width)
        } else {
            (count, 0)
        };
        let start = offset.at(vq) as usize + number * width;
        Self::of_slice(start, own, bank.slice_bytes as usize, index)
    }
}

/// The bounds of slice 0 of every register of a layout, a row for each VQ from `vq_min` on, which is the `BOUNDS` of
/// a layout. The compiler computes it for people and tests, and nothing in this crate reads it at run time.
///
/// `REGISTERS` is what [`registers`] gives for all banks. Where a VQ does not have a register, its bounds are empty.
pub const fn bounds_table<const REGISTERS: usize, const VQS: usize>(
    banks: &[Bank],
    vq_min: u16,
) -> [[Bounds; REGISTERS]; VQS] {
    let empty = Bounds {
        start: 0,
        copy: 0,
        flush: 0,
    };
    let mut table = [[empty; REGISTERS]; VQS];
    // Adds up as it goes, because to ask for each bank's offset from the first bank on would take the compiler too
    // long if there are many.
    let (mut next, mut offset, mut banks) = (0, ImageBytes::START, banks);
    while let [bank, rest @ ..] = banks {
        let mut number = 0;
        while number < bank.max_count && matches!(bank.place, Place::Image) {
            let (mut row, mut vq) = (0, vq_min);
            while row < VQS {
                table[row][next] = Bounds::of_register(bank, offset, vq, number, 0);
                row += 1;
                vq += 1;
            }
            next += 1;
            number += 1;
        }
        (offset, banks) = (offset.past(bank), rest);
    }
    table
}

/// How many registers of the first `n` banks have a place in the image at the largest VQ, which is also the index of
/// bank `n`'s first register in a row of [`bounds_table`].
pub const fn registers(banks: &[Bank], n: usize) -> usize {
    let (mut total, mut b) = (0, 0);
    while b < n {
        if matches!(banks[b].place, Place::Image) {
            total += banks[b].max_count as usize;
        }
        b += 1;
    }
    total
}
