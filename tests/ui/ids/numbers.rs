// Numbers of registers and slices that are too large.
use sve_state::{fpsimd, sve};

fn main() {
    // There are 32 vector registers, 16 predicate registers and 32 FPSIMD registers.
    sve::z::<32>();
    sve::p::<16>();
    fpsimd::v::<32>();
    // The number is judged in the form with a slice too.
    sve::z_slice::<32, 0>();
    // A register has slices 0 to 31, and so has one without a number.
    sve::z_slice::<0, 32>();
    sve::ffr_slice::<32>();
    // Both are wrong.
    sve::p_slice::<16, 32>();
}
