// Names that the layout or the language has already.
sve_state::register_layout! {
    pub mod names {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        // A name whose function would be a keyword.
        bank FN[32] at 0 step 1: 64 bits;
        // A name that is no architecture's.
        bank Ω at 0x40: 64 bits;
        // Two banks with the same function, `z::<3>()`; and one with the name of another bank's register.
        bank Z[32] at 0x80 step 1: 64 bits;
        bank z[4] at 0xc0 step 1: 64 bits;
        bank Z1 at 0xc8: 64 bits;
        // A name that every layout has already.
        bank Reg[32] at 0x100 step 1: 64 bits;
        // Two banks of one name.
        bank X at 0x140: 64 bits;
        bank X at 0x141: 64 bits;
    }
}

fn main() {}
