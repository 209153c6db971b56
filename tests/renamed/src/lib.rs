//! `sve-state` under another name: `register_layout!` compiles here, and also for a crate that gets
//! `sve-state` from this one.

pub use vcpu_state as state;

vcpu_state::register_layout! {
    /// A layout with every kind of line.
    pub mod lab {
        arch: arm64, coproc: 0x1f, slices: 4, vq: 1..=16;

        /// Scalable registers.
        bank S[8] at 0x100 step 4: slice 512 bits, width 128 * vq bits;
        /// The low bits of Z registers.
        view H[8] at 0x300 step 1: 64 bits, low bits of vcpu_state::sve::Z;
        /// A pseudo-register.
        pseudo V at 0xffff: 64 bits;
    }
}
