//! The copies for aarch64, where for a slice of 32 bytes one instruction (`tbl`) moves the register's bytes to
//! their place and clears the rest.

#![allow(unsafe_code)]
#![allow(clippy::pointers_in_nomem_asm_block)] // They are chosen between, and nothing is read or written.
#![allow(dead_code)]
// With `sve_state_portable`, nothing calls them.
// One reason holds for all intrinsics: the processor has them.
#![allow(clippy::multiple_unsafe_ops_per_block)]

use core::arch::aarch64::{uint8x16_t, vld1q_u8, vqtbl1q_u8, vst1q_u8};
use core::mem::MaybeUninit;

use super::{PLACES, ZEROS, at_least, number_at_least, with};

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn get_wide(from: *const u8, to: *mut u8, copy: usize) {
    let zeros = ZEROS.0.as_ptr().cast_mut();
    let from = from.cast_mut();
    macro_rules! lines {
        ($($at:literal)*) => {$(
            let [first, second] = at_least_and_above::<{ $at + 16 }>(copy, from, zeros);
            let first = vld1q_u8(first.wrapping_add($at));
            let second = vld1q_u8(second.wrapping_add($at + 16));
            vst1q_u8(to.wrapping_add($at), first);
            vst1q_u8(to.wrapping_add($at + 16), second);
        )*};
    }
    // SAFETY: `copy` bytes can be read from `from`, 256 zeros, and a slice written.
    unsafe {
        lines!(0 32 64 96 128 160 192 224);
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
        let bytes = vld1q_u8(from.wrapping_add(first).wrapping_sub(16));
        let places = vld1q_u8(table.wrapping_add(16_usize.wrapping_sub(first)));
        vst1q_u8(to, vqtbl1q_u8(bytes, places));
        let bytes = vld1q_u8(from.wrapping_add(copy).wrapping_sub(16));
        let places = vld1q_u8(table.wrapping_add(32_usize.wrapping_sub(copy)));
        vst1q_u8(to.wrapping_add(16), vqtbl1q_u8(bytes, places));
    }
}

/// See [`super`].
#[inline(always)]
pub(super) unsafe fn set_wide(from: *const u8, to: *mut u8, copy: usize) {
    let mut nowhere = MaybeUninit::<[uint8x16_t; 16]>::uninit();
    let nowhere = nowhere.as_mut_ptr().cast::<u8>();
    macro_rules! lines {
        ($($at:literal)*) => {$(
            let to_line = at_least::<{ $at + 32 }>(copy, to, nowhere).wrapping_add($at);
            let first = vld1q_u8(from.wrapping_add($at));
            let second = vld1q_u8(from.wrapping_add($at + 16));
            vst1q_u8(to_line, first);
            vst1q_u8(to_line.wrapping_add(16), second);
        )*};
    }
    // SAFETY: a slice can be read, and `copy` bytes and those of `nowhere` written.
    unsafe {
        lines!(0 32 64 96 128 160 192 224);
        // The 16 bytes that remain at an odd VQ.
        let at = copy & 224;
        let bytes = vld1q_u8(from.wrapping_add(at));
        vst1q_u8(with::<16>(copy, to, nowhere).wrapping_add(at), bytes);
    }
}

/// [`at_least`] of `OPERAND` and of `OPERAND + 1`, with one comparison.
#[inline(always)]
fn at_least_and_above<const OPERAND: usize>(
    number: usize,
    enough: *mut u8,
    less: *mut u8,
) -> [*mut u8; 2] {
    let (first, second);
    // SAFETY: the instructions only read and write registers.
    unsafe {
        core::arch::asm!(
            "cmp {number}, #{operand}",
            "csel {first}, {enough}, {less}, hs",
            "csel {second}, {enough}, {less}, hi",
            number = in(reg) number,
            operand = const OPERAND,
            enough = in(reg) enough,
            less = in(reg) less,
            first = out(reg) first,
            second = lateout(reg) second,
            options(pure, nomem, nostack),
        );
    }
    [first, second]
}
