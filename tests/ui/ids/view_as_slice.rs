// An FPSIMD register has no place in the image of its own.
use sve_state::fpsimd;
use sve_state::layout::{InImage, Register};

fn get<B: InImage>(_: Register<B>) {}

fn main() {
    get(fpsimd::V3);
}
