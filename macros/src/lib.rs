//! The code behind `sve_state::register_layout!`, which has the documentation.
//!
//! Three steps, one file each: `ast.rs` reads what the user wrote, `valid.rs` finds what can be
//! wrong with it, `expand.rs` says what is emitted. Beside them, `diagnostic.rs` collects mistakes,
//! so that all are reported in one go, and `docs.rs` words the documentation of what is generated.

mod ast;
mod diagnostic;
mod docs;
mod expand;
#[cfg(test)]
mod tests;
mod valid;

use proc_macro::TokenStream;

/// Only for `sve_state::register_layout!`, which puts its `$crate` before the layouts. That names `sve-state`
/// even in a program that renames it, or has it from a third crate.
///
/// ```compile_fail
/// sve_state_macros::register_layout! {}
/// ```
#[proc_macro]
pub fn register_layout(input: TokenStream) -> TokenStream {
    expand::register_layout(input.into()).into()
}
