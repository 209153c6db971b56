//! GET and SET of a slice.
//!
//! It takes two steps. First `span` computes where the slice starts and how many bytes it has, from the bank's
//! description, the VQ and the register's number, without reading a table. Then `copy` moves the bytes in a way that is
//! a constant of the bank, `line_of`: for Z on aarch64 that is `get_wide` of `copy/neon.rs`, whose `vst1q_u8` are the
//! stores.
//!
//! The copies' pointers are right because of three facts:
//!
//! 1. The memory is as large as the image of its layout at its VQ, because `Image::new` compares the two sizes.
//! 2. At every VQ every register of the layout lies inside that image, and its slices have the size of `B::Slice`,
//!    because `check_layout` and `check_bank` make the compiler check this.
//! 3. The address is that of a register of the bank, because `clamp` keeps the register's number in range, and if a
//!    slice has none of the register's bytes, no byte is copied.

#![allow(unsafe_code)]

use super::image::{Image, Storage};
use crate::copy::{self, Line, clamp, hidden, is_negative, number_at_least};
use crate::registers::layout::generated::check_view;
use crate::registers::layout::{
    Bank, Bounds, InImage, InImageOf, Layout, Register, ViewOf, check_bank,
};

/// The [`Line`] that moves a bank's slices, where `offset` is the start of the bank at the smallest VQ.
///
/// What a line asks for holds at every VQ, because a bank never starts earlier at a larger VQ, so [`Line::Narrow`]
/// always has 16 bytes in front.
const fn line(bank: &Bank, offset: u32) -> Line {
    const fn in_units(bank: &Bank, unit: u32) -> bool {
        bank.width.fixed % unit == 0 && bank.width.per_vq % unit == 0
    }
    match bank.slice_bytes {
        256 if in_units(bank, 16) => Line::Wide,
        32 if in_units(bank, 2) && offset >= 16 => Line::Narrow,
        slice => Line::Any(slice as usize),
    }
}

/// The same for a bank as a type.
const fn line_of<B: InImage>() -> Line {
    check_bank::<B>();
    let vq_min = <B::Layout as Layout>::VQ_MIN;
    line(Register::<B>::BANK, Register::<B>::OFFSET.at(vq_min))
}

impl<L: Layout, S: Storage> Image<L, S> {
    /// Where a slice lies. If this VQ does not have the register, or the slice is past the register's end, there is
    /// nothing to copy.
    pub fn bounds<B>(&self, register: Register<B>) -> Bounds
    where
        B: InImageOf<L>,
    {
        register.bounds(self.vq())
    }

    /// A whole register, as wide as it is at this VQ, whatever the slice's index. If this VQ does not have the
    /// register, it is empty.
    pub fn register<B>(&self, register: Register<B>) -> &[u8]
    where
        B: InImageOf<L>,
    {
        let start = self.bounds(register.with_slice_0()).start;
        let there = u32::from(register.number()) < Register::<B>::BANK.count.at(self.vq().get());
        let width = Register::<B>::BANK.width.at(self.vq().get());
        &self.as_bytes()[start..][..if there { width as usize } else { 0 }]
    }

    /// GET: a slice of a register, zero past the register's end.
    #[inline]
    pub fn get<B>(&self, register: Register<B>) -> B::Slice
    where
        B: InImageOf<L>,
    {
        let Span { start, copy } = self.span(register);
        let from = self.as_bytes().as_ptr().wrapping_add(start);
        // SAFETY: as in `get_into`.
        unsafe { copy::get_value(const { line_of::<B>() }, from, copy) }
    }

    /// GET into the caller's buffer, every byte of which is written.
    #[inline]
    pub fn get_into<B>(&self, register: Register<B>, slice: &mut B::Slice)
    where
        B: InImageOf<L>,
    {
        let Span { start, copy } = self.span(register);
        let from = self.as_bytes().as_ptr().wrapping_add(start);
        let to = slice.as_mut().as_mut_ptr();
        // SAFETY: by the three facts above, the `copy` bytes from `from` on are in the image. `line_of` has
        // compared the size of `B::Slice`. A shared and a unique borrow do not overlap.
        unsafe { copy::get(const { line_of::<B>() }, from, to, copy) };
    }

    /// Where a slice starts, and how many bytes it shares with the image.
    ///
    /// There is no branch, and no arithmetic that a build with overflow checks would check: `check_layout` has found
    /// that every register of the layout lies in an image of 31 bits of bytes, so nothing wraps.
    // Every number is below 2^31, or is not used.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )]
    #[inline(always)]
    fn span<B: InImageOf<L>>(&self, register: Register<B>) -> Span {
        let bank = const { Register::<B>::BANK };
        let vq = self.vq().get();
        let (number, slice) = register.number_and_slice();
        let mut number = clamp(number, const { Register::<B>::BANK.max_count - 1 }) as usize;
        let mut width = bank.width.at(vq);
        if cfg!(target_arch = "aarch64") {
            // Not seeing that the product fits in 32 bits, the compiler multiplies and adds in one instruction.
            width = hidden(width);
        }
        // A bank that does not grow with VQ has all its registers at every VQ, as `check_layout` has found.
        if bank.count.per_vq > 0 {
            let last = i64::from(bank.count.at(vq)).wrapping_sub(1);
            let above = is_negative(last.wrapping_sub(number as i64));
            number = number_at_least::<1>(above, 0, number);
            width = number_at_least::<1>(above, 0, width as usize) as u32;
        }
        let start = number
            .wrapping_mul(width as usize)
            .wrapping_add(Register::<B>::OFFSET.at(vq) as usize);
        if const { Register::<B>::BANK.width.at(L::VQ_MAX) <= Register::<B>::BANK.slice_bytes } {
            // At every VQ a register fits in slice 0, as it does in all banks of `sve`. The mask has 16 bits, which hold
            // every width, for slice 0, and none for others, because the index has 16 bits, which LLVM does not know,
            // so it cannot make a jump of it.
            let mask = slice.wrapping_sub(1) >> 16;
            return Span {
                start,
                copy: (width & mask) as usize,
            };
        }
        let slice = clamp(slice, const { Register::<B>::BANK.slices - 1 }) as usize;
        let bytes = bank.slice_bytes as usize;
        let skipped = slice.wrapping_mul(bytes);
        let left = i64::from(width).wrapping_sub(skipped as i64);
        let past = is_negative(left.wrapping_sub(1));
        let less = is_negative(left.wrapping_sub(bytes as i64));
        let copy = number_at_least::<1>(less, left as usize, bytes);
        Span {
            start: start.wrapping_add(number_at_least::<1>(past, 0, skipped)),
            copy: number_at_least::<1>(past, 0, copy),
        }
    }

    /// A register of a view: the low bits of the register that it shows, in the image's byte order.
    #[inline]
    pub fn get_view<V>(&self, register: Register<V>) -> V::Value
    where
        V: ViewOf,
        V::Target: InImageOf<L>,
    {
        let from = self.as_bytes().as_ptr().wrapping_add(self.shown(register));
        // SAFETY: `shown` gives the place of one of the view's registers. `check_view` has found that each of
        // them lies inside a register that is there at every VQ. Arrays of bytes have no alignment.
        unsafe { from.cast::<V::Value>().read() }
    }

    /// Where a view's register starts: at the start of the register that it shows.
    #[inline(always)]
    fn shown<V>(&self, register: Register<V>) -> usize
    where
        V: ViewOf,
        V::Target: InImageOf<L>,
    {
        const { check_view::<V>() };
        let last = const { Register::<V>::BANK.max_count - 1 };
        let number = clamp(register.number_and_slice().0, last);
        let vq = self.vq().get();
        let width = Register::<V::Target>::BANK.width.at(vq);
        let offset = Register::<V::Target>::OFFSET.at(vq);
        offset.wrapping_add(number.wrapping_mul(width)) as usize
    }
}

impl<L: Layout, S: Storage + AsMut<[u8]>> Image<L, S> {
    /// SET: writes the register's bytes from a slice, touches no other register, and ignores bytes of the slice past
    /// the register's end. If this VQ does not have the register, nothing is written. (A bank that grows with VQ has
    /// fewer registers at a small VQ.)
    #[inline]
    pub fn set<B>(&mut self, register: Register<B>, slice: &B::Slice)
    where
        B: InImageOf<L>,
    {
        let Span { start, copy } = self.span(register);
        let to = self.as_bytes_mut().as_mut_ptr().wrapping_add(start);
        let from = slice.as_ref().as_ptr();
        // SAFETY: as in `get_into`, with the two sides exchanged.
        unsafe { copy::set(const { line_of::<B>() }, from, to, copy) };
    }

    /// Writes a register of a view, and leaves the other bits of the register that it shows as they are.
    #[inline]
    pub fn set_view<V>(&mut self, register: Register<V>, value: &V::Value)
    where
        V: ViewOf,
        V::Target: InImageOf<L>,
    {
        let start = self.shown(register);
        let to = self.as_bytes_mut().as_mut_ptr().wrapping_add(start);
        // SAFETY: as in `get_view`.
        unsafe { to.cast::<V::Value>().write(*value) };
    }
}

/// A slice in an image, in bytes. If it has none of a register's, `copy` is 0, and `start` still lies in the image.
struct Span {
    start: usize,
    copy: usize,
}
