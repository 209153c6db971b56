//! Tests of [`check`](super::check), each with a layout, a bank or a view that is wrong in one fact only and has
//! to be refused. `cargo harness asserts` deletes the check of each fact, and its test has to fail.

use super::bounds::bounds_table;
use super::check::{check_bank, check_layout, check_view};
use super::{Bank, BankType, Bounds, DecodeError, InImage, Layout, PerVq, Place, ViewOf};
use crate::{fpsimd, sve};

/// Four registers of `8 + 8 * vq` bytes, in slices of 32.
const BANK: Bank = Bank {
    name: "B",
    numbered: true,
    base: 0,
    step: 32,
    count: fixed(4),
    max_count: 4,
    slices: 8,
    slice_bytes: 32,
    width: PerVq {
        fixed: 8,
        per_vq: 8,
    },
    place: Place::Image,
};

const fn fixed(fixed: u32) -> PerVq {
    PerVq { fixed, per_vq: 0 }
}

const fn per_vq(per_vq: u32) -> PerVq {
    PerVq { fixed: 0, per_vq }
}

/// Layout `$name`, for VQ 1 to 16, of one bank `B`, and `V`, which is not part of it.
macro_rules! layout {
    ($name:ident: $bank:expr, slices of $slice:literal, view $view:expr, of $value:literal) => {
        #[allow(dead_code)] // Not each of them is asked about.
        mod $name {
            use super::*;

            #[derive(Clone, Copy, Debug)]
            pub(super) enum Lie {}
            impl Layout for Lie {
                type Reg = ();
                const NAME: &'static str = "lie";
                const PREFIX: u64 = 0;
                const VQ_MIN: u16 = 1;
                const VQ_MAX: u16 = 16;
                const BANKS: &'static [Bank] = &[$bank, $view];
                fn decode(_: u64) -> Result<(), DecodeError> {
                    Ok(())
                }
            }

            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub(super) enum B {}
            impl BankType for B {
                type Layout = Lie;
                const INDEX: usize = 0;
            }
            impl InImage for B {
                type Slice = [u8; $slice];
            }

            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub(super) enum V {}
            impl BankType for V {
                type Layout = Lie;
                const INDEX: usize = 1;
            }
            impl ViewOf for V {
                type Target = B;
                type Value = [u8; $value];
            }
        }
    };
    ($name:ident: $bank:expr) => {
        layout!($name: $bank, slices of 32, view VIEW, of 16);
    };
}

const VIEW: Bank = Bank {
    width: fixed(16),
    place: Place::View,
    ..BANK
};

layout!(honest: BANK);

#[test]
fn what_does_not_lie_is_taken() {
    check_layout::<honest::Lie>();
    check_bank::<honest::B>();
    check_view::<honest::V>();
    check_layout::<sve::Layout>();
    check_layout::<fpsimd::Layout>();
}

macro_rules! refused {
    ($($test:ident: $check:ident of $type:ty, $words:literal;)*) => {$(
        #[test]
        #[should_panic(expected = $words)]
        fn $test() {
            $check::<$type>();
        }
    )*};
}

layout!(slices_of_24: Bank { slice_bytes: 24, ..BANK });
// 2^28 bytes at VQ 1, and 2^32 at VQ 16, which is 0 if it wraps.
layout!(wide: Bank { width: per_vq(1 << 28), count: fixed(1), max_count: 1, ..BANK });
layout!(large_slices: Bank { slice_bytes: 1 << 31, width: fixed(0), ..BANK });
// More registers than numbers, and fewer.
layout!(more: Bank { count: per_vq(1), ..BANK });
layout!(fewer: Bank { count: fixed(3), ..BANK });
layout!(empty: Bank { width: fixed(0), ..BANK });
// 2^29 bytes each.
layout!(large_image: Bank { width: per_vq(1 << 25), ..BANK });
// 20 bytes each, which are small, in slices of 2^29.
layout!(large_in_all: Bank { width: fixed(20), slice_bytes: 1 << 29, ..BANK });
layout!(one_id: Bank { step: 0, ..BANK });
layout!(no_slice: Bank { slices: 0, ..BANK });
// At VQ 16, a register has 136 bytes.
layout!(few_slices: Bank { slices: 4, ..BANK });
layout!(elsewhere: Bank { place: Place::None, ..BANK });
layout!(other_slices: BANK, slices of 64, view VIEW, of 16);
layout!(many_views: BANK, slices of 32, view Bank { count: fixed(5), max_count: 5, ..VIEW }, of 16);
// At VQ 1, a register has 16 bytes.
layout!(wide_view: BANK, slices of 32, view VIEW, of 17);

refused! {
    slices_that_are_no_power_of_two: check_layout of slices_of_24::Lie, "slices of a power of two";
    a_width_that_wraps: check_layout of wide::Lie, "registers of 31 bits of bytes";
    a_slice_that_wraps: check_layout of large_slices::Lie, "registers of 31 bits of bytes";
    more_registers_than_ids: check_layout of more::Lie, "as many registers as IDs";
    fewer_registers_than_ids: check_layout of fewer::Lie, "as many registers as IDs";
    registers_of_no_bytes: check_layout of empty::Lie, "registers of a byte or more";
    an_image_that_wraps: check_layout of large_image::Lie, "an image of 31 bits of bytes";
    slices_that_wrap_in_all: check_layout of large_in_all::Lie, "slices of 31 bits of bytes";
    registers_of_one_id: check_layout of one_id::Lie, "IDs that differ";
    registers_without_a_slice: check_layout of no_slice::Lie, "a slice or more";
    registers_longer_than_their_slices: check_layout of few_slices::Lie, "fit in their slices";
    a_bank_that_is_not_in_the_image: check_bank of elsewhere::B, "a bank of the image";
    slices_of_another_size: check_bank of other_slices::B, "the bank's slices";
    a_view_of_something_not_in_the_image: check_view of elsewhere::V, "a bank of the image";
    a_view_of_too_many: check_view of many_views::V, "the view has more registers than the bank";
    a_view_too_wide: check_view of wide_view::V, "the view's registers are wider than those";
}

/// As many banks as the macro allows at 15 vector lengths. If each were placed by adding up all banks before it,
/// the compiler would give up on this constant as one that never ends.
#[test]
fn many_banks_are_placed_in_one_pass() {
    const BANKS: &[Bank] = &[Bank {
        count: fixed(1),
        max_count: 1,
        ..BANK
    }; 2100];
    const TABLE: &[[Bounds; 2100]; 15] = &bounds_table(BANKS, 1);
    for (vq, row) in (1..).zip(TABLE) {
        for (n, bounds) in row.iter().enumerate() {
            let width = 8 + 8 * vq;
            let copy = width.min(32);
            let expected = (n * width, copy, 32 - copy);
            assert_eq!((bounds.start, bounds.copy, bounds.flush), expected);
        }
    }
}
