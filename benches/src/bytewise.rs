//! A loop over the slice's bytes: each is the register's where it has one, else zero. The least that
//! can be written; ID and bounds are those of [`naive`].

use std::marker::PhantomData;

use sve_state::layout::InImage;

use crate::naive::{self, Bounds, Naive, Register, VECTORS_BYTES, Vcpu, predicates, vectors};
use crate::{Images, Registers, SLICES_BYTES};

#[inline]
fn get(vcpu: &Vcpu, register: Register, slice: &mut [u8]) {
    let Bounds { start, copy, flush } = naive::bounds(vcpu.vq, register);
    let register = &vcpu.image[start..start + copy];
    for (k, byte) in slice[..copy + flush].iter_mut().enumerate() {
        *byte = register.get(k).copied().unwrap_or(0);
    }
}

#[inline]
fn set(vcpu: &mut Vcpu, register: Register, slice: &[u8]) {
    let Bounds { start, copy, .. } = naive::bounds(vcpu.vq, register);
    let register = &mut vcpu.image[start..start + copy];
    for (k, byte) in register.iter_mut().enumerate() {
        *byte = slice[k];
    }
}

/// From an ID, into a buffer that takes any slice.
#[derive(Debug)]
pub struct Bytewise<B>(PhantomData<B>);

impl<B: InImage> Registers for Bytewise<B> {
    const NAME: &'static str = "bytewise";
    type Vcpu = Vcpu;
    type Register = u64;
    type Slice = [u8; 256];

    fn slice() -> [u8; 256] {
        [0; 256]
    }

    fn register(number: u16) -> u64 {
        Naive::<B>::register(number)
    }

    #[inline]
    fn get(vcpu: &Vcpu, id: u64, slice: &mut [u8; 256]) -> bool {
        let Some(register) = naive::decode(id) else {
            return false;
        };
        get(vcpu, register, slice);
        true
    }

    #[inline]
    fn set(vcpu: &mut Vcpu, id: u64, slice: &[u8; 256]) -> bool {
        let Some(register) = naive::decode(id) else {
            return false;
        };
        set(vcpu, register, slice);
        true
    }
}

/// One register after the other.
#[derive(Debug)]
pub struct BytewiseImages;

impl Images for BytewiseImages {
    const NAME: &'static str = "bytewise";
    type Vcpu = Vcpu;

    #[inline]
    fn expand(vcpu: &Vcpu, slices: &mut [u8; SLICES_BYTES]) {
        let (z, p) = slices.split_at_mut(VECTORS_BYTES);
        for (register, slice) in vectors().zip(z.chunks_exact_mut(256)) {
            get(vcpu, register, slice);
        }
        for (register, slice) in predicates().zip(p.chunks_exact_mut(32)) {
            get(vcpu, register, slice);
        }
    }

    #[inline]
    fn pack(vcpu: &mut Vcpu, slices: &[u8; SLICES_BYTES]) {
        let (z, p) = slices.split_at(VECTORS_BYTES);
        for (register, slice) in vectors().zip(z.chunks_exact(256)) {
            set(vcpu, register, slice);
        }
        for (register, slice) in predicates().zip(p.chunks_exact(32)) {
            set(vcpu, register, slice);
        }
    }
}
