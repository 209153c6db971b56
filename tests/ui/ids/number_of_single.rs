// FFR is one register: it has a constant and no number.
use sve_state::sve;

fn main() {
    sve::ffr::<0>();
}
