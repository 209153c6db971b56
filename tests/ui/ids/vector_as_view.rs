// A vector register is no view of another.
use sve_state::layout::{Register, ViewOf};
use sve_state::sve;

fn get_view<B: ViewOf>(_: Register<B>) {}

fn main() {
    get_view(sve::Z3);
}
