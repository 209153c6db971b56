// An array without a step.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0: slice 2048 bits, width 128 * vq bits;
    }
}

fn main() {}
