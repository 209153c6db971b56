// A register of fixed width that outgrows its slices.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0: slice 64 bits, width 2056 bits;
    }
}

fn main() {}
