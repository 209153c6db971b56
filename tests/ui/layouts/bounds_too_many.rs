// More bounds than the compiler should compute.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=512;
        bank X[1000] at 0 step 1: 64 bits;
    }
}

fn main() {}
