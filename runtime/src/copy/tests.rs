//! One suite for the kernels of every instruction set, against loops over bytes; and what the
//! compiler refuses to make a view of.

#![allow(unsafe_code)]

use alloc::vec;
use alloc::vec::Vec;

use super::checked::check_layout;
use super::kernel::Kernel;
use super::portable::Portable;
use super::{Kernels, Native};
use crate::layout::{Bank, Bounds, Ids, Layout, Location, PerVq};
use crate::{Image, Vq, sve};

/// Kernels of the same lengths, one for each instruction set that this processor has.
fn of<const COPY: usize, const SLICE: usize>() -> Vec<Kernel> {
    #[allow(unused_mut)] // Not on every target is there a third.
    let mut kernels = vec![
        Kernel::of::<Portable, COPY, SLICE>(),
        Kernel::of::<Native, COPY, SLICE>(),
    ];
    #[cfg(all(
        target_arch = "x86_64",
        target_feature = "sse2",
        not(target_env = "sgx")
    ))]
    if super::avx::detected() {
        kernels.push(super::avx::kernel::<COPY, SLICE>());
    }
    kernels
}

/// Bytes that differ from their neighbours, and from those of another seed.
fn pattern(seed: usize, n: usize) -> Vec<u8> {
    let byte = |i: usize| u8::try_from((i * 7 + seed * 31) % 251 + 1).expect("below 252");
    (0..n).map(byte).collect()
}

/// What lies around the bytes in question, and must stay.
const AROUND: usize = 300;

/// Runs `act` on `source`, exactly as large as it is, and on a target of `size` bytes with others
/// around it, at every alignment that matters. Gives back the target.
fn run(source: &[u8], size: usize, act: impl Fn(*const u8, *mut u8)) -> Vec<u8> {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for offset in 0..17 {
        let before = pattern(2, AROUND + offset + size + AROUND);
        let source = [&pattern(3, offset), source].concat().into_boxed_slice();
        let mut after = before.clone();
        let (start, end) = (AROUND + offset, AROUND + offset + size);
        act(source[offset..].as_ptr(), after[start..end].as_mut_ptr());
        assert_eq!(after[..start], before[..start], "before the target");
        assert_eq!(after[end..], before[end..], "behind the target");
        let target = after[start..end].to_vec();
        // Where the target keeps bytes, they are the pattern's at that place: compare without them.
        let kept = target.iter().zip(&before[start..end]);
        seen.push(kept.map(|(a, b)| if a == b { 0xee } else { *a }).collect());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "the same at every alignment");
    seen.remove(0)
}

fn check<const COPY: usize, const SLICE: usize>() {
    for kernel in of::<COPY, SLICE>() {
        assert_eq!((kernel.copy, kernel.slice), (COPY, SLICE));
        for count in [0, 1, 2, 5] {
            // Bytes above the pattern's: a byte kept is told from one copied.
            let image: Vec<u8> = (0..count * COPY)
                .map(|i| [252, 253, 254, 255][i % 4])
                .collect();
            let slices: Vec<u8> = (0..count * SLICE).map(|i| [252, 253, 254][i % 3]).collect();
            let mut expanded = Vec::new();
            let mut packed = Vec::new();
            for n in 0..count {
                for i in 0..SLICE {
                    expanded.push(if i < COPY { image[n * COPY + i] } else { 0 });
                    if i < COPY {
                        packed.push(slices[n * SLICE + i]);
                    }
                }
            }
            let found = run(&image, count * SLICE, |from, to| {
                // SAFETY: `image` has `count * COPY` bytes, the target `count * SLICE`.
                unsafe { (kernel.expand)(from, to, count) };
            });
            assert_eq!(found, expanded, "expand {count} of {COPY} in {SLICE}");
            let found = run(&slices, count * COPY, |from, to| {
                // SAFETY: `slices` has `count * SLICE` bytes, the target `count * COPY`.
                unsafe { (kernel.pack)(from, to, count) };
            });
            assert_eq!(found, packed, "pack {count} of {COPY} in {SLICE}");
            if count == 1 {
                // SAFETY: as above, once.
                let found = run(&image, SLICE, |from, to| unsafe { (kernel.get)(from, to) });
                assert_eq!(found, expanded, "get {COPY} in {SLICE}");
                // SAFETY: as above, once.
                let found = run(&slices, COPY, |from, to| unsafe { (kernel.set)(from, to) });
                assert_eq!(found, packed, "set {COPY} in {SLICE}");
            }
        }
    }
}

macro_rules! check {
    ($slice:literal: $($copy:literal)*) => { $(check::<$copy, $slice>();)* };
}

#[test]
fn kernels_move_what_loops_over_bytes_move() {
    check!(1: 0 1);
    check!(2: 0 1 2);
    check!(4: 0 1 2 3 4);
    check!(8: 0 1 2 3 4 5 6 7 8);
    check!(16: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    check!(32: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
        31 32);
    check!(64: 0 16 31 33 47 48 63 64);
    check!(128: 0 1 64 96 100 127 128);
    check!(256: 0 15 16 17 32 48 64 80 96 112 127 128 129 144 160 176 192 208 224 240 255 256);
}

/// The layout `sve` but for what `$change` makes of one of its tables.
macro_rules! sve_but {
    ($name:ident, $expected:literal, $($change:tt)*) => {
        #[test]
        #[should_panic(expected = $expected)]
        fn $name() {
            #[derive(Clone, Copy, Debug)]
            struct Lie;
            impl Layout for Lie {
                type Reg = sve::Reg;
                const NAME: &'static str = "lie";
                const PREFIX: u64 = <sve::Layout as Layout>::PREFIX;
                sve_but!(@ $($change)*);
                const IDS: Ids = <sve::Layout as Layout>::IDS;
                fn reg(at: Location) -> sve::Reg {
                    <sve::Layout as Layout>::reg(at)
                }
            }
            check_layout::<Lie>();
        }
    };
    (@ VQ_MAX = $vq_max:expr) => {
        sve_but!(@@ $vq_max, BANKS, BOUNDS, KERNELS);
    };
    (@ BANKS = $banks:expr) => { sve_but!(@@ 16, $banks, BOUNDS, KERNELS); };
    (@ BOUNDS = $bounds:expr) => { sve_but!(@@ 16, BANKS, $bounds, KERNELS); };
    (@ KERNELS = $kernels:expr) => { sve_but!(@@ 16, BANKS, BOUNDS, $kernels); };
    (@@ $vq_max:expr, $banks:expr, $bounds:expr, $kernels:expr) => {
        const VQ_MIN: u16 = 1;
        const VQ_MAX: u16 = $vq_max;
        const BANKS: &'static [Bank] = $banks;
        const BOUNDS: &'static [Bounds] = $bounds;
        const KERNELS: &'static [Kernels] = $kernels;
    };
}

const BANKS: &[Bank] = <sve::Layout as Layout>::BANKS;
const BOUNDS: &[Bounds] = <sve::Layout as Layout>::BOUNDS;
const KERNELS: &[Kernels] = <sve::Layout as Layout>::KERNELS;

/// A table with one line another.
const fn with<T: Copy, const N: usize>(table: &[T], at: usize, line: T) -> [T; N] {
    let mut new = [table[0]; N];
    let mut i = 0;
    while i < N {
        new[i] = if i == at { line } else { table[i] };
        i += 1;
    }
    new
}

const fn starting_at(bounds: Bounds, start: u32) -> Bounds {
    Bounds { start, ..bounds }
}

#[test]
fn the_layouts_tables_are_what_they_should_be() {
    check_layout::<sve::Layout>();
    check_layout::<crate::fpsimd::Layout>();
}

sve_but!(more_vqs_than_rows, "a row of bounds per VQ", VQ_MAX = 17);
sve_but!(
    fewer_bounds,
    "a row of bounds per VQ",
    BOUNDS = BOUNDS.split_at(783).0
);
sve_but!(
    fewer_kernels,
    "a row of kernels per VQ",
    KERNELS = KERNELS.split_at(63).0
);
// The last register of all, FFR at VQ 16, a byte further.
sve_but!(
    a_register_outside,
    "registers follow each other",
    BOUNDS = &with::<_, 784>(BOUNDS, 783, starting_at(BOUNDS[783], 8705))
);
// Z at VQ 1 with the kernels of VQ 2.
sve_but!(
    kernels_of_another_vq,
    "kernels of the register's width",
    KERNELS = &with::<_, 64>(KERNELS, 0, KERNELS[4])
);
// P at VQ 1 with the kernels of Z.
sve_but!(
    kernels_of_another_bank,
    "kernels of the bank's slices",
    KERNELS = &with::<_, 64>(KERNELS, 1, KERNELS[0])
);
// More slices than an index has bits: one past them would be a slice that is there.
sve_but!(
    more_slices_than_indices,
    "slices with an index of 16 bits",
    BANKS = &with::<_, 4>(
        BANKS,
        3,
        bank(
            PerVq {
                fixed: 1 << 20,
                per_vq: 0
            },
            8
        )
    )
);
// A width that wraps, and would shrink from one VQ to the next.
sve_but!(
    a_width_that_wraps,
    "sizes of 31 bits",
    BANKS = &with::<_, 4>(
        BANKS,
        3,
        bank(
            PerVq {
                fixed: 16,
                per_vq: 0xffff_fff8
            },
            64
        )
    )
);
// Slices so large that two of them are none.
sve_but!(
    slices_that_wrap,
    "sizes of 31 bits",
    BANKS = &with::<_, 4>(
        BANKS,
        3,
        bank(
            PerVq {
                fixed: 1,
                per_vq: 0
            },
            1 << 31
        )
    )
);
#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(target_env = "sgx")
))]
sve_but!(
    kernels_of_another_instruction_set,
    "kernels of the instruction set",
    KERNELS = &with::<_, 64>(KERNELS, 0, [KERNELS[0][1], KERNELS[0][1]])
);

const fn bank(width: PerVq, slice_bytes: u32) -> Bank {
    Bank {
        width,
        slice_bytes,
        ..BANKS[3]
    }
}

crate::register_layout! {
    mod growing {
        arch: arm64, coproc: 0x1e, vq: 1..=16;
        /// As many registers as VQ.
        bank A[1 * vq] at 0x0 step 1: 128 bits;
        /// The one that is always there.
        view V at 0x100: 128 bits, low bits of growing::A;
    }
}

#[test]
fn a_register_from_another_layout_stays_in_the_image() {
    // Safe code can have the place of a register in one layout, and take it to another.
    #[derive(Clone, Copy, Debug)]
    struct Places;
    impl Layout for Places {
        type Reg = Location;
        const NAME: &'static str = "places";
        const PREFIX: u64 = <sve::Layout as Layout>::PREFIX;
        const VQ_MIN: u16 = 1;
        const VQ_MAX: u16 = 16;
        const BANKS: &'static [Bank] = BANKS;
        const BOUNDS: &'static [Bounds] = BOUNDS;
        const KERNELS: &'static [Kernels] = KERNELS;
        const IDS: Ids = <sve::Layout as Layout>::IDS;
        fn reg(at: Location) -> Location {
            at
        }
    }
    let z31 = Places::decode(sve::Z31.id()).expect("a register");
    let mut memory = [0; 48];
    let (image, beside) = memory.split_at_mut(16);
    let mut image = Image::<growing::Layout, _>::new(Vq::MIN, image).expect("16 bytes");
    image.set_view(growing::V::at(z31), &[0xaa; 16]);
    assert_eq!(image.get_view(growing::V::at(z31)), [0xaa; 16]);
    image.set(growing::A::at(z31), &[0xbb; 16]);
    assert_eq!(image.get(growing::A::at(z31)), [0; 16]);
    assert_eq!(image.into_inner(), [0xaa; 16]);
    assert_eq!(beside, [0; 32]);
}

// More registers than IDs: more than a clamped number reaches.
sve_but!(
    more_registers_than_numbers,
    "no more registers than IDs",
    BANKS = &with::<_, 4>(
        BANKS,
        3,
        Bank {
            max_count: 0,
            ..BANKS[3]
        }
    )
);
