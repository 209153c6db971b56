//! GET and SET, of one slice and of all slices.
//!
//! A GET or SET of one slice takes two steps. `span` computes where the slice starts and how many
//! bytes it has, from the bank's description, the VQ and the register's number; it reads no table. Then
//! `copy` moves the bytes. Which of its ways it takes is a constant of the bank, `line_of`.
//!
//! The copies' pointers are right because of three facts:
//!
//! 1. The memory is as large as the image of its layout at its VQ. `Image::new` compares the two sizes.
//! 2. At every VQ every register of the layout lies inside that image, and its slices have the size of
//!    `B::Slice`. `check_layout` and `check_bank` make the compiler check this.
//! 3. The address is that of a register of the bank, because `clamp` keeps the register's number in range. If
//!    a slice has none of the register's bytes, `there` is false, and the copy uses other memory instead.

#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use core::ptr;

use super::{Image, ImageError, Storage};
use crate::copy::{self, Line, clamp};
use crate::layout::generated::check_view;
use crate::layout::{
    Bank, Bounds, ByteArray, ImageBytes, InImage, InImageOf, Layout, Place, Register, ViewOf,
    check_bank, slices_bytes,
};

/// The [`Line`] that moves a bank's slices. `offset` is where the bank starts at the smallest VQ.
///
/// What a line asks for holds at every VQ. A bank never starts earlier at a larger VQ, so [`Line::Narrow`]
/// always has 16 bytes in front. A register always has a byte or more, as `check_layout` has found.
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
    /// Where a slice lies. If this VQ does not have the register, or the slice is past the register's end,
    /// there is nothing to copy.
    pub fn bounds<B>(&self, register: Register<B>) -> Bounds
    where
        B: InImageOf<L>,
    {
        register.bounds(self.vq())
    }

    /// A whole register, as wide as it is at this VQ. The slice's index does not matter. If this VQ does not
    /// have the register, the result is empty.
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
        let Span { there, start, copy } = self.span(register);
        let from = self.as_bytes().as_ptr().wrapping_add(start);
        // SAFETY: as in `get_into`.
        unsafe { copy::get_value(const { line_of::<B>() }, there, from, copy) }
    }

    /// GET into the caller's buffer, every byte of which is written.
    #[inline]
    pub fn get_into<B>(&self, register: Register<B>, slice: &mut B::Slice)
    where
        B: InImageOf<L>,
    {
        let Span { there, start, copy } = self.span(register);
        let from = self.as_bytes().as_ptr().wrapping_add(start);
        let to = slice.as_mut().as_mut_ptr();
        // SAFETY: by the three facts above, the `copy` bytes from `from` on are in the image. `line_of` has
        // compared the size of `B::Slice`. A shared and a unique borrow do not overlap.
        unsafe { copy::get(const { line_of::<B>() }, there, from, to, copy) };
    }

    /// GET of every register, into slices that follow each other in the order of the image. Each slice gets
    /// the bytes that [`get`](Self::get) gives. `slices` must have exactly
    /// [`L::slices_bytes(vq)`](Layout::slices_bytes) bytes.
    pub fn expand(&self, slices: &mut [u8]) -> Result<(), ImageError> {
        let vq = self.check_slices(slices.len())?;
        let (mut from, mut to) = (self.as_bytes().as_ptr(), slices.as_mut_ptr());
        for (bank, line) in banks::<L>() {
            for_each_run(bank, vq, false, |Run { copy, slices }| {
                // SAFETY: the runs follow each other, and add up to the image and to the slices, whose
                // size has just been compared; a shared and a unique borrow do not overlap.
                unsafe { copy::expand(line, from, to, copy, slices) };
                from = from.wrapping_add(slices * copy);
                to = to.wrapping_add(slices * bank.slice_bytes as usize);
            });
        }
        Ok(())
    }

    /// Where a slice starts, and how many bytes it shares with the image.
    #[inline(always)]
    fn span<B: InImageOf<L>>(&self, register: Register<B>) -> Span {
        let bank = const { Register::<B>::BANK };
        let vq = self.vq().get();
        let (number, slice) = register.number_and_slice();
        let number = clamp(number, const { Register::<B>::BANK.max_count as u32 - 1 });
        let (count, width) = (bank.count.at(vq), bank.width.at(vq));
        let offset = Register::<B>::OFFSET.at(vq);
        // If the bank does not grow with VQ, it has all its registers at every VQ. `check_layout` has found
        // that.
        let there = bank.count.per_vq == 0 || number < count;
        if const { Register::<B>::BANK.width.at(L::VQ_MAX) <= Register::<B>::BANK.slice_bytes } {
            // At every VQ a register fits in slice 0. This is so in all banks of `sve`.
            let there = there & (slice == 0);
            let copy = width as usize;
            let start = offset as usize + number as usize * copy;
            return Span { there, start, copy };
        }
        // Below `slices`, which has 16 bits.
        #[allow(clippy::cast_possible_truncation)]
        let slice = clamp(slice, const { Register::<B>::BANK.slices as u32 - 1 }) as u16;
        let (width, slice_bytes) = (width as usize, bank.slice_bytes as usize);
        let register = offset as usize + number as usize * width;
        let bounds = Bounds::of_slice(register, width, slice_bytes, slice);
        let Bounds { start, copy, .. } = bounds;
        let there = there & (copy > 0);
        let copy = if there { copy } else { slice_bytes };
        Span { there, start, copy }
    }

    fn check_slices(&self, found: usize) -> Result<u16, ImageError> {
        let vq = self.vq();
        let expected = slices_bytes(L::BANKS, vq.get());
        if found != expected {
            return Err(ImageError::Slices {
                vq,
                expected,
                found,
            });
        }
        Ok(vq.get())
    }

    /// A register of a view: the low bits of the register that it shows, in the image's byte order.
    #[inline]
    pub fn get_view<V>(&self, register: Register<V>) -> V::Value
    where
        V: ViewOf,
        V::Target: InImageOf<L>,
    {
        let mut value = MaybeUninit::uninit();
        let from = self.as_bytes().as_ptr().wrapping_add(self.shown(register));
        let to: *mut V::Value = value.as_mut_ptr();
        // SAFETY: `shown` gives the place of one of the view's registers. `check_view` has found that each of
        // them lies inside a register that is there at every VQ. The new value does not overlap with the
        // image.
        unsafe { ptr::copy_nonoverlapping(from, to.cast(), V::Value::BYTES) };
        // SAFETY: every byte of the value has been written.
        unsafe { value.assume_init() }
    }

    /// Where a view's register starts: at the start of the register that it shows.
    #[inline(always)]
    fn shown<V>(&self, register: Register<V>) -> usize
    where
        V: ViewOf,
        V::Target: InImageOf<L>,
    {
        const { check_view::<V>() };
        let last = const { Register::<V>::BANK.max_count as u32 - 1 };
        let number = clamp(register.number_and_slice().0, last) as usize;
        let width = Register::<V::Target>::BANK.width.at(self.vq().get()) as usize;
        let offset = Register::<V::Target>::OFFSET;
        offset.at(self.vq().get()) as usize + number * width
    }
}

impl<L: Layout, S: Storage + AsMut<[u8]>> Image<L, S> {
    /// SET: writes the register's bytes from a slice, and touches no other register. Bytes of the slice past
    /// the register's end are ignored. If this VQ does not have the register, nothing is written. (A bank
    /// that grows with VQ has fewer registers at a small VQ.)
    #[inline]
    pub fn set<B>(&mut self, register: Register<B>, slice: &B::Slice)
    where
        B: InImageOf<L>,
    {
        let Span { there, start, copy } = self.span(register);
        let to = self.as_bytes_mut().as_mut_ptr().wrapping_add(start);
        let from = slice.as_ref().as_ptr();
        // SAFETY: as in `get_into`, with the two sides exchanged.
        unsafe { copy::set(const { line_of::<B>() }, there, from, to, copy) };
    }

    /// SET of every register, from slices as [`expand`](Self::expand) writes them.
    pub fn pack(&mut self, slices: &[u8]) -> Result<(), ImageError> {
        let vq = self.check_slices(slices.len())?;
        let (mut from, mut to) = (
            slices.as_ptr_range().end,
            self.as_bytes_mut().as_mut_ptr_range().end,
        );
        for (bank, line) in banks::<L>().rev() {
            for_each_run(bank, vq, true, |Run { copy, slices }| {
                // SAFETY: as in `expand`, with the two sides exchanged, and from the end to the start. So
                // `pack` may overwrite bytes in front of a run: those are written later.
                unsafe { copy::pack(line, from, to, copy, slices) };
                from = from.wrapping_sub(slices * bank.slice_bytes as usize);
                to = to.wrapping_sub(slices * copy);
            });
        }
        Ok(())
    }

    /// Writes a register of a view. The other bits of the register that it shows stay as they are.
    #[inline]
    pub fn set_view<V>(&mut self, register: Register<V>, value: &V::Value)
    where
        V: ViewOf,
        V::Target: InImageOf<L>,
    {
        let start = self.shown(register);
        let to = self.as_bytes_mut().as_mut_ptr().wrapping_add(start);
        let from = value.as_ref().as_ptr();
        // SAFETY: as in `get_view`, with the two sides exchanged.
        unsafe { ptr::copy_nonoverlapping(from, to, V::Value::BYTES) };
    }
}

/// A slice in an image, in bytes.
struct Span {
    /// Whether it has bytes of the register. If not, nothing may be read or written at `start`, and `copy` is
    /// only some size that the bank's line accepts.
    there: bool,
    start: usize,
    copy: usize,
}

/// The banks of the image, each with its line.
fn banks<L: Layout>() -> impl DoubleEndedIterator<Item = (&'static Bank, Line)> {
    let banks = L::BANKS.iter().enumerate();
    let banks = banks.filter(|(_, bank)| bank.place == Place::Image);
    banks.map(|(b, bank)| (bank, line(bank, ImageBytes::of(L::BANKS, b).at(L::VQ_MIN))))
}

/// Slices that follow each other. Each shares `copy` bytes with the image.
#[derive(Clone, Copy)]
struct Run {
    copy: usize,
    slices: usize,
}

/// Calls `act` with the slices of a bank in runs, in order or backwards. The bank is a single run if a
/// register fills all its slices, or fits in one. Otherwise each register is two runs: its full slices, and
/// the slice in which it ends.
#[inline(always)]
fn for_each_run(bank: &Bank, vq: u16, backwards: bool, mut act: impl FnMut(Run)) {
    let (count, width) = (bank.count.at(vq) as usize, bank.width.at(vq) as usize);
    let slice = bank.slice_bytes as usize;
    // The size of a slice is a power of two.
    let (full, rest) = (width >> slice.trailing_zeros(), width & (slice - 1));
    let run = |copy, slices| Run { copy, slices };
    if full == 0 || rest == 0 {
        return act(run(width.min(slice), count * full.max(1)));
    }
    let register = [run(slice, full), run(rest, 1)];
    for _ in 0..count {
        act(register[usize::from(backwards)]);
        act(register[usize::from(!backwards)]);
    }
}
