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

/// 64 bits that are no register ID of a layout.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecodeError {
    // The ID in two halves. In a `Result<Reg, DecodeError>`, a decoded register's two numbers share their
    // place. If the ID were one number, the compiler would join those two into one as well. It would then
    // compile a `match` on the result to a table of jumps.
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

/// What is wrong with an ID; the first of these that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(hidden)]
pub enum Reason {
    /// Bits 63:56 are not arm64's.
    Architecture,
    /// A bit of 51:28 is set, where no field is.
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
        /// The register's bank; the last one, if bits 15:0 name a register in several.
        bank: Bank,
        /// The register's number.
        number: u16,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RegId(id) = self.id();
        write!(f, "register ID {id:#018x}: ")?;
        match self.reason() {
            Reason::Architecture => write!(
                f,
                "architecture {:#04x} in bits 63:56, where arm64 is {:#04x}",
                id >> 56,
                ARCH_ARM64 >> 56
            ),
            Reason::ReservedBits => write!(
                f,
                "bits {:#x} are set, but bits 51:28 belong to no field",
                id & RESERVED_MASK
            ),
            Reason::Coprocessor { expected } => write!(
                f,
                "coprocessor {:#x} in bits 27:16, where this layout is {expected:#x}",
                coproc(id)
            ),
            Reason::NoRegister => {
                write!(f, "no register has {:#06x} in bits 15:0", id & LOW_MASK)
            }
            Reason::Size { bank, number } => {
                let stated = 8u32 << ((id & SIZE_MASK) >> SIZE_SHIFT);
                write!(f, "bits 15:0 name ")?;
                bank.write_name(f, number)?;
                let right = 8 * bank.slice_bytes;
                write!(
                    f,
                    ", whose size is {right} bits, but bits 55:52 say {stated}"
                )
            }
        }
    }
}

/// The message, because nobody can read an ID in decimal.
impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl core::error::Error for DecodeError {}
