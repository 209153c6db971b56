//! The macro behind `sve_state::register_layout!`; see its documentation there.
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

#[doc = include_str!("register_layout.md")]
#[proc_macro]
pub fn register_layout(input: TokenStream) -> TokenStream {
    expand::register_layout(input.into()).into()
}
