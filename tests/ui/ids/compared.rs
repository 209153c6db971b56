// Registers of two banks are never equal, so asking is a mistake.
use sve_state::sve;

fn main() {
    let _ = sve::Z0 == sve::P0;
}
