//! Asks an x86-64 processor for AVX2.
//!
//! Programs for x86-64 are mostly built for SSE2 and run on processors with AVX2, whose vectors are twice as wide.
//! The processor is therefore asked once which one it has, and each copy tests the answer, which never changes
//! while the process lives. In a build for AVX2 there is no test.

#![allow(unsafe_code)]
#![allow(dead_code)] // With `sve_state_portable`, nothing calls them.
// One reason holds for all steps of a copy.
#![allow(clippy::multiple_unsafe_ops_per_block)]

use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Makes each function three times. The first has the test, and calls `for_avx2`, which calls nothing, or else
/// `unasked`, which asks the processor, out of line so that the caller need not save registers for it.
macro_rules! asked {
    ($(
        $name:ident $(<$type:ident>)? ($($operand:ident: $operand_type:ty),*) $(-> $result:ty)?
            = $copy:expr;
    )*) => {$(
        #[inline(always)]
        pub(super) unsafe fn $name $(<$type>)? ($($operand: $operand_type),*) $(-> $result)? {
            #[target_feature(enable = "avx2")]
            #[inline(never)]
            unsafe fn for_avx2 $(<$type>)? ($($operand: $operand_type),*) $(-> $result)? {
                use super::avx2 as isa;
                // SAFETY: the caller's promise.
                unsafe { $copy }
            }
            #[cold]
            #[inline(never)]
            unsafe fn unasked $(<$type>)? ($($operand: $operand_type),*) $(-> $result)? {
                use super::portable as isa;
                match detected() {
                    // SAFETY: the caller's promise, and the processor has AVX2.
                    true => unsafe { for_avx2($($operand),*) },
                    // SAFETY: the caller's promise.
                    false => unsafe { $copy },
                }
            }
            if cfg!(target_feature = "avx2") {
                use super::avx2 as isa;
                // SAFETY: the caller's promise.
                return unsafe { $copy };
            }
            match DETECTED.load(Relaxed) == YES {
                // SAFETY: the caller's promise, and the processor has AVX2.
                true => unsafe { for_avx2($($operand),*) },
                // SAFETY: the caller's promise.
                false => unsafe { unasked($($operand),*) },
            }
        }
    )*};
}
asked! {
    get_wide(from: *const u8, to: *mut u8, copy: usize) = isa::get_wide(from, to, copy);
    get_narrow(from: *const u8, to: *mut u8, copy: usize) = isa::get_narrow(from, to, copy);
    set_wide(from: *const u8, to: *mut u8, copy: usize) = isa::set_wide(from, to, copy);
    // By value, since what is called writes to the place of the result.
    get_wide_value<T>(from: *const u8, copy: usize) -> T = {
        let mut value = MaybeUninit::<T>::uninit();
        isa::get_wide(from, value.as_mut_ptr().cast(), copy);
        value.assume_init()
    };
    get_narrow_value<T>(from: *const u8, copy: usize) -> T = {
        let mut value = MaybeUninit::<T>::uninit();
        isa::get_narrow(from, value.as_mut_ptr().cast(), copy);
        value.assume_init()
    };
}

/// The answer of [`detected`], or `UNKNOWN` until the processor has been asked.
static DETECTED: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// Whether the processor has AVX2 and the system keeps its registers. It is asked once, because CPUID is slow on a
/// virtual machine.
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
