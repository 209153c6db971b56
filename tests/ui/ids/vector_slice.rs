// A register has slices 0 to 31.
use sve_state::sve;

fn main() {
    sve::z_slice::<0, 32>();
}
