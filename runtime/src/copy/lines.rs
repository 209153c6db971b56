//! The straight lines. `get` and `set` move one slice, `expand` and `pack` some that follow each other,
//! in the one loop that there is.

#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use core::ptr;

use super::{Leaf, Line, ZEROS};

/// # Safety
///
/// `copy` is what `line` asks for. If the register is `there`, `from` is valid for reads of `copy` bytes,
/// and of [`Line::Narrow`] also of the 16 in front of `from + copy`. `to` is valid for writes of a slice,
/// and they do not overlap.
#[inline(always)]
pub(super) unsafe fn get<L: Leaf>(
    line: Line,
    there: bool,
    from: *const u8,
    copy: usize,
    to: *mut u8,
) {
    let or_zeros = |zeros: *const u8| if there { from } else { zeros };
    match line {
        // SAFETY: the caller's promise, or zeros.
        Line::Wide => unsafe { L::get_wide(or_zeros(ZEROS.as_ptr()), copy, to) },
        // In front of the zeros are others.
        // SAFETY: likewise.
        Line::Narrow => unsafe { L::get_narrow(or_zeros(ZEROS[16..].as_ptr()), copy, to) },
        Line::Any(slice) => {
            let copy = if there { copy } else { 0 };
            // SAFETY: the caller's promise; `copy` is at most `slice`.
            unsafe { ptr::copy_nonoverlapping(from, to, copy) };
            // SAFETY: the rest of the slice.
            unsafe { ptr::write_bytes(to.wrapping_add(copy), 0, slice - copy) };
        }
    }
}

/// # Safety
///
/// `copy` is what `line` asks for. `from` is valid for reads of a slice; if the register is `there`, `to`
/// is valid for writes of `copy` bytes, and they do not overlap.
#[inline(always)]
pub(super) unsafe fn set(line: Line, there: bool, from: *const u8, to: *mut u8, copy: usize) {
    // What does not go to the register goes to memory of no use. All that may be stored has a place of
    // its own there, since a processor is slow at storing to one address again and again.
    let mut nowhere = [MaybeUninit::<u8>::uninit(); 256];
    // Chosen as a number: of two pointers, one of them to memory that nobody reads, the compiler makes a
    // branch.
    let (register, nowhere) = (
        to.expose_provenance(),
        nowhere.as_mut_ptr().expose_provenance(),
    );
    let choose = |there: bool, to: usize| {
        let mask = usize::from(there).wrapping_neg();
        (to & mask) | (nowhere & !mask)
    };
    let own = if there { copy } else { 0 };
    // `bytes` of them at `at`, if the register has `least` or more.
    let store = |bytes: usize, at: usize, least: usize| {
        let to: *mut u8 = ptr::with_exposed_provenance_mut(choose(own >= least, register));
        // SAFETY: in the slice, and in the register or nowhere.
        unsafe { ptr::copy_nonoverlapping(from.wrapping_add(at), to.wrapping_add(at), bytes) };
    };
    match line {
        Line::Wide => {
            // 32 bytes at a time, then the last 16 of the register, which may be half of 32.
            for at in (0..256).step_by(32) {
                store(32, at, at + 32);
            }
            store(16, copy - 16, 16);
        }
        Line::Narrow => {
            // The first and the last bytes, as many as the largest power of two that is not more; and
            // all smaller ones, too.
            let last = copy - (1 << copy.ilog2().min(4));
            for bytes in [2, 4, 8, 16] {
                store(bytes, 0, bytes);
                store(bytes, last, bytes);
            }
        }
        Line::Any(_) => {
            // SAFETY: the caller's promise.
            unsafe { ptr::copy_nonoverlapping(from, to, own) };
        }
    }
}

/// # Safety
///
/// As [`get`], for `slices` of them, one after the other on both sides.
#[inline(always)]
pub(super) unsafe fn expand<L: Leaf>(
    line: Line,
    mut from: *const u8,
    copy: usize,
    mut to: *mut u8,
    slices: usize,
) {
    for _ in 0..slices {
        // SAFETY: the caller's promise.
        unsafe { get::<L>(line, true, from, copy, to) };
        from = from.wrapping_add(copy);
        to = to.wrapping_add(line.slice());
    }
}

/// From the last slice to the first, `from` and `to` being where they end: what is stored in front of
/// a register falls on bytes that are stored later.
///
/// # Safety
///
/// As [`set`] with `copy` above 0, for `slices` of them, one after the other on both sides. Of
/// [`Line::Narrow`] also 16 bytes in front of an end are valid for reads and writes, and in front of the
/// first slice the caller writes the image after this.
#[inline(always)]
pub(super) unsafe fn pack(
    line: Line,
    mut from: *const u8,
    mut to: *mut u8,
    copy: usize,
    slices: usize,
) {
    match line {
        // As many bytes as half of what there may be at most, from either end.
        // SAFETY: the caller's promise; `copy` is at least as many, at most twice as many.
        Line::Wide if copy <= 32 => unsafe { pack_ends::<16>(line, from, to, copy, slices) },
        // SAFETY: likewise.
        Line::Wide if copy <= 64 => unsafe { pack_ends::<32>(line, from, to, copy, slices) },
        // SAFETY: likewise.
        Line::Wide if copy <= 128 => unsafe { pack_ends::<64>(line, from, to, copy, slices) },
        // SAFETY: likewise.
        Line::Wide => unsafe { pack_ends::<128>(line, from, to, copy, slices) },
        // SAFETY: the caller's promise.
        Line::Narrow => unsafe { pack_ends::<16>(line, from, to, copy, slices) },
        Line::Any(slice) => {
            for _ in 0..slices {
                from = from.wrapping_sub(slice);
                to = to.wrapping_sub(copy);
                // SAFETY: the caller's promise.
                unsafe { ptr::copy_nonoverlapping(from, to, copy) };
            }
        }
    }
}

/// The first `HALF` bytes of each slice, and the last. Where there are fewer, both times it is the
/// `HALF` bytes that end with the slice.
///
/// # Safety
///
/// That of [`pack`]; `copy` is at most twice `HALF`, and at least as many, if `HALF` is not 16.
#[inline(always)]
unsafe fn pack_ends<const HALF: usize>(
    line: Line,
    mut from: *const u8,
    mut to: *mut u8,
    copy: usize,
    slices: usize,
) {
    let first = copy.min(HALF);
    for _ in 0..slices {
        from = from.wrapping_sub(line.slice());
        to = to.wrapping_sub(copy);
        for end in [first, copy] {
            let from = from.wrapping_add(end).wrapping_sub(HALF);
            let to = to.wrapping_add(end).wrapping_sub(HALF);
            // SAFETY: bytes of the register, or in front of its end.
            unsafe { ptr::copy_nonoverlapping(from, to, HALF) };
        }
    }
}
