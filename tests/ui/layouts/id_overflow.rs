// The last register has no ID.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X[32] at 0xff00 step 16: 64 bits;
    }
}

fn main() {}
