//! As many bytes as an operation writes, copied from one place to another, where the size is a
//! constant. It knows nothing of registers: what it writes is not right, only as long.
//!
//! It is what the compiler makes of such a copy for the target as it is (`memcpy`, where it is long).
//! Two things can be quicker still: vectors wider than the target's, and a GET at a small VQ, which
//! writes more than it reads.

use std::marker::PhantomData;

use sve_state::Vq;
use sve_state::layout::{ByteArray, InImage, Register};

use crate::{Images, Registers, SLICES_BYTES, Vcpu};

/// A slice for each of 32 registers, to copy from and to.
#[derive(Debug)]
pub struct Slices<S>(Box<[S; 32]>);

impl<const BYTES: usize> Vcpu for Slices<[u8; BYTES]> {
    fn new(_: Vq, _: Vec<u8>) -> Self {
        Self(Box::new([[0x5a; BYTES]; 32]))
    }
}

/// One register of bank `B`, for VQ `VQ`.
#[derive(Debug)]
pub struct Limit<B, const VQ: u16>(PhantomData<B>);

impl<B: InImage, const VQ: u16> Limit<B, VQ> {
    /// What a SET writes, in bytes.
    const WIDTH: usize = Register::<B>::BANK.width.at(VQ) as usize;
}

impl<B: InImage, const VQ: u16> Registers for Limit<B, VQ>
where
    Slices<B::Slice>: Vcpu,
{
    const NAME: &'static str = "limit";
    type Vcpu = Slices<B::Slice>;
    type Register = usize;
    type Slice = B::Slice;

    fn slice() -> B::Slice {
        B::Slice::ZEROS
    }

    fn register(number: u16) -> usize {
        number.into()
    }

    #[inline]
    fn get(vcpu: &Self::Vcpu, register: usize, slice: &mut B::Slice) -> bool {
        *slice = vcpu.0[register % 32];
        true
    }

    #[inline]
    fn set(vcpu: &mut Self::Vcpu, register: usize, slice: &B::Slice) -> bool {
        let bytes = &slice.as_ref()[..Self::WIDTH];
        vcpu.0[register % 32].as_mut()[..Self::WIDTH].copy_from_slice(bytes);
        true
    }
}

impl Vcpu for Box<[u8; SLICES_BYTES]> {
    fn new(_: Vq, _: Vec<u8>) -> Self {
        Self::new([0x5a; SLICES_BYTES])
    }
}

/// All registers, for VQ `VQ`.
#[derive(Debug)]
pub struct LimitImages<const VQ: usize>;

impl<const VQ: usize> Images for LimitImages<VQ> {
    const NAME: &'static str = "limit";
    type Vcpu = Box<[u8; SLICES_BYTES]>;

    #[inline]
    fn expand(vcpu: &Self::Vcpu, slices: &mut [u8; SLICES_BYTES]) {
        *slices = **vcpu;
    }

    #[inline]
    fn pack(vcpu: &mut Self::Vcpu, slices: &[u8; SLICES_BYTES]) {
        vcpu[..546 * VQ].copy_from_slice(&slices[..546 * VQ]);
    }
}
