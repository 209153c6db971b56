//! For x86-64, whose baseline has vectors of 16 bytes, where the processor has those of 32: the
//! portable copies once more, compiled for them. Which are used is settled when a view is made.

#![allow(unsafe_code)]

use core::arch::x86_64::{__cpuid, _xgetbv};
use core::sync::atomic::{AtomicU8, Ordering};

use super::kernel::{Kernel, expand, get, pack, set};
use super::portable::Portable;

pub(super) const fn kernel<const COPY: usize, const SLICE: usize>() -> Kernel {
    Kernel {
        isa: 1,
        get: get_avx::<COPY, SLICE>,
        set: set_avx::<COPY>,
        expand: expand_avx::<COPY, SLICE>,
        pack: pack_avx::<COPY, SLICE>,
        ..Kernel::of::<Portable, COPY, SLICE>()
    }
}

/// # Safety
///
/// That of [`get`], and the processor has AVX.
#[target_feature(enable = "avx")]
unsafe fn get_avx<const COPY: usize, const SLICE: usize>(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { get::<Portable, COPY, SLICE>(from, to) };
}

/// # Safety
///
/// That of [`set`], and the processor has AVX.
#[target_feature(enable = "avx")]
unsafe fn set_avx<const COPY: usize>(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { set::<Portable, COPY>(from, to) };
}

/// # Safety
///
/// That of [`expand`], and the processor has AVX.
#[target_feature(enable = "avx")]
unsafe fn expand_avx<const COPY: usize, const SLICE: usize>(
    from: *const u8,
    to: *mut u8,
    slices: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { expand::<Portable, COPY, SLICE>(from, to, slices) };
}

/// # Safety
///
/// That of [`pack`], and the processor has AVX.
#[target_feature(enable = "avx")]
unsafe fn pack_avx<const COPY: usize, const SLICE: usize>(
    from: *const u8,
    to: *mut u8,
    slices: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { pack::<Portable, COPY, SLICE>(from, to, slices) };
}

/// Whether the processor has AVX and the system keeps its registers. Asked once: on a virtual
/// machine CPUID is slow.
pub(super) fn detected() -> bool {
    const UNKNOWN: u8 = 0;
    const NO: u8 = 1;
    const YES: u8 = 2;
    static AVX: AtomicU8 = AtomicU8::new(UNKNOWN);
    match AVX.load(Ordering::Relaxed) {
        UNKNOWN => {
            let found = detect();
            AVX.store(if found { YES } else { NO }, Ordering::Relaxed);
            found
        }
        known => known == YES,
    }
}

fn detect() -> bool {
    // Bits of ECX of leaf 1, and of XCR0 (Intel SDM, volume 1, 14.3 "Detection of AVX").
    const OSXSAVE_AND_AVX: u32 = 1 << 27 | 1 << 28;
    const XMM_AND_YMM: u64 = 1 << 1 | 1 << 2;
    #[allow(unused_unsafe)] // It is a safe function in later Rust.
    // SAFETY: every x86-64 processor has CPUID and its leaf 1 (but for SGX, where this is not
    // compiled).
    let features = unsafe { __cpuid(1) }.ecx;
    features & OSXSAVE_AND_AVX == OSXSAVE_AND_AVX && {
        // SAFETY: OSXSAVE says that XGETBV may be used.
        let kept = unsafe { xcr0() };
        kept & XMM_AND_YMM == XMM_AND_YMM
    }
}

/// # Safety
///
/// The system has set OSXSAVE.
#[target_feature(enable = "xsave")]
unsafe fn xcr0() -> u64 {
    // SAFETY: XCR0 is always there where XGETBV is.
    #[allow(unused_unsafe)]
    unsafe {
        _xgetbv(0)
    }
}
