// Names that the layout or the language has already.
sve_state::register_layout! {
    // A name whose function would be a keyword.
    pub mod name_keyword {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FN[32] at 0 step 1: 64 bits;
    }
    // A name that is no architecture's.
    pub mod name_not_ascii {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Ω at 0: 64 bits;
    }
    // Two banks with the same function, `z::<3>()`.
    pub mod name_of_function {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 1: 64 bits;
        bank z[4] at 32 step 1: 64 bits;
    }
    // A bank with the name of another bank's register.
    pub mod name_of_register {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 1: 64 bits;
        bank Z1 at 32: 64 bits;
    }
    // A name that every layout has already.
    pub mod name_reserved {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Reg[32] at 0 step 1: 64 bits;
    }
    // Two banks of one name.
    pub mod name_twice {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0: 64 bits;
        bank X at 1: 64 bits;
    }
}

fn main() {}
