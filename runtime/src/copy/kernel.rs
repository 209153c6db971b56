//! The kernels: what is done to one slice, or to the slices of a whole bank, at one pair of lengths.

#![allow(unsafe_code)]

use core::ptr;

#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(target_env = "sgx")
))]
use super::avx;
use super::{ISAS, Leaf, Native, VECTOR};

/// From and to; see [`Kernel`] for what the pointers have to be.
type Move = unsafe fn(from: *const u8, to: *mut u8);
/// From and to, and how many slices.
type MoveAll = unsafe fn(from: *const u8, to: *mut u8, slices: usize);

/// The copies for slices of `slice` bytes that share `copy` bytes with the image.
///
/// `get` and `expand` read the image and write slices; `set` and `pack` read slices and write the
/// image. For each of `n` slices (`get` and `set`: one), one after the other on both sides, they
/// need `copy` bytes of the image and `slice` bytes of slices, apart from each other.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Which of the instruction sets: below [`ISAS`].
    pub(super) isa: usize,
    pub(super) copy: usize,
    pub(super) slice: usize,
    pub(super) get: Move,
    pub(super) set: Move,
    pub(super) expand: MoveAll,
    pub(super) pack: MoveAll,
}

/// The kernels of a bank at a VQ on one instruction set, by the part of a register that is in a slice.
///
/// Slice 0 comes first, whether it is full or the register's end, so that it is found without asking.
pub(super) const PARTS: usize = 4;
/// A slice that the register fills.
pub(super) const FULL: usize = 1;
/// The slice in which it ends.
pub(super) const REST: usize = 2;
/// A slice past its end.
pub(super) const PAST: usize = 3;

/// The kernels of a bank at a VQ, for each instruction set that this target might have.
pub type Kernels = [[Kernel; PARTS]; ISAS];

impl Kernel {
    /// The kernels of a bank with slices of `SLICE` bytes, whose registers have `FIRST` bytes in
    /// the first, and `REST` in the one in which they end.
    pub const fn of_bank<const FIRST: usize, const REST: usize, const SLICE: usize>() -> Kernels {
        [
            [
                Self::of::<Native, FIRST, SLICE>(),
                Self::of::<Native, SLICE, SLICE>(),
                Self::of::<Native, REST, SLICE>(),
                Self::of::<Native, 0, SLICE>(),
            ],
            #[cfg(all(
                target_arch = "x86_64",
                target_feature = "sse2",
                not(target_env = "sgx")
            ))]
            [
                avx::kernel::<FIRST, SLICE>(),
                avx::kernel::<SLICE, SLICE>(),
                avx::kernel::<REST, SLICE>(),
                avx::kernel::<0, SLICE>(),
            ],
        ]
    }

    #[allow(private_bounds)]
    pub(super) const fn of<L: Leaf, const COPY: usize, const SLICE: usize>() -> Self {
        assert!(COPY <= SLICE, "a slice does not share more than it holds");
        Self {
            isa: 0,
            copy: COPY,
            slice: SLICE,
            get: get::<L, COPY, SLICE>,
            set: set::<L, COPY>,
            expand: expand::<L, COPY, SLICE>,
            pack: pack::<L, COPY, SLICE>,
        }
    }
}

/// Every byte of the slice is written once, vector by vector: those of the register, one that is part
/// register and part zeros, and those of zeros.
///
/// # Safety
///
/// `from` is valid for reads of `COPY` bytes, `to` for writes of `SLICE`, and they do not overlap.
#[inline(always)]
pub(super) unsafe fn get<L: Leaf, const COPY: usize, const SLICE: usize>(
    from: *const u8,
    to: *mut u8,
) {
    let part = COPY % VECTOR;
    let whole = COPY - part;
    let zeros = if part == 0 { whole } else { whole + VECTOR };
    if zeros > SLICE {
        // Slices smaller than a vector.
        if COPY < SLICE {
            // SAFETY: the caller can write `SLICE` bytes.
            unsafe { L::clear(to, SLICE) };
        }
        // SAFETY: the caller's promise, and `COPY` is at most `SLICE`.
        return unsafe { L::copy(from, to, COPY) };
    }
    // SAFETY: `whole` is at most `COPY`, and that at most `SLICE`.
    unsafe { L::copy(from, to, whole) };
    if part > 0 {
        // Where there is a vector's length to read, the last one, with the bytes shifted out that
        // are written already.
        let (start, old) = if whole > 0 {
            (COPY - VECTOR, VECTOR - part)
        } else {
            (0, 0)
        };
        // SAFETY: from `start` to the end of `COPY` bytes, at most a vector.
        let bytes = unsafe { load(from.wrapping_add(start), COPY - start) } >> (8 * old);
        let to = to.wrapping_add(whole).cast::<[u8; VECTOR]>();
        // SAFETY: `whole + VECTOR` is at most `SLICE`; arrays of bytes have no alignment.
        unsafe { to.write(bytes.to_le_bytes()) };
    }
    // SAFETY: from `zeros`, at most `SLICE`, to the slice's end.
    unsafe { L::clear(to.wrapping_add(zeros), SLICE - zeros) };
}

/// `n` bytes, 1 to 16, as a number in little-endian order: two loads, which overlap where `n` is no
/// power of two.
///
/// # Safety
///
/// `from` is valid for reads of `n` bytes.
#[inline(always)]
unsafe fn load(from: *const u8, n: usize) -> u128 {
    let size = if n < 8 { 1 << n.ilog2() } else { 8 };
    // SAFETY: the first `size` of `n` bytes.
    let first = unsafe { load_power(from, size) };
    // SAFETY: the last ones.
    let last = unsafe { load_power(from.wrapping_add(n - size), size) };
    first | last << (8 * (n - size))
}

/// # Safety
///
/// `from` is valid for reads of `size` bytes, which is 1, 2, 4 or 8.
#[inline(always)]
unsafe fn load_power(from: *const u8, size: usize) -> u128 {
    let mut bytes = [0; 8];
    // SAFETY: the caller's promise. Of a power of two, this is a single load.
    unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), size) };
    u64::from_le_bytes(bytes).into()
}

/// # Safety
///
/// `from` is valid for reads and `to` for writes of `COPY` bytes, and they do not overlap.
#[inline(always)]
pub(super) unsafe fn set<L: Leaf, const COPY: usize>(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { L::copy(from, to, COPY) };
}

/// # Safety
///
/// `from` is valid for reads of `slices * COPY` bytes, `to` for writes of `slices * SLICE`, and they
/// do not overlap.
#[inline(always)]
pub(super) unsafe fn expand<L: Leaf, const COPY: usize, const SLICE: usize>(
    mut from: *const u8,
    mut to: *mut u8,
    mut slices: usize,
) {
    while slices != 0 {
        // SAFETY: this is slice `i` of `slices`, at `i * COPY` and `i * SLICE`.
        unsafe { get::<L, COPY, SLICE>(from, to) };
        from = from.wrapping_add(COPY);
        to = to.wrapping_add(SLICE);
        slices = one_less(slices);
    }
}

/// # Safety
///
/// `from` is valid for reads of `slices * SLICE` bytes, `to` for writes of `slices * COPY`, and they
/// do not overlap.
#[inline(always)]
pub(super) unsafe fn pack<L: Leaf, const COPY: usize, const SLICE: usize>(
    mut from: *const u8,
    mut to: *mut u8,
    mut slices: usize,
) {
    while slices != 0 {
        // SAFETY: this is slice `i` of `slices`, at `i * SLICE` and `i * COPY`.
        unsafe { set::<L, COPY>(from, to) };
        from = from.wrapping_add(SLICE);
        to = to.wrapping_add(COPY);
        slices = one_less(slices);
    }
}

/// Counts down where the compiler does not see it: a loop whose length it cannot foresee is neither
/// unrolled nor made a call to `memset`, and stays the one branch that it is.
#[inline(always)]
fn one_less(slices: usize) -> usize {
    let left = slices - 1;
    #[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
    let left = {
        let mut left = left;
        // SAFETY: there is no instruction, only a comment that names a register.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) left, options(nomem, nostack, preserves_flags, pure));
        }
        left
    };
    left
}
