// A number that fits nowhere.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FPSR at 0x1_0000_0000_0000_0000: 32 bits;
    }
}

fn main() {}
