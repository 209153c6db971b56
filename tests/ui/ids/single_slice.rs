// So has a register without a number.
use sve_state::sve;

fn main() {
    sve::ffr_slice::<32>();
}
