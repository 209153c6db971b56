// Mistakes in single lines do not hide those of the layout: a key that is missing, a name given
// twice, an ID given twice, a word behind the `:` of a line that is wrong before it.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, slices: 32, vq: 1..=16;
        bank Z[32] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
        bank P[x] at 0x400 step 32: slcie 256 bits, width 16 * vq bits;
        bank FFR at 0x3e0: slice 2048 bits, width 16 * vq bits;
        bank FFR at 0x10000: slice 100 bits, width 16 * vq bits;
        view V[32] at 0x054 stpe 4 128 bits, low bits of Z;
        view W[32] at 0x054 step 4: 128 bits, low bits off Z;
    }
}

fn main() {}
