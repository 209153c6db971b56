//! A layout written by hand, which may be wrong, for the programs of `lies.md`.

/// Writes the layout, and what its program needs, where it is called.
#[macro_export]
macro_rules! by_hand {
    ($bank:expr, $slice:ty, $value:ty) => {
        #[allow(unused_imports)]
        #[allow(unused_imports)]
        use sve_state::Vq;
        use sve_state::image::Image;
        use sve_state::layout::{
            Bank, BankType, DecodeError, InImage, Layout, PerVq, Place, Register, ViewOf,
        };

        const BANK: Bank = Bank {
            name: "B",
            numbered: true,
            base: 0,
            step: 32,
            slices: 8,
            count: PerVq {
                fixed: 4,
                per_vq: 0,
            },
            max_count: 4,
            slice_bytes: 32,
            width: PerVq {
                fixed: 8,
                per_vq: 8,
            },
            place: Place::Image,
        };
        const VIEW: Bank = Bank {
            place: Place::View,
            width: PerVq {
                fixed: 16,
                per_vq: 0,
            },
            ..BANK
        };

        #[derive(Clone, Copy, Debug)]
        enum L {}
        impl Layout for L {
            type Reg = ();
            const NAME: &'static str = "l";
            const PREFIX: u64 = 0;
            const VQ_MIN: u16 = 1;
            const VQ_MAX: u16 = 16;
            const BANKS: &'static [Bank] = &[$bank, VIEW];
            fn decode(_: u64) -> Result<(), DecodeError> {
                Ok(())
            }
        }
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        enum B {}
        impl BankType for B {
            type Layout = L;
            const INDEX: usize = 0;
        }
        impl InImage for B {
            type Slice = $slice;
        }
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        enum V {}
        impl BankType for V {
            type Layout = L;
            const INDEX: usize = 1;
        }
        impl ViewOf for V {
            type Target = B;
            type Value = $value;
        }
    };
}
