//! Vector lengths: one, as a number of quadwords, and the set of those that a vCPU has.
//!
//! It uses none of the other folders.

pub(crate) mod vls;
pub(crate) mod vq;
