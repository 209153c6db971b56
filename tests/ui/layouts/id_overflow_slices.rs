// The last slice of a single register has no ID.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FFR at 0xffff: slice 256 bits, width 16 * vq bits;
    }
}

fn main() {}
