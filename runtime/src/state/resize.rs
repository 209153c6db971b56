//! From an image of one vector length to an image of another. A register's low bits are the same in both.

use super::image::Storage;
use crate::SveState;
use crate::lengths::vq::Vq;
use crate::registers::layout::Layout;
use crate::sve;

impl<S: Storage + AsMut<[u8]>> SveState<S> {
    /// Writes every register from an image of any vector length: the low bytes that both have, and zeros
    /// above them. This turns the image of a vCPU into the one that its guest sees at a smaller ZCR, for a
    /// core note, for example. ([`clear_above`](Self::clear_above) is for an emulator, in place.)
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

    /// Clears what lies above this vector length in every register, in place. The image keeps its own VQ,
    /// and if that is no larger, nothing changes.
    ///
    /// An emulator's image has the vCPU's largest vector length all the time, and its guest uses the low
    /// bytes. When the guest makes its vector length smaller, the bits up to the new one stay as they are,
    /// and the rest becomes inaccessible. When the guest makes it larger again, those bits read as zero or
    /// as what they were before, and system software is told to see to it that they are zero. (Arm
    /// Architecture Reference Manual, DDI 0487, B1.4.2 "Configurable SVE vector lengths": I_PDLWX, R_PXZTM,
    /// R_YRPDH, I_FMWZZ.) A change of ZCR_ELx.LEN therefore takes one call when the vector length shrinks,
    /// and none when it grows.
    ///
    /// ```
    /// use sve_state::{SveState, Vq, sve};
    ///
    /// let mut state = SveState::new(Vq::new(4)?, vec![0xa5; 546 * 4])?;
    /// state.clear_above(Vq::new(3)?);
    /// assert_eq!(state.register(sve::Z3)[..48], [0xa5; 48]);
    /// assert_eq!(state.register(sve::Z3)[48..], [0; 16]);
    /// assert_eq!(state.register(sve::P3), [0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0, 0]);
    /// # Ok::<(), sve_state::image::ImageError>(())
    /// ```
    pub fn clear_above(&mut self, vq: Vq) {
        let (own, kept) = (self.vq(), vq.min(self.vq()));
        // Neither fails: no image has a VQ that the layout does not describe.
        let (Ok(own), Ok(kept)) = (sve::Layout::bounds(own), sve::Layout::bounds(kept)) else {
            return;
        };
        let image = self.as_bytes_mut();
        for (own, kept) in own.zip(kept) {
            image[own.start..][kept.copy..own.copy].fill(0);
        }
    }
}
