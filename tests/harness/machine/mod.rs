//! What the parts need of a machine: packages, compilers, kernels, and an emulator that runs them.

pub(crate) mod apt;
pub(crate) mod boot;
pub(crate) mod initrd;
pub(crate) mod install;
pub(crate) mod kernel;
pub(crate) mod qemu;
pub(crate) mod toolchain;
pub(crate) mod unpacked;
