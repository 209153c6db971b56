//! GETs for aarch64. For a slice of 32 bytes, one instruction (`tbl`) moves the register's bytes to their
//! place and clears the rest.

#![allow(unsafe_code)]
// One reason holds for all intrinsics: the processor has them.
#![allow(clippy::multiple_unsafe_ops_per_block)]

use core::arch::aarch64::{vld1q_u8, vqtbl1q_u8, vst1q_u8};

use super::{Leaf, PLACES, ZEROS, windows};

pub(super) enum Neon {}

impl Leaf for Neon {
    #[inline(always)]
    unsafe fn get_wide(from: *const u8, to: *mut u8, copy: usize) {
        // 16 bytes from the register or from zeros.
        let load = |at: usize| {
            let from = if copy >= at + 16 {
                from
            } else {
                ZEROS.as_ptr()
            };
            // SAFETY: `copy` bytes can be read from `from`, and 256 zeros. This is
            // compiled for targets with NEON only.
            unsafe { vld1q_u8(from.wrapping_add(at)) }
        };
        // Two loads, then two stores, because the compiler makes one store of these two.
        for at in (0..256).step_by(32) {
            let (first, second) = (load(at), load(at + 16));
            // SAFETY: a slice has 256 bytes.
            unsafe { vst1q_u8(to.wrapping_add(at), first) };
            // SAFETY: likewise.
            unsafe { vst1q_u8(to.wrapping_add(at + 16), second) };
        }
    }

    #[inline(always)]
    unsafe fn get_narrow(from: *const u8, to: *mut u8, copy: usize) {
        for (n, (start, dropped)) in windows(copy).into_iter().enumerate() {
            // SAFETY: the caller can read the windows, and write half a slice each; at most 30 bytes are
            // dropped. Every aarch64 target with `core::arch` has NEON.
            unsafe {
                let bytes = vld1q_u8(from.wrapping_offset(start));
                let places = vld1q_u8(PLACES.as_ptr().wrapping_add(dropped));
                vst1q_u8(to.wrapping_add(16 * n), vqtbl1q_u8(bytes, places));
            }
        }
    }
}
