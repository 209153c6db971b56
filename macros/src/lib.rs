//! The macro behind `sve_state::register_layout!`; see its documentation there.
//!
//! Three steps, one file each: [`ast`] reads what the user wrote, [`valid`] finds what can be wrong
//! with it, [`expand`] says what is emitted. All mistakes are reported in one go; [`diagnostic`]
//! collects them.

mod ast;
mod diagnostic;
mod expand;
#[cfg(test)]
mod tests;
mod valid;

use proc_macro::TokenStream;

/// Declares register layouts. Documented in `sve-state`, which exports it.
#[proc_macro]
pub fn register_layout(input: TokenStream) -> TokenStream {
    expand::register_layout(input.into()).into()
}
