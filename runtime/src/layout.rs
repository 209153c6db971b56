//! What a register layout is, as data: the types that [`register_layout!`](crate::register_layout)
//! fills in, and the arithmetic on them.
//!
//! The macro emits descriptions ([`Bank`]) and names, and no logic. IDs, bounds and decoding are
//! written once, here, and hold for every layout. All of it is `const`, so that the tables are
//! computed by the compiler.
//!
//! Sizes are in bytes unless a name says otherwise.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use crate::vq::{Vq, VqError};

/// Bits 63:56 of a register ID, the architecture (`KVM_REG_ARCH_MASK`).
pub const ARCH_MASK: u64 = 0xff00_0000_0000_0000;
/// The architecture field of every arm64 register ID (`KVM_REG_ARM64`).
pub const ARCH_ARM64: u64 = 0x6000_0000_0000_0000;
/// Bits 55:52 of a register ID: log2 of the size in bytes (`KVM_REG_SIZE_MASK`).
pub const SIZE_MASK: u64 = 0x00f0_0000_0000_0000;
/// Where the size field starts (`KVM_REG_SIZE_SHIFT`).
pub const SIZE_SHIFT: u32 = 52;
/// Bits 27:16 of an arm64 register ID, the coprocessor (`KVM_REG_ARM_COPROC_MASK`).
pub const COPROC_MASK: u64 = 0x0000_0000_0fff_0000;
/// Where the coprocessor field starts (`KVM_REG_ARM_COPROC_SHIFT`).
pub const COPROC_SHIFT: u32 = 16;
/// Bits 15:0: what the coprocessor's own layout says.
pub const LOW_MASK: u64 = 0xffff;
/// Bits that belong to no field and are zero in every valid ID: 51:32 and 31:28.
pub const RESERVED_MASK: u64 = !(ARCH_MASK | SIZE_MASK | COPROC_MASK | LOW_MASK);

/// A quantity that is fixed, or grows with the vector length: `fixed + per_vq * VQ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PerVq {
    /// The part that does not depend on the vector length.
    pub fixed: u32,
    /// What each quadword of vector length adds.
    pub per_vq: u32,
}

impl PerVq {
    /// The value at this VQ.
    pub const fn at(self, vq: u16) -> u32 {
        self.fixed + self.per_vq * vq as u32
    }
}

/// Where a bank's registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the layout's packed image, after all banks declared before it.
    Image,
    /// In the low bits of the registers of another bank.
    View,
    /// Nowhere: an ID that stands for something else (a pseudo-register).
    None,
}

/// One line of a layout: a bank of like registers, and how their IDs and places follow from their
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bank {
    /// The architecture's name, without a number: `Z`, `P`, `FFR`.
    pub name: &'static str,
    /// Whether the bank is declared as an array, so that names carry a number (`Z3`, but `FFR`).
    pub numbered: bool,
    /// Bits 15:0 of the ID of register 0, slice 0.
    pub base: u16,
    /// From one register's ID to the next one's.
    pub step: u16,
    /// How many registers there are.
    pub count: PerVq,
    /// How many registers there are at the largest VQ: numbers below this have an ID.
    pub max_count: u16,
    /// How many slices of each register have an ID.
    pub slices: u16,
    /// What one ONE_REG call moves, in bytes: a power of two, as KVM's size field wants it.
    pub slice_bytes: u32,
    /// How wide a register is, in bytes.
    pub width: PerVq,
    /// Where the registers are kept.
    pub place: Place,
}

impl Bank {
    /// The ID of a slice, below the given architecture and coprocessor bits. The caller has checked
    /// both numbers.
    const fn id(&self, prefix: u64, number: u16, slice: u16) -> u64 {
        let size_log2 = self.slice_bytes.trailing_zeros() as u64;
        let low = self.base as u64 + number as u64 * self.step as u64 + slice as u64;
        prefix | size_log2 << SIZE_SHIFT | low
    }

    /// `Z3`, `FFR`.
    fn write_name(&self, f: &mut fmt::Formatter<'_>, number: u16) -> fmt::Result {
        f.write_str(self.name)?;
        if self.numbered {
            write!(f, "{number}")?;
        }
        Ok(())
    }

    /// How many bytes of the image the bank takes at this VQ.
    const fn image_bytes(&self, vq: u16) -> u32 {
        match self.place {
            Place::Image => self.count.at(vq) * self.width.at(vq),
            Place::View | Place::None => 0,
        }
    }

    /// The register and slice that bits 15:0 of an ID name, whatever its size field says.
    const fn locate(&self, low: u16) -> Option<(u16, u16)> {
        // Compared this way round, no sum can overflow.
        if low < self.base {
            return None;
        }
        let offset = low - self.base;
        let (number, slice) = (offset / self.step, offset % self.step);
        if number < self.max_count && slice < self.slices {
            Some((number, slice))
        } else {
            None
        }
    }
}

/// Where one slice of a register lies in the image, in bytes, and how a GET fills its buffer.
///
/// ```text
///            ├── copy ──┤
/// image  ····█▒▒▒▒▒▒▒▒▒▒█····      start: from the beginning of the image
/// slice      ├── copy ──┤├─ flush ─┤
/// ```
///
/// `copy + flush` is the bank's slice size. A GET writes `copy` bytes from the image and `flush`
/// zero bytes; a SET reads `copy` bytes and ignores the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Bounds {
    /// Where the slice's bytes start in the image.
    pub start: u32,
    /// How many bytes the image and the slice share.
    pub copy: u32,
    /// How many bytes of the slice lie past the register's end.
    pub flush: u32,
}

impl Bounds {
    /// The bounds of slice `index`, for slices of `slice_bytes`, of a register at `offset` in the
    /// image and `width` wide.
    pub const fn of_slice(offset: u32, width: u32, slice_bytes: u32, index: u16) -> Self {
        // A slice past the register's end starts at that end and is empty, so that no bounds
        // point outside the register, whatever the index.
        let skipped = (index as u32).saturating_mul(slice_bytes);
        let skipped = if skipped < width { skipped } else { width };
        let left = width - skipped;
        let copy = if left < slice_bytes {
            left
        } else {
            slice_bytes
        };
        Self {
            start: offset + skipped,
            copy,
            flush: slice_bytes - copy,
        }
    }
}

/// The bounds of slice 0 of every register of a layout, for each VQ: what
/// [`register_layout!`](crate::register_layout) computes at compile time.
///
/// `REGISTERS` counts the registers at the largest VQ, `VQS` the vector lengths. Registers that a
/// smaller VQ does not have are empty.
pub const fn bounds_tables<const REGISTERS: usize, const VQS: usize>(
    banks: &[Bank],
    vq_min: u16,
) -> [[Bounds; REGISTERS]; VQS] {
    let mut tables = [[Bounds {
        start: 0,
        copy: 0,
        flush: 0,
    }; REGISTERS]; VQS];
    let mut row = 0;
    while row < VQS {
        // `row` counts vector lengths, of which there are at most 512.
        #[allow(clippy::cast_possible_truncation)]
        let vq = vq_min + row as u16;
        let (mut at, mut first, mut b) = (0, 0, 0);
        while b < banks.len() {
            let bank = &banks[b];
            if matches!(bank.place, Place::Image) {
                let width = bank.width.at(vq);
                let mut n = 0;
                while n < bank.max_count as usize {
                    // A register that this VQ does not have is empty: all of its slice is flushed.
                    let there = n < bank.count.at(vq) as usize;
                    let width = if there { width } else { 0 };
                    tables[row][first + n] = Bounds::of_slice(at, width, bank.slice_bytes, 0);
                    at += width;
                    n += 1;
                }
                first += bank.max_count as usize;
            }
            b += 1;
        }
        row += 1;
    }
    tables
}

/// The tables as slices, one for each VQ: what [`Layout::BOUNDS`] holds.
pub const fn rows<const REGISTERS: usize, const VQS: usize>(
    tables: &'static [[Bounds; REGISTERS]; VQS],
) -> [&'static [Bounds]; VQS] {
    let mut rows: [&[Bounds]; VQS] = [&[]; VQS];
    let mut row = 0;
    while row < VQS {
        rows[row] = &tables[row];
        row += 1;
    }
    rows
}

/// The size of the packed image in bytes at this VQ.
pub const fn image_bytes(banks: &[Bank], vq: u16) -> usize {
    let (mut total, mut b) = (0, 0);
    while b < banks.len() {
        total += banks[b].image_bytes(vq);
        b += 1;
    }
    total as usize
}

/// How many registers with a place in the image the banks have, at the largest VQ.
pub const fn registers(banks: &[Bank]) -> usize {
    first_register(banks, banks.len())
}

/// How many registers with a place in the image the first `n` banks have, at the largest VQ: the
/// row of the bounds table at which bank `n` starts.
pub const fn first_register(banks: &[Bank], n: usize) -> usize {
    let (mut total, mut b) = (0, 0);
    while b < n {
        if matches!(banks[b].place, Place::Image) {
            total += banks[b].max_count as usize;
        }
        b += 1;
    }
    total
}

/// Refuses, at compile time, a view whose registers do not all lie inside registers of its target.
#[track_caller]
pub const fn check_view<V: ViewOf>() {
    let (view, target) = (V::BANK, <V::Target as BankType>::BANK);
    let vq_min = <<V::Target as BankType>::Layout as Layout>::VQ_MIN;
    assert!(
        view.max_count as u32 <= target.count.at(vq_min),
        "the view has more registers than the bank that it shows, at its smallest VQ"
    );
    assert!(
        view.width.at(vq_min) <= target.width.at(vq_min),
        "the view's registers are wider than those of the bank that it shows, at its smallest VQ"
    );
}

/// A layout: the type that [`register_layout!`](crate::register_layout) generates as `Layout` in
/// the layout's module.
pub trait Layout: Copy + fmt::Debug + Sized + 'static {
    /// Any register slice of the layout, decoded from an ID.
    type Reg: Copy + fmt::Debug + Eq;

    /// The layout's name, that of its module.
    const NAME: &'static str;
    /// The architecture and coprocessor fields of its IDs.
    const PREFIX: u64;
    /// The smallest VQ that it describes.
    const VQ_MIN: u16;
    /// The largest VQ that it describes.
    const VQ_MAX: u16;
    /// Its banks, in the order of the image.
    const BANKS: &'static [Bank];
    /// The bounds of slice 0 of every register, a row for each VQ from [`VQ_MIN`](Self::VQ_MIN).
    const BOUNDS: &'static [&'static [Bounds]];

    /// The register that a place in the layout names; [`locate`](Self::locate) has checked it.
    #[doc(hidden)]
    fn reg(at: Location) -> Self::Reg;

    /// The register slice that any 64 bits name, or why they name none.
    fn decode(id: u64) -> Result<Self::Reg, DecodeError> {
        locate::<Self>(id).map(Self::reg)
    }

    /// The row of the bounds table for this VQ.
    fn bounds(vq: Vq) -> Result<&'static [Bounds], VqError> {
        vq.get()
            .checked_sub(Self::VQ_MIN)
            .and_then(|row| Self::BOUNDS.get(usize::from(row)))
            .copied()
            .ok_or(VqError {
                vq: u32::from(vq.get()),
                min: Self::VQ_MIN,
                max: Self::VQ_MAX,
            })
    }

    /// The size of the packed image in bytes at this VQ.
    fn image_bytes(vq: Vq) -> Result<usize, VqError> {
        Self::bounds(vq).map(|_| image_bytes(Self::BANKS, vq.get()))
    }

    /// The IDs that exist at this VQ, in the layout's order: every register with every slice that
    /// holds at least a byte, views and pseudo-registers included. Of the [`sve`](crate::sve) layout
    /// these are the 50 that a vCPU enumerates (`KVM_GET_REG_LIST`).
    fn ids(vq: Vq) -> Result<impl Iterator<Item = u64>, VqError> {
        Self::bounds(vq)?;
        let vq = vq.get();
        Ok(Self::BANKS.iter().flat_map(move |bank| {
            let slices = bank.width.at(vq).div_ceil(bank.slice_bytes);
            (0..bank.count.at(vq)).flat_map(move |n| {
                (0..slices).map(move |i| {
                    // The macro holds both below 2^16.
                    #[allow(clippy::cast_possible_truncation)]
                    bank.id(Self::PREFIX, n as u16, i as u16)
                })
            })
        }))
    }
}

/// A place in a layout: bank, register number and slice, all within range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Index into [`Layout::BANKS`].
    pub bank: usize,
    /// The register's number within the bank.
    pub number: u16,
    /// The slice's index within the register.
    pub slice: u16,
}

fn locate<L: Layout>(id: u64) -> Result<Location, DecodeError> {
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
    for (bank, b) in L::BANKS.iter().enumerate() {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl core::error::Error for DecodeError {}

/// A bank as a type, so that a Z register and a P register are different types too. Implemented by
/// [`register_layout!`](crate::register_layout) for each bank of a layout.
pub trait BankType: Copy + fmt::Debug + Eq + Ord + Hash + 'static {
    /// The layout that the bank belongs to.
    type Layout: Layout;
    /// Index into [`Layout::BANKS`].
    const INDEX: usize;
    /// The bank's description.
    const BANK: Bank = Self::Layout::BANKS[Self::INDEX];
    /// The bank's first row in the bounds table (for banks with a place in the image).
    const FIRST: usize = first_register(Self::Layout::BANKS, Self::INDEX);
}

/// A bank whose registers have a place in the layout's image.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no place in the register image",
    label = "not a register of the image",
    note = "a pseudo-register is read and written through ONE_REG alone; a view is read with `get_view`"
)]
pub trait InImage: BankType {
    /// One slice of a register: `[u8; N]`, N the slice's size in bytes.
    type Slice: Copy + AsRef<[u8]> + AsMut<[u8]>;
    /// A slice of zeros.
    const ZEROS: Self::Slice;
}

/// A bank whose registers are the low bits of another bank's.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view of other registers",
    label = "not a view"
)]
pub trait ViewOf: BankType {
    /// The bank that it shows, register for register.
    type Target: InImage;
    /// A whole register: `[u8; N]`, N its size in bytes.
    type Value: Copy + AsRef<[u8]> + AsMut<[u8]>;
    /// A register of zeros.
    const ZEROS: Self::Value;
}

/// The bank of a register type: what `sve::Z` stands for where a bank is wanted.
pub trait RegisterType {
    /// The bank as a type.
    type Bank: BankType;
}

impl<B: BankType> RegisterType for Register<B> {
    type Bank = B;
}

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
