//! The state of one vCPU: its registers packed as the kernel packs them, and their slices.
//!
//! It uses `copy`, `lengths` and `registers`.

mod access;
pub mod image;
mod memory;
mod resize;
