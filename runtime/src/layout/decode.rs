//! From any 64 bits to a register, or to the reason why they name none.
//!
//! An ID comes from outside, so the way in is by arithmetic: its bits pick an entry of a table, whose
//! size is a power of two, and one comparison says whether the entry is that ID's. Whatever a
//! processor guesses about the comparison, the entry's number is one that the bank has. Why an ID is
//! none is found out only afterwards, bank by bank.

use core::fmt;

use super::{
    ARCH_ARM64, ARCH_MASK, Bank, COPROC_MASK, COPROC_SHIFT, LOW_MASK, Layout, RESERVED_MASK,
    SIZE_MASK, SIZE_SHIFT,
};

/// A place in a layout: bank, register number and slice, all within range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    bank: u16,
    pub(super) number: u16,
    pub(super) slice: u16,
}

impl Location {
    /// Index into [`Layout::BANKS`].
    pub const fn bank(self) -> u16 {
        self.bank
    }
}

/// How an ID picks its entry: `(id >> shift ^ size field << fold) % size`.
///
/// `shift` drops what tells slices apart, `fold` parts IDs that differ in the size field alone.
#[derive(Clone, Copy, Debug)]
pub struct Hash {
    shift: u32,
    fold: u32,
    size: usize,
}

/// The largest table, in entries. A layout that does not fit is decoded bank by bank.
const MAX_ENTRIES: usize = 4096;

impl Hash {
    /// The smallest table, a power of two, in which every register has one slot to itself.
    pub const fn of(banks: &[Bank], prefix: u64) -> Self {
        let (mut registers, mut b) = (0, 0);
        while b < banks.len() {
            registers += banks[b].max_count as usize;
            b += 1;
        }
        let mut size = registers.next_power_of_two();
        while size <= MAX_ENTRIES {
            let mut i = 0;
            while i < 16 * 16 {
                // The largest shift first: where it is too large, that shows soonest.
                let hash = Self {
                    shift: 15 - i / 16,
                    fold: i % 16,
                    size,
                };
                if hash.parts(banks, prefix) {
                    return hash;
                }
                i += 1;
            }
            size *= 2;
        }
        Self {
            shift: 0,
            fold: 0,
            size: 1,
        }
    }

    /// How many entries the table has.
    pub const fn size(self) -> usize {
        self.size
    }

    // Below `size`.
    #[allow(clippy::cast_possible_truncation)]
    const fn slot(self, id: u64) -> usize {
        let size_field = (id & SIZE_MASK) >> SIZE_SHIFT;
        ((id >> self.shift) ^ (size_field << self.fold)) as usize & (self.size - 1)
    }

    /// Whether all slices of a register have the same slot, and no two registers have.
    const fn parts(self, banks: &[Bank], prefix: u64) -> bool {
        let mut taken = [false; MAX_ENTRIES];
        let mut b = 0;
        while b < banks.len() {
            let mut number = 0;
            while number < banks[b].max_count {
                let slot = self.slot(banks[b].id(prefix, number, 0));
                let last = self.slot(banks[b].id(prefix, number, banks[b].slices - 1));
                if taken[slot] || slot != last {
                    return false;
                }
                taken[slot] = true;
                number += 1;
            }
            b += 1;
        }
        true
    }
}

/// What stands in a slot: a register, with the ID of its slice 0.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    id: u64,
    /// 0 in a slot where no register stands.
    slices: u16,
    number: u16,
    bank: u16,
}

/// The table for a hash of that size, made from the same banks.
pub const fn entries<const SIZE: usize>(hash: Hash, banks: &[Bank], prefix: u64) -> [Entry; SIZE] {
    let mut entries = [Entry {
        id: 0,
        slices: 0,
        number: 0,
        bank: 0,
    }; SIZE];
    // With a single entry there is no table.
    let mut b = if SIZE > 1 { 0 } else { banks.len() };
    while b < banks.len() {
        let mut number = 0;
        while number < banks[b].max_count {
            let id = banks[b].id(prefix, number, 0);
            entries[hash.slot(id)] = Entry {
                id,
                slices: banks[b].slices,
                number,
                // A layout has fewer than 2^16 registers, and so banks.
                #[allow(clippy::cast_possible_truncation)]
                bank: b as u16,
            };
            number += 1;
        }
        b += 1;
    }
    entries
}

/// The IDs of a layout, to look one up.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    hash: Hash,
    entries: &'static [Entry],
}

impl Ids {
    /// Of a hash and its table.
    pub const fn new(hash: Hash, entries: &'static [Entry]) -> Self {
        assert!(entries.len() == hash.size, "a table of the hash's size");
        Self { hash, entries }
    }

    #[inline]
    fn find(&self, id: u64) -> Option<Location> {
        let entry = &self.entries[self.hash.slot(id)];
        let slice = id.wrapping_sub(entry.id);
        // The whole ID is compared: any other bit makes the difference too large.
        (slice < u64::from(entry.slices)).then_some(Location {
            bank: entry.bank,
            number: entry.number,
            // Below `slices`.
            #[allow(clippy::cast_possible_truncation)]
            slice: slice as u16,
        })
    }
}

/// The place that any 64 bits name in a layout, or why they name none.
#[inline]
pub(super) fn locate<L: Layout>(id: u64) -> Result<Location, DecodeError> {
    match const { &L::IDS }.find(id) {
        Some(location) => Ok(location),
        None => search::<L>(id),
    }
}

/// The same from the banks alone: for the reason, and for what has no table.
#[cold]
#[inline(never)]
fn search<L: Layout>(id: u64) -> Result<Location, DecodeError> {
    let error = |reason| Err(DecodeError { id, reason });
    if id & ARCH_MASK != ARCH_ARM64 {
        return error(Reason::Architecture);
    }
    if id & RESERVED_MASK != 0 {
        return error(Reason::ReservedBits);
    }
    if id & COPROC_MASK != L::PREFIX & COPROC_MASK {
        return error(Reason::Coprocessor {
            expected: coproc(L::PREFIX),
        });
    }
    let low = (id & LOW_MASK) as u16;
    let size_log2 = ((id & SIZE_MASK) >> SIZE_SHIFT) as u32;
    let mut found = None;
    for (bank, b) in (0..).zip(L::BANKS) {
        if let Some((number, slice)) = b.locate(low) {
            if b.slice_bytes.trailing_zeros() == size_log2 {
                return Ok(Location {
                    bank,
                    number,
                    slice,
                });
            }
            found = Some((*b, number));
        }
    }
    error(match found {
        Some((bank, number)) => Reason::Size { bank, number },
        None => Reason::NoRegister,
    })
}

// 12 bits.
#[allow(clippy::cast_possible_truncation)]
const fn coproc(id: u64) -> u16 {
    ((id & COPROC_MASK) >> COPROC_SHIFT) as u16
}

/// Why 64 bits are no register ID of a layout.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecodeError {
    /// The ID in question.
    pub id: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with an ID; the first of these that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        let id = self.id;
        write!(f, "register ID {id:#018x}: ")?;
        match self.reason {
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

/// The message: an ID in decimal says nothing to anyone.
impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl core::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::Ids;
    use crate::layout::Layout;
    use crate::{Vq, fpsimd, sve};

    /// Every valid ID, slices included, is found in the table: none takes the slow way.
    #[test]
    fn the_tables_are_complete() {
        fn count<L: Layout>(slices: u64) -> usize {
            let ids = L::ids(Vq::MIN).expect("a VQ of the layout");
            let find = |id| Ids::find(&L::IDS, id).is_some();
            let single = |id: &u64| id & 0xffff == 0xffff;
            let of = |id: u64| (0..if single(&id) { 1 } else { slices }).map(move |i| id + i);
            ids.flat_map(of).filter(|id| find(*id)).count()
        }
        assert_eq!(count::<sve::Layout>(32), 49 * 32 + 1);
        assert_eq!(count::<fpsimd::Layout>(1), 32 + 2);
    }
}
