// A number given at run time may be wrong, and that is an error to handle.
use sve_state::sve;

fn main() {
    let _: sve::Z = sve::Z::new(3);
}
