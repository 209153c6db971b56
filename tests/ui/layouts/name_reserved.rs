// A name that every layout has already.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Reg[32] at 0 step 1: 64 bits;
    }
}

fn main() {}
