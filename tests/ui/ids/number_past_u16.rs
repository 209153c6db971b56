// A number that no bank can have.
use sve_state::sve;

fn main() {
    sve::z::<65536>();
}
