// What stands in the place of a sign, or of a word.
sve_state::register_layout! {
    pub mod test {
        arch = arm64;
        coproc: 0x15;
        vq: 0..=600;
        bank Z[vq*2] 0x000 step 1: 128 * VQ bits;
        bank P at 0x100 64 bits;
        bank F at 0x200: 64;
    }
}

fn main() {}
