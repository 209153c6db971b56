//! Registers as values: their numbers, IDs and names.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use super::{Bank, BankType, Layout, Location};

/// One slice of a register of bank `B`, always a valid one. `sve::Z` is `Register<bank::Z>`.
///
/// On today's hardware a register has one slice, slice 0; that is what a register's name alone
/// stands for.
pub struct Register<B> {
    number: u16,
    slice: u16,
    bank: PhantomData<B>,
}

impl<B: BankType> Register<B> {
    /// For generated code, in constants: a number out of range does not compile.
    #[doc(hidden)]
    pub const fn constant(number: u16, slice: u16) -> Self {
        assert!(number < B::BANK.max_count && slice < B::BANK.slices);
        Self {
            number,
            slice,
            bank: PhantomData,
        }
    }

    /// For generated code, of what was decoded.
    #[doc(hidden)]
    pub const fn at(location: Location) -> Self {
        Self {
            number: location.number,
            slice: location.slice,
            bank: PhantomData,
        }
    }

    /// Slice 0 of the register with this number.
    pub const fn new(number: u32) -> Result<Self, RegisterError> {
        Self::with_slice(number, 0)
    }

    /// The given slice of the register with this number.
    pub const fn with_slice(number: u32, slice: u32) -> Result<Self, RegisterError> {
        if number >= B::BANK.max_count as u32 {
            return Err(RegisterError::Number {
                bank: B::BANK,
                number,
            });
        }
        if slice >= B::BANK.slices as u32 {
            return Err(RegisterError::Slice {
                bank: B::BANK,
                slice,
            });
        }
        // Both are below a `u16`.
        #[allow(clippy::cast_possible_truncation)]
        Ok(Self {
            number: number as u16,
            slice: slice as u16,
            bank: PhantomData,
        })
    }

    /// Slice 0 of every register of the bank, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..B::BANK.max_count).map(|number| Self::constant(number, 0))
    }

    /// The register's number within its bank.
    pub const fn number(self) -> u16 {
        self.number
    }

    /// The index of the slice.
    pub const fn slice(self) -> u16 {
        self.slice
    }

    /// The 64-bit ID that ONE_REG takes.
    pub const fn id(self) -> u64 {
        B::BANK.id(B::Layout::PREFIX, self.number, self.slice)
    }

    /// The register's row in the layout's bounds table.
    pub const fn index(self) -> usize {
        B::FIRST + self.number as usize
    }
}

// Written out because a derive would ask the same of `B`.
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

/// `Z3`, `FFR`; with the slice where it is not slice 0: `Z3 slice 1`.
impl<B: BankType> fmt::Display for Register<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        B::BANK.write_name(f, self.number)?;
        match self.slice {
            0 => Ok(()),
            i => write!(f, " slice {i}"),
        }
    }
}

impl<B: BankType> From<Register<B>> for u64 {
    fn from(register: Register<B>) -> u64 {
        register.id()
    }
}

/// Why there is no such register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterError {
    /// The bank has no register of this number.
    Number {
        /// The bank.
        bank: Bank,
        /// The number asked for.
        number: u32,
    },
    /// Registers of this bank have no slice of this index.
    Slice {
        /// The bank.
        bank: Bank,
        /// The index asked for.
        slice: u32,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number { bank, number } if bank.numbered => write!(
                f,
                "register {name}{number}: the bank has {name}0 to {name}{last}",
                name = bank.name,
                last = bank.max_count - 1,
            ),
            Self::Number { bank, number } => write!(
                f,
                "register {name} number {number}: there is one {name}, number 0",
                name = bank.name,
            ),
            Self::Slice { bank, slice } if bank.slices == 1 => write!(
                f,
                "slice {slice} of register {}: slice 0 is the only one",
                bank.name,
            ),
            Self::Slice { bank, slice } => write!(
                f,
                "slice {slice} of register {}: slices are 0 to {}",
                bank.name,
                bank.slices - 1,
            ),
        }
    }
}

impl core::error::Error for RegisterError {}
