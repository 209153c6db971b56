// A register cannot be made past the checks.
use std::marker::PhantomData;

use sve_state::layout::Register;
use sve_state::sve;

fn main() {
    let _: sve::Z = Register { number: 32, slice: 0, bank: PhantomData };
}
