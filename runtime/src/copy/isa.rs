//! Chooses the instruction set that the lines are compiled for.
//!
//! On aarch64 it is NEON. Programs for x86-64 are mostly built for SSE2 and run on processors with AVX2,
//! whose vectors are twice as wide. So the lines are compiled for both, and the processor is asked once which
//! one it has. Each copy tests the answer, which never changes while the process lives. If the whole build is
//! for AVX2, nothing is asked and nothing is tested.
//!
//! Other targets have the portable lines. Among them are targets for aarch64 without NEON, such as those for
//! kernels that keep no vector registers, and for x86-64 without SSE2. With `--cfg sve_state_portable` all
//! targets have them, so that they can be tested anywhere.

#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use core::ptr;

use super::{Line, lines};
use chosen::{ASKS, expand_run, get_narrow, get_wide, has_avx2, pack_run, set_wide};

#[cfg(all(
    target_arch = "aarch64",
    target_feature = "neon",
    not(sve_state_portable)
))]
use super::neon::Neon as Native;
#[cfg(any(
    not(all(target_arch = "aarch64", target_feature = "neon")),
    sve_state_portable
))]
use super::portable::Portable as Native;

/// The list of functions to make for an instruction set, each with the line that it calls. `$make` is the
/// macro that makes them. In it, `Isa` is the instruction set.
macro_rules! lines_for {
    ($make:ident) => {
        $make! {
            get_wide(there: bool, from: *const u8, to: *mut u8, copy: usize) =
                lines::get::<Isa>(Line::Wide, there, from, to, copy);
            get_narrow(there: bool, from: *const u8, to: *mut u8, copy: usize) =
                lines::get::<Isa>(Line::Narrow, there, from, to, copy);
            set_wide(there: bool, from: *const u8, to: *mut u8, copy: usize) =
                lines::set(Line::Wide, there, from, to, copy);
            expand_run(line: Line, from: *const u8, to: *mut u8, copy: usize, slices: usize) =
                lines::expand::<Isa>(line, from, to, copy, slices);
            pack_run(line: Line, from: *const u8, to: *mut u8, copy: usize, slices: usize) =
                lines::pack(line, from, to, copy, slices);
        }
    };
}

/// For x86-64. Each function of the list is made three times: here, with the test; in `for_avx2`; and in
/// `unasked`, which asks the processor. If the build is not for AVX2, a copy is a call of the one in
/// `for_avx2`, which calls nothing. The asking is out of line, so that the caller need not save registers for
/// it.
#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(sve_state_portable)
))]
pub(super) mod chosen {
    use super::Line;
    /// Whether a copy is a call, behind a test.
    pub(super) const ASKS: bool = !cfg!(target_feature = "avx2");
    pub(super) use crate::copy::avx2::known as has_avx2;

    macro_rules! make {
        ($($name:ident($($operand:ident: $type:ty),*) = $line:expr;)*) => {
            $(
                #[inline(always)]
                pub(super) unsafe fn $name(has_avx2: bool, $($operand: $type),*) {
                    match has_avx2 {
                        // SAFETY: the caller's promise, and the processor has AVX2.
                        true => unsafe { for_avx2::$name($($operand),*) },
                        // SAFETY: the caller's promise.
                        false => unsafe { unasked::$name($($operand),*) },
                    }
                }
            )*

            pub(in crate::copy) mod for_avx2 {
                use crate::copy::avx2::Avx2 as Isa;
                use crate::copy::isa::{Line, lines};
                $(
                    #[target_feature(enable = "avx2")]
                    #[inline]
                    pub(in crate::copy) unsafe fn $name($($operand: $type),*) {
                        // SAFETY: the caller's promise.
                        unsafe { $line };
                    }
                )*
            }

            /// For a processor that has not been asked yet, or has no AVX2.
            mod unasked {
                use crate::copy::avx2;
                use crate::copy::isa::{Line, Native as Isa, lines};
                $(
                    #[cold]
                    #[inline(never)]
                    pub(super) unsafe fn $name($($operand: $type),*) {
                        match avx2::detected() {
                            // SAFETY: the caller's promise, and the processor has AVX2.
                            true => unsafe { super::for_avx2::$name($($operand),*) },
                            // SAFETY: the caller's promise.
                            false => unsafe { $line },
                        }
                    }
                )*
            }
        };
    }
    lines_for!(make);
}

/// For all other targets. There is nothing to ask, so a function of the list is only its line.
#[cfg(not(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(sve_state_portable)
)))]
mod chosen {
    use super::{Line, Native as Isa, lines};

    pub(super) const ASKS: bool = false;

    pub(super) fn has_avx2() -> bool {
        false
    }

    macro_rules! make {
        ($($name:ident($($operand:ident: $type:ty),*) = $line:expr;)*) => {$(
            #[inline(always)]
            pub(super) unsafe fn $name(_: bool, $($operand: $type),*) {
                // SAFETY: the caller's promise.
                unsafe { $line };
            }
        )*};
    }
    lines_for!(make);
}

/// GET of a slice. Its `line` is a constant.
///
/// # Safety
///
/// That of [`lines::get`].
#[inline(always)]
pub(crate) unsafe fn get(line: Line, there: bool, from: *const u8, to: *mut u8, copy: usize) {
    // SAFETY: the caller's promise.
    unsafe { get_on(has_avx2(), line, there, from, to, copy) }
}

/// GET of a slice as a value of type `T`. The bytes are written once, to the place of the result, and not
/// copied again.
///
/// # Safety
///
/// That of [`lines::get`]. A `T` has as many bytes as a slice of `line`, and any bytes are a valid `T`.
#[inline(always)]
pub(crate) unsafe fn get_value<T>(line: Line, there: bool, from: *const u8, copy: usize) -> T {
    if !ASKS {
        // SAFETY: bytes may be zero. (Zeros, not `uninit`: the compiler sees that all are overwritten, leaves
        // the zeros out, and takes the value for the result itself. With `uninit` it does not.)
        let mut value: T = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: the caller's promise.
        unsafe { get(line, there, from, (&raw mut value).cast(), copy) };
        return value;
    }
    let value = |has_avx2| {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the caller's promise.
        unsafe { get_on(has_avx2, line, there, from, value.as_mut_ptr().cast(), copy) };
        // SAFETY: all bytes of the slice have been written.
        unsafe { value.assume_init() }
    };
    // A value for each answer: if both had the same, the compiler would copy it in the end.
    if has_avx2() {
        value(true)
    } else {
        value(false)
    }
}

#[inline(always)]
unsafe fn get_on(
    has_avx2: bool,
    line: Line,
    there: bool,
    from: *const u8,
    to: *mut u8,
    copy: usize,
) {
    match line {
        // SAFETY: the caller's promise.
        Line::Wide => unsafe { get_wide(has_avx2, there, from, to, copy) },
        // SAFETY: the caller's promise.
        Line::Narrow => unsafe { get_narrow(has_avx2, there, from, to, copy) },
        // SAFETY: the caller's promise.
        Line::Any(_) => unsafe { lines::get::<Native>(line, there, from, to, copy) },
    }
}

/// SET of a slice. Its `line` is a constant.
///
/// # Safety
///
/// That of [`lines::set`].
#[inline(always)]
pub(crate) unsafe fn set(line: Line, there: bool, from: *const u8, to: *mut u8, copy: usize) {
    match line {
        // SAFETY: the caller's promise.
        Line::Wide => unsafe { set_wide(has_avx2(), there, from, to, copy) },
        // These do not store more than 16 bytes at a time, so AVX2 would not help.
        // SAFETY: the caller's promise.
        Line::Narrow | Line::Any(_) => unsafe { lines::set(line, there, from, to, copy) },
    }
}

/// GET of `slices` slices. Each shares `copy` bytes with the image.
///
/// # Safety
///
/// That of [`lines::expand`].
pub(crate) unsafe fn expand(line: Line, from: *const u8, to: *mut u8, copy: usize, slices: usize) {
    if copy == line.slice() {
        // There is no padding, so both sides have the same bytes. The library's copy is fastest for that.
        // SAFETY: the caller's promise.
        return unsafe { ptr::copy_nonoverlapping(from, to, copy * slices) };
    }
    // SAFETY: the caller's promise.
    unsafe { expand_run(has_avx2(), line, from, to, copy, slices) };
}

/// SET of `slices` slices, from the last to the first. Each shares `copy` bytes with the image.
///
/// # Safety
///
/// That of [`lines::pack`].
pub(crate) unsafe fn pack(line: Line, from: *const u8, to: *mut u8, copy: usize, slices: usize) {
    if copy == line.slice() {
        let all = copy * slices;
        // SAFETY: the caller's promise; as in `expand`.
        return unsafe {
            ptr::copy_nonoverlapping(from.wrapping_sub(all), to.wrapping_sub(all), all);
        };
    }
    // SAFETY: the caller's promise.
    unsafe { pack_run(has_avx2(), line, from, to, copy, slices) };
}
