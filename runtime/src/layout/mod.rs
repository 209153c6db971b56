//! What a register layout is, as data: the types that [`register_layout!`](crate::register_layout)
//! fills in, and the arithmetic on them.
//!
//! The macro emits descriptions ([`Bank`]) and names, and no logic. IDs, bounds and decoding are
//! written once, here, and hold for every layout. All of it is `const`, so that the tables are
//! computed by the compiler.
//!
//! Sizes are in bytes unless a name says otherwise.

mod decode;
mod register;

use core::fmt;
use core::hash::Hash;

#[doc(hidden)]
pub use crate::copy::{Kernel, Kernels};
use crate::vq::{Vq, VqError};
pub use decode::{DecodeError, Reason};
#[doc(hidden)]
pub use decode::{Entry, Hash as IdHash, Ids, Location, entries};
pub use register::{Register, RegisterError};

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

/// The bounds of slice 0 of every register of a layout, VQ after VQ: what
/// [`register_layout!`](crate::register_layout) computes at compile time.
///
/// `LEN` is the number of vector lengths times that of [`registers`]. Registers that a smaller VQ
/// does not have are empty.
pub const fn bounds_table<const LEN: usize>(banks: &[Bank], vq_min: u16) -> [Bounds; LEN] {
    let mut table = [Bounds {
        start: 0,
        copy: 0,
        flush: 0,
    }; LEN];
    let (mut vq, mut next) = (vq_min, 0);
    while next < LEN {
        let (mut at, mut b) = (0, 0);
        while b < banks.len() {
            let bank = &banks[b];
            if matches!(bank.place, Place::Image) {
                let mut n = 0;
                while n < bank.max_count as u32 {
                    // A register that this VQ does not have is empty: all of its slice is flushed.
                    let there = n < bank.count.at(vq);
                    let width = if there { bank.width.at(vq) } else { 0 };
                    table[next] = Bounds::of_slice(at, width, bank.slice_bytes, 0);
                    at += width;
                    next += 1;
                    n += 1;
                }
            }
            b += 1;
        }
        vq += 1;
    }
    table
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

/// The size in bytes of all slices that hold a register's bytes at this VQ: what
/// [`Image::expand`](crate::Image::expand) writes.
pub const fn slices_bytes(banks: &[Bank], vq: u16) -> usize {
    let (mut total, mut b) = (0, 0);
    while b < banks.len() {
        if matches!(banks[b].place, Place::Image) {
            let slices = banks[b].width.at(vq).div_ceil(banks[b].slice_bytes);
            total += banks[b].count.at(vq) * slices * banks[b].slice_bytes;
        }
        b += 1;
    }
    total as usize
}

/// For generated code: refuses, at compile time, a view whose registers do not all lie inside
/// registers of its target.
#[doc(hidden)]
#[track_caller]
pub const fn check_view<V: ViewOf>() {
    crate::copy::check_view::<V>();
}

/// The row of a layout's tables for a VQ.
pub(crate) fn row<L: Layout>(vq: Vq) -> Result<usize, VqError> {
    if (L::VQ_MIN..=L::VQ_MAX).contains(&vq.get()) {
        return Ok(usize::from(vq.get() - L::VQ_MIN));
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
    /// The bounds of slice 0 of every register, VQ after VQ: of each as many as there are
    /// [`registers`].
    const BOUNDS: &'static [Bounds];
    /// The copies of every bank, VQ after VQ.
    #[doc(hidden)]
    const KERNELS: &'static [Kernels];
    /// Its IDs, to decode one.
    #[doc(hidden)]
    const IDS: Ids;

    /// The register that a place in the layout names.
    #[doc(hidden)]
    fn reg(at: Location) -> Self::Reg;

    /// The register slice that any 64 bits name, or why they name none.
    fn decode(id: u64) -> Result<Self::Reg, DecodeError> {
        decode::locate::<Self>(id).map(Self::reg)
    }

    /// The bounds of slice 0 of every register at this VQ.
    fn bounds(vq: Vq) -> Result<&'static [Bounds], VqError> {
        let registers = registers(Self::BANKS);
        row::<Self>(vq).map(|row| &Self::BOUNDS[row * registers..][..registers])
    }

    /// The size of the packed image in bytes at this VQ.
    fn image_bytes(vq: Vq) -> Result<usize, VqError> {
        row::<Self>(vq).map(|_| image_bytes(Self::BANKS, vq.get()))
    }

    /// The size in bytes of all slices with a register's bytes in them, at this VQ. Of the
    /// [`sve`](crate::sve) layout these are 49 slices, and 8736 bytes, at every VQ.
    fn slices_bytes(vq: Vq) -> Result<usize, VqError> {
        row::<Self>(vq).map(|_| slices_bytes(Self::BANKS, vq.get()))
    }

    /// The IDs that exist at this VQ, in the layout's order: every register with every slice that
    /// holds at least a byte, views and pseudo-registers included. Of the [`sve`](crate::sve) layout
    /// these are the 50 that a vCPU enumerates (`KVM_GET_REG_LIST`).
    fn ids(vq: Vq) -> Result<impl Iterator<Item = u64>, VqError> {
        row::<Self>(vq)?;
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

/// `[u8; N]`, and nothing else: what a slice, or a register of a view, is handed over in.
pub trait ByteArray: Copy + AsRef<[u8]> + AsMut<[u8]> + sealed::Array {
    /// Its size in bytes.
    const BYTES: usize;
    /// All zero.
    const ZEROS: Self;

    /// As many bytes as an array, to write.
    fn from_slice_mut(bytes: &mut [u8]) -> Option<&mut Self>;
    /// As many bytes as an array.
    fn from_slice(bytes: &[u8]) -> Option<&Self>;
}

mod sealed {
    pub trait Array {}
    impl<const N: usize> Array for [u8; N] {}
}

impl<const N: usize> ByteArray for [u8; N] {
    const BYTES: usize = N;
    const ZEROS: Self = [0; N];

    fn from_slice_mut(bytes: &mut [u8]) -> Option<&mut Self> {
        bytes.try_into().ok()
    }

    fn from_slice(bytes: &[u8]) -> Option<&Self> {
        bytes.try_into().ok()
    }
}

/// A bank whose registers have a place in the layout's image.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no place in the register image",
    label = "not a register of the image",
    note = "a pseudo-register is read and written through ONE_REG alone; a view is read with `get_view`"
)]
pub trait InImage: BankType {
    /// One slice of a register: `[u8; N]`, N the slice's size in bytes.
    type Slice: ByteArray;
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
    type Value: ByteArray;
}

/// The bank of a register type: what `sve::Z` stands for where a bank is wanted.
pub trait RegisterType {
    /// The bank as a type.
    type Bank: BankType;
}

impl<B: BankType> RegisterType for Register<B> {
    type Bank = B;
}
