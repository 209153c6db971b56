// What is said of a layout as a whole: its architecture, coprocessor, slices and vector lengths.
sve_state::register_layout! {
    // An architecture that is a number.
    pub mod arch_number {
        arch: 0x60, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // An architecture without a layout.
    pub mod arch_unknown {
        arch: riscv, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A coprocessor that is a name.
    pub mod coproc_name {
        arch: arm64, coproc: sve, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A coprocessor of 13 bits.
    pub mod coproc_too_large {
        arch: arm64, coproc: 0x1000, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // All keys are missing.
    pub mod key_missing {
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A key that is like no other.
    pub mod key_strange {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16, endian: little;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A key given twice.
    pub mod key_twice {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16, coproc: 0x16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A misspelt key.
    pub mod key_unknown {
        arch: arm64, coprox: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // The slices as a range.
    pub mod slices_range {
        arch: arm64, coproc: 0x15, slices: 0..=31, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // Registers without slices.
    pub mod slices_zero {
        arch: arm64, coproc: 0x15, slices: 0, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A range that leaves out its end.
    pub mod vq_half_open {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..17;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // `vq` misspelt.
    pub mod vq_misspelt {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * qv bits;
    }
    // Only the largest vector length.
    pub mod vq_number {
        arch: arm64, coproc: 0x15, slices: 32, vq: 16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A range that is written from its end.
    pub mod vq_reversed {
        arch: arm64, coproc: 0x15, slices: 32, vq: 16..=1;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A vector length past what the ABI has room for.
    pub mod vq_too_large {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=513;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // A vector length of nothing.
    pub mod vq_zero {
        arch: arm64, coproc: 0x15, slices: 32, vq: 0..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
}

fn main() {}
