//! Vector lengths: one, as a number of quadwords, and the set of those that a vCPU has.
//!
//! The lowest folder: it uses none of the others.

pub(crate) mod vls;
pub(crate) mod vq;
