// Both are wrong.
use sve_state::sve;

fn main() {
    sve::p_slice::<16, 32>();
}
