//! From an image of one vector length to an image of another. A register's low bits are the same in both.

use super::{Storage, SveState};
use crate::layout::Layout;
use crate::sve;

impl<S: Storage + AsMut<[u8]>> SveState<S> {
    /// Writes every register from an image of any vector length: the low bytes that both have, and zeros
    /// above them. So the image of a vCPU becomes the one that its guest sees at a smaller ZCR.
    ///
    /// ```
    /// use sve_state::{SveState, Vls, Vq, sve};
    ///
    /// let vls = Vls::up_to(Vq::new(4)?);
    /// let mut state = SveState::zeroed(Vq::new(4)?)?;
    /// state.set(sve::Z3, &[0xa5; 256]);
    ///
    /// // ZCR_EL1.LEN asks for 3 quadwords, and gets the largest length of the set up to that.
    /// let zcr_el1 = 2;
    /// let vq = vls.narrowed_to(Vq::new((zcr_el1 & 0xf) + 1)?).max().expect("a vCPU with SVE");
    /// let mut seen = SveState::zeroed(vq)?;
    /// seen.resize_from(&state);
    /// assert_eq!(seen.register(sve::Z3), [0xa5; 48]);
    /// # Ok::<(), sve_state::image::ImageError>(())
    /// ```
    pub fn resize_from<T: Storage>(&mut self, other: &SveState<T>) {
        let (to, from) = (
            sve::Layout::bounds(self.vq()),
            sve::Layout::bounds(other.vq()),
        );
        // Neither fails: no image has a VQ that the layout does not describe.
        let (Ok(to), Ok(from)) = (to, from) else {
            return;
        };
        let (image, other) = (self.as_bytes_mut(), other.as_bytes());
        for (to, from) in to.zip(from) {
            let register = &mut image[to.start..][..to.copy];
            let (low, above) = register.split_at_mut(to.copy.min(from.copy));
            low.copy_from_slice(&other[from.start..][..low.len()]);
            above.fill(0);
        }
    }
}
