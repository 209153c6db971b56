// Everything that is wrong is reported, not only the first mistake.
sve_state::register_layout! {
    pub mod test {
        arch: arm, coproc: 0x1000, slices: 32, vq: 16..=1;
        bank Z[32] at 0x000 stpe 32: slice 2048 bits, width 128 * vq bits;
        bank P[0] at 0x400 step 16: slice 100 bits, width 12 * vq bits;
        bank FFR at 0x10000: slice 256 bits, width 16 * vq bits;
        psuedo VLS at 0xffff: 512 bits;
        bank Reg at 0xffff: 513 bits;
    }
}

fn main() {}
