// A number that is known at run time only goes to `sve::Z::new`.
use sve_state::sve;

fn main() {
    let n = std::env::args().count() as u16;
    sve::z::<n>();
}
