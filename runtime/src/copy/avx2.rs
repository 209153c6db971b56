//! GETs for x86-64 processors with AVX2. For a slice of 256 bytes, loads with a mask give the register's
//! bytes and the zeros behind them. They touch no memory behind the register.

#![allow(unsafe_code)]
// One reason holds for all intrinsics: the processor has them.
#![allow(clippy::multiple_unsafe_ops_per_block)]

use core::arch::x86_64::{
    __cpuid, __cpuid_count, __m128i, __m256i, _mm_loadu_si128, _mm256_add_epi32,
    _mm256_castsi128_si256, _mm256_cmpgt_epi32, _mm256_inserti128_si256, _mm256_maskload_epi32,
    _mm256_set1_epi32, _mm256_setr_epi32, _mm256_shuffle_epi8, _mm256_storeu_si256, _xgetbv,
};
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use super::{Leaf, PLACES, windows};

pub(super) enum Avx2 {}

impl Leaf for Avx2 {
    #[inline(always)]
    unsafe fn get_wide(from: *const u8, to: *mut u8, copy: usize) {
        // SAFETY: the processor has AVX2. A word is read only if it is below `copy`; a slice has 256
        // bytes.
        unsafe {
            // At most 256.
            #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
            let copy = _mm256_set1_epi32(copy as i32);
            let words = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
            let mut at = 0;
            while at < 256 {
                #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
                let words = _mm256_add_epi32(words, _mm256_set1_epi32(at as i32));
                let mask = _mm256_cmpgt_epi32(copy, words);
                let bytes = _mm256_maskload_epi32(from.wrapping_add(at).cast::<i32>(), mask);
                _mm256_storeu_si256(to.wrapping_add(at).cast::<__m256i>(), bytes);
                at += 32;
            }
        }
    }

    #[inline(always)]
    unsafe fn get_narrow(from: *const u8, to: *mut u8, copy: usize) {
        let [first, last] = windows(copy);
        // SAFETY: the processor has AVX2. The caller can read the windows, and write a slice; at most 30
        // bytes are dropped.
        unsafe {
            let load = |from: *const u8| _mm_loadu_si128(from.cast::<__m128i>());
            let both = |low, high| _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
            let bytes = both(
                load(from.wrapping_offset(first.0)),
                load(from.wrapping_offset(last.0)),
            );
            let places = both(
                load(PLACES.as_ptr().wrapping_add(first.1)),
                load(PLACES.as_ptr().wrapping_add(last.1)),
            );
            let slice = _mm256_shuffle_epi8(bytes, places);
            _mm256_storeu_si256(to.cast::<__m256i>(), slice);
        }
    }
}

/// The answer of [`detected`]. It is `UNKNOWN` until the processor has been asked.
static DETECTED: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// Whether it is known that the processor has AVX2.
#[inline(always)]
pub(super) fn known() -> bool {
    cfg!(target_feature = "avx2") || DETECTED.load(Relaxed) == YES
}

/// Whether the processor has AVX2 and the system keeps its registers. Asked once: on a virtual
/// machine CPUID is slow.
pub(super) fn detected() -> bool {
    match DETECTED.load(Relaxed) {
        UNKNOWN => {
            let found = detect();
            DETECTED.store(if found { YES } else { NO }, Relaxed);
            found
        }
        answer => answer == YES,
    }
}

fn detect() -> bool {
    // Bits of ECX of leaf 1, of EBX of leaf 7, and of XCR0 (Intel SDM, volume 1, 14.7.1 "Detection of
    // Intel AVX2").
    const OSXSAVE_AND_AVX: u32 = 1 << 27 | 1 << 28;
    const AVX2: u32 = 1 << 5;
    const XMM_AND_YMM: u64 = 1 << 1 | 1 << 2;
    /// # Safety
    ///
    /// The system has set OSXSAVE.
    #[target_feature(enable = "xsave")]
    unsafe fn xcr0() -> u64 {
        #[allow(unused_unsafe)] // It is a safe function in later Rust.
        // SAFETY: XCR0 is always there where XGETBV is.
        unsafe {
            _xgetbv(0)
        }
    }
    if cfg!(target_env = "sgx") {
        return false; // CPUID faults there.
    }
    #[allow(unused_unsafe)] // They are safe functions in later Rust.
    // SAFETY: every x86-64 processor has CPUID; leaf 0 says which leaves there are.
    let (leaves, features) = unsafe { (__cpuid(0).eax, __cpuid(1).ecx) };
    if leaves < 7 || features & OSXSAVE_AND_AVX != OSXSAVE_AND_AVX {
        return false;
    }
    #[allow(unused_unsafe)]
    // SAFETY: there is a leaf 7.
    let extended = unsafe { __cpuid_count(7, 0) }.ebx;
    // SAFETY: OSXSAVE says that XGETBV may be used.
    let kept = unsafe { xcr0() };
    extended & AVX2 != 0 && kept & XMM_AND_YMM == XMM_AND_YMM
}
