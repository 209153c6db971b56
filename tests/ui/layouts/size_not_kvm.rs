// A size that KVM's size field cannot say.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0: 80 bits;
    }
}

fn main() {}
