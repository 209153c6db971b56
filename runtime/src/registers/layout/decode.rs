//! Why 64 bits name no register of a layout.
//!
//! [`Register::from_id`](super::Register::from_id) decodes an ID for one bank with two comparisons. It is that short
//! because it leaves open why an ID is not one of the bank's, which [`DecodeError::reason`] finds out when somebody asks.

use core::fmt;

use super::bank::Bank;
use super::check::Checked;
use super::{
    ARCH_ARM64, ARCH_MASK, COPROC_MASK, COPROC_SHIFT, LOW_MASK, Layout, RESERVED_MASK, SIZE_MASK,
    SIZE_SHIFT,
};
use crate::registers::linux::RegId;
use crate::text;

/// 64 bits that are no register ID of a layout.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecodeError {
    // The ID in two halves, which in a `Result<Reg, DecodeError>` share their place with a decoded register's two
    // numbers. If the ID were one number, the compiler would join those two into one as well, and compile a `match`
    // on the result to a table of jumps.
    low: u32,
    high: u32,
    layout: &'static (u64, &'static [Bank]),
}

/// Only for generated code: the error for an ID that belongs to no bank of the layout.
// Both halves of 64 bits.
#[allow(clippy::cast_possible_truncation)]
#[inline]
pub const fn no_register<L: Layout>(id: u64) -> DecodeError {
    DecodeError {
        low: id as u32,
        high: (id >> 32) as u32,
        layout: const { &(L::PREFIX, Checked::<L>::BANKS) },
    }
}

/// The register slice of a layout that has this ID, as its bank, its number and the slice's. It is for what has to be
/// small rather than fast, such as the texts of errors, whereas [`Layout::decode`] compares with constants.
#[inline(never)]
pub(crate) fn find<L: Layout>(id: u64) -> Option<(&'static Bank, u32, u32)> {
    find_in(L::PREFIX, Checked::<L>::BANKS, id)
}

fn find_in(prefix: u64, banks: &'static [Bank], id: u64) -> Option<(&'static Bank, u32, u32)> {
    banks.iter().find_map(|bank| {
        let (number, slice) = bank.locate(id.wrapping_sub(bank.id(prefix, 0, 0)))?;
        Some((bank, number, slice))
    })
}

impl DecodeError {
    /// The ID in question.
    pub const fn id(&self) -> RegId {
        RegId((self.high as u64) << 32 | self.low as u64)
    }

    /// What is wrong with the ID.
    #[doc(hidden)]
    pub fn reason(&self) -> Reason {
        let (RegId(id), (prefix, banks)) = (self.id(), *self.layout);
        if id & ARCH_MASK != ARCH_ARM64 {
            return Reason::Architecture;
        }
        if id & RESERVED_MASK != 0 {
            return Reason::ReservedBits;
        }
        if id & COPROC_MASK != prefix & COPROC_MASK {
            return Reason::Coprocessor {
                expected: coproc(prefix),
            };
        }
        // Bits 15:0 may still be a register's, of another size.
        let mut banks = banks.iter().rev();
        let named = banks.find_map(|bank| {
            let low = (id & LOW_MASK).wrapping_sub(bank.base.into());
            Some((*bank, bank.locate(low)?.0))
        });
        named.map_or(Reason::NoRegister, |(bank, number)| Reason::Size {
            bank,
            // Below `max_count`.
            #[allow(clippy::cast_possible_truncation)]
            number: number as u16,
        })
    }
}

// 12 bits.
#[allow(clippy::cast_possible_truncation)]
const fn coproc(id: u64) -> u16 {
    ((id & COPROC_MASK) >> COPROC_SHIFT) as u16
}

/// What is wrong with an ID, which is the first of these that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(hidden)]
pub enum Reason {
    /// Bits 63:56 are not arm64's.
    Architecture,
    /// A bit of 51:28 is set, where there is no field.
    ReservedBits,
    /// Bits 27:16 name another coprocessor than the layout's.
    Coprocessor {
        /// The layout's coprocessor.
        expected: u16,
    },
    /// Bits 15:0 name no register of the layout.
    NoRegister,
    /// Bits 15:0 name a register, but the size field (bits 55:52) is not that of its slices.
    Size {
        /// The register's bank, or the last one if bits 15:0 name a register in several.
        bank: Bank,
        /// The register's number.
        number: u16,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RegId(id) = self.id();
        let (text, numbers) = match self.reason() {
            Reason::Architecture => (
                "register ID %g: architecture %4 in bits 63:56, where arm64 is %4",
                [id >> 56, ARCH_ARM64 >> 56],
            ),
            Reason::ReservedBits => (
                "register ID %g: bits %x are set, but bits 51:28 belong to no field",
                [id & RESERVED_MASK, 0],
            ),
            Reason::Coprocessor { expected } => (
                "register ID %g: coprocessor %x in bits 27:16, where this layout is %x",
                [coproc(id).into(), expected.into()],
            ),
            Reason::NoRegister => (
                "register ID %g: no register has %6 in bits 15:0",
                [id & LOW_MASK, 0],
            ),
            Reason::Size { bank, number } => {
                text::write(f, "register ID %g: bits 15:0 name ", &[id], &[])?;
                bank.write_name(f, number)?;
                let stated = 8 << ((id & SIZE_MASK) >> SIZE_SHIFT);
                let numbers = [8 * u64::from(bank.slice_bytes), stated];
                let text = ", whose size is %d bits, but bits 55:52 say %d";
                return text::write(f, text, &numbers, &[]);
            }
        };
        text::write(f, text, &[id, numbers[0], numbers[1]], &[])
    }
}

/// The message, because nobody can read an ID in decimal.
impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl core::error::Error for DecodeError {}
