//! The registers of a vCPU in the order of its image, for code that reads or writes all of them in turn. And
//! the checks of their values that such code shares.

use core::fmt;

use crate::image::{Storage, SveState};
use crate::layout::{BankType, Bounds, Register};
use crate::layouts::Name;
use crate::vls::Vls;
use crate::vq::Vq;
use crate::{fpsimd, sve};

/// The largest slice, in bytes.
pub(crate) const MAX_SLICE: usize = 256;

/// The floating-point status and control registers, which SVE code depends on and which are not in
/// `sve_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Status {
    /// [`FPSR`](const@fpsimd::FPSR).
    pub fpsr: u32,
    /// [`FPCR`](const@fpsimd::FPCR).
    pub fpcr: u32,
}

/// The registers of an image in ascending order, with their bounds: Z, P and FFR, or V for a vCPU without
/// SVE.
pub(crate) fn all(has_sve: bool, vq: Vq) -> impl Iterator<Item = (u64, Bounds)> {
    let v = fpsimd::V::BANK.max_count.into();
    let registers = if has_sve { sve::REGISTERS } else { v };
    (0..registers).map(move |n| register(has_sve, n, vq))
}

/// The ID of register `n` of an image, counted in the image's order, and the bounds of its slice 0. Without
/// SVE, V stands in the place of Z. This is out of line to keep programs small.
#[inline(never)]
fn register(has_sve: bool, n: usize, vq: Vq) -> (u64, Bounds) {
    const P: usize = sve::P0.index();
    const FFR: usize = sve::FFR.index();
    // Below 49.
    #[allow(clippy::cast_possible_truncation)]
    fn of<B: BankType>(n: usize) -> Register<B> {
        Register::constant(n as u16, 0)
    }
    match n {
        ..P => {
            let z = of::<sve::bank::Z>(n);
            let v = of::<fpsimd::bank::V>(n);
            (if has_sve { z.id() } else { v.id() }, z.bounds(vq))
        }
        P..FFR => {
            let p = of::<sve::bank::P>(n - P);
            (p.id(), p.bounds(vq))
        }
        _ => (sve::FFR.id(), sve::FFR.bounds(vq)),
    }
}

/// The index of the first byte that is not zero. Nearly always there is none. So first all bytes are looked at
/// without a branch for each. This is out of line for the same reason as [`register`].
#[inline(never)]
pub(crate) fn not_zero(bytes: &[u8]) -> Option<usize> {
    match bytes.iter().fold(0, |all, byte| all | byte) {
        0 => None,
        _ => bytes.iter().position(|byte| *byte != 0),
    }
}

/// Checks that P and FFR are zero, as they must be without SVE. The error is the ID of the first that is not.
#[inline(never)]
pub(crate) fn without_predicates<S: Storage>(state: &SveState<S>) -> Result<(), u64> {
    let mut registers = (sve::P0.index()..sve::REGISTERS).map(|n| register(true, n, state.vq()));
    let set = registers.find(|(_, bounds)| {
        let bytes = &state.as_bytes()[bounds.start as usize..][..bounds.copy as usize];
        not_zero(bytes).is_some()
    });
    set.map_or(Ok(()), |(id, _)| Err(id))
}

/// The message that a register is longer than these vector lengths make it.
pub(crate) struct PastVls<'a> {
    pub(crate) id: u64,
    /// The first byte of the slice that belongs to no register and is not zero.
    pub(crate) at: usize,
    pub(crate) vls: &'a Vls,
}

impl fmt::Display for PastVls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, at, vls } = self;
        write!(
            f,
            "{} ({id:#018x}): byte {at} is not zero, and vector lengths (VQ) {vls} end before it",
            Name(*id)
        )
    }
}

/// The message that this register is not zero, although there is no SVE.
pub(crate) struct WithoutSve(pub(crate) u64);

impl fmt::Display for WithoutSve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(id) = self;
        write!(
            f,
            "{} ({id:#018x}) is not zero and there are no vector lengths: without SVE there are \
             neither P nor FFR",
            Name(*id)
        )
    }
}
