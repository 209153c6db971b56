// FPSIMD registers are moved whole, so there is no form with a slice.
use sve_state::fpsimd;

fn main() {
    fpsimd::v_slice::<0, 1>();
}
