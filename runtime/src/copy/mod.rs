//! The copies, which know pointers and widths, and nothing of layouts.
//!
//! A GET fills a whole slice: the register's bytes, then zeros. A SET writes the register's bytes only. How
//! many bytes those are depends on the vector length, which is known only at run time and differs from vCPU
//! to vCPU. A processor may guess a branch on that number wrongly.
//!
//! So a GET or SET of a slice has no such branch. SVE has slices of 256 and of 32 bytes, and for each size
//! there is one straight line of instructions. The number of bytes is an operand of these instructions. There
//! is no table of functions, one for each vector length, to choose from. (Most programs for x86-64 do branch
//! once in a copy, on whether the processor has AVX2: see `isa`.) Whole images are copied by loops.
//!
//! ```text
//!   get     ├─ copy bytes of the image ─┤├──── zeros, to the slice's end ────┤
//!   set     ├─ copy bytes to the image ─┤         the rest stays unread
//! ```
//!
//! A GET goes through `isa`, then `lines`, then the file of an instruction set. A SET goes through `isa` and
//! `lines` only: its stores are plain copies of constant size, which the compiler turns into instructions.
//!
//! * [`Line`] lists the straight lines, and says what each needs of its operands.
//! * `lines` has the code of the lines.
//! * `portable`, `neon` and `avx2` have the two steps of a GET for which each instruction set has its own
//!   code.
//! * `isa` chooses the instruction set.
//! * [`clamp`] limits a register's number or a slice's index before an address is computed from it.

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
    /// Slices of 32 bytes. `copy` is a multiple of 2, and above 0. At least 16 bytes of the image lie in
    /// front of the register's end, because whole vectors of 16 bytes that end there are moved. `pack` takes
    /// such vectors from the slices. So there, too, at least 16 bytes must lie in front of the register's
    /// end.
    Narrow,
    /// Slices of any other size. The size in bytes, a power of two, is given here. The standard library
    /// copies them, with branches on `copy`.
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

/// The two steps of a GET for which each instruction set has its own code.
trait Leaf {
    /// [`Line::Wide`]: `copy` bytes, then zeros.
    ///
    /// # Safety
    ///
    /// `copy` is a multiple of 16, 16 to 256. `from` is valid for reads of `copy` bytes, `to` for
    /// writes of 256, and they do not overlap.
    #[allow(unsafe_code)] // The contract only.
    unsafe fn get_wide(from: *const u8, to: *mut u8, copy: usize);

    /// [`Line::Narrow`]: `copy` bytes, then zeros.
    ///
    /// # Safety
    ///
    /// `copy` is at most 32, and above 1. `from` is valid for reads of `copy` bytes, and of the 16 in
    /// front of `from + copy`, `to` for writes of 32, and they do not overlap.
    #[allow(unsafe_code)] // The contract only.
    unsafe fn get_narrow(from: *const u8, to: *mut u8, copy: usize);
}

/// The two windows of 16 bytes through which a slice of 32 is read. They are the register's first 16 bytes
/// and its last 16 bytes. If the register has fewer than 16, both windows are the 16 bytes that end where it
/// ends.
///
/// Each window becomes one half of the slice: its first few bytes are dropped, and zeros follow the rest. The
/// two numbers of a window are where it starts, counted from the register's first byte, and how many bytes to
/// drop, 0 to 30. (More than 15 means all of them.)
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

/// What a GET copies if there is no register. It is a `const`, not a `static`, so that the compiler knows its
/// value.
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
