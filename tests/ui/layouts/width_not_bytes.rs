// A predicate counted in bits for each vector byte, of 8 bytes.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank P[16] at 0 step 32: slice 256 bits, width 12 * vq bits;
    }
}

fn main() {}
