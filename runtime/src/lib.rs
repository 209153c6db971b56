//! Save, restore and migrate the SVE registers of an arm64 vCPU, from a VMM, hypervisor or emulator.
//!
//! SVE gives a vCPU 49 registers whose size is known only at run time, and Linux KVM serves them in slices, through
//! `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`, under 64-bit IDs. This crate has the IDs as constants, and
//! knows where each slice lies and how it is padded. It has both sides of the interface: the VMM's, from capture to
//! restore, and the kernel's, which answers on any machine as KVM does.
//!
//! Three words that Linux uses:
//!
//! * VQ is a vector length in quadwords of 128 bits, 1 to 16.
//! * VLS is the set of vector lengths that a vCPU has. It is a pseudo-register, which has an ID and is read and
//!   written by calls, but is not a register of the processor.
//! * A slice is what one ONE_REG call moves: 2048 bits for a Z register, and 256 bits for a P register or FFR, whatever
//!   the vector length.
//!
//! # Where to look
//!
//! | page | what |
//! | --- | --- |
//! | [`sve`], [`fpsimd`] | the registers of Linux: constants such as [`sve::Z3`](const@sve::Z3), and [`sve::Reg::decode`] for IDs from outside |
//! | [`layout`] | what an ID is made of; where a register lies in the image |
//! | [`register_layout!`] | a layout of your own |
//! | [`image`] | `sve_state` and its slices: GET and SET of one, a register in place, the V registers |
//! | [`OneReg`] | the trait to implement for your vCPU, if it is not a `kvm_ioctls::VcpuFd` |
//! | [`kvm`] | the versions of `kvm_ioctls` whose `VcpuFd` works here; a newtype for other versions; the vector lengths of a host |
//! | [`vcpu`] | vector lengths, finalization, capture and restore, in the order that KVM wants |
//! | [`Vls`] | sets of vector lengths, and what narrowing them allows |
//! | `snapshot` | a captured vCPU as bytes (feature `snapshot`) |
//! | [`signal`], [`regset`] | the same registers in signal frames, from ptrace and in core files |
//! | [`gdb`] | what a stub for gdb and LLDB needs: the target description, and a register by its number |
//! | [`shim`], [`Errno`] | the kernel's side: a vCPU that answers as KVM does |
//! | `live` (aarch64 only) | the registers of the processor itself, for a program with no KVM below it |
//! | [`guide`] | what to delete and what to write in a VMM that already keeps all this in a form of its own; a register file for an emulator; what is promised and tested; what `unsafe` code relies on |
//!
//! # One vCPU to another
//!
//! ```
//! use sve_state::shim::Vcpu;
//! use sve_state::vcpu::Initialized;
//! use sve_state::{OneReg, Vls, Vq, sve};
//!
//! // Two vCPUs on which KVM_ARM_VCPU_INIT has been called with KVM_ARM_VCPU_SVE. These are the
//! // shim's; with the feature `kvm`, a `kvm_ioctls::VcpuFd` takes their place.
//! let host = Vls::up_to(Vq::new(4)?);
//! let (mut vcpu, mut other) = (Vcpu::new(host)?, Vcpu::new(host)?);
//! vcpu.init_with_sve()?;
//! other.init_with_sve()?;
//!
//! // Vector lengths of up to 256 bits, then finalization, and the registers exist.
//! let mut source = Initialized::new(&mut vcpu);
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
//! let mut target = Initialized::new(&mut other);
//! target.set_vls(vls)?;
//! let mut target = target.finalize()?;
//! target.restore(&state)?;
//! assert_eq!(target.capture()?.get(sve::Z3), slice);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The same registers elsewhere
//!
//! A VMM writes a core note ([`regset`]) into a guest's dump for a crash tool, in the same bytes that ptrace gives:
//!
//! ```
//! # use sve_state::{SveState, Vq, regset::{Payload, Regset}, sve, vcpu::Status};
//! # let (state, status) = (SveState::zeroed(Vq::new(2)?)?, Status::default());
//! let regset = Regset::from_state(&state, status);
//! let mut note = vec![0; regset.note_size()];
//! regset.write_note(&mut note)?;
//!
//! let Payload::Sve { state, status } = Regset::parse(&note[20..])?.payload() else { panic!("no SVE") };
//! assert_eq!((state.register(sve::Z3), status.fpsr), (&[0; 32][..], 0));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! A signal handler gets a pointer to a signal frame ([`signal`]), here the bytes from `__reserved` on:
//!
//! ```
//! # use sve_state::{SveState, Vq, regset::FpsimdState, signal::{self, Frame, SveContext}, vcpu::Status};
//! # let (mut bytes, mut state) = ([0; 4096], SveState::zeroed(Vq::new(2)?)?);
//! # let at = FpsimdState::from_state(&state, Status::default()).write_context(&mut bytes)?;
//! # SveContext::from_state(&state).write(&mut bytes[at..])?;
//! let status = Frame::parse(&bytes)?.copy_to(&mut state);
//! state.as_bytes_mut()[0] += 1;
//! signal::write(&mut bytes, &state, status)?; // the thread goes on with these
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Part of a gdb stub ([`gdb`]):
//!
//! ```
//! # use sve_state::{Vls, Vq, gdb::{self, Description}, shim::Vcpu, vcpu::Finalized};
//! # let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(2)?))?;
//! # vcpu.init_with_sve()?; vcpu.finalize(4)?;
//! # let mut vcpu = Finalized::new(vcpu)?;
//! let xml = Description::from_vls(vcpu.vls())?.to_string();
//! let (number, mut bytes) = (37, [0; gdb::MAX_BYTES]); // the packet `p25` asks for register 0x25, z3
//! let z3 = gdb::read_vcpu(&vcpu, number, &mut bytes)?;
//! # assert_eq!(z3, [0; 32]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | what it adds | what it brings |
//! | --- | --- | --- |
//! | `alloc` (default) | owned images, `capture` | |
//! | `snapshot` | snapshots as bytes, with a checksum | |
//! | `serde` | `serde` for snapshots | `serde` |
//! | `kvm` | ONE_REG on `kvm_ioctls::VcpuFd` and `&VcpuFd`, on Linux on aarch64 | `kvm-ioctls`, 0.15 to 0.25 |
//!
//! The crate is always `no_std`, and without the feature `alloc` it allocates nothing. The README says how fast it is, with
//! measured ratios.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(target_pointer_width = "16")]
compile_error!("sve-state counts bytes in 32 bits: there is no version for 16-bit targets");

#[cfg(feature = "alloc")]
extern crate alloc;

// The folders, lowest first: a file uses its own and those named before it here, which `cargo harness lint` enforces.

// The texts of errors.
mod text;

// Straight lines of instructions that move one register's bytes: NEON, AVX2 and portable.
mod copy;

// One vector length, and the set that a host or a vCPU has.
mod lengths;

// What a register is: IDs, places and the two layouts of Linux.
mod registers;

// The bytes of all registers, and their slices.
mod state;

// GET and SET of a register: the trait, its errnos, KVM's own vCPU, and the shim, which answers as KVM does.
mod kvm_api;

// What a VMM does through ONE_REG: vector lengths, finalization, capture, restore, snapshots.
mod save_restore;

// The registers in signal frames, core files and debuggers' packets.
mod signal_core_gdb;

// The registers of the processor itself, on aarch64.
pub mod live;

/// A page without code of its own: what to delete and what to write in [a VMM](#a-vmm) that keeps SVE state in another
/// form; a register file on the shim for [an emulator](#an-emulator); what is [guaranteed](#guarantees), with the test
/// of each promise; and what `unsafe` code relies on, which is what has to be [trusted](#trust).
///
#[doc = include_str!("pages/adoption.md")]
///
#[doc = include_str!("pages/emulator.md")]
///
#[doc = include_str!("pages/guarantees.md")]
///
#[doc = include_str!("pages/trust.md")]
pub mod guide {}

#[doc = include_str!("pages/register_layout.md")]
// The procedural macro cannot know under which name a program depends on this crate, so this macro passes it `$crate`,
// which always names this crate.
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

pub use kvm_api::{Errno, FinalizeSve, KVM_ARM_VCPU_SVE, OneReg, kvm, reg_size, shim};
pub use lengths::vls::{Vls, VlsError};
pub use lengths::vq::{Vq, VqError};
pub use registers::layout;
pub use registers::linux::{RegId, fpsimd, sve};
#[cfg(feature = "snapshot")]
pub use save_restore::snapshot;
pub use save_restore::{error::SveError, vcpu};
pub use signal_core_gdb::fields::{Allowed, FieldError};
pub use signal_core_gdb::{gdb, regset, signal};
pub use state::image;

/// The SVE registers of one vCPU: Linux's `sve_state`.
pub type SveState<S> = image::Image<sve::Layout, S>;
