//! What `sve-state` costs, beside other ways to the same bytes.
//!
//! [`operations`] lists what is measured, with each operation in several implementations:
//!
//! | implementation | what it is |
//! | --- | --- |
//! | `ours` | `sve-state` |
//! | [`by_hand`] | what the author of a VMM writes today: slice 0, `copy_from_slice` and `fill` |
//! | [`rfc`] | the algorithm of the RFC patch of 2018, which knows every slice |
//! | [`plain`] | a copy of as many bytes, of a size that is a constant where all vCPUs have one |
//!
//! [`gate`] counts what `ours` executes, times all of them, and holds `ours` to what it once reached.
//! `tests/implementations.rs` tests that all but `plain` give the right bytes.

pub mod by_hand;
pub mod gate;
pub mod operations;
pub mod plain;
pub mod rfc;
