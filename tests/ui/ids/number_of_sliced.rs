// The number is judged in the form with a slice too.
use sve_state::sve;

fn main() {
    sve::z_slice::<32, 0>();
}
