//! What a register is: its ID, its place in an image, the two layouts that Linux has, and the values that all code which
//! goes through the registers in turn must check alike.
//!
//! It uses `lengths` only.

pub mod layout;
pub(crate) mod linux;

use core::fmt;

use crate::lengths::vq::Vq;
use crate::registers::layout::{BankType, Bounds, Register};
use crate::registers::linux::RegId;
use crate::text;
use crate::{fpsimd, sve};

/// The largest slice, in bytes.
pub(crate) const MAX_SLICE: usize = 256;

/// The floating-point status and control registers, which SVE code depends on and which are not in
/// `sve_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct Status {
    /// [`FPSR`](const@fpsimd::FPSR).
    pub fpsr: u32,
    /// [`FPCR`](const@fpsimd::FPCR).
    pub fpcr: u32,
}

/// The registers of a vCPU that lie in an image, in ascending order, as the ID of each and the bounds of its slice 0.
/// With SVE these are Z, P and FFR; without SVE they are only V, each in the place of its Z.
pub(crate) fn all(has_sve: bool, vq: Vq) -> impl Iterator<Item = (u64, Bounds)> {
    /// The ID of a bank's first register, and the distance to the next one.
    const fn ids<B: BankType>() -> (u64, u16) {
        (Register::<B>::constant(0, 0).id(), Register::<B>::BANK.step)
    }
    let (vector, registers) = match has_sve {
        true => (ids::<sve::bank::Z>(), sve::REGISTERS),
        false => (ids::<fpsimd::bank::V>(), fpsimd::V::BANK.max_count.into()),
    };
    let (z, p) = (sve::Z0.bounds(vq), sve::P0.bounds(vq));
    (0..registers).map(move |n| {
        // FFR is what P16 would be.
        let ((first, step), bounds, n) = match n.checked_sub(sve::P0.index()) {
            None => (vector, z, n),
            Some(n) => (ids::<sve::bank::P>(), p, n),
        };
        let id = first.wrapping_add(u64::from(step).wrapping_mul(n as u64));
        let start = bounds.start.wrapping_add(bounds.copy.wrapping_mul(n));
        (id, Bounds { start, ..bounds })
    })
}

/// Where slice 0 of the register with this index lies in the image of a vCPU with SVE: Z, P and FFR, which is what P16
/// would be.
#[cfg(feature = "snapshot")]
pub(crate) fn bounds(n: usize, vq: Vq) -> Bounds {
    let (bounds, n) = match n.checked_sub(sve::P0.index()) {
        None => (sve::Z0.bounds(vq), n),
        Some(n) => (sve::P0.bounds(vq), n),
    };
    let start = bounds.start.wrapping_add(bounds.copy.wrapping_mul(n));
    Bounds { start, ..bounds }
}

/// The index of the first nonzero byte past a register's end, in a slice of Z, P or FFR whose first `width` bytes are
/// the register's. Nearly always there is none, so all are first looked at together, by words.
#[inline(never)] // Once in a program, since it is unrolled.
pub(crate) fn past_end(slice: &[u8], width: usize) -> Option<usize> {
    let past = slice.get(width..)?;
    let words = past.chunks_exact(8);
    let rest = words.remainder().iter().fold(0, |all, byte| all | byte);
    let all = words.fold(0, |all, word| {
        all | word.try_into().map_or(0, u64::from_ne_bytes)
    });
    if all == 0 && rest == 0 {
        return None;
    }
    past.iter().position(|byte| *byte != 0).map(|k| width + k)
}

/// Checks that P and FFR are zero in an image of VQ 1, as they must be without SVE. The error is the ID of the
/// first that is not.
pub(crate) fn without_predicates(image: &[u8]) -> Result<(), u64> {
    let first = sve::P0.bounds(Vq::MIN);
    let at = past_end(image, first.start);
    // FFR is what P16 would be.
    let step = u64::from(sve::P::BANK.step);
    at.map_or(Ok(()), |at| {
        let number = at.wrapping_sub(first.start) / first.copy;
        Err(sve::P0.id().wrapping_add(step.wrapping_mul(number as u64)))
    })
}

/// Writes a text of [`text`], in which `%n` and `%i` are registers.
#[inline(never)]
pub(crate) fn write_text(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    numbers: &[u64],
    sets: &[&dyn fmt::Display],
) -> fmt::Result {
    text::write_with(f, text, numbers, sets, "", |id, f| {
        fmt::Display::fmt(&RegId(id), f)
    })
}

/// The message that a register is longer than these vector lengths make it, with the first nonzero byte of its slice
/// past its end.
pub(crate) const PAST_VLS: &str =
    "%i: byte %d is not zero, and vector lengths (VQ) %v end before it";

/// The message that this register is not zero, although there is no SVE.
pub(crate) const WITHOUT_SVE: &str =
    "%i is not zero and there are no vector lengths: without SVE there are neither P nor FFR";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout as _;

    /// As the layouts have them, at every VQ.
    #[test]
    fn all_registers_have_the_ids_and_bounds_of_their_layout() {
        for vq in 1..=16 {
            let vq = Vq::new(vq).expect("1 to 16");
            let (ids, bounds) = (sve::Layout::ids(vq), sve::Layout::bounds(vq));
            let (ids, bounds) = (ids.expect("a VQ of SVE"), bounds.expect("a VQ of SVE"));
            assert!(all(true, vq).eq(ids.zip(bounds)));
            let v = fpsimd::V::all().map(Register::id);
            let z = sve::Z::all().map(|z| z.bounds(vq));
            assert!(all(false, vq).eq(v.zip(z)));
        }
    }
}
