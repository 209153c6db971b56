// A size past KVM's largest.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0: 4096 bits;
    }
}

fn main() {}
