//! Moving one slice between its place in the image and a ONE_REG buffer.
//!
//! The two operations are not each other's mirror: a GET fills its whole buffer, so that nothing
//! of the caller's old memory is left in it, and a SET touches the register alone.

use crate::layout::Bounds;

/// GET: the slice's bytes from the image, then zeros to the buffer's end.
///
/// # Panics
///
/// Where the bounds are not those of a slice of `slice.len()` bytes inside `image`.
pub(crate) fn get(image: &[u8], bounds: Bounds, slice: &mut [u8]) {
    let (copy, flush) = slice.split_at_mut(bounds.copy as usize);
    copy.copy_from_slice(&image[bounds.start as usize..][..copy.len()]);
    flush.fill(0);
}

/// SET: the slice's bytes into the image; what the buffer holds past them is ignored.
///
/// # Panics
///
/// Where the bounds are not inside `image`, or more than `slice` holds.
pub(crate) fn set(image: &mut [u8], bounds: Bounds, slice: &[u8]) {
    let copy = bounds.copy as usize;
    image[bounds.start as usize..][..copy].copy_from_slice(&slice[..copy]);
}
