// Views of banks that another call describes: only the compiler can look at those.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, vq: 1..=16;
        bank Z[2] at 0 step 1: 128 bits;
    }
}

sve_state::register_layout! {
    pub mod view {
        arch: arm64, coproc: 0x10, vq: 1..=16;
        view MANY[3] at 0x50 step 4: 128 bits, low bits of test::Z;
        view WIDE[2] at 0x90 step 4: 256 bits, low bits of test::Z;
    }
}

fn main() {}
