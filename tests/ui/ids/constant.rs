// A constant that does not exist.
use sve_state::sve;

fn main() {
    sve::Z32;
}
