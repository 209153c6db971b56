// A view of a view.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, vq: 1..=16;
        bank Z[2] at 0x000 step 1: 128 bits;
        view V[2] at 0x010 step 1: 64 bits, low bits of test::Z;
        view W[2] at 0x020 step 1: 32 bits, low bits of test::V;
    }
}

fn main() {}
