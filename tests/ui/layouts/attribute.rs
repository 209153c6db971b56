// A bank that is there under a `cfg` only.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        #[cfg(feature = "sme")]
        bank FPSR at 0: 32 bits;
    }
}

fn main() {}
