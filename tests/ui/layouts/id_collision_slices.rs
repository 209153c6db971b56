// A register in the midst of another one's slices.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[2] at 0 step 32: slice 256 bits, width 16 * vq bits;
        bank X at 0x23: 256 bits;
    }
}

fn main() {}
