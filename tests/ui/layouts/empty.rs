// A layout of nothing.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
    }
}

fn main() {}
