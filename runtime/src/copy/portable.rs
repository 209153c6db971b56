//! The copies for any processor, in integers.

#![allow(unsafe_code)]
#![allow(dead_code)] // Other instruction sets use `set_narrow` only.
#![allow(clippy::multiple_unsafe_ops_per_block)] // One reason holds for all moves of a copy.

use core::mem::MaybeUninit;

use super::{ZEROS, at_least, copy_as, number_at_least, with};

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn get_wide(from: *const u8, to: *mut u8, copy: usize) {
    let zeros = ZEROS.0.as_ptr().cast_mut();
    let from = from.cast_mut();
    macro_rules! lines {
        ($($at:literal)*) => {$(
            let from_line = at_least::<{ $at + 16 }>(copy, from, zeros).wrapping_add($at);
            copy_as::<u128>(from_line, to.wrapping_add($at));
        )*};
    }
    // SAFETY: `copy` bytes can be read from `from`, 256 zeros, and a slice written.
    unsafe {
        lines!(0 16 32 48 64 80 96 112 128 144 160 176 192 208 224 240);
    }
}

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn get_narrow(from: *const u8, to: *mut u8, copy: usize) {
    let zeros = ZEROS.0.as_ptr().cast_mut();
    let from = from.cast_mut();
    macro_rules! lines {
        ($($at:literal)*) => {$(
            // The 8 bytes that end where the line or the register ends, of which those in front of the line are
            // dropped.
            let end = number_at_least::<{ $at + 8 }>(copy, $at + 8, copy);
            let from_line = at_least::<{ $at + 1 }>(copy, from.wrapping_add(end).wrapping_sub(8), zeros);
            let line = u64::from_le(from_line.cast::<u64>().read_unaligned());
            let line = line >> (8_usize.wrapping_sub(end) % 8 * 8);
            to.wrapping_add($at).cast::<u64>().write_unaligned(line.to_le());
        )*};
    }
    // SAFETY: `copy` bytes and 16 in front can be read from `from`, zeros, and a slice written.
    unsafe {
        lines!(0 8 16 24);
    }
}

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn set_wide(from: *const u8, to: *mut u8, copy: usize) {
    let mut nowhere = MaybeUninit::<[u128; 16]>::uninit();
    let nowhere = nowhere.as_mut_ptr().cast::<u8>();
    let mut to_line = to;
    macro_rules! lines {
        ($($at:literal)*) => {$(
            // Once a store is past the register's end, so are all after it.
            to_line = at_least::<{ $at + 16 }>(copy, to_line, nowhere);
            copy_as::<u128>(from.wrapping_add($at), to_line.wrapping_add($at));
        )*};
    }
    // SAFETY: a slice can be read, and `copy` bytes and those of `nowhere` written.
    unsafe {
        lines!(0 16 32 48 64 80 96 112 128 144 160 176 192 208 224 240);
    }
}

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn set_narrow(from: *const u8, to: *mut u8, copy: usize) {
    let mut nowhere = MaybeUninit::<[u128; 3]>::uninit();
    let nowhere = nowhere.as_mut_ptr().cast::<u8>();
    // SAFETY: a slice can be read, and `copy` bytes and those of `nowhere` written.
    unsafe {
        let to_first = at_least::<16>(copy, to, nowhere);
        copy_as::<u128>(from, to_first);
        let to_last = at_least::<32>(copy, to_first, nowhere).wrapping_add(16);
        copy_as::<u128>(from.wrapping_add(16), to_last);
        // What is left, as the bits of `copy` say, the largest piece first.
        let at = copy & 16;
        let to_piece = with::<8>(copy, to, nowhere).wrapping_add(at);
        copy_as::<u64>(from.wrapping_add(at), to_piece);
        let at = copy & 24;
        let to_piece = with::<4>(copy, to, nowhere).wrapping_add(at);
        copy_as::<u32>(from.wrapping_add(at), to_piece);
        let at = copy & 28;
        let to_piece = with::<2>(copy, to, nowhere).wrapping_add(at);
        copy_as::<u16>(from.wrapping_add(at), to_piece);
    }
}
