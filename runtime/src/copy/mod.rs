//! The copies, which know pointers and widths, and nothing of layouts.
//!
//! A GET fills a whole slice: the register's bytes, then zeros. A SET writes the register's bytes only. How
//! many bytes those are depends on the vector length, which is known only at run time and differs from vCPU
//! to vCPU. So for the slices of SVE, 256 and 32 bytes, there is one straight line of instructions each, and
//! the number of bytes is an operand in it: nothing is looked up, called or jumped to, and there is no branch
//! on it that a processor could guess wrongly.
//!
//! ```text
//!   get     ├─ copy bytes of the image ─┤├──── zeros, to the slice's end ────┤
//!   set     ├─ copy bytes to the image ─┤         the rest stays unread
//! ```
//!
//! * [`Line`] says which lines there are, and what each asks of its operands.
//! * `lines` has them, `portable`, `neon` and `avx2` the two things that each instruction set does in
//!   its own way, and `isa` chooses the instruction set.
//! * [`clamp`] is what the index of an address passes before it becomes one.

#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(sve_state_portable)
))]
mod avx2;
mod clamp;
mod isa;
mod lines;
#[cfg(all(
    target_arch = "aarch64",
    target_feature = "neon",
    not(sve_state_portable)
))]
mod neon;
#[cfg(any(
    test,
    not(all(target_arch = "aarch64", target_feature = "neon")),
    sve_state_portable
))]
mod portable;
#[cfg(all(test, feature = "alloc"))]
mod tests;

pub(crate) use clamp::clamp;
pub(crate) use isa::{expand, get, get_value, pack, set};

/// A straight line for slices of one kind. `copy` is how many bytes a slice shares with the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Slices of 256 bytes. `copy` is a multiple of 16, and above 0.
    Wide,
    /// Slices of 32 bytes. `copy` is a multiple of 2, and above 0. In the image, 16 bytes or more lie in
    /// front of a register's end. If many slices lie one after the other, the same holds for the slices.
    Narrow,
    /// All others, of the size given here in bytes, a power of two: by the library's copy, which
    /// branches on `copy`.
    Any(usize),
}

impl Line {
    /// The size of a slice in bytes.
    const fn slice(self) -> usize {
        match self {
            Self::Wide => 256,
            Self::Narrow => 32,
            Self::Any(slice) => slice,
        }
    }
}

/// What an instruction set does in its own way.
trait Leaf {
    /// [`Line::Wide`]: `copy` bytes, then zeros.
    ///
    /// # Safety
    ///
    /// `copy` is a multiple of 16, 16 to 256. `from` is valid for reads of `copy` bytes, `to` for
    /// writes of 256, and they do not overlap.
    #[allow(unsafe_code)] // The contract only.
    unsafe fn get_wide(from: *const u8, copy: usize, to: *mut u8);

    /// [`Line::Narrow`]: `copy` bytes, then zeros.
    ///
    /// # Safety
    ///
    /// `copy` is at most 32, and above 1. `from` is valid for reads of `copy` bytes, and of the 16 in
    /// front of `from + copy`, `to` for writes of 32, and they do not overlap.
    #[allow(unsafe_code)] // The contract only.
    unsafe fn get_narrow(from: *const u8, copy: usize, to: *mut u8);
}

/// The two windows of 16 bytes through which a slice of 32 is read: the register's first 16 bytes, and its
/// last. If it has fewer, both are the 16 bytes that end where the register ends.
///
/// Each window is two numbers: where it starts, counted from the register's first byte, and how many of its
/// first bytes to drop, 0 to 30. What is left is that half of the slice.
#[inline(always)]
const fn windows(copy: usize) -> [(isize, usize); 2] {
    let first = if copy < 16 { copy } else { 16 };
    // At most 32.
    #[allow(clippy::cast_possible_wrap)]
    [
        (first as isize - 16, 16 - first),
        (copy as isize - 16, 32 - copy),
    ]
}

/// What is copied where there is no register. Not a `static`, so that the compiler may see what it is.
const ZEROS: &[u8; 256] = &[0; 256];

/// Indices for a table lookup of 16 bytes. The 16 indices from place `n` on drop the first `n` bytes and move
/// the others to the front. Behind those stands 0x80, an index that gives zero.
#[cfg(all(
    any(
        all(target_arch = "aarch64", target_feature = "neon"),
        all(target_arch = "x86_64", target_feature = "sse2")
    ),
    not(sve_state_portable)
))]
const PLACES: &[u8; 48] = &{
    let (mut places, mut place) = ([0x80; 48], 0);
    while place < 16 {
        places[place as usize] = place;
        place += 1;
    }
    places
};
