//! For aarch64: vectors of 16 bytes, as many as fit, and a last one that overlaps the one before it
//! where the length is no multiple.

#![allow(unsafe_code)]

use core::arch::aarch64::{vdupq_n_u8, vld1q_u8, vst1q_u8};

use super::Leaf;
use super::portable::Portable;

const VECTOR: usize = 16;

pub(super) enum Neon {}

impl Leaf for Neon {
    #[inline(always)]
    unsafe fn copy(from: *const u8, to: *mut u8, n: usize) {
        if n < VECTOR {
            // SAFETY: the contract is the same.
            return unsafe { Portable::copy(from, to, n) };
        }
        let mut at = 0;
        while at < n {
            let start = if n - at < VECTOR { n - VECTOR } else { at };
            // SAFETY: `start + 16 <= n`, and the caller vouches for `n` bytes to read. The target
            // has NEON, or this module would not be compiled.
            let vector = unsafe { vld1q_u8(from.wrapping_add(start)) };
            // SAFETY: likewise, to write.
            unsafe { vst1q_u8(to.wrapping_add(start), vector) };
            at += VECTOR;
        }
    }

    #[inline(always)]
    unsafe fn clear(to: *mut u8, n: usize) {
        if n < VECTOR {
            // SAFETY: the contract is the same.
            return unsafe { Portable::clear(to, n) };
        }
        // SAFETY: the target has NEON, or this module would not be compiled.
        #[allow(unused_unsafe)] // It is a safe function since Rust 1.87.
        let zeros = unsafe { vdupq_n_u8(0) };
        let mut at = 0;
        while at < n {
            let start = if n - at < VECTOR { n - VECTOR } else { at };
            // SAFETY: `start + 16 <= n`, and the caller vouches for `n` bytes to write.
            unsafe { vst1q_u8(to.wrapping_add(start), zeros) };
            at += VECTOR;
        }
    }
}
