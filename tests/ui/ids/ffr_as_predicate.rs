// FFR has the shape of a predicate, but it is none.
use sve_state::sve;

fn main() {
    let _: sve::P = sve::FFR;
}
