// Names that there are not.
use sve_state::{fpsimd, sve};

fn main() {
    // A constant that does not exist.
    sve::Z32;
    // FFR is one register: it has a constant and no number.
    sve::ffr::<0>();
    // FPSIMD registers are moved whole, so there is no form with a slice.
    fpsimd::v_slice::<0, 1>();
    // A number that is known at run time only goes to `sve::Z::new`.
    let n = std::env::args().count() as u16;
    sve::z::<n>();
}
