//! Register layouts as data.
//!
//! [`register_layout!`](crate::register_layout) turns a description into a list of banks and into names. The code here
//! is the same for every layout: from a bank it computes the IDs of its registers and where each slice lies in the image,
//! and for an ID it finds the register, or the reason why there is none.
//!
//! An ID is computed in `const fn`s, so a constant one costs nothing at run time. The place of a slice depends on VQ,
//! which is known only at run time, so each access computes it with a few multiplications instead of reading a table.
//!
//! Sizes are in bytes unless a name says otherwise.

mod bank;
mod bounds;
mod check;
mod decode;
mod register;
#[cfg(test)]
mod tests;

use core::fmt;
use core::hash::Hash;

use crate::lengths::vq::{Vq, VqError};
pub(crate) use bank::ImageBytes;
pub use bank::{Bank, PerVq, Place};
pub use bounds::Bounds;
pub(crate) use check::{Checked, check_bank};
pub(crate) use decode::find;
pub use decode::{DecodeError, Reason};
pub use register::{Register, RegisterError};

/// Only for code that [`register_layout!`](crate::register_layout) generates: the functions that it calls.
#[doc(hidden)]
pub mod generated {
    use super::{Bank, ImageBytes};

    pub use super::bounds::{bounds_table, registers};
    pub use super::check::check_view;
    pub use super::decode::no_register;
    pub use sve_state_macros::register_layout;

    /// The size of the packed image in bytes at this VQ.
    pub const fn image_bytes(banks: &[Bank], vq: u16) -> usize {
        ImageBytes::of(banks, banks.len()).at(vq) as usize
    }
}

/// Bits 63:56 of a register ID, the architecture (`KVM_REG_ARCH_MASK`).
#[doc(hidden)]
pub const ARCH_MASK: u64 = 0xff00_0000_0000_0000;
/// The architecture field of every arm64 register ID (`KVM_REG_ARM64`).
#[doc(hidden)]
pub const ARCH_ARM64: u64 = 0x6000_0000_0000_0000;
/// Bits 55:52 of a register ID: log2 of the size in bytes (`KVM_REG_SIZE_MASK`).
#[doc(hidden)]
pub const SIZE_MASK: u64 = 0x00f0_0000_0000_0000;
/// Where the size field starts (`KVM_REG_SIZE_SHIFT`).
#[doc(hidden)]
pub const SIZE_SHIFT: u32 = 52;
/// Bits 27:16 of an arm64 register ID, the coprocessor (`KVM_REG_ARM_COPROC_MASK`).
#[doc(hidden)]
pub const COPROC_MASK: u64 = 0x0000_0000_0fff_0000;
/// Where the coprocessor field starts (`KVM_REG_ARM_COPROC_SHIFT`).
#[doc(hidden)]
pub const COPROC_SHIFT: u32 = 16;
/// Bits 15:0 of a register ID, which each coprocessor lays out in its own way.
#[doc(hidden)]
pub const LOW_MASK: u64 = 0xffff;
/// Bits that belong to no field and are zero in every valid ID: 51:32 and 31:28.
#[doc(hidden)]
pub const RESERVED_MASK: u64 = !(ARCH_MASK | SIZE_MASK | COPROC_MASK | LOW_MASK);

/// Refuses a VQ that a layout does not describe.
pub(crate) fn check_vq<L: Layout>(vq: Vq) -> Result<(), VqError> {
    if (L::VQ_MIN..=L::VQ_MAX).contains(&vq.get()) {
        return Ok(());
    }
    Err(VqError {
        vq: u32::from(vq.get()),
        min: L::VQ_MIN,
        max: L::VQ_MAX,
    })
}

/// A layout: the type that [`register_layout!`](crate::register_layout) generates as `Layout` in
/// the layout's module.
pub trait Layout: Copy + fmt::Debug + Sized + 'static {
    /// Any register slice of the layout, decoded from an ID.
    #[doc(hidden)]
    type Reg: Copy + fmt::Debug + Eq;

    /// The layout's name, that of its module.
    const NAME: &'static str;
    /// The architecture and coprocessor fields of its IDs.
    #[doc(hidden)]
    const PREFIX: u64;
    /// The smallest VQ that it describes.
    const VQ_MIN: u16;
    /// The largest VQ that it describes.
    const VQ_MAX: u16;
    /// Its banks, in the order of the image.
    #[doc(hidden)]
    const BANKS: &'static [Bank];

    /// The register slice that has this ID, or the reason why there is none.
    #[doc(hidden)]
    fn decode(id: u64) -> Result<Self::Reg, DecodeError>;

    /// The bounds of slice 0 of every register at this VQ, in the order of the image. They are computed in the call
    /// rather than read from the generated table `BOUNDS`, and are empty for a register that this VQ does not have.
    fn bounds(vq: Vq) -> Result<impl Iterator<Item = Bounds>, VqError> {
        check_vq::<Self>(vq)?;
        let vq = vq.get();
        let mut next = ImageBytes::START;
        let banks = Checked::<Self>::BANKS
            .iter()
            .filter(|bank| bank.place == Place::Image);
        Ok(banks.flat_map(move |bank| {
            let offset = next;
            next = offset.past(bank);
            (0..bank.max_count).map(move |n| Bounds::of_register(bank, offset, vq, n, 0))
        }))
    }

    /// The size of the packed image in bytes at this VQ.
    fn image_bytes(vq: Vq) -> Result<usize, VqError> {
        check_vq::<Self>(vq).map(|()| Checked::<Self>::IMAGE.at(vq.get()) as usize)
    }

    /// The IDs that exist at this VQ, in the layout's order: one for each slice that holds a byte of its register, and
    /// those of views and pseudo-registers. In the [`sve`](crate::sve) layout these are the 50 IDs of SVE that a vCPU
    /// enumerates (`KVM_GET_REG_LIST`).
    fn ids(vq: Vq) -> Result<impl Iterator<Item = u64>, VqError> {
        check_vq::<Self>(vq)?;
        let vq = vq.get();
        Ok(Checked::<Self>::BANKS.iter().flat_map(move |bank| {
            let slices = bank.width.at(vq).div_ceil(bank.slice_bytes);
            (0..bank.count.at(vq)).flat_map(move |n| {
                (0..slices).map(move |i| {
                    // The macro keeps both below 2^16.
                    #[allow(clippy::cast_possible_truncation)]
                    bank.id(Self::PREFIX, n as u16, i as u16)
                })
            })
        }))
    }
}

/// A bank as a type, which [`register_layout!`](crate::register_layout) makes for each bank of a layout, so that a Z
/// register and a P register have different types.
pub trait BankType: Copy + fmt::Debug + Eq + Ord + Hash + 'static {
    /// The layout that the bank belongs to.
    #[doc(hidden)]
    type Layout: Layout;
    /// Index into `Layout::BANKS`.
    #[doc(hidden)]
    const INDEX: usize;
}

/// Implemented only for arrays of bytes, `[u8; N]`, in which slices and the registers of views are passed.
#[doc(hidden)]
pub trait ByteArray: Copy + AsRef<[u8]> + AsMut<[u8]> + sealed::Array {
    /// Its size in bytes.
    const BYTES: usize;
    /// All zero.
    const ZEROS: Self;

    /// The first N of the bytes to write, or `None` if there are fewer.
    fn first_chunk_mut(bytes: &mut [u8]) -> Option<&mut Self>;
    /// The first N of the bytes, or `None` if there are fewer.
    fn first_chunk(bytes: &[u8]) -> Option<&Self>;
}

mod sealed {
    pub trait Array {}
    impl<const N: usize> Array for [u8; N] {}
}

impl<const N: usize> ByteArray for [u8; N] {
    const BYTES: usize = N;
    const ZEROS: Self = [0; N];

    #[inline]
    fn first_chunk_mut(bytes: &mut [u8]) -> Option<&mut Self> {
        bytes.first_chunk_mut()
    }

    #[inline]
    fn first_chunk(bytes: &[u8]) -> Option<&Self> {
        bytes.first_chunk()
    }
}

/// A bank whose registers have a place in its layout's image.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no place in a register image",
    label = "not a register of an image",
    note = "a pseudo-register is read and written only through ONE_REG; a view is read with `get_view`"
)]
pub trait InImage: BankType {
    /// One slice of a register: `[u8; N]`, where N is the slice's size in bytes.
    type Slice: ByteArray;
}

#[doc(hidden)]
/// A bank whose registers have a place in the image of layout `L`. It is the same as `InImage<Layout = L>`, which in
/// a bound makes the compiler write 35 lines about two types that are both named `Layout`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no place in the image of `{L}`",
    label = "not a register of this image",
    note = "an image has the registers of one layout only; a pseudo-register is read and written only through \
            ONE_REG; a view is read with `get_view`"
)]
pub trait InImageOf<L>: InImage<Layout = L> {}

#[diagnostic::do_not_recommend]
impl<L, B: InImage<Layout = L>> InImageOf<L> for B {}

/// A bank whose registers are the low bits of another bank's.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view of other registers",
    label = "not a view"
)]
pub trait ViewOf: BankType {
    /// The bank that it shows: register n of the view is the low bits of register n there.
    type Target: InImage;
    /// A whole register: `[u8; N]`, where N is its size in bytes.
    type Value: ByteArray;
}

/// Gives the bank of a register type, such as `sve::bank::Z` for `sve::Z`.
#[doc(hidden)]
pub trait RegisterType {
    /// The bank as a type.
    type Bank: BankType;
}

impl<B: BankType> RegisterType for Register<B> {
    type Bank = B;
}
