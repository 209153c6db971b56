// A step shorter than a register's slices: Z0 slice 16 would be Z1 slice 0.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 16: slice 2048 bits, width 128 * vq bits;
    }
}

fn main() {}
