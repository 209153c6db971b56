//! Memory that is known to be an image, and the addresses of slices in it.
//!
//! Why a kernel may be called here, in three parts:
//!
//! 1. The memory is as large as the image of its layout at its VQ: [`Checked::new`] compares, and
//!    [`Storage`] is sealed, so that it stays so.
//! 2. At that VQ every register that is there lies inside the image, and the kernels in its bank's
//!    place have its lengths and the right instruction set: [`check_layout`], by the compiler, for
//!    every VQ. A view's registers are there at the smallest VQ, and so at every one: [`check_view`].
//! 3. The address is that of a register that is there, or the kernel copies nothing: the arithmetic
//!    of [`Checked::locate`], on numbers below the bank's count of IDs, and of [`Number::below`], on
//!    numbers below the view's.

#![allow(unsafe_code)]

use core::hint::black_box;
use core::marker::PhantomData;

use super::kernel::{FULL, PARTS, PAST, REST};
use super::{ISAS, Kernel, Leaf, Native, isa};
use crate::image::{ImageError, Storage};
use crate::layout::{
    Bank, BankType, Bounds, ByteArray, InImage, Layout, PerVq, Place, Register, ViewOf,
    first_register, image_bytes, registers, row, slices_bytes,
};
use crate::vq::Vq;

/// Memory `S` that is as large as the image of layout `L` at `vq`.
#[derive(Clone, Copy)]
pub(crate) struct Checked<L, S> {
    bytes: S,
    vq: Vq,
    /// The table's row for `vq`: as many as [`registers`].
    bounds: &'static [Bounds],
    /// Likewise, from those for this processor: bank `b` has its own at `b * STRIDE`.
    kernels: &'static [Kernel],
    /// Of no layout but this, not even one that the compiler takes for a subtype.
    layout: PhantomData<fn(L) -> L>,
}

/// The number of a register that bank `B` has, by arithmetic: not even a processor that has guessed
/// a branch wrongly gets past it.
struct Number<B>(u16, PhantomData<B>);

impl<B: InImage> Number<B> {
    fn of(number: u16) -> Self {
        const { check_bank::<B>() };
        let last = const { bank::<B>().max_count - 1 };
        Self(number.min(last), PhantomData)
    }

    /// Of the register below one of a view, which is there at every VQ.
    fn below<V: ViewOf<Target = B>>(number: u16) -> Self {
        const { check_view::<V>() };
        let last = const { bank::<V>().max_count - 1 };
        Self(number.min(last), PhantomData)
    }
}

impl<L, S: PartialEq> PartialEq for Checked<L, S> {
    fn eq(&self, other: &Self) -> bool {
        (self.vq, &self.bytes) == (other.vq, &other.bytes)
    }
}
impl<L, S: Eq> Eq for Checked<L, S> {}

/// From the kernels of one bank to the next one's.
const STRIDE: usize = ISAS * PARTS;

impl<L: Layout, S: Storage> Checked<L, S> {
    pub(crate) fn new(vq: Vq, bytes: S) -> Result<Self, ImageError> {
        const { check_layout::<L>() };
        let row = row::<L>(vq)?;
        let (expected, found) = (image_bytes(L::BANKS, vq.get()), bytes.as_ref().len());
        if found != expected {
            return Err(ImageError::Size {
                vq,
                expected,
                found,
            });
        }
        Ok(Self {
            bytes,
            vq,
            bounds: L::BOUNDS.split_at(row * registers(L::BANKS)).1,
            kernels: &L::KERNELS[row * L::BANKS.len()..]
                .as_flattened()
                .as_flattened()[isa() * PARTS..],
            layout: PhantomData,
        })
    }

    pub(crate) fn vq(&self) -> Vq {
        self.vq
    }

    /// The tables' row of bounds for its VQ.
    pub(crate) fn bounds(&self) -> &'static [Bounds] {
        self.bounds
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    pub(crate) fn into_inner(self) -> S {
        self.bytes
    }

    /// Where a register starts in the image.
    fn start<B: InImage<Layout = L>>(&self, number: Number<B>) -> usize {
        let index = const { first_register(L::BANKS, B::INDEX) } + usize::from(number.0);
        // SAFETY: the row has a line for each register of each bank of the image, of which `B` is
        // one: `check_layout` and `check_bank`.
        let bounds = unsafe { self.bounds.get_unchecked(index) };
        bounds.start as usize
    }

    /// Where a slice starts, and what moves it.
    fn locate<B: InImage<Layout = L>>(&self, register: Register<B>) -> (usize, &'static Kernel) {
        let Bank {
            count,
            width,
            slice_bytes,
            ..
        } = *const { bank::<B>() };
        let (vq, number) = (self.vq.get(), Number::<B>::of(register.number()));
        // A register that this VQ does not have is all past its end.
        let absent = u32::from(u32::from(number.0) >= count.at(vq));
        let slice = u32::from(register.slice()) | absent << u16::BITS;
        let later = if width.at(L::VQ_MAX) <= slice_bytes {
            PAST
        } else {
            let full = width.at(vq) / slice_bytes;
            FULL + usize::from(slice >= full) + usize::from(slice > full)
        };
        let part = later * usize::from(slice != 0);
        // SAFETY: the row has `STRIDE` kernels for each bank, `PARTS` for this processor:
        // `check_layout` and `check_bank`. `part` is below `PARTS`.
        let kernel = unsafe { self.kernels.get_unchecked(B::INDEX * STRIDE + part) };
        let skipped = slice.wrapping_mul(slice_bytes) as usize;
        (self.start(number).wrapping_add(skipped), kernel)
    }

    /// GET: the register's bytes, then zeros.
    pub(crate) fn get<B: InImage<Layout = L>>(&self, register: Register<B>, slice: &mut B::Slice) {
        let (start, kernel) = self.locate(register);
        let from = self.bytes().as_ptr().wrapping_add(start);
        // SAFETY: of the three parts above, the kernel reads inside the image; `check_bank` has
        // compared the size of `B::Slice`, which it writes; a shared and a unique borrow do not
        // overlap.
        unsafe { (kernel.get)(from, slice.as_mut().as_mut_ptr()) };
    }

    /// The low bits of the register below.
    pub(crate) fn get_view<V>(&self, register: Register<V>, value: &mut V::Value)
    where
        V: ViewOf,
        V::Target: InImage<Layout = L>,
    {
        let start = self.start(Number::below::<V>(register.number()));
        let from = self.bytes().as_ptr().wrapping_add(start);
        // SAFETY: `check_view` has found that the view's registers, of which `below` gives one, lie
        // inside registers that are there at every VQ, and compared the size of `V::Value`.
        unsafe { Native::copy(from, value.as_mut().as_mut_ptr(), V::Value::BYTES) };
    }

    /// GET of all slices with a register's bytes in them, one after the other.
    pub(crate) fn expand(&self, slices: &mut [u8]) -> Result<(), ImageError> {
        self.check_slices(slices.len())?;
        let to = slices.as_mut_ptr();
        Self::for_each_run(self.vq, self.kernels, |run| {
            let from = self.bytes().as_ptr().wrapping_add(run.image);
            // SAFETY: the runs follow each other, and add up to the image and to the slices, whose
            // size has just been compared; a shared and a unique borrow do not overlap.
            unsafe { (run.kernel.expand)(from, to.wrapping_add(run.slices), run.count) };
        });
        Ok(())
    }

    fn check_slices(&self, found: usize) -> Result<(), ImageError> {
        let expected = slices_bytes(L::BANKS, self.vq.get());
        if found != expected {
            return Err(ImageError::Slices {
                vq: self.vq,
                expected,
                found,
            });
        }
        Ok(())
    }

    /// Hands out the whole image as runs of slices of one kernel. A bank is one run where its
    /// registers fill their slices, or fit in one; otherwise each register is two, its full slices
    /// and its last one.
    ///
    /// Not a method: `pack` writes to the memory of `self` meanwhile.
    fn for_each_run(vq: Vq, kernels: &'static [Kernel], mut act: impl FnMut(Run)) {
        let vq = vq.get();
        let (mut image, mut slices) = (0, 0);
        for (bank, kernels) in L::BANKS.iter().zip(kernels.chunks(STRIDE)) {
            if !matches!(bank.place, Place::Image) {
                continue;
            }
            let (count, width) = (bank.count.at(vq) as usize, bank.width.at(vq) as usize);
            // A slice is a power of two.
            let full = width >> bank.slice_bytes.trailing_zeros();
            let rest = usize::from(width & (bank.slice_bytes as usize - 1) != 0);
            let mut run = |part: usize, count: usize| {
                let kernel = &kernels[part];
                act(Run {
                    image,
                    slices,
                    kernel,
                    count,
                });
                image += count * kernel.copy;
                slices += count * kernel.slice;
            };
            // Hidden from the compiler, which would give some vector lengths branches of their own.
            if black_box(full * rest) == 0 {
                run(FULL + rest, count * (full + rest));
                continue;
            }
            for _ in 0..count {
                run(FULL, full);
                run(REST, rest);
            }
        }
    }
}

/// Slices that one kernel moves: where they start in the image and among the slices, in bytes.
struct Run {
    image: usize,
    slices: usize,
    kernel: &'static Kernel,
    count: usize,
}

impl<L: Layout, S: Storage + AsMut<[u8]>> Checked<L, S> {
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.as_mut()
    }

    /// SET: the register's bytes, and no others.
    pub(crate) fn set<B: InImage<Layout = L>>(&mut self, register: Register<B>, slice: &B::Slice) {
        let (start, kernel) = self.locate(register);
        let to = self.bytes_mut().as_mut_ptr().wrapping_add(start);
        // SAFETY: as in `get`, with the two sides exchanged.
        unsafe { (kernel.set)(slice.as_ref().as_ptr(), to) };
    }

    /// The low bits of the register below; its others stay.
    pub(crate) fn set_view<V>(&mut self, register: Register<V>, value: &V::Value)
    where
        V: ViewOf,
        V::Target: InImage<Layout = L>,
    {
        let start = self.start(Number::below::<V>(register.number()));
        let to = self.bytes_mut().as_mut_ptr().wrapping_add(start);
        // SAFETY: as in `get_view`, with the two sides exchanged.
        unsafe { Native::copy(value.as_ref().as_ptr(), to, V::Value::BYTES) };
    }

    /// SET of all slices with a register's bytes in them.
    pub(crate) fn pack(&mut self, slices: &[u8]) -> Result<(), ImageError> {
        self.check_slices(slices.len())?;
        let (vq, kernels) = (self.vq, self.kernels);
        let to = self.bytes_mut().as_mut_ptr();
        Self::for_each_run(vq, kernels, |run| {
            let from = slices.as_ptr().wrapping_add(run.slices);
            // SAFETY: as in `expand`, with the two sides exchanged.
            unsafe { (run.kernel.pack)(from, to.wrapping_add(run.image), run.count) };
        });
        Ok(())
    }
}

/// Refuses, at compile time, a layout whose tables do not say what its banks do.
///
/// It also refuses numbers so large that sums of them wrap, here or at run time: in a release build
/// the compiler does not notice.
pub(super) const fn check_layout<L: Layout>() {
    assert!(L::VQ_MIN > 0 && L::VQ_MIN <= L::VQ_MAX, "a range of VQs");
    let (banks, vqs) = (L::BANKS, (L::VQ_MAX - L::VQ_MIN) as usize + 1);
    assert!(!banks.is_empty() && banks.len() <= 1 << 15, "some banks");
    let mut vq = L::VQ_MIN;
    check_sizes(banks, vq);
    while vq < L::VQ_MAX {
        vq += 1;
        check_sizes(banks, vq);
    }
    let bounds = vqs as u64 * registers(banks) as u64;
    assert!(L::BOUNDS.len() as u64 == bounds, "a row of bounds per VQ");
    let kernels = vqs as u64 * banks.len() as u64;
    assert!(
        L::KERNELS.len() as u64 == kernels,
        "a row of kernels per VQ"
    );
    let mut row = 0;
    while row < vqs {
        let mut b = 0;
        while b < banks.len() {
            check_bank_at::<L>(row, b);
            b += 1;
        }
        row += 1;
    }
}

/// The sizes at one VQ, without wrapping: what a layout takes fits in 31 bits. Quantities that do
/// not wrap do not shrink from one VQ to the next either.
const fn check_sizes(banks: &[Bank], vq: u16) {
    const fn at(quantity: PerVq, vq: u16) -> u64 {
        quantity.fixed as u64 + quantity.per_vq as u64 * vq as u64
    }
    const MOST: u64 = i32::MAX as u64;
    let (mut image, mut slices, mut b) = (0, 0, 0);
    while b < banks.len() {
        let (count, width) = (at(banks[b].count, vq), at(banks[b].width, vq));
        let slice = banks[b].slice_bytes as u64;
        assert!(slice.is_power_of_two(), "slices of a power of two");
        assert!(
            count <= banks[b].max_count as u64,
            "no more registers than IDs"
        );
        assert!(width <= MOST && slice <= MOST, "sizes of 31 bits");
        // So that `locate` tells a register that is not there from any slice.
        assert!(
            width / slice <= u16::MAX as u64,
            "slices with an index of 16 bits"
        );
        image += count * width;
        slices += count * width.div_ceil(slice) * slice;
        assert!(image <= MOST && slices <= MOST, "an image of 31 bits");
        b += 1;
    }
}

/// One bank at one VQ: its kernels, and that its registers follow each other, as
/// [`Checked::for_each_run`] takes them to.
// `row` counts vector lengths.
#[allow(clippy::cast_possible_truncation)]
const fn check_bank_at<L: Layout>(row: usize, b: usize) {
    let (bank, vq) = (&L::BANKS[b], L::VQ_MIN + row as u16);
    let (count, width) = (bank.count.at(vq), bank.width.at(vq));
    let slice = bank.slice_bytes as usize;
    let kernels = &L::KERNELS[row * L::BANKS.len() + b];
    let width = width as usize;
    let first = if width < slice { width } else { slice };
    let copies = [first, slice, width % slice, 0];
    let mut i = 0;
    while i < STRIDE {
        let Kernel {
            isa, copy, slice, ..
        } = kernels[i / PARTS][i % PARTS];
        assert!(isa == i / PARTS, "kernels of the instruction set");
        assert!(
            slice == bank.slice_bytes as usize,
            "kernels of the bank's slices"
        );
        assert!(copy == copies[i % PARTS], "kernels of the register's width");
        i += 1;
    }
    if !matches!(bank.place, Place::Image) {
        return;
    }
    let (first, size) = (first_register(L::BANKS, b), image_bytes(L::BANKS, vq));
    let at = image_bytes(L::BANKS.split_at(b).0, vq);
    let mut n = 0;
    while n < count as usize {
        let start = L::BOUNDS[row * registers(L::BANKS) + first + n].start as usize;
        assert!(start == at + n * width, "registers follow each other");
        assert!(start + width <= size, "registers lie in the image");
        n += 1;
    }
}

/// Refuses, at compile time, a bank that is not the one its layout has at that index.
const fn check_bank<B: InImage>() {
    let bank = bank::<B>();
    assert!(matches!(bank.place, Place::Image), "a bank of the image");
    assert!(bank.max_count > 0, "a bank of some registers");
    assert!(
        B::Slice::BYTES == bank.slice_bytes as usize,
        "the bank's slices"
    );
}

/// A bank as its layout has it.
const fn bank<B: BankType>() -> &'static Bank {
    &<B::Layout as Layout>::BANKS[B::INDEX]
}

/// Refuses, at compile time, a view whose registers do not all lie inside registers of its target.
#[track_caller]
pub(crate) const fn check_view<V: ViewOf>() {
    check_bank::<V::Target>();
    let (view, target) = (bank::<V>(), bank::<V::Target>());
    // Counts and widths do not shrink with the VQ: `check_layout`.
    let vq_min = <<V::Target as BankType>::Layout as Layout>::VQ_MIN;
    assert!(view.max_count > 0, "a view of some registers");
    assert!(
        view.max_count as u32 <= target.count.at(vq_min),
        "the view has more registers than the bank that it shows, at its smallest VQ"
    );
    assert!(
        V::Value::BYTES <= target.width.at(vq_min) as usize,
        "the view's registers are wider than those of the bank that it shows, at its smallest VQ"
    );
}
