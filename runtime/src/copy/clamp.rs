//! The one way from an index to an address.

#![allow(unsafe_code)]

/// `index`, or `last` where it is larger.
///
/// Register numbers and slice indices are in range before they come here. This is for a processor
/// that has guessed so and was wrong: the smaller of two numbers is found without a branch, so
/// whatever was guessed, the address stays where it may be. Linux does the same
/// (`array_index_nospec`).
#[inline(always)]
pub(crate) fn clamp(index: u32, last: u32) -> u32 {
    if last == 0 {
        return 0; // `last` is a constant.
    }
    // The compiler has seen the checks too. It must not conclude that this is never needed.
    index.min(hidden(last))
}

/// The same number, of which the compiler knows nothing.
#[inline(always)]
fn hidden(number: u32) -> u32 {
    #[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
    {
        let mut number = u64::from(number);
        // SAFETY: there is no instruction, only a comment that names a register.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) number, options(nomem, nostack, preserves_flags, pure));
        }
        // It has 32 bits.
        #[allow(clippy::cast_possible_truncation)]
        return number as u32;
    }
    #[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
    core::hint::black_box(number)
}
