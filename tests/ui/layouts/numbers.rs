// Numbers, and the units behind them.
sve_state::register_layout! {
    // A base of 17 bits.
    pub mod base_too_large {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X at 0x10000: 64 bits;
    }
    // More bounds than the compiler should compute.
    pub mod bounds_too_many {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=512;
        bank X[1000] at 0 step 1: 64 bits;
    }
    // More registers than there can be IDs.
    pub mod count_too_large {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X[65536] at 0 step 1: 64 bits;
    }
    // A bank without registers.
    pub mod count_zero {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank X[0] at 0 step 1: 64 bits;
    }
    // A number with a fraction.
    pub mod number_float {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FPSR at 0: 32.5 bits;
    }
    // A number below zero.
    pub mod number_negative {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FPSR at -1: 32 bits;
    }
    // A number with a suffix.
    pub mod number_suffix {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FPSR at 0u16: 32 bits;
    }
    // A number that fits nowhere.
    pub mod number_too_large {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FPSR at 0x1_0000_0000_0000_0000: 32 bits;
    }
    // Sizes are in bits.
    pub mod unit {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 256 bytes, width 128 * vq bits;
    }
    // A size without a unit.
    pub mod unit_missing {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048, width 128 * vq bits;
    }
}

fn main() {}
