// Widths, slices and the sizes that KVM can state.
sve_state::register_layout! {
    pub mod sizes {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        // A register that grows, without slices.
        bank A[32] at 0 step 32: 128 * vq bits;
        // A size that KVM's size field cannot say.
        bank B at 0x0400: 80 bits;
        // A size past KVM's largest.
        bank C at 0x0800: 4096 bits;
        // A slice that grows.
        bank D[32] at 0x0c00 step 32: slice 128 * vq bits, width 128 * vq bits;
        // A slice of a size that KVM's size field cannot say.
        bank E[32] at 0x1000 step 32: slice 1920 bits, width 128 * vq bits;
        // A width without a slice.
        bank F[32] at 0x1400 step 32: width 128 bits;
        // A slice without a width.
        bank G[32] at 0x1800 step 32: slice 2048 bits;
        // A predicate counted in bits for each vector byte, of 8 bytes.
        bank H[16] at 0x1c00 step 32: slice 256 bits, width 12 * vq bits;
        // A register of fixed width that outgrows its slices.
        bank I at 0x2000: slice 64 bits, width 2056 bits;
        // A register without bits.
        bank J[32] at 0x2400 step 32: slice 2048 bits, width 0 bits;
    }
    // A register that outgrows its slices at the largest VQ.
    pub mod width_too_large {
        arch: arm64, coproc: 0x15, slices: 1, vq: 1..=17;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
}

fn main() {}
