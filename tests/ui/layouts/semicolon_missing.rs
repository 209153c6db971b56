// A forgotten semicolon; the line after it is read all the same.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FPSR at 0: 32 bits
        bank FPCR at 1: 33 bits;
    }
}

fn main() {}
