// More IDs than 16 bits hold, wherever they start.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X[32] at 0 step 0x1000: 64 bits;
    }
}

fn main() {}
