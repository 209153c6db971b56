//! `sve-state` itself.

use std::marker::PhantomData;

use sve_state::layout::{ByteArray, InImage};
use sve_state::sve::{self, Reg};
use sve_state::{Register, SveState, Vq};

use crate::{Images, Registers, SLICES_BYTES};

type Vcpu = SveState<Vec<u8>>;

impl crate::Vcpu for Vcpu {
    fn new(vq: Vq, image: Vec<u8>) -> Self {
        SveState::new(vq, image).expect("an image of its size")
    }
}

/// With a register in hand.
#[derive(Debug)]
pub struct Ours<B>(PhantomData<B>);

impl<B: InImage<Layout = sve::Layout>> Registers for Ours<B> {
    const NAME: &'static str = "ours";
    type Vcpu = Vcpu;
    type Register = Register<B>;
    type Slice = B::Slice;

    fn slice() -> B::Slice {
        B::Slice::ZEROS
    }

    fn register(number: u16) -> Register<B> {
        Register::constant(number, 0)
    }

    #[inline]
    fn get(vcpu: &Vcpu, register: Register<B>, slice: &mut B::Slice) -> bool {
        vcpu.get_into(register, slice);
        true
    }

    #[inline]
    fn set(vcpu: &mut Vcpu, register: Register<B>, slice: &B::Slice) -> bool {
        vcpu.set(register, slice);
        true
    }
}

/// From an ID, into a buffer that takes any slice.
#[derive(Debug)]
pub struct OursById<B>(PhantomData<B>);

impl<B: InImage<Layout = sve::Layout>> Registers for OursById<B> {
    const NAME: &'static str = "ours_id";
    type Vcpu = Vcpu;
    type Register = u64;
    type Slice = [u8; 256];

    fn slice() -> [u8; 256] {
        [0; 256]
    }

    fn register(number: u16) -> u64 {
        Register::<B>::constant(number, 0).id()
    }

    #[inline]
    fn get(vcpu: &Vcpu, id: u64, slice: &mut [u8; 256]) -> bool {
        let (predicate, _) = slice.split_first_chunk_mut().expect("256 are more than 32");
        match Reg::decode(id) {
            Ok(Reg::Z(z)) => vcpu.get_into(z, slice),
            Ok(Reg::P(p)) => vcpu.get_into(p, predicate),
            Ok(Reg::FFR(ffr)) => vcpu.get_into(ffr, predicate),
            Ok(Reg::VLS(_)) | Err(_) => return false,
        }
        true
    }

    #[inline]
    fn set(vcpu: &mut Vcpu, id: u64, slice: &[u8; 256]) -> bool {
        let (predicate, _) = slice.split_first_chunk().expect("256 are more than 32");
        match Reg::decode(id) {
            Ok(Reg::Z(z)) => vcpu.set(z, slice),
            Ok(Reg::P(p)) => vcpu.set(p, predicate),
            Ok(Reg::FFR(ffr)) => vcpu.set(ffr, predicate),
            Ok(Reg::VLS(_)) | Err(_) => return false,
        }
        true
    }
}

/// All registers at once.
#[derive(Debug)]
pub struct OurImages;

impl Images for OurImages {
    const NAME: &'static str = "ours";
    type Vcpu = Vcpu;

    #[inline]
    fn expand(vcpu: &Vcpu, slices: &mut [u8; SLICES_BYTES]) {
        vcpu.expand(slices).expect("slices of their size");
    }

    #[inline]
    fn pack(vcpu: &mut Vcpu, slices: &[u8; SLICES_BYTES]) {
        vcpu.pack(slices).expect("slices of their size");
    }
}
