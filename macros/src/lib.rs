//! The code behind `sve_state::register_layout!`, which has the documentation.
//!
//! There are three steps, and each has a file. `ast.rs` reads what the user wrote. `valid.rs` finds what is
//! wrong with it. `expand.rs` emits the code; `tests/expected.rs` shows all of it for a small layout.
//!
//! Two more files help. `diagnostic.rs` collects mistakes, so that all of them are reported at once.
//! `docs.rs` writes the documentation of the generated constants.

mod ast;
mod diagnostic;
mod docs;
mod expand;
#[cfg(test)]
mod tests;
mod valid;

use proc_macro::TokenStream;

/// Only for `sve_state::register_layout!`, which puts its `$crate` before the layouts. `$crate` names
/// `sve-state` even in a program that renames it, or gets it from a third crate.
///
/// ```compile_fail
/// sve_state_macros::register_layout! {}
/// ```
#[proc_macro]
pub fn register_layout(input: TokenStream) -> TokenStream {
    expand::register_layout(input.into()).into()
}
