// Views of other registers.
sve_state::register_layout! {
    pub mod test {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
        pseudo VLS at 0xffff: 512 bits;
    }
    // A bank that would be a view.
    pub mod bank_with_view {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        bank V[32] at 0x54 step 4: 128 bits, low bits of test::Z;
    }
    // A view with a misspelt word.
    pub mod view_misspelt {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        view V[32] at 0x54 step 4: 128 bits, lwo bits of test::Z;
    }
    // The bank is sought where the macro is called, as a type of the module.
    pub mod view_of_its_own_layout {
        arch: arm64, coproc: 0x15, vq: 1..=16;
        bank Z[2] at 0x000 step 1: 128 bits;
        view V[2] at 0x010 step 1: 64 bits, low bits of Z;
        view W[2] at 0x020 step 1: 64 bits, low bits of view_of_its_own_layout::Z;
    }
    // A view that does not say of what.
    pub mod view_of_nothing {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        view V[32] at 0x54 step 4: 128 bits;
    }
    // A view of what has no place in the image.
    pub mod view_of_pseudo {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        view V at 0x54: 128 bits, low bits of test::VLS;
    }
    // A view of a view.
    pub mod view_of_view {
        arch: arm64, coproc: 0x15, vq: 1..=16;
        bank Z[2] at 0x000 step 1: 128 bits;
        view V[2] at 0x010 step 1: 64 bits, low bits of view_of_view::Z;
        view W[2] at 0x020 step 1: 32 bits, low bits of view_of_view::V;
    }
    // A view in slices.
    pub mod view_sliced {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        view V[32] at 0x54 step 4: slice 64 bits, width 128 bits, low bits of test::Z;
    }
    // A view of more registers than there are.
    pub mod view_too_many {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        view V[33] at 0x54 step 4: 128 bits, low bits of test::Z;
    }
    // A view wider than what it shows, at the smallest VQ.
    pub mod view_too_wide {
        arch: arm64, coproc: 0x10, slices: 32, vq: 1..=16;
        view V[32] at 0x54 step 4: 256 bits, low bits of test::Z;
    }
}

fn main() {}
