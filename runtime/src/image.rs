//! The packed register image of one vCPU, and its slices.
//!
//! ```text
//! sve_state   Z0 Z1 … Z31  P0 … P15  FFR      546 · VQ bytes
//!             16·VQ each   2·VQ each
//! ```
//!
//! The bytes are little-endian whatever the host is: byte `k` of a register holds its bits `8k` to
//! `8k + 7` (Linux `Documentation/arch/arm64/sve.rst`).
//!
//! At VQ 2, this is what a GET of a Z and of a P register copies, and what it flushes, which is to fill
//! with zeros; SET copies the other way, and drops what a GET would flush:
//!
#![doc = include_str!("sve_state.svg")]

use core::fmt;

use crate::copy::Checked;
use crate::layout::{Bounds, ByteArray, InImage, Layout, Register, ViewOf};
use crate::sve;
use crate::vq::{Vq, VqError};

/// The SVE registers of one vCPU: Linux's `sve_state`.
pub type SveState<S> = Image<sve::Layout, S>;

/// Memory that an image can lie in: `&[u8]` to read; `&mut [u8]`, `[u8; N]`, and with the `alloc`
/// feature `Box<[u8]>` and `Vec<u8>`, to read and write.
///
/// Sealed, so that an image's memory keeps the size that was checked when the view was made.
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

/// A register image of layout `L` for one VQ, in memory `S`, owned or borrowed.
///
/// ```
/// use sve_state::{SveState, Vq, sve};
///
/// let vq = Vq::new(2)?;
/// let mut state = SveState::zeroed(vq)?;
/// state.set(sve::Z3, &[0xa5; 256]); // a slice has 2048 bits, the register 256
/// assert_eq!(state.register(sve::Z3), [0xa5; 32]);
///
/// let slice: [u8; 256] = state.get(sve::Z3);
/// assert_eq!(slice[..32], [0xa5; 32]);
/// assert_eq!(slice[32..], [0; 224]);
/// # Ok::<(), sve_state::image::ImageError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Image<L, S> {
    memory: Checked<L, S>,
}

impl<L: Layout, S: Storage> Image<L, S> {
    /// A view of `bytes` as the image of a vCPU with this VQ. The size must be exactly the image's,
    /// [`L::image_bytes(vq)`](Layout::image_bytes).
    pub fn new(vq: Vq, bytes: S) -> Result<Self, ImageError> {
        Checked::new(vq, bytes).map(|memory| Self { memory })
    }

    /// The vector length.
    pub fn vq(&self) -> Vq {
        self.memory.vq()
    }

    /// The whole image.
    pub fn as_bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    /// The memory that the image lies in.
    pub fn into_inner(self) -> S {
        self.memory.into_inner()
    }

    /// Where a slice lies. A register that this VQ does not have, and a slice past a register's
    /// end, have nothing to copy.
    pub fn bounds<B>(&self, register: Register<B>) -> Bounds
    where
        B: InImage<Layout = L>,
    {
        let slice_0 = self.slice_0(register);
        match register.slice() {
            0 => slice_0,
            i => Bounds::of_slice(slice_0.start, self.width(register), B::BANK.slice_bytes, i),
        }
    }

    /// The table's line for a register.
    fn slice_0<B: InImage<Layout = L>>(&self, register: Register<B>) -> Bounds {
        self.memory.bounds()[register.index()]
    }

    /// How many bytes a whole register has: none where this VQ does not have the register.
    fn width<B: InImage<Layout = L>>(&self, register: Register<B>) -> u32 {
        let vq = self.vq().get();
        if u32::from(register.number()) < B::BANK.count.at(vq) {
            B::BANK.width.at(vq)
        } else {
            0
        }
    }

    /// A whole register, as wide as the vector length makes it, whatever the slice's index. Empty
    /// where this VQ does not have the register.
    pub fn register<B>(&self, register: Register<B>) -> &[u8]
    where
        B: InImage<Layout = L>,
    {
        let start = self.slice_0(register).start as usize;
        &self.as_bytes()[start..][..self.width(register) as usize]
    }

    /// GET: a slice of a register, zero past the register's end.
    pub fn get<B>(&self, register: Register<B>) -> B::Slice
    where
        B: InImage<Layout = L>,
    {
        let mut slice = B::Slice::ZEROS;
        self.get_into(register, &mut slice);
        slice
    }

    /// GET into the caller's buffer, every byte of which is written.
    pub fn get_into<B>(&self, register: Register<B>, slice: &mut B::Slice)
    where
        B: InImage<Layout = L>,
    {
        self.memory.get(register, slice);
    }

    /// GET of every register, into slices that follow each other in the order of the image, each as
    /// [`get`](Self::get) gives it: of [`L::slices_bytes(vq)`](Layout::slices_bytes) bytes in all.
    pub fn expand(&self, slices: &mut [u8]) -> Result<(), ImageError> {
        self.memory.expand(slices)
    }

    /// A register of a view, the low bits of the register below it, in the image's byte order.
    pub fn get_view<V>(&self, register: Register<V>) -> V::Value
    where
        V: ViewOf,
        V::Target: InImage<Layout = L>,
    {
        let mut value = V::Value::ZEROS;
        self.memory.get_view(register, &mut value);
        value
    }
}

impl<L: Layout, S: Storage + AsMut<[u8]>> Image<L, S> {
    /// The whole image, to write.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        self.memory.bytes_mut()
    }

    /// SET: the register's bytes from a slice; what the slice holds past the vector length is
    /// ignored, and no other register is touched. Where this VQ does not have the register, as a bank
    /// that grows with VQ may lack its last ones, nothing is written.
    pub fn set<B>(&mut self, register: Register<B>, slice: &B::Slice)
    where
        B: InImage<Layout = L>,
    {
        self.memory.set(register, slice);
    }

    /// SET of every register, from slices as [`expand`](Self::expand) writes them.
    pub fn pack(&mut self, slices: &[u8]) -> Result<(), ImageError> {
        self.memory.pack(slices)
    }

    /// Writes a register of a view; the rest of the register below it stays as it is.
    pub fn set_view<V>(&mut self, register: Register<V>, value: &V::Value)
    where
        V: ViewOf,
        V::Target: InImage<Layout = L>,
    {
        self.memory.set_view(register, value);
    }
}

#[cfg(feature = "alloc")]
impl<L: Layout> Image<L, alloc::boxed::Box<[u8]>> {
    /// An image of its own with every register zero, in one allocation.
    pub fn zeroed(vq: Vq) -> Result<Self, ImageError> {
        Self::new(vq, alloc::vec![0; L::image_bytes(vq)?].into_boxed_slice())
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
    /// The memory is not as large as all slices together, in bytes.
    Slices {
        /// The image's VQ.
        vq: Vq,
        /// What the slices take.
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
            } => write!(
                f,
                "{found} bytes of memory: the image at VQ {vq} takes exactly {expected}"
            ),
            Self::Slices {
                vq,
                expected,
                found,
            } => write!(
                f,
                "{found} bytes of memory: the slices at VQ {vq} take exactly {expected}"
            ),
        }
    }
}

impl core::error::Error for ImageError {}
