//! An image: memory whose size has been checked. `unsafe` code relies on that check, which is why this file is small and
//! the fields are private to it.

use core::marker::PhantomData;

use super::image::{ImageError, Storage};
use crate::lengths::vq::Vq;
use crate::registers::layout::{Checked, Layout, check_vq};

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
#[derive(Clone, Copy)]
pub struct Image<L, S> {
    /// As many as the image of `L` has at `vq`.
    bytes: S,
    /// A VQ that `L` describes.
    vq: Vq,
    /// Makes the type invariant in `L`. Otherwise, if one layout type were a subtype of another, the compiler would
    /// accept an image of one as an image of the other.
    layout: PhantomData<fn(L) -> L>,
}

impl<L: Layout, S: Storage> Image<L, S> {
    /// A view of `bytes` as the image of a vCPU with this VQ. The size must be exactly the image's,
    /// [`L::image_bytes(vq)`](Layout::image_bytes).
    pub fn new(vq: Vq, bytes: S) -> Result<Self, ImageError> {
        check_vq::<L>(vq)?;
        let expected = Checked::<L>::IMAGE.at(vq.get()) as usize;
        let found = bytes.as_ref().len();
        if found != expected {
            return Err(ImageError::Size {
                vq,
                expected,
                found,
            });
        }
        Ok(Self {
            bytes,
            vq,
            layout: PhantomData,
        })
    }

    /// The vector length.
    #[inline]
    pub fn vq(&self) -> Vq {
        self.vq
    }

    /// The whole image.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The same image, borrowed.
    pub fn by_ref(&self) -> Image<L, &[u8]> {
        Image {
            bytes: self.bytes.as_ref(),
            vq: self.vq,
            layout: PhantomData,
        }
    }

    /// The memory that the image lies in.
    pub fn into_inner(self) -> S {
        self.bytes
    }
}

impl<L: Layout, S: Storage + AsMut<[u8]>> Image<L, S> {
    /// The whole image, to write.
    #[inline]
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.as_mut()
    }
}

impl<L, S: PartialEq> PartialEq for Image<L, S> {
    fn eq(&self, other: &Self) -> bool {
        (self.vq, &self.bytes) == (other.vq, &other.bytes)
    }
}

impl<L, S: Eq> Eq for Image<L, S> {}
