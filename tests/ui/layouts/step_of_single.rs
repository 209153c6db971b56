// A step from one register to none.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FFR at 0 step 32: slice 256 bits, width 16 * vq bits;
    }
}

fn main() {}
