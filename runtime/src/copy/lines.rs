//! The straight lines of instructions. `get` and `set` move one slice. `expand` and `pack` move several that
//! follow each other, in a loop over the slices.

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
    to: *mut u8,
    copy: usize,
) {
    let or_zeros = |zeros: *const u8| if there { from } else { zeros };
    match line {
        // SAFETY: the caller's promise, or zeros.
        Line::Wide => unsafe { L::get_wide(or_zeros(ZEROS.as_ptr()), to, copy) },
        // From the middle of the zeros, because bytes in front are read too.
        // SAFETY: likewise.
        Line::Narrow => unsafe { L::get_narrow(or_zeros(ZEROS[16..].as_ptr()), to, copy) },
        Line::Any(slice) => {
            let copy = if there { copy } else { 0 };
            // SAFETY: the caller's promise; `copy` is at most `slice`.
            unsafe { ptr::copy_nonoverlapping(from, to, copy) };
            // SAFETY: the rest of the slice.
            unsafe { ptr::write_bytes(to.wrapping_add(copy), 0, slice - copy) };
        }
    }
}

/// Memory that nobody reads. On x86-64 it is aligned as the largest store, so that no store crosses a page. One
/// did in every 16th run of a program, by where its stack was, and each SET took four times as long.
#[cfg_attr(target_arch = "x86_64", repr(align(32)))]
pub(super) struct Nowhere(MaybeUninit<[u8; 256]>);

/// # Safety
///
/// `copy` is what `line` asks for. `from` is valid for reads of a slice; if the register is `there`, `to`
/// is valid for writes of `copy` bytes, and they do not overlap.
#[inline(always)]
pub(super) unsafe fn set(line: Line, there: bool, from: *const u8, to: *mut u8, copy: usize) {
    // A straight line makes the same stores for every `copy`. Those past the register's end go to memory that
    // nobody reads. Each has its own place there, because a processor is slow if it stores to one address
    // again and again.
    let mut nowhere = Nowhere(MaybeUninit::uninit());
    // The address is chosen as a number. If two pointers were given, one of them to memory that nobody reads,
    // the compiler would make a branch.
    let (register, nowhere) = (
        to.expose_provenance(),
        nowhere.0.as_mut_ptr().expose_provenance(),
    );
    let choose = |there: bool, to: usize| {
        let mask = usize::from(there).wrapping_neg();
        (to & mask) | (nowhere & !mask)
    };
    let own = if there { copy } else { 0 };
    // Stores `bytes` bytes of the slice from `at` on. They go to the register if it has `least` bytes or
    // more.
    let store = |bytes: usize, at: usize, least: usize| {
        let to: *mut u8 = ptr::with_exposed_provenance_mut(choose(own >= least, register));
        // SAFETY: in the slice, and in the register or nowhere.
        unsafe { ptr::copy_nonoverlapping(from.wrapping_add(at), to.wrapping_add(at), bytes) };
    };
    match line {
        Line::Wide => {
            // 32 bytes at a time, as often as they are whole. If 16 bytes remain (an odd VQ), the last store
            // has them.
            for at in (0..256).step_by(32) {
                store(32, at, at + 32);
            }
            store(16, copy - 16, 16);
        }
        Line::Narrow => {
            // Let `n` be the largest of 2, 4, 8 and 16 that is at most `copy`. The first `n` bytes and the
            // last `n` bytes together are the whole register. (A register of 2 bytes is whole with one of
            // them.) Smaller sizes store some of these bytes too, which does no harm. Larger ones go nowhere.
            let last = copy - (1 << copy.ilog2().min(4));
            store(2, 0, 2);
            for bytes in [4, 8, 16] {
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
    mut to: *mut u8,
    copy: usize,
    slices: usize,
) {
    for _ in 0..slices {
        // SAFETY: the caller's promise.
        unsafe { get::<L>(line, true, from, to, copy) };
        from = from.wrapping_add(copy);
        to = to.wrapping_add(line.slice());
    }
}

/// # Safety
///
/// As [`set`] with `copy` above 0, for `slices` of them, one after the other on both sides. `from` and `to`
/// are their ends. For [`Line::Narrow`], the 16 bytes in front of each end are valid for reads and writes too.
/// Those in front of the first slice may be overwritten, so the caller writes them after this.
#[inline(always)]
pub(super) unsafe fn pack(line: Line, from: *const u8, to: *mut u8, copy: usize, slices: usize) {
    // Most processors have vector lengths that are powers of two only. For these the compiler knows how many
    // vectors a register has, and makes no loop over them.
    // SAFETY: the caller's promise.
    let each = |copy| unsafe { pack_each(line, from, to, copy, slices) };
    match (line, copy) {
        (Line::Wide, 32) => each(32),
        (Line::Wide, 64) => each(64),
        (Line::Wide, 128) => each(128),
        _ => each(copy),
    }
}

/// Goes from the last slice to the first. It moves one vector after the other, as many as a register has. (All
/// loads of a register before all its stores would be slower where stores cross cache lines.)
///
/// # Safety
///
/// That of [`pack`].
#[inline(always)]
unsafe fn pack_each(line: Line, mut from: *const u8, mut to: *mut u8, copy: usize, slices: usize) {
    for _ in 0..slices {
        from = from.wrapping_sub(line.slice());
        to = to.wrapping_sub(copy);
        // SAFETY: bytes of the register, and for `Narrow` in front of its end.
        let piece = |at: usize, bytes| unsafe {
            ptr::copy_nonoverlapping(from.wrapping_add(at), to.wrapping_add(at), bytes);
        };
        match line {
            Line::Wide => {
                let mut at = 0;
                while at + 32 <= copy {
                    piece(at, 32);
                    at += 32;
                }
                if at < copy {
                    piece(at, 16);
                }
            }
            // The first 16 bytes and the last. If a register has fewer than 16, both are the 16 that end where
            // it ends. The bytes in front belong to registers that are stored later.
            Line::Narrow => {
                piece(copy.min(16).wrapping_sub(16), 16);
                piece(copy.wrapping_sub(16), 16);
            }
            Line::Any(_) => piece(0, copy),
        }
    }
}
