//! The implementation of `sve_state::register_layout!`, which has the documentation.
//!
//! The macro works in three steps, each with a file of its own: `ast.rs` parses what the user wrote,
//! `valid.rs` finds what is wrong with it, and `expand.rs` emits the code, all of which `tests/expected.rs`
//! shows for a small layout. Two more files help them: `diagnostic.rs` collects mistakes so that all of
//! them are reported at once, and `docs.rs` writes the documentation of the generated constants.

mod ast;
mod diagnostic;
mod docs;
mod expand;
#[cfg(test)]
mod tests;
mod valid;

use proc_macro::TokenStream;

/// Called only by `sve_state::register_layout!`, which puts its `$crate` before the layouts, because
/// `$crate` names `sve-state` even in a program that renames it or gets it through a third crate.
///
/// ```compile_fail
/// sve_state_macros::register_layout! {}
/// ```
#[proc_macro]
pub fn register_layout(input: TokenStream) -> TokenStream {
    expand::register_layout(input.into()).into()
}
