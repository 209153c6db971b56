// Semicolons that are missing behind a setting, before a doc comment, behind a view and at the end.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15,
        vq: 1..=16
        slices: 1;
        bank FPSR at 0: 32 bits
        /// Control.
        bank FPCR at 1: 32 bits;
        view V at 2: 16 bits, low bits of test::FPCR
        pseudo P at 3: 32 bits
    }
}

fn main() {}
