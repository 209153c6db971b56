//! GETs for any processor. They are made of copies of constant length, which the compiler turns into the
//! instructions that there are.

#![allow(unsafe_code)]

use super::{Leaf, ZEROS, windows};

pub(super) enum Portable {}

impl Leaf for Portable {
    #[inline(always)]
    unsafe fn get_wide(from: *const u8, to: *mut u8, copy: usize) {
        // 16 bytes at a time, from the register or from zeros.
        for at in (0..256).step_by(16) {
            let from = if copy >= at + 16 {
                from
            } else {
                ZEROS.as_ptr()
            };
            // SAFETY: `copy` bytes can be read from `from`, and 256 zeros; arrays have no alignment.
            let bytes = unsafe { from.wrapping_add(at).cast::<[u8; 16]>().read() };
            // SAFETY: a slice has 256 bytes.
            unsafe { to.wrapping_add(at).cast::<[u8; 16]>().write(bytes) };
        }
    }

    #[inline(always)]
    unsafe fn get_narrow(from: *const u8, to: *mut u8, copy: usize) {
        let half = |(start, dropped): (isize, usize)| {
            let from = from.wrapping_offset(start).cast::<[u8; 16]>();
            // SAFETY: the caller can read the windows; arrays of bytes have no alignment.
            let bytes = u128::from_le_bytes(unsafe { from.read() });
            // Drops at most 30 bytes, in two steps, because a number of 128 bits can only be shifted by less
            // than 128.
            bytes >> (4 * dropped) >> (4 * dropped)
        };
        for (n, bytes) in windows(copy).map(half).into_iter().enumerate() {
            // SAFETY: half of a slice.
            unsafe {
                to.cast::<[u8; 16]>()
                    .wrapping_add(n)
                    .write(bytes.to_le_bytes());
            };
        }
    }
}
