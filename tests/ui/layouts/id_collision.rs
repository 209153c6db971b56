// The end of one bank lies over the start of another.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[33] at 0x000 step 32: slice 256 bits, width 16 * vq bits;
        bank P[16] at 0x400 step 32: slice 256 bits, width 16 * vq bits;
    }
}

fn main() {}
