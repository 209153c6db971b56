//! Keeps an index in range before an address is computed from it.

#![allow(unsafe_code)]

/// If `index` is at most `last`, this is `index`. Otherwise it is some number from 0 to `last`.
///
/// Register numbers and slice indices have been checked before they come here. But a processor may guess the
/// outcome of such a check wrongly, and go on with a number that is out of range until it notices. There is
/// no branch here, so the address stays in range whatever was guessed. Linux does the same
/// (`array_index_nospec`).
#[inline(always)]
pub(crate) fn clamp(index: u32, last: u32) -> u32 {
    // The compiler has seen the checks too. It must not conclude that this is never needed.
    let index = hidden(index);
    // `last` is a constant. If it is one less than a power of two, it is a mask, and one instruction is
    // enough.
    if last & last.wrapping_add(1) == 0 {
        index & last
    } else {
        index.min(last)
    }
}

/// The same number, but hidden from the compiler: it cannot conclude anything about it from earlier code.
#[inline(always)]
fn hidden(number: u32) -> u32 {
    #[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
    {
        let mut number = number;
        // SAFETY: there is no instruction, only a comment that names a register.
        unsafe {
            #[cfg(target_arch = "aarch64")]
            core::arch::asm!("/* {0:w} */", inout(reg) number, options(nomem, nostack, preserves_flags, pure));
            #[cfg(target_arch = "x86_64")]
            core::arch::asm!("/* {0:e} */", inout(reg) number, options(nomem, nostack, preserves_flags, pure));
        }
        number
    }
    #[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
    core::hint::black_box(number)
}
