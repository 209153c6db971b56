// Views of other registers.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
        pseudo VLS at 0xffff: 512 bits;
    }
    pub mod views {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        // A bank that would be a view.
        bank A[32] at 0x054 step 4: 128 bits, low bits of test::Z;
        // A view with a misspelt word.
        view B[32] at 0x154 step 4: 128 bits, lwo bits of test::Z;
        // A view that does not say of what.
        view C[32] at 0x254 step 4: 128 bits;
        // A view in slices.
        view E[32] at 0x454 step 4: slice 64 bits, width 128 bits, low bits of test::Z;
    }
    pub mod shown {
        arch: arm64, coproc: 0x11, slices: 32, vq: 1..=16;
        // A view of what has no place in the image.
        view D at 0x354: 128 bits, low bits of test::VLS;
        // A view of more registers than there are.
        view F[33] at 0x554 step 4: 128 bits, low bits of test::Z;
        // A view wider than what it shows, at the smallest VQ.
        view G[32] at 0x654 step 4: 256 bits, low bits of test::Z;
    }
    // The bank is sought where the macro is called, as a type of the module.
    pub mod view_of_its_own_layout {
        arch: arm64, coproc: 0x15, vq: 1..=16;
        bank Z[2] at 0x000 step 1: 128 bits;
        view V[2] at 0x010 step 1: 64 bits, low bits of Z;
        view W[2] at 0x020 step 1: 64 bits, low bits of view_of_its_own_layout::Z;
    }
    // A view of a view.
    pub mod view_of_view {
        arch: arm64, coproc: 0x15, vq: 1..=16;
        bank Z[2] at 0x000 step 1: 128 bits;
        view V[2] at 0x010 step 1: 64 bits, low bits of view_of_view::Z;
        view W[2] at 0x020 step 1: 32 bits, low bits of view_of_view::V;
    }
}

fn main() {}
