//! The one way from an index to an address.

#![allow(unsafe_code)]

/// `index`, if it is at most `last`; else another number that is.
///
/// Register numbers and slice indices have been checked before they come here. This is for a processor that
/// has guessed the outcome of such a check, and was wrong. There is no branch here, so the address stays in
/// range whatever was guessed. Linux does the same (`array_index_nospec`).
#[inline(always)]
pub(crate) fn clamp(index: u32, last: u32) -> u32 {
    // The compiler has seen the checks too. It must not conclude that this is never needed.
    let index = hidden(index);
    // `last` is a constant. If all its bits are ones, it is a mask, and a single instruction does.
    if last & last.wrapping_add(1) == 0 {
        index & last
    } else {
        index.min(last)
    }
}

/// The same number, of which the compiler knows nothing.
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
