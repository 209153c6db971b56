// The four layouts, in a crate that forbids what it can.
#![forbid(warnings, missing_docs, missing_copy_implementations, missing_debug_implementations)]
#![forbid(unreachable_pub, unused, unused_qualifications, nonstandard_style, future_incompatible)]
#![forbid(clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]
//! Layouts.

sve_state::register_layout! {
    /// SVE.
    pub mod sve {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
        bank P[16] at 0x400 step 32: slice 256 bits, width 16 * vq bits;
        bank FFR at 0x600: slice 256 bits, width 16 * vq bits;
        pseudo VLS at 0xffff: 512 bits;
    }
    /// FPSIMD, in sight of only this file.
    mod fpsimd {
        arch: arm64, coproc: 0x10, vq: 1..=16;
        view V[32] at 0x54 step 4: 128 bits, low bits of sve::Z;
        bank FPSR at 0xd4: 32 bits;
        bank FPCR at 0xd5: 32 bits;
    }
    /// Fixed beside scalable.
    pub(crate) mod mixed {
        arch: arm64; coproc: 0x1f; slices: 32; vq: 1..=16;
        bank X[31] at 0x000 step 1: 64 bits;
        bank Z[32] at 0x400 step 32: slice 2048 bits, width 64 + 8 * vq bits;
        bank lower_case at 0x800: 64 bits;
        view lower[32] at 0x804 step 1: 8 bits, low bits of mixed::Z;
    }
    /// SME.
    pub mod sme {
        arch: arm64, coproc: 0x17, slices: 32, vq: 1..=16;
        bank ZA[16 * vq] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
        bank ZT0 at 0x600: 512 bits;
        pseudo VLS at 0xffff: 512 bits;
    }
}

fn main() {
    assert_eq!(fpsimd::V3.id() & 0xffff, 0x60);
}
