//! Neither this crate nor what it depends on directly is called `sve_state` here.

use sve_state_renamed::{lab, state};

state::register_layout! {
    /// A layout that shows another crate's.
    pub mod mine {
        arch: arm64, coproc: 0x1e, slices: 4, vq: 1..=16;

        /// Scalable registers.
        bank S[2] at 0x100 step 4: slice 512 bits, width 128 * vq bits;
        /// The low halves of the other layout's.
        view H[8] at 0x300 step 1: 64 bits, low bits of lab::S;
    }
}

// Bits 55:52 of an ID are log2 of its bytes.
#[test]
fn a_crate_of_another_name() {
    assert_eq!(lab::S3.id(), 0x6060_0000_001f_010c);
    assert_eq!(lab::s_slice::<3, 1>().id(), 0x6060_0000_001f_010d);
    assert_eq!(lab::Reg::decode(0x6030_0000_001f_ffff), Ok(lab::V.into()));
}

#[test]
fn a_crate_from_another() {
    assert_eq!(mine::S1.id(), 0x6060_0000_001e_0104);
    let mut image = state::image::Image::<lab::Layout, _>::zeroed(state::Vq::MIN).unwrap();
    image.set_view(mine::H7, &[7; 8]);
    assert_eq!(image.register(lab::S7)[..9], [7, 7, 7, 7, 7, 7, 7, 7, 0]);
}
