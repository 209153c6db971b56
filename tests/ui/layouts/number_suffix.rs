// A number with a suffix.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FPSR at 0u16: 32 bits;
    }
}

fn main() {}
