//! Any tokens as a layout, which give code or errors and never a panic.
//!
//! The crate of a macro cannot be linked, so this target includes its files.
#![no_main]

#[path = "../../macros/src/ast.rs"]
mod ast;
#[path = "../../macros/src/diagnostic.rs"]
mod diagnostic;
#[path = "../../macros/src/docs.rs"]
mod docs;
#[path = "../../macros/src/expand.rs"]
mod expand;
#[path = "../../macros/src/valid.rs"]
mod valid;

use libfuzzer_sys::{Corpus, fuzz_target};
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

fuzz_target!(|text: &str| -> Corpus {
    let Ok(tokens) = text.parse::<TokenStream>() else {
        return Corpus::Reject;
    };
    let written = has_unsafe(tokens.clone());
    let code = expand::register_layout(quote!(sve_state #tokens));
    assert!(
        !code.is_empty(),
        "no tokens, and no layout, is an error too"
    );
    assert!(written || !has_unsafe(code.clone()), "unsafe code: {code}");
    if let Err(error) = syn::parse2::<syn::File>(code.clone()) {
        panic!("{error} in the code {code}");
    }
    Corpus::Keep
});

fn has_unsafe(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Group(group) => has_unsafe(group.stream()),
        TokenTree::Ident(ident) => ident == "unsafe",
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
