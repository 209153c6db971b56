//! For aarch64: vectors of 16 bytes, as many as fit, and a last one that overlaps the one before it
//! where the length is no multiple.

#![allow(unsafe_code)]

use core::arch::aarch64::{uint8x16_t, vdupq_n_u8, vld1q_u8, vst1q_u8};

use super::portable::Portable;
use super::{Leaf, VECTOR};

pub(super) enum Neon {}

impl Leaf for Neon {
    #[inline(always)]
    unsafe fn copy(from: *const u8, to: *mut u8, n: usize) {
        if n < VECTOR {
            // SAFETY: the contract is the same.
            return unsafe { Portable::copy(from, to, n) };
        }
        let vectors = n.div_ceil(VECTOR);
        let start = |i: usize| {
            if (i + 1) * VECTOR <= n {
                i * VECTOR
            } else {
                n - VECTOR
            }
        };
        // Four loads, then four stores: the compiler, which has to assume that a store changes what
        // is loaded after it, can make pairs of them.
        for first in (0..vectors).step_by(4) {
            let group = first..vectors.min(first + 4);
            let mut four = [zero(); 4];
            for (vector, i) in four.iter_mut().zip(group.clone()) {
                // SAFETY: `start + 16 <= n`, and the caller vouches for `n` bytes to read. The
                // target has NEON, or this module would not be compiled.
                *vector = unsafe { vld1q_u8(from.wrapping_add(start(i))) };
            }
            for (vector, i) in four.into_iter().zip(group) {
                // SAFETY: likewise, to write.
                unsafe { vst1q_u8(to.wrapping_add(start(i)), vector) };
            }
        }
    }

    #[inline(always)]
    unsafe fn clear(to: *mut u8, n: usize) {
        if n < VECTOR {
            // SAFETY: the contract is the same.
            return unsafe { Portable::clear(to, n) };
        }
        let mut at = 0;
        while at < n {
            let start = if n - at < VECTOR { n - VECTOR } else { at };
            // SAFETY: `start + 16 <= n`, and the caller vouches for `n` bytes to write.
            unsafe { vst1q_u8(to.wrapping_add(start), zero()) };
            at += VECTOR;
        }
    }
}

#[inline(always)]
fn zero() -> uint8x16_t {
    #[allow(unused_unsafe)] // It is a safe function since Rust 1.87.
    // SAFETY: the target has NEON, or this module would not be compiled.
    unsafe {
        vdupq_n_u8(0)
    }
}
