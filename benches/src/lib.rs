//! What the benchmarks of `sve-state` compare, and the gate that judges their results.
//!
//! Benchmarks are named `operation/pattern/implementation/vq`, as in `get_z/random/naive/vq4`.
//!
//! | implementation | what it is |
//! | --- | --- |
//! | `ours` | `sve-state`, with a register in hand |
//! | `ours_id` | `sve-state`, from 64 bits that nobody has checked |
//! | `naive` | the RFC patch's algorithm: ID, branches, bounds, copy, fill; see [`naive`] |
//! | `naive_bounds` | the same with bank and number in hand, so without the ID |
//! | `bytewise` | as `naive`, but a loop over bytes; see [`bytewise`] |
//! | `limit` | a copy, of a size that is a constant, of as many bytes as the operation writes |
//!
//! All are compiled alike and measured next to each other. That the first five give the right bytes
//! is tested (`tests/implementations.rs`).

pub mod bytewise;
pub mod gate;
pub mod limit;
pub mod naive;
pub mod ours;

use sve_state::Vq;

/// A vCPU's registers.
pub trait Vcpu {
    /// A vCPU with this image, Linux's `sve_state`.
    fn new(vq: Vq, image: Vec<u8>) -> Self;
}

/// GET and SET of one slice of a register of one bank.
pub trait Registers {
    /// What the benchmarks call the implementation.
    const NAME: &'static str;
    /// The vCPU's registers.
    type Vcpu: Vcpu;
    /// What names a register.
    type Register: Copy;
    /// The caller's buffer.
    type Slice: Clone + AsRef<[u8]> + AsMut<[u8]>;

    /// A buffer of zeros.
    fn slice() -> Self::Slice;
    /// Slice 0 of the register with this number, which exists.
    fn register(number: u16) -> Self::Register;
    /// GET; `false`: there is no such register.
    fn get(vcpu: &Self::Vcpu, register: Self::Register, slice: &mut Self::Slice) -> bool;
    /// SET; `false`: there is no such register.
    fn set(vcpu: &mut Self::Vcpu, register: Self::Register, slice: &Self::Slice) -> bool;
}

/// All registers of a vCPU at once: between the packed image and 49 slices in full, in its order.
pub trait Images {
    /// What the benchmarks call the implementation.
    const NAME: &'static str;
    /// The vCPU's registers.
    type Vcpu: Vcpu;

    /// Image to slices.
    fn expand(vcpu: &Self::Vcpu, slices: &mut [u8; SLICES_BYTES]);
    /// Slices to image.
    fn pack(vcpu: &mut Self::Vcpu, slices: &[u8; SLICES_BYTES]);
}

/// How many bytes all slices have, at every VQ: 32 of Z, 16 of P, and FFR.
pub const SLICES_BYTES: usize = 32 * 256 + 17 * 32;
