//! The copies for x86-64 processors with AVX2, in which loads with a mask give the bytes of a register and the
//! zeros after them, and touch no memory past the register.

#![allow(unsafe_code)]
// With `sve_state_portable`, nothing calls them.
#![allow(dead_code)]
// One reason holds for all intrinsics: the processor has them.
#![allow(clippy::multiple_unsafe_ops_per_block)]

use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_castsi128_si256, _mm256_cmpgt_epi32,
    _mm256_inserti128_si256, _mm256_loadu_si256, _mm256_maskload_epi32, _mm256_set1_epi32,
    _mm256_setr_epi32, _mm256_shuffle_epi8, _mm256_storeu_si256,
};
use core::mem::MaybeUninit;

use super::{PLACES, at_least, copy_as, number_at_least, with};

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn get_wide(from: *const u8, to: *mut u8, copy: usize) {
    macro_rules! lines {
        ($copy:ident, $($at:literal)*) => {$(
            // A word is loaded if it starts below `copy`.
            let words = _mm256_setr_epi32(
                $at, $at + 4, $at + 8, $at + 12, $at + 16, $at + 20, $at + 24, $at + 28,
            );
            let mask = _mm256_cmpgt_epi32($copy, words);
            let bytes = _mm256_maskload_epi32(from.wrapping_add($at).cast(), mask);
            _mm256_storeu_si256(to.wrapping_add($at).cast(), bytes);
        )*};
    }
    // At most 256.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    let copy = copy as i32;
    // SAFETY: `copy` bytes can be read, and a slice written.
    unsafe {
        let copy = _mm256_set1_epi32(copy);
        lines!(copy, 0 32 64 96 128 160 192 224);
    }
}

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn get_narrow(from: *const u8, to: *mut u8, copy: usize) {
    // Each half of the slice comes from 16 bytes, which end where the half ends or where the register does. What
    // is in front of the half is dropped, 0 to 30 bytes (more than 15 means all).
    let first = number_at_least::<16>(copy, 16, copy);
    let table = PLACES.0.as_ptr();
    // SAFETY: `copy` bytes and 16 in front of their end can be read, and a slice written.
    unsafe {
        let low = _mm_loadu_si128(from.wrapping_add(first).wrapping_sub(16).cast());
        let high = _mm_loadu_si128(from.wrapping_add(copy).wrapping_sub(16).cast());
        let bytes = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
        let low = _mm_loadu_si128(table.wrapping_add(16_usize.wrapping_sub(first)).cast());
        let high = _mm_loadu_si128(table.wrapping_add(32_usize.wrapping_sub(copy)).cast());
        let places = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
        _mm256_storeu_si256(to.cast(), _mm256_shuffle_epi8(bytes, places));
    }
}

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn set_wide(from: *const u8, to: *mut u8, copy: usize) {
    let mut nowhere = MaybeUninit::<[__m256i; 8]>::uninit();
    let nowhere = nowhere.as_mut_ptr().cast::<u8>();
    let mut to_line = to;
    macro_rules! lines {
        ($($at:literal)*) => {$(
            // Once a store is past the register's end, so are all after it.
            to_line = at_least::<{ $at + 32 }>(copy, to_line, nowhere);
            let bytes = _mm256_loadu_si256(from.wrapping_add($at).cast());
            _mm256_storeu_si256(to_line.wrapping_add($at).cast(), bytes);
        )*};
    }
    // SAFETY: a slice can be read, and `copy` bytes and those of `nowhere` written.
    unsafe {
        lines!(0 32 64 96 128 160 192 224);
        // The 16 bytes that are left at an odd VQ.
        let at = copy & 224;
        let to_last = with::<16>(copy, to, nowhere).wrapping_add(at);
        copy_as::<__m128i>(from.wrapping_add(at), to_last);
    }
}
