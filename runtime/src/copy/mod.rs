//! The copies, which know pointers and widths, and nothing of layouts.
//!
//! A GET fills a whole slice with the register's bytes and then zeros, and a SET writes only the register's bytes.
//! How many bytes those are depends on the vector length, which is known only at run time and differs from vCPU to
//! vCPU, so a processor may guess a branch on that number wrongly.
//!
//! A GET or SET of a slice therefore has no such branch. SVE has slices of 256 and of 32 bytes, and for each size
//! there is one straight line of instructions that take the number of bytes as an operand, rather than a table with a
//! function for each vector length to choose from.
//!
//! ```text
//!   get     ├─ copy bytes of the image ─┤├──── zeros, to the slice's end ────┤
//!   set     ├─ copy bytes to the image ─┤         the rest stays unread
//! ```
//!
//! Each instruction set has a file with the same functions, whose loads and stores are written out, and which get
//! pointers to both sides and `copy`. (`set_narrow` is the portable one for all, because it stores 16 bytes and
//! less.)
//!
//! | | `from` | `to` | `copy` |
//! | --- | --- | --- | --- |
//! | `get_wide` | `copy` bytes of the image | a slice of 256 bytes | 0 to 256, by 16 |
//! | `get_narrow` | `copy` bytes of the image, with 16 in front | a slice of 32 bytes | 0 to 32, by 2 |
//! | `set_wide` | a slice of 256 bytes | `copy` bytes of the image | 0 to 256, by 16 |
//! | `set_narrow` | a slice of 32 bytes | `copy` bytes of the image | 0 to 32, by 2 |
//!
//! Both sides must be valid for reads and writes as far as the table says, and must not overlap, which is what these
//! `unsafe` functions ask of their caller.
//!
//! A line has the same loads and stores for every `copy`. A load past the register's end reads zeros instead, and a
//! store past it goes to memory that nobody reads. The places there are spread, because a processor is slow if it
//! stores to one address again and again, and aligned for vectors, so that no store crosses a page. [`at_least`] and
//! [`with`] choose between the two addresses.
//!
//! `isa` is the file in use: `neon`, `portable`, or `detect`, which takes `avx2` if the program is built for it, and
//! in programs for any x86-64 tests once what the processor has.

#![allow(unsafe_code)]

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod avx2;
mod choose;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod detect;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod portable;
#[cfg(all(test, feature = "alloc"))]
mod tests;

/// Names the file in use.
macro_rules! isa {
    ($($file:ident: $target:meta;)*) => {
        $(
            #[cfg(all($target, not(sve_state_portable)))]
            use $file as isa;
        )*
        #[cfg(any(not(any($($target),*)), sve_state_portable))]
        use portable as isa;
    };
}
isa! {
    detect: all(target_arch = "x86_64", target_feature = "sse2");
    // Nothing here is run on a big-endian processor, so it takes the copies that are right in any order of bytes.
    neon: all(target_arch = "aarch64", target_feature = "neon", target_endian = "little", target_pointer_width = "64");
}

use core::mem::MaybeUninit;
use core::ptr;

use choose::{at_least, with};
pub(crate) use choose::{clamp, hidden, is_negative, number_at_least};

/// How a bank's slices are copied, which is a constant. `copy` is how many bytes a slice shares with the image, which
/// are none if the slice is past the register's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Slices of 256 bytes, with a `copy` that is a multiple of 16.
    Wide,
    /// Slices of 32 bytes, with a `copy` that is a multiple of 2. At least 16 bytes of the image lie in front of the
    /// register, because a GET loads whole vectors that end where the register does.
    Narrow,
    /// Slices of any other size, in bytes and a power of two, which the standard library copies, with branches on
    /// `copy`.
    Any(usize),
}

/// GET of a slice.
///
/// # Safety
///
/// `copy` is what `line` asks for. `from` is valid for reads of `copy` bytes, and of [`Line::Narrow`] also of the 16
/// in front of `from`. `to` is valid for writes of a slice. The two do not overlap.
#[inline(always)]
pub(crate) unsafe fn get(line: Line, from: *const u8, to: *mut u8, copy: usize) {
    match line {
        // SAFETY: the caller's promise.
        Line::Wide => unsafe { isa::get_wide(from, to, copy) },
        // SAFETY: the caller's promise.
        Line::Narrow => unsafe { isa::get_narrow(from, to, copy) },
        Line::Any(slice) => {
            // SAFETY: the caller's promise; `copy` is at most `slice`.
            unsafe { ptr::copy_nonoverlapping(from, to, copy) };
            // SAFETY: the rest of the slice.
            unsafe { ptr::write_bytes(to.wrapping_add(copy), 0, slice.wrapping_sub(copy)) };
        }
    }
}

/// GET of a slice as a value of type `T`.
///
/// # Safety
///
/// That of [`get`]. A `T` has as many bytes as a slice of `line`, and any bytes are a valid `T`.
#[inline(always)]
pub(crate) unsafe fn get_value<T>(line: Line, from: *const u8, copy: usize) -> T {
    #[cfg(all(
        target_arch = "x86_64",
        target_feature = "sse2",
        not(sve_state_portable)
    ))]
    match line {
        // SAFETY: the caller's promise.
        Line::Wide => return unsafe { isa::get_wide_value(from, copy) },
        // SAFETY: the caller's promise.
        Line::Narrow => return unsafe { isa::get_narrow_value(from, copy) },
        Line::Any(_) => {}
    }
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the caller's promise.
    unsafe { get(line, from, value.as_mut_ptr().cast(), copy) };
    // SAFETY: all bytes of the slice have been written.
    unsafe { value.assume_init() }
}

/// SET of a slice.
///
/// # Safety
///
/// `copy` is what `line` asks for. `from` is valid for reads of a slice, `to` for writes of `copy` bytes. The two do
/// not overlap.
#[inline(always)]
pub(crate) unsafe fn set(line: Line, from: *const u8, to: *mut u8, copy: usize) {
    match line {
        // SAFETY: the caller's promise.
        Line::Wide => unsafe { isa::set_wide(from, to, copy) },
        // SAFETY: the caller's promise.
        Line::Narrow => unsafe { portable::set_narrow(from, to, copy) },
        // SAFETY: the caller's promise.
        Line::Any(_) => unsafe { ptr::copy_nonoverlapping(from, to, copy) },
    }
}

/// Loads a `T`, which is an integer or a vector, and stores it. Both may have any alignment.
///
/// # Safety
///
/// `from` is valid for reads of a `T`, and `to` for writes.
#[inline(always)]
unsafe fn copy_as<T>(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    let bytes = unsafe { from.cast::<T>().read_unaligned() };
    // SAFETY: the caller's promise.
    unsafe { to.cast::<T>().write_unaligned(bytes) };
}

/// Bytes in whole cache lines, because a load that crosses from one into the next takes longer: where [`PLACES`] lay
/// across two, a GET of P took 2.7 ns rather than 2.1.
#[repr(align(64))]
struct Lines<const N: usize>([u8; N]);

/// 256 zeros, which a GET loads past a register's end. They are a `const` rather than a `static`, so that the
/// compiler knows their value.
const ZEROS: &Lines<256> = &Lines([0; 256]);

/// Indices for a table lookup of 16 bytes. From place `n` on, 16 of them drop the first `n` bytes, move the others to
/// the front, and fill up with 0x80, an index that gives zero.
#[allow(dead_code)] // Not in the portable copies.
const PLACES: &Lines<48> = &{
    let (mut places, mut place) = ([0x80; 48], 0);
    while place < 16 {
        places[place as usize] = place;
        place += 1;
    }
    Lines(places)
};
