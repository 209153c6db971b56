//! The copies, and all the `unsafe` code that there is.
//!
//! A GET fills a whole slice: the register's bytes, then zeros. A SET writes the register's bytes
//! alone. For a bank at a VQ both lengths are constants, so that each copy is a straight line of
//! loads and stores: a [`Kernel`], one for each pair of lengths. None has a branch, a call or a
//! panic; the two that move a whole bank have one counted loop.
//!
//! ```text
//! Kernel::of::<32, 256>()      a Z register's slice at VQ 2
//!
//!   get     ├─ 32 bytes of the image ─┤├──────── 224 zero bytes ────────┤
//!   set     ├─ 32 bytes to the image ─┤  the rest is not read
//! ```
//!
//! * `neon` and `portable` are the leaves: how `n` bytes are copied or cleared, `n` constant. `avx`
//!   is `portable` compiled for wider vectors.
//! * [`Kernel`] puts them together, with either leaf.
//! * [`Checked`] is memory whose size has been checked, where calling a kernel is safe. The check is
//!   made once, when a view is made. A register's number becomes an address by arithmetic alone,
//!   so that there is no branch for a processor to guess wrong about.
//!
//! What a layout states about itself is checked here by the compiler, in
//! `checked::check_layout`, whoever wrote it: the macro is not trusted.

#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(target_env = "sgx")
))]
mod avx;
mod checked;
mod kernel;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod portable;
#[cfg(all(test, feature = "alloc"))]
mod tests;

pub(crate) use checked::{Checked, check_view};
pub use kernel::{Kernel, Kernels};

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use neon::Neon as Native;
#[cfg(not(all(target_arch = "aarch64", target_feature = "neon")))]
use portable::Portable as Native;

/// How many instruction sets a processor of this target might have; each has kernels of its own.
#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(target_env = "sgx")
))]
const ISAS: usize = 2;
#[cfg(not(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(target_env = "sgx")
)))]
const ISAS: usize = 1;

/// Which of them this processor has: below [`ISAS`].
fn isa() -> usize {
    #[cfg(all(
        target_arch = "x86_64",
        target_feature = "sse2",
        not(target_env = "sgx")
    ))]
    return usize::from(avx::detected());
    #[cfg(not(all(
        target_arch = "x86_64",
        target_feature = "sse2",
        not(target_env = "sgx")
    )))]
    return 0;
}

/// How bytes are moved on one instruction set.
///
/// Both functions are inlined into kernels in which `n` is a constant, and leave nothing of its
/// arithmetic behind.
#[allow(unsafe_code)] // The contract alone.
trait Leaf {
    /// Copies `n` bytes.
    ///
    /// # Safety
    ///
    /// `from` is valid for reads and `to` for writes of `n` bytes, of any alignment, and the two do
    /// not overlap.
    unsafe fn copy(from: *const u8, to: *mut u8, n: usize);

    /// Clears `n` bytes.
    ///
    /// # Safety
    ///
    /// `to` is valid for writes of `n` bytes, of any alignment.
    unsafe fn clear(to: *mut u8, n: usize);
}

/// How wide vectors are at least, in bytes.
const VECTOR: usize = 16;
