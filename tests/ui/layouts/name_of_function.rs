// Two banks with the same function, `z::<3>()`.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 1: 64 bits;
        bank z[4] at 32 step 1: 64 bits;
    }
}

fn main() {}
