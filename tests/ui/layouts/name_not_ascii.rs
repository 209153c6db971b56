// A name that is no architecture's.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Ω at 0: 64 bits;
    }
}

fn main() {}
