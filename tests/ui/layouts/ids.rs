// IDs that do not exist, or are those of another register.
sve_state::register_layout! {
    pub mod ids {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        // The last register has no ID.
        bank A[32] at 0xff00 step 16: 64 bits;
        // The last slice of a single register has no ID.
        bank B at 0xffff: slice 256 bits, width 16 * vq bits;
        // More IDs than 16 bits hold, wherever they start.
        bank C[32] at 0x0800 step 0x1000: 64 bits;
        // An array without a step.
        bank D[32] at 0x0c00: slice 2048 bits, width 128 * vq bits;
        // A misspelt word within a line.
        bank E[32] at 0x1000 stpe 32: slice 2048 bits, width 128 * vq bits;
        // A step from one register to none.
        bank F at 0x1400 step 32: slice 256 bits, width 16 * vq bits;
        // A step shorter than a register's slices: Z0 slice 16 would be Z1 slice 0.
        bank G[32] at 0x1800 step 16: slice 2048 bits, width 128 * vq bits;
        // A step of nothing.
        bank H[32] at 0x1c00 step 0: 64 bits;
    }
    // The end of one bank lies over the start of another.
    pub mod id_collision {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[33] at 0x000 step 32: slice 256 bits, width 16 * vq bits;
        bank P[16] at 0x400 step 32: slice 256 bits, width 16 * vq bits;
    }
    // A register in the midst of another one's slices.
    pub mod id_collision_slices {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[2] at 0 step 32: slice 256 bits, width 16 * vq bits;
        bank X at 0x23: 256 bits;
    }
}

fn main() {}
