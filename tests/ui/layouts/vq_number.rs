// Only the largest vector length.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
}

fn main() {}
