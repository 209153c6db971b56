//! arm64 SVE state of a vCPU, for people who write VMMs, hypervisors and emulators.
//!
//! SVE gives a vCPU 49 registers whose size is known at run time alone. Linux KVM serves them in
//! slices, through `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`, under 64-bit IDs. This crate has the IDs,
//! checked by the compiler; where each slice lies and how it is padded; the kernel's side of the
//! interface, for any machine; and the VMM's side, from capture to restore.
//!
//! Three words that Linux uses: VQ is a vector length in quadwords of 128 bits, 1 to 16; VLS is the set
//! of vector lengths that a vCPU has, a pseudo-register; a slice is what one ONE_REG call moves, 2048
//! bits of a Z register, or 256 of P and FFR, however wide the register is.
//!
//! # Where to look
//!
//! | page | what |
//! | --- | --- |
//! | [`sve`], [`fpsimd`] | the registers of Linux: constants such as [`sve::Z3`](const@sve::Z3), and [`sve::Reg::decode`] for IDs from outside |
//! | [`layout`] | what an ID is made of, and the bounds tables that follow from a layout |
//! | [`register_layout!`] | a layout of your own |
//! | [`image`] | `sve_state` and its slices: GET and SET of one, all of them at once, the V registers |
//! | [`one_reg`] | the trait to implement for your vCPU, if it is no `kvm_ioctls::VcpuFd` |
//! | [`vcpu`] | vector lengths, finalization, capture and restore, in the order that KVM wants |
//! | [`vls`] | sets of vector lengths, and what narrowing them allows |
//! | `snapshot` | a captured vCPU as bytes (feature `snapshot`) |
//! | [`shim`], [`errno`] | the kernel's side: a vCPU that answers as KVM does |
//! | [`adoption`] | for a VMM that has all that in another form: what it deletes, and what it writes |
//! | [`trust`] | what this crate's `unsafe` code relies on |
//!
//! # One vCPU to another
//!
//! ```
//! use sve_state::shim::{Rules, Vcpu};
//! use sve_state::vcpu::Initialised;
//! use sve_state::{OneReg, Vls, Vq, sve};
//!
//! // Two vCPUs on which KVM_ARM_VCPU_INIT has been called with KVM_ARM_VCPU_SVE. These are the
//! // shim's; with the feature `kvm`, a `kvm_ioctls::VcpuFd` takes their place.
//! let host = Vls::up_to(Vq::new(4)?);
//! let (mut vcpu, mut other) = (Vcpu::new(host, Rules::Mainline)?, Vcpu::new(host, Rules::Mainline)?);
//! vcpu.init(true)?;
//! other.init(true)?;
//!
//! // Vector lengths of up to 256 bits, then finalization, and the registers exist.
//! let mut source = Initialised::new(&mut vcpu);
//! let vls = source.vls()?.narrowed_to(Vq::new(2)?);
//! source.set_vls(vls)?;
//! let mut source = source.finalize()?;
//! let mut slice = [0; 256];
//! slice[..32].fill(0xa5);
//! source.vcpu().set_one_reg(sve::Z3.id(), &slice)?;
//!
//! // 49 GETs into one image; a register is read from it as from the vCPU.
//! let state = source.capture()?;
//! assert_eq!(state.get(sve::Z3), slice);
//!
//! // The same vector lengths first, then 49 SETs.
//! let mut target = Initialised::new(&mut other);
//! target.set_vls(vls)?;
//! let mut target = target.finalize()?;
//! target.restore(&state)?;
//! assert_eq!(target.capture()?.get(sve::Z3), slice);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | what it adds | what it brings |
//! | --- | --- | --- |
//! | `alloc` (default) | images of their own, `capture` | |
//! | `snapshot` | snapshots as bytes, with a checksum | `crc`, `crc-catalog` |
//! | `serde` | `serde` for snapshots | `serde` |
//! | `kvm` | ONE_REG on `kvm_ioctls::VcpuFd`, on Linux on aarch64 | `kvm-ioctls` |
//!
//! Without features it is `no_std` and allocates nothing. What it guarantees, how each guarantee is
//! tested, and how fast it is, with the ratios measured, is in the README.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(target_pointer_width = "16")]
compile_error!("sve-state counts bytes in 32 bits: there is no version for 16-bit targets");

#[cfg(feature = "alloc")]
extern crate alloc;

#[doc = include_str!("adoption.md")]
pub mod adoption {}
mod copy;
pub mod errno;
pub mod image;
pub mod layout;
mod layouts;
pub mod one_reg;
pub mod shim;
#[cfg(feature = "snapshot")]
pub mod snapshot;
#[doc = include_str!("trust.md")]
pub mod trust {}
pub mod vcpu;
pub mod vls;
mod vq;

#[doc = include_str!("register_layout.md")]
// A macro of the other crate cannot know what a program calls this one; `$crate` does.
#[macro_export]
macro_rules! register_layout {
    ($($layouts:tt)*) => {
        $crate::layout::generated::register_layout! { $crate $($layouts)* }
    };
}

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub use image::{Image, SveState};
pub use layout::{Layout, Register};
pub use layouts::{fpsimd, sve};
pub use one_reg::OneReg;
pub use vls::Vls;
pub use vq::{Vq, VqError};
