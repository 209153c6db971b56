//! Choices that no compiler turns into a jump, because a processor guesses jumps.
//!
//! An `if` for which both values are at hand becomes a conditional move, until a pass of LLVM finds a jump cheaper.
//! On x86-64 X86CmovConversion does so in some loops, even where a mask was computed and there was no `if`, and on
//! arm64 SelectOptimize may. Neither knows that what is compared depends on a vCPU's vector length, which nobody can
//! guess if it differs from call to call, but both leave what is in `asm!` as it is.

#![allow(unsafe_code)]
#![allow(clippy::pointers_in_nomem_asm_block)] // They are chosen between, and nothing is read or written.

use core::ptr;

/// A function that chooses an address, which on arm64 and x86-64 is two instructions, one that compares `number` with
/// `OPERAND` and a conditional move, and on other targets an `if`.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident: $if:expr,
        $arm64:literal $csel:literal, $x86_64:literal $cmov:literal) => {
        $(#[$doc])*
        #[inline(always)]
        pub(super) fn $name<const OPERAND: usize>(
            number: usize,
            enough: *mut u8,
            less: *mut u8,
        ) -> *mut u8 {
            let chosen;
            #[cfg(all(target_arch = "aarch64", target_pointer_width = "64"))]
            // SAFETY: both instructions only read and write registers.
            unsafe {
                core::arch::asm!(
                    concat!($arm64, " {number}, #{operand}"),
                    concat!("csel {chosen}, {enough}, {less}, ", $csel),
                    number = in(reg) number,
                    operand = const OPERAND,
                    enough = in(reg) enough,
                    less = in(reg) less,
                    chosen = lateout(reg) chosen,
                    options(pure, nomem, nostack),
                );
            }
            #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
            // SAFETY: likewise.
            unsafe {
                core::arch::asm!(
                    concat!($x86_64, " {number:e}, {operand}"),
                    concat!($cmov, " {chosen}, {less}"),
                    number = in(reg) number,
                    operand = const OPERAND,
                    less = in(reg) less,
                    chosen = inout(reg) enough => chosen,
                    options(pure, nomem, nostack),
                );
            }
            #[cfg(not(all(
                any(target_arch = "aarch64", target_arch = "x86_64"),
                target_pointer_width = "64"
            )))]
            {
                let condition: fn(usize, usize) -> bool = $if;
                chosen = if condition(number, OPERAND) { enough } else { less };
            }
            chosen
        }
    };
}

choice! {
    /// `enough` if `number`, a width in bytes of which x86-64 compares the low 32 bits, is `OPERAND` or more, else
    /// `less`.
    at_least: |number, operand| number >= operand,
    "cmp" "hs", "cmp" "cmovb"
}
choice! {
    /// `enough` if `number` has the bit `OPERAND`, else `less`.
    with: |number, operand| number & operand != 0,
    "tst" "ne", "test" "cmovz"
}

/// [`at_least`] of two numbers.
#[inline(always)]
pub(crate) fn number_at_least<const OPERAND: usize>(
    number: usize,
    enough: usize,
    less: usize,
) -> usize {
    let (enough, less) = (
        ptr::without_provenance_mut(enough),
        ptr::without_provenance_mut(less),
    );
    at_least::<OPERAND>(number, enough, less).addr()
}

/// `index` if it is at most `last`, and otherwise some number from 0 to `last`.
///
/// Register numbers and slice indices have been checked before they come here, but a processor may guess the outcome
/// of such a check wrongly, and go on with a number that is out of range until it notices. There is no branch here,
/// so the address stays in range whatever was guessed. Linux does the same (`array_index_nospec`).
#[inline(always)]
pub(crate) fn clamp(index: u32, last: u16) -> u32 {
    // The compiler has seen the checks too, and must not conclude that this is never needed.
    let (index, last) = (hidden(index), last as u32);
    // `last` is a constant, and if it is one less than a power of two, it is a mask, for which one instruction is
    // enough.
    if last & last.wrapping_add(1) == 0 {
        return index & last;
    }
    let above = is_negative(i64::from(last).wrapping_sub(i64::from(index)));
    // Both have 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    return number_at_least::<1>(above, last as usize, index as usize) as u32;
}

/// 1 if the number is below 0, else 0.
#[inline(always)]
pub(crate) const fn is_negative(number: i64) -> usize {
    (number as u64 >> 63) as usize
}

/// The same number, hidden from the compiler, which can conclude nothing about it from earlier code.
#[inline(always)]
pub(crate) fn hidden(number: u32) -> u32 {
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
