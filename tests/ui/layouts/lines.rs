// Lines that are not those of a layout, and what is said when several are wrong.
sve_state::register_layout! {
    // Everything that is wrong is reported, not only the first mistake.
    pub mod all_at_once {
        arch: arm, coproc: 0x1000, slices: 32, vq: 16..=1;
        bank Z[32] at 0x000 stpe 32: slice 2048 bits, width 128 * vq bits;
        bank P[0] at 0x400 step 16: slice 100 bits, width 12 * vq bits;
        bank FFR at 0x10000: slice 256 bits, width 16 * vq bits;
        psuedo VLS at 0xffff: 512 bits;
        bank Reg at 0xffff: 513 bits;
    }
    // Mistakes in single lines do not hide those of the layout: a key that is missing, a name given
    // twice, an ID given twice, a word after the `:` of a line that is wrong before it.
    pub mod all_at_once_across {
        arch: arm64, slices: 32, vq: 1..=16;
        bank Z[32] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
        bank P[x] at 0x400 step 32: slcie 256 bits, width 16 * vq bits;
        bank FFR at 0x3e0: slice 2048 bits, width 16 * vq bits;
        bank FFR at 0x10000: slice 100 bits, width 16 * vq bits;
        view V[32] at 0x054 stpe 4 128 bits, low bits of Z;
        view W[32] at 0x054 step 4: 128 bits, low bits off Z;
    }
    // A bank that is there only under a `cfg`.
    pub mod attribute {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        #[cfg(feature = "sme")]
        bank FPSR at 0: 32 bits;
    }
    // A layout of nothing.
    pub mod empty {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
    }
    // A line with a misspelt keyword.
    pub mod keyword_misspelt {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bnak Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    // Other tokens in the place of a sign, or of a word.
    pub mod punctuation {
        arch = arm64;
        coproc: 0x15;
        vq: 0..=600;
        bank Z[vq*2] 0x000 step 1: 128 * VQ bits;
        bank P at 0x100 64 bits;
        bank F at 0x200: 64;
    }
    // A forgotten semicolon, after which the next line is read all the same.
    pub mod semicolon_missing {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank FPSR at 0: 32 bits
        bank FPCR at 1: 33 bits;
    }
    // Semicolons that are missing after a setting, before a doc comment, after a view and at the end.
    pub mod semicolon_missing_at_ends {
        arch: arm64, coproc: 0x15,
        vq: 1..=16
        slices: 1;
        bank FPSR at 0: 32 bits
        /// Control.
        bank FPCR at 1: 32 bits;
        view V at 2: 16 bits, low bits of semicolon_missing_at_ends::FPCR
        pseudo P at 3: 32 bits
    }
}

fn main() {}
