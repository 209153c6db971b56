//! The code of a layout, whole, compared with `expected.rs`, which has it as one would write it by
//! hand.

use std::mem::take;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;
use syn::LitStr;

use super::register_layout;

/// The code line by line, where a line ends with `;` or with a brace.
fn lines(code: TokenStream) -> Vec<String> {
    // Spaces depend on where tokens were joined, and a trailing comma on rustfmt, so neither is
    // compared.
    let plain = |text: &str| text.replace([' ', ',', '\n'], "");
    let trees: Vec<_> = code.into_iter().collect();
    let (mut lines, mut line) = (Vec::new(), String::new());
    for (i, tree) in trees.iter().enumerate() {
        let text = tree.to_string();
        match tree {
            // In `<{ 3 }>` the braces end no line.
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::Brace
                    && trees.get(i + 1).is_none_or(|next| next.to_string() != ">") =>
            {
                lines.push(take(&mut line) + "{");
                lines.extend(self::lines(group.stream()));
                lines.push("}".to_owned());
            }
            // `/// Text.` is `#[doc = " Text."]`, or with `r"`.
            TokenTree::Group(group) if line.ends_with('#') => {
                let attribute = group.stream().to_string();
                let doc = attribute.strip_prefix("doc = ");
                let doc = doc.and_then(|doc| syn::parse_str::<LitStr>(doc).ok());
                line += &doc.map_or(plain(&text), |doc| format!("[{:?}]", doc.value().trim()));
            }
            _ => {
                line += &plain(&text);
                if text == ";" {
                    lines.push(take(&mut line));
                }
            }
        }
    }
    lines.push(line);
    lines
}

#[test]
fn a_layouts_code_is_all_there() {
    let code = register_layout(quote! {
        /// A layout.
        #[cfg(x)]
        pub(crate) mod layout {
            arch: arm64, coproc: 0x15, slices: 2, vq: 1..=2;
            /// Vectors.
            /// As many as there are quadwords.
            bank Z[vq] at 0x10 step 4: slice 128 bits, width 64 * vq bits;
            /// Low bits.
            view V at 0x40: 32 bits, low bits of layout::Z;
        }
    });
    let expected = include_str!("expected.rs").parse().expect("tokens");
    let (found, expected) = (lines(code), lines(expected));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}
