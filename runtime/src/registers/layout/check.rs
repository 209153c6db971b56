//! Checks of a layout. A program that uses a wrong one (its registers, bounds or IDs, an image or a view) does not
//! compile.
//!
//! A layout is data that anyone may write, and `image` computes addresses from it, which are right only if the facts below
//! hold. The macro refuses a wrong layout earlier and with better messages, but `unsafe` code does not trust the macro, so
//! the facts are checked again here.

use core::marker::PhantomData;

use super::bank::{Bank, ImageBytes, Place};
use super::{BankType, ByteArray, InImage, Layout, PerVq, Register, ViewOf};

/// Sizes in the image are numbers of 31 bits, so that no sum or product of them wraps.
const MOST: u64 = i32::MAX as u64;

/// A layout that [`check_layout`] has passed. The check is made once for each layout, however many of its banks
/// ask.
pub(crate) struct Checked<L>(PhantomData<L>);

impl<L: Layout> Checked<L> {
    pub(crate) const BANKS: &'static [Bank] = {
        check_layout::<L>();
        L::BANKS
    };
    /// The size of its image.
    pub(crate) const IMAGE: ImageBytes = ImageBytes::of(Self::BANKS, Self::BANKS.len());
}

/// Refuses a layout in any of six cases:
///
/// * its image, or all its slices together, have more bytes than a number of 31 bits holds;
/// * the size of a slice is no power of two;
/// * a bank has, at the largest VQ, more or fewer registers than it has IDs for;
/// * a register of the image has no bytes;
/// * a bank has no slices, or all its registers have one ID;
/// * a register has more bytes than its slices.
///
/// Counts and widths never shrink when VQ grows, so sizes are checked at the largest VQ, and that a register has
/// bytes is checked at VQ 1.
pub(crate) const fn check_layout<L: Layout>() {
    const fn at(quantity: PerVq, vq: u16) -> u64 {
        quantity.fixed as u64 + quantity.per_vq as u64 * vq as u64
    }
    let (mut image, mut slices, mut b) = (0, 0, 0);
    while b < L::BANKS.len() {
        let bank = &L::BANKS[b];
        let (count, width) = (at(bank.count, L::VQ_MAX), at(bank.width, L::VQ_MAX));
        let slice = bank.slice_bytes as u64;
        assert!(slice.is_power_of_two(), "slices of a power of two");
        assert!(
            width <= MOST && slice <= MOST,
            "registers of 31 bits of bytes"
        );
        assert!(count == bank.max_count as u64, "as many registers as IDs");
        assert!(
            !matches!(bank.place, Place::Image) || at(bank.width, 1) > 0,
            "registers of a byte or more"
        );
        image += count * width;
        assert!(image <= MOST, "an image of 31 bits of bytes");
        slices += count * width.next_multiple_of(slice);
        assert!(slices <= MOST, "slices of 31 bits of bytes");
        assert!(bank.step > 0, "IDs that differ");
        assert!(bank.slices > 0, "a slice or more");
        assert!(
            width <= bank.slices as u64 * slice,
            "registers that fit in their slices"
        );
        b += 1;
    }
}

/// Refuses a bank without a place in the image.
pub(crate) const fn check_place(bank: &Bank) {
    assert!(matches!(bank.place, Place::Image), "a bank of the image");
}

/// Refuses a bank without a place in the image, or with slices of another size than it states.
pub(crate) const fn check_bank<B: InImage>() {
    let bank = Register::<B>::BANK;
    check_place(bank);
    assert!(
        B::Slice::BYTES == bank.slice_bytes as usize,
        "the bank's slices"
    );
}

/// Refuses a view whose registers do not all lie inside registers of its target.
#[track_caller]
pub const fn check_view<V: ViewOf>() {
    check_bank::<V::Target>();
    let (view, target) = (Register::<V>::BANK, Register::<V::Target>::BANK);
    let vq_min = <<V::Target as BankType>::Layout as Layout>::VQ_MIN;
    assert!(
        view.max_count as u32 <= target.count.at(vq_min),
        "the view has more registers than the bank that it shows, at its smallest VQ"
    );
    assert!(
        V::Value::BYTES <= target.width.at(vq_min) as usize,
        "the view's registers are wider than those of the bank that it shows, at its smallest VQ"
    );
}
