// Not every number is an ID: `sve::Reg::decode` tells.
use sve_state::sve;

fn main() {
    let _: sve::Z = 0x6080_0000_0015_0000_u64;
}
