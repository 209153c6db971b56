//! The algorithm of the RFC patch that introduced the interface, as one writes it in Rust: which
//! range the ID lies in, what that says of its bounds, a copy, a fill.
//!
//! It starts from an ID, as the patch does. It is what a competent person would write and no worse:
//! `memcpy` and `memset` by way of `copy_from_slice` and `fill`, each check once, everything to be
//! inlined. Of the patch's defects, it has none: the range of Z ends at Z31.
//!
//! Source: "KVM: arm64/sve: Add SVE support to register access ioctl interface", RFC, 2018.

use std::marker::PhantomData;

use sve_state::Vq;
use sve_state::layout::{ByteArray, InImage};

use crate::{Images, Registers, SLICES_BYTES};

const Z_FIRST: u64 = 0x6080_0000_0015_0000;
const Z_LAST: u64 = Z_FIRST + (31 << 5) + 31;
const P_FIRST: u64 = 0x6050_0000_0015_0400;
const FFR_LAST: u64 = P_FIRST + (16 << 5) + 31;

/// How many bytes the slices of all vector registers have.
pub(crate) const VECTORS_BYTES: usize = 32 * 256;

/// The two shapes of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A Z register.
    Vector,
    /// A P register; FFR is the one after P15.
    Predicate,
}

/// One slice of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Which of the two shapes.
    pub shape: Shape,
    /// The register's number among those of its shape.
    pub number: u16,
    /// The index of the slice.
    pub slice: u16,
}

/// The slice that an ID names.
#[inline]
pub fn decode(id: u64) -> Option<Register> {
    let shape = if (Z_FIRST..=Z_LAST).contains(&id) {
        Shape::Vector
    } else if (P_FIRST..=FFR_LAST).contains(&id) {
        Shape::Predicate
    } else {
        return None;
    };
    Some(Register {
        shape,
        number: (id >> 5 & 0x1f) as u16,
        slice: (id & 0x1f) as u16,
    })
}

/// Where a slice lies, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Where it starts in the image.
    pub start: usize,
    /// How much of it is in the image.
    pub copy: usize,
    /// How much of it is past the register's end.
    pub flush: usize,
}

/// The bounds of a slice.
#[inline]
pub fn bounds(vq: usize, register: Register) -> Bounds {
    let number = usize::from(register.number);
    let (offset, width, slice_bytes) = match register.shape {
        Shape::Vector => (16 * vq * number, 16 * vq, 256),
        Shape::Predicate => (512 * vq + 2 * vq * number, 2 * vq, 32),
    };
    let start = usize::from(register.slice) * slice_bytes;
    let limit = start + slice_bytes;
    let end = width.clamp(start, limit);
    Bounds {
        start: offset + start.min(width),
        copy: end - start,
        flush: limit - end,
    }
}

/// A vCPU's registers.
#[derive(Clone, Debug)]
pub struct Vcpu {
    /// `sve_state`.
    pub image: Vec<u8>,
    /// The vector length in quadwords.
    pub vq: usize,
}

impl crate::Vcpu for Vcpu {
    fn new(vq: Vq, image: Vec<u8>) -> Self {
        let vq = usize::from(vq.get());
        Self { image, vq }
    }
}

impl Vcpu {
    /// GET.
    #[inline]
    pub fn get(&self, register: Register, slice: &mut [u8]) {
        let Bounds { start, copy, flush } = bounds(self.vq, register);
        slice[..copy].copy_from_slice(&self.image[start..start + copy]);
        slice[copy..copy + flush].fill(0);
    }

    /// SET.
    #[inline]
    pub fn set(&mut self, register: Register, slice: &[u8]) {
        let Bounds { start, copy, .. } = bounds(self.vq, register);
        self.image[start..start + copy].copy_from_slice(&slice[..copy]);
    }
}

/// From an ID, into a buffer that takes any slice.
#[derive(Debug)]
pub struct Naive<B>(PhantomData<B>);

impl<B: InImage> Registers for Naive<B> {
    const NAME: &'static str = "naive";
    type Vcpu = Vcpu;
    type Register = u64;
    type Slice = [u8; 256];

    fn slice() -> [u8; 256] {
        [0; 256]
    }

    fn register(number: u16) -> u64 {
        sve_state::Register::<B>::constant(number, 0).id()
    }

    #[inline]
    fn get(vcpu: &Vcpu, id: u64, slice: &mut [u8; 256]) -> bool {
        let Some(register) = decode(id) else {
            return false;
        };
        vcpu.get(register, slice);
        true
    }

    #[inline]
    fn set(vcpu: &mut Vcpu, id: u64, slice: &[u8; 256]) -> bool {
        let Some(register) = decode(id) else {
            return false;
        };
        vcpu.set(register, slice);
        true
    }
}

/// With shape and number in hand.
#[derive(Debug)]
pub struct NaiveBounds<B>(PhantomData<B>);

impl<B: InImage> Registers for NaiveBounds<B> {
    const NAME: &'static str = "naive_bounds";
    type Vcpu = Vcpu;
    type Register = Register;
    type Slice = B::Slice;

    fn slice() -> B::Slice {
        B::Slice::ZEROS
    }

    fn register(number: u16) -> Register {
        decode(Naive::<B>::register(number)).expect("a register of the bank")
    }

    #[inline]
    fn get(vcpu: &Vcpu, register: Register, slice: &mut B::Slice) -> bool {
        vcpu.get(register, slice.as_mut());
        true
    }

    #[inline]
    fn set(vcpu: &mut Vcpu, register: Register, slice: &B::Slice) -> bool {
        vcpu.set(register, slice.as_ref());
        true
    }
}

/// Slice 0 of every vector register.
pub(crate) fn vectors() -> impl Iterator<Item = Register> {
    (0..32).map(|number| Register {
        shape: Shape::Vector,
        number,
        slice: 0,
    })
}

/// Slice 0 of every predicate register, FFR included.
pub(crate) fn predicates() -> impl Iterator<Item = Register> {
    (0..17).map(|number| Register {
        shape: Shape::Predicate,
        number,
        slice: 0,
    })
}

/// One register after the other.
#[derive(Debug)]
pub struct NaiveImages;

impl Images for NaiveImages {
    const NAME: &'static str = "naive";
    type Vcpu = Vcpu;

    #[inline]
    fn expand(vcpu: &Vcpu, slices: &mut [u8; SLICES_BYTES]) {
        let (z, p) = slices.split_at_mut(VECTORS_BYTES);
        for (register, slice) in vectors().zip(z.chunks_exact_mut(256)) {
            vcpu.get(register, slice);
        }
        for (register, slice) in predicates().zip(p.chunks_exact_mut(32)) {
            vcpu.get(register, slice);
        }
    }

    #[inline]
    fn pack(vcpu: &mut Vcpu, slices: &[u8; SLICES_BYTES]) {
        let (z, p) = slices.split_at(VECTORS_BYTES);
        for (register, slice) in vectors().zip(z.chunks_exact(256)) {
            vcpu.set(register, slice);
        }
        for (register, slice) in predicates().zip(p.chunks_exact(32)) {
            vcpu.set(register, slice);
        }
    }
}
