//! The packed register image of one vCPU, and its slices; GET and SET of a slice are in `access.rs`.
//!
//! ```text
//! sve_state   Z0 Z1 … Z31  P0 … P15  FFR      546 · VQ bytes
//!             16·VQ each   2·VQ each
//! ```
//!
//! The bytes are little-endian whatever the host is: byte `k` of a register holds its bits `8k` to
//! `8k + 7` (Linux `Documentation/arch/arm64/sve.rst`).
//!
//! The picture is for VQ 2. It shows which bytes a GET of a Z register and of a P register copies, and which it flushes,
//! that is, fills with zeros up to the slice's end. SET copies the same bytes the other way and ignores the rest:
//!
#![doc = include_str!("../pages/sve_state.svg")]

use core::fmt;

use crate::lengths::vq::{Vq, VqError};
use crate::registers::layout::{InImageOf, Layout, Register};
pub use crate::state::memory::Image;
use crate::text;

/// Memory that an image can lie in: `&[u8]` to read, and `&mut [u8]`, `[u8; N]` and, with the `alloc` feature,
/// `Box<[u8]>` and `Vec<u8>` to read and write.
///
/// Sealed, so that an image's memory keeps the size that was checked when the image was made.
pub trait Storage: AsRef<[u8]> + sealed::Storage {}

mod sealed {
    pub trait Storage {}
}

macro_rules! storage {
    ($($(#[$meta:meta])* ($($generics:tt)*) $type:ty;)*) => {$(
        $(#[$meta])* impl<$($generics)*> sealed::Storage for $type {}
        $(#[$meta])* impl<$($generics)*> Storage for $type {}
    )*};
}

storage! {
    () &[u8];
    () &mut [u8];
    (const N: usize) [u8; N];
    #[cfg(feature = "alloc")] () alloc::boxed::Box<[u8]>;
    #[cfg(feature = "alloc")] () alloc::vec::Vec<u8>;
}

#[cfg(feature = "alloc")]
impl<L: Layout> Image<L, alloc::boxed::Box<[u8]>> {
    /// A new image with every register zero, in one allocation.
    pub fn zeroed(vq: Vq) -> Result<Self, ImageError> {
        Self::new(vq, zeros(L::image_bytes(vq)?))
    }
}

/// All memory for bytes comes from here, because each way to allocate has its own code in the standard library.
#[cfg(feature = "alloc")]
#[inline(never)]
pub(crate) fn zeros(size: usize) -> alloc::boxed::Box<[u8]> {
    alloc::vec![0; size].into_boxed_slice()
}

impl<L: Layout, S: Storage + AsMut<[u8]>> Image<L, S> {
    /// A whole register, to write in place; [`register`](Self::register) says which bytes these are.
    ///
    /// ```
    /// use sve_state::{SveState, Vq, sve};
    ///
    /// let mut state = SveState::zeroed(Vq::new(2)?)?;
    /// state.register_mut(sve::Z3)[..16].fill(0xa5);
    /// assert_eq!(state.register(sve::Z3)[15..17], [0xa5, 0]);
    /// # Ok::<(), sve_state::image::ImageError>(())
    /// ```
    pub fn register_mut<B>(&mut self, register: Register<B>) -> &mut [u8]
    where
        B: InImageOf<L>,
    {
        let start = self.bounds(register.with_slice_0()).start;
        let len = self.register(register).len();
        &mut self.as_bytes_mut()[start..][..len]
    }
}

impl<L: Layout, S: Storage> fmt::Debug for Image<L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("layout", &L::NAME)
            .field("vq", &self.vq().get())
            .field("bytes", &self.as_bytes().len())
            .finish()
    }
}

/// Why memory cannot be viewed as an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// The layout does not describe this VQ.
    Vq(VqError),
    /// The memory is not as large as the image, in bytes.
    Size {
        /// The VQ asked for.
        vq: Vq,
        /// What the image takes.
        expected: usize,
        /// What was given.
        found: usize,
    },
}

impl From<VqError> for ImageError {
    fn from(error: VqError) -> Self {
        Self::Vq(error)
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vq(error) => error.fmt(f),
            Self::Size {
                vq,
                expected,
                found,
            } => {
                let numbers = [*found as u64, vq.get().into(), *expected as u64];
                let text = "%d bytes of memory: the image at VQ %d takes exactly %d";
                text::write(f, text, &numbers, &[])
            }
        }
    }
}

impl core::error::Error for ImageError {}
