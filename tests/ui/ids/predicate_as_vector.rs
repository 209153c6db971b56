// A predicate where a vector is wanted.
use sve_state::sve;

fn vector(_: sve::Z) {}

fn main() {
    vector(sve::P3);
}
