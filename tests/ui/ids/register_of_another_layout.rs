// A register of one layout, read from the image of another.
use sve_state::{SveState, Vq, fpsimd};

fn main() {
    let state = SveState::new(Vq::MIN, [0; 546]).unwrap();
    state.get(fpsimd::FPSR);
}
