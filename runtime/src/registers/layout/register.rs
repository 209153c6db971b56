//! Registers as values: their numbers, IDs and names.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use super::bank::{Bank, ImageBytes};
use super::bounds::{Bounds, registers};
use super::check::{Checked, check_place};
use super::{BankType, Layout};
use crate::lengths::vq::Vq;
use crate::text;

/// One slice of a register of bank `B`; `sve::Z` is `Register<bank::Z>`. The value holds only the register's number and
/// the slice's index, because all else follows from the bank. Both are always in range.
///
/// On today's hardware a register has only one slice, slice 0, which is the one that `Z3` means.
pub struct Register<B> {
    // Both are below 2^16, and have 32 bits so that computing an address from them needs no conversion.
    number: u32,
    slice: u32,
    /// Makes the type invariant in `B`. Otherwise, if one bank type were a subtype of another, the compiler
    /// would accept a register of one as a register of the other.
    bank: PhantomData<fn(B) -> B>,
}

impl<B: BankType> Register<B> {
    /// The bank's description.
    #[doc(hidden)]
    pub const BANK: &'static Bank = &Checked::<B::Layout>::BANKS[B::INDEX];

    /// Where the bank starts in the image.
    pub(crate) const OFFSET: ImageBytes = {
        check_place(Self::BANK);
        ImageBytes::of(B::Layout::BANKS, B::INDEX)
    };

    /// Only for generated code, which calls it in constants, where a number out of range does not compile.
    #[doc(hidden)]
    pub const fn constant(number: u16, slice: u16) -> Self {
        assert!(number < Self::BANK.max_count && slice < Self::BANK.slices);
        Self {
            number: number as u32,
            slice: slice as u32,
            bank: PhantomData,
        }
    }

    /// The register slice of this bank that has this ID, if there is one. `Reg::decode` asks each bank.
    #[doc(hidden)]
    #[inline]
    pub fn from_id(id: u64) -> Option<Self> {
        // If the ID differs from the bank's first one in any bit above the low 16, the difference (which may
        // wrap) is too large for `locate`, so this compares the whole ID.
        let first = const { Self::BANK.id(B::Layout::PREFIX, 0, 0) };
        let (number, slice) = Self::BANK.locate(id.wrapping_sub(first))?;
        Some(Self {
            number,
            slice,
            bank: PhantomData,
        })
    }

    /// Slice 0 of the register with this number.
    pub const fn new(number: u32) -> Result<Self, RegisterError> {
        Self::with_slice(number, 0)
    }

    /// The given slice of the register with this number.
    pub const fn with_slice(number: u32, slice: u32) -> Result<Self, RegisterError> {
        if number >= Self::BANK.max_count as u32 {
            return Err(RegisterError::Number {
                bank: *Self::BANK,
                number,
            });
        }
        if slice >= Self::BANK.slices as u32 {
            return Err(RegisterError::Slice {
                bank: *Self::BANK,
                slice,
            });
        }
        Ok(Self {
            number,
            slice,
            bank: PhantomData,
        })
    }

    /// Slice 0 of every register of the bank, by number.
    #[inline(always)]
    pub fn all() -> impl Iterator<Item = Self> {
        (0..u32::from(Self::BANK.max_count)).map(|number| Self {
            number,
            slice: 0,
            bank: PhantomData,
        })
    }

    /// The register's number within its bank.
    #[allow(clippy::cast_possible_truncation)]
    pub const fn number(self) -> u16 {
        self.number as u16
    }

    /// The index of the slice.
    #[allow(clippy::cast_possible_truncation)]
    pub const fn slice(self) -> u16 {
        self.slice as u16
    }

    /// Where the slice lies in the image. Only for banks that have a place there.
    pub(crate) fn bounds(self, vq: Vq) -> Bounds {
        let (number, index) = (self.number(), self.slice());
        Bounds::of_register(Self::BANK, Self::OFFSET, vq.get(), number, index)
    }

    /// Number and slice, to compute with.
    #[inline]
    pub(crate) const fn number_and_slice(self) -> (u32, u32) {
        (self.number, self.slice)
    }

    /// Slice 0 of the same register.
    pub(crate) const fn with_slice_0(self) -> Self {
        Self { slice: 0, ..self }
    }

    /// The 64-bit ID that ONE_REG takes.
    pub const fn id(self) -> u64 {
        Self::BANK.id(B::Layout::PREFIX, self.number(), self.slice())
    }

    /// The register's index among all registers of the image, which is also that of its bounds in a row of
    /// the layout's `BOUNDS`.
    pub const fn index(self) -> usize {
        registers(B::Layout::BANKS, B::INDEX) + self.number as usize
    }
}

// Written out because a derive would require the same of `B`.
impl<B> Clone for Register<B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<B> Copy for Register<B> {}
impl<B> PartialEq for Register<B> {
    fn eq(&self, other: &Self) -> bool {
        (self.number, self.slice) == (other.number, other.slice)
    }
}
impl<B> Eq for Register<B> {}
impl<B> PartialOrd for Register<B> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<B> Ord for Register<B> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.number, self.slice).cmp(&(other.number, other.slice))
    }
}
impl<B> Hash for Register<B> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.number, self.slice).hash(state);
    }
}

impl<B: BankType> fmt::Debug for Register<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `Z3`, `FFR`, and the slice if it is not slice 0: `Z3 slice 1`.
impl<B: BankType> fmt::Display for Register<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::BANK.write_slice(f, self.number, self.slice)
    }
}

impl<B: BankType> From<Register<B>> for u64 {
    fn from(register: Register<B>) -> u64 {
        register.id()
    }
}

/// Why there is no such register.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// The bank has no register of this number.
    #[doc(hidden)]
    Number {
        /// The bank.
        bank: Bank,
        /// The number asked for.
        number: u32,
    },
    /// Registers of this bank have no slice of this index.
    #[doc(hidden)]
    Slice {
        /// The bank.
        bank: Bank,
        /// The index asked for.
        slice: u32,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bank, text, number, last) = match self {
            Self::Number { bank, number } => {
                let text = match bank.numbered {
                    true => "register %s%d: the bank has %s0 to %s%d",
                    false => "register %s number %d: there is one %s, number 0",
                };
                (bank, text, number, bank.max_count)
            }
            Self::Slice { bank, slice } => {
                let text = match bank.slices {
                    1 => "slice %d of register %s: slice 0 is the only one",
                    _ => "slice %d of register %s: slices are 0 to %d",
                };
                (bank, text, slice, bank.slices)
            }
        };
        let numbers = [u64::from(*number), last.saturating_sub(1).into()];
        text::write_named(f, text, &numbers, &[], bank.name)
    }
}

/// The message, because a bank has too many numbers to show.
impl fmt::Debug for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisterError({self})")
    }
}

impl core::error::Error for RegisterError {}
