// V3 is part of Z3, and another register with another ID.
use sve_state::{fpsimd, sve};

fn main() {
    let _: sve::Z = fpsimd::V3;
}
