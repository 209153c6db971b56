// Numbers, and the units after them.
sve_state::register_layout! {
    pub mod numbers {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        // A base of 17 bits.
        bank A at 0x10000: 64 bits;
        // More registers than there can be IDs.
        bank B[65536] at 0x0400 step 1: 64 bits;
        // A bank without registers.
        bank C[0] at 0x0800 step 1: 64 bits;
        // A number with a fraction.
        bank D at 0x0c00: 32.5 bits;
        // A number below zero.
        bank E at -1: 32 bits;
        // A number with a suffix.
        bank F at 0u16: 32 bits;
        // A number that fits nowhere.
        bank G at 0x1_0000_0000_0000_0000: 32 bits;
        // Sizes are in bits.
        bank H[32] at 0x1c00 step 32: slice 256 bytes, width 128 * vq bits;
        // A size without a unit.
        bank I[32] at 0x2000 step 32: slice 2048, width 128 * vq bits;
    }
    // More bounds than the compiler should compute.
    pub mod bounds_too_many {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=512;
        bank X[1000] at 0 step 1: 64 bits;
    }
}

fn main() {}
