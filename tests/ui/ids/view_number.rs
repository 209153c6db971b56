// There are 32 FPSIMD registers.
use sve_state::fpsimd;

fn main() {
    fpsimd::v::<32>();
}
