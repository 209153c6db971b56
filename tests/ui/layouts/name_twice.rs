// Two banks of one name.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0: 64 bits;
        bank X at 1: 64 bits;
    }
}

fn main() {}
