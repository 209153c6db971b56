// A view of what has no place in the image.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
        pseudo VLS at 0xffff: 512 bits;
    }
    pub mod view {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        view V at 0x54: 128 bits, low bits of test::VLS;
    }
}

fn main() {}
