// Widths, slices and the sizes that KVM can state.
sve_state::register_layout! {
    // A register that grows, without slices.
    pub mod size_grows {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: 128 * vq bits;
    }
    // A size that KVM's size field cannot say.
    pub mod size_not_kvm {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0: 80 bits;
    }
    // A size past KVM's largest.
    pub mod size_too_large {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0: 4096 bits;
    }
    // A slice that grows.
    pub mod slice_grows {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 128 * vq bits, width 128 * vq bits;
    }
    // A slice of a size that KVM's size field cannot say.
    pub mod slice_not_kvm {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 1920 bits, width 128 * vq bits;
    }
    // A width without a slice.
    pub mod width_alone {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: width 128 bits;
    }
    // A slice without a width.
    pub mod width_missing {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits;
    }
    // A predicate counted in bits for each vector byte, of 8 bytes.
    pub mod width_not_bytes {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank P[16] at 0 step 32: slice 256 bits, width 12 * vq bits;
    }
    // A register that outgrows its slices at the largest VQ.
    pub mod width_too_large {
        arch: arm64, coproc: 0x15, slices: 1, vq: 1..=17;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A register of fixed width that outgrows its slices.
    pub mod width_too_large_fixed {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0: slice 64 bits, width 2056 bits;
    }
    // A register without bits.
    pub mod width_zero {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 0 bits;
    }
}

fn main() {}
