// A register is not its ID: `sve::Z3.id()` is.
use sve_state::sve;

fn main() {
    let _: u64 = sve::Z3;
}
