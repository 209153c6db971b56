// The vector-length set has no place in the image.
use sve_state::layout::{InImage, Register};
use sve_state::sve;

fn get<B: InImage>(_: Register<B>) {}

fn main() {
    get(sve::VLS);
}
