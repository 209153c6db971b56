//! The algorithm of the RFC patch that introduced the interface, as one would write it in Rust:
//! find the range that the ID lies in, derive the bounds from it, copy, and fill.
//!
//! It starts from an ID, as the patch does, and is what a competent person would write and no
//! worse: `memcpy` and `memset` by way of `copy_from_slice` and `fill`, each check once, and
//! everything to be inlined. It has none of the patch's defects, since the range of Z ends at Z31.
//!
//! Source: "KVM: arm64/sve: Add SVE support to register access ioctl interface", RFC, 2018.

use crate::by_hand::State;

const Z_FIRST: u64 = 0x6080_0000_0015_0000;
const Z_LAST: u64 = Z_FIRST + (31 << 5) + 31;
const P_FIRST: u64 = 0x6050_0000_0015_0400;
const FFR_LAST: u64 = P_FIRST + (16 << 5) + 31;

/// The two shapes of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A Z register.
    Vector,
    /// A P register, or FFR, which is the one after P15.
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

/// GET of a slice.
#[inline]
pub fn get(state: &State, register: Register, slice: &mut [u8]) {
    let Bounds { start, copy, flush } = bounds(state.vq, register);
    slice[..copy].copy_from_slice(&state.image[start..start + copy]);
    slice[copy..copy + flush].fill(0);
}

/// SET of a slice.
#[inline]
pub fn set(state: &mut State, register: Register, slice: &[u8]) {
    let Bounds { start, copy, .. } = bounds(state.vq, register);
    state.image[start..start + copy].copy_from_slice(&slice[..copy]);
}

/// GET of what an ID names, or `false` if there is no such register.
#[inline]
pub fn get_id(state: &State, id: u64, slice: &mut [u8; 256]) -> bool {
    let register = decode(id);
    if let Some(register) = register {
        get(state, register, slice);
    }
    register.is_some()
}

/// SET of what an ID names, or `false` if there is no such register.
#[inline]
pub fn set_id(state: &mut State, id: u64, slice: &[u8; 256]) -> bool {
    let register = decode(id);
    if let Some(register) = register {
        set(state, register, slice);
    }
    register.is_some()
}
