#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(target_pointer_width = "16")]
compile_error!("sve-state counts bytes in 32 bits: there is no version for 16-bit targets");

#[cfg(feature = "alloc")]
extern crate alloc;
// So that the paths which `register_layout!` emits hold inside this crate too.
extern crate self as sve_state;

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

pub use image::{Image, SveState};
pub use layout::{Layout, Register};
pub use layouts::{fpsimd, sve};
pub use one_reg::OneReg;
pub use sve_state_macros::register_layout;
pub use vls::Vls;
pub use vq::{Vq, VqError};
