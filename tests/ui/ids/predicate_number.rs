// There are 16 predicate registers.
use sve_state::sve;

fn main() {
    sve::p::<16>();
}
