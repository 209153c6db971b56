//! For every target: copies of constant length, which compilers know how to do best.

#![allow(unsafe_code)]

use core::ptr;

use super::Leaf;

/// What LLVM copies without a call to `memcpy` on every target that we have looked at.
const INLINED: usize = 128;

pub(super) enum Portable {}

impl Leaf for Portable {
    #[inline(always)]
    unsafe fn copy(from: *const u8, to: *mut u8, n: usize) {
        let mut at = 0;
        // At most twice for a slice; compilers unroll it.
        while at < n {
            let bytes = if n - at < INLINED { n - at } else { INLINED };
            // SAFETY: `at + bytes <= n`, and the caller vouches for `n` bytes on both sides, apart
            // from each other.
            unsafe { ptr::copy_nonoverlapping(from.wrapping_add(at), to.wrapping_add(at), bytes) };
            at += bytes;
        }
    }

    #[inline(always)]
    unsafe fn clear(to: *mut u8, n: usize) {
        // SAFETY: the caller vouches for `n` bytes.
        unsafe { ptr::write_bytes(to, 0, n) };
    }
}
