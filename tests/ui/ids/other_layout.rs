// A register of one layout is none of another.
use sve_state::{fpsimd, sve};

fn main() {
    let _ = sve::Reg::from(fpsimd::V0);
}
