//! What can be tested without a compiler. What the compiler makes of the code and how it shows the
//! errors is tested in the workspace's `tests/`.

mod expansion;
mod ui;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use crate::diagnostic::{did_you_mean, one_of};
use crate::expand;

fn register_layout(layouts: TokenStream) -> TokenStream {
    expand::register_layout(quote!(sve_state #layouts))
}

/// Every stream that differs from this one in a single place, however deep in groups, where a token
/// is missing, doubled, or replaced by another.
fn slips(tokens: &TokenStream) -> Vec<TokenStream> {
    let others = quote!(0 1 65536 4294967296 18446744073709551616 -1 1.5 0u8 "" 'a' x Ω r#fn _ fn
        vq bits bank view pseudo slice mod Self crate : , ; * + ..= .. ::a # ! [] () {} [0] [vq]);
    let trees: Vec<_> = tokens.clone().into_iter().collect();
    let with = |i: usize, new: &[TokenTree]| {
        let all = trees[..i].iter().chain(new).chain(&trees[i + 1..]);
        all.cloned().collect::<TokenStream>()
    };
    let mut slips = Vec::new();
    for (i, tree) in trees.iter().enumerate() {
        slips.push(with(i, &[]));
        slips.push(with(i, &[tree.clone(), tree.clone()]));
        slips.extend(others.clone().into_iter().map(|other| with(i, &[other])));
        if let TokenTree::Group(group) = tree {
            slips.extend(
                self::slips(&group.stream())
                    .into_iter()
                    .map(|inner| with(i, &[Group::new(group.delimiter(), inner).into()])),
            );
        }
    }
    slips
}

#[test]
fn one_slip_gives_code_or_errors() {
    // All of the grammar in little code.
    let layout = quote! {
        /// Registers.
        #[cfg(all())]
        pub mod layout {
            arch: arm64, coproc: 0x15, slices: 2, vq: 1..=2;
            /// Vectors.
            bank Z[1 + 2 * vq] at 0x000 step 2: slice 256 bits, width 128 * vq bits;
            bank FFR at 0x20: slice 64 bits, width 16 + 8 * vq bits;
            pseudo VLS at 0xffff: 512 bits;
            view V[3] at 0x30 step 4: 128 bits, low bits of layout::Z;
        }
    };
    let refuses = |tokens| {
        let code = register_layout(tokens).to_string();
        assert!(!code.is_empty());
        code.contains("compile_error")
    };
    assert!(!refuses(layout.clone()));
    let slips = slips(&layout);
    assert!(slips.len() > 5000, "{}", slips.len());
    let refused = slips.into_iter().filter(|slip| refuses(slip.clone()));
    assert!(refused.count() > 4000);
}

fn layouts() -> TokenStream {
    quote! {
        pub mod sve {
            arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
            bank Z[32] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
            bank P[16] at 0x400 step 32: slice 256 bits, width 16 * vq bits;
            bank FFR at 0x600: slice 256 bits, width 16 * vq bits;
            pseudo VLS at 0xffff: 512 bits;
            view V[32] at 0x700 step 4: 128 bits, low bits of sve::Z;
        }
        mod sme {
            arch: arm64, coproc: 0x17, slices: 32, vq: 1..=16;
            bank ZA[16 * vq] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
            bank ZT0 at 0x600: 512 bits;
            bank C[2 + vq] at 0x8000 step 1: 16 bits;
            bank D[2 + vq] at 0x9000 step 32: slice 64 bits, width 32 + 8 * vq bits;
            bank E at 0xa000: 64 bits;
        }
    }
}

#[test]
fn constants_say_what_they_are() {
    let code = register_layout(layouts()).to_string();
    for doc in [
        "`Z3`: ID `0x6080_0000_0015_0060`; 16·VQ bytes at offset 48·VQ of the image.",
        "`P1`: ID `0x6050_0000_0015_0420`; 2·VQ bytes at offset 514·VQ of the image.",
        "`FFR`: ID `0x6050_0000_0015_0600`; 2·VQ bytes at offset 544·VQ of the image.",
        "`VLS`: ID `0x6060_0000_0015_ffff`; 64 bytes, with no place in the image.",
        "`V3`: ID `0x6040_0000_0015_070c`; 16 bytes, the low ones of `sve::Z3`.",
        "`ZA0`: ID `0x6080_0000_0017_0000`; 16·VQ bytes at offset 0 of the image.",
        "`ZA48`: ID `0x6080_0000_0017_0600`; 16·VQ bytes at offset 768·VQ of the image. From VQ 4.",
        "`ZT0`: ID `0x6060_0000_0017_0600`; 64 bytes at offset 256·VQ² of the image.",
        // After (2 + VQ) · 2 bytes, and a further (2 + VQ) · (4 + VQ) bytes.
        "; VQ + 4 bytes at offset 256·VQ² + 2·VQ + 68 of the image.",
        "; 8 bytes at offset 257·VQ² + 8·VQ + 76 of the image.",
    ] {
        assert!(code.contains(doc), "{doc}");
    }
}

#[test]
fn no_generated_code_is_unsafe() {
    fn words(tokens: TokenStream) -> Vec<String> {
        let words = tokens.into_iter().map(|tree| match tree {
            TokenTree::Group(group) => words(group.stream()),
            TokenTree::Ident(word) => vec![word.to_string()],
            TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
        });
        words.flatten().collect()
    }
    let words = words(register_layout(layouts()));
    assert!(
        words.iter().any(|word| word == "ViewOf"),
        "all of it is seen"
    );
    let is_unsafe = |word: &&String| word.contains("unsafe");
    assert_eq!(words.iter().find(is_unsafe), None);
}

#[test]
fn what_stands_beside_a_module_is_there_where_the_module_is() {
    for (written, of_view) in [
        (quote!(#[cfg(x)]), quote!(#[cfg(x)])),
        (quote!(#[deprecated = "x"]), quote!(#[allow(deprecated)])),
        (
            quote!(#[cfg(x)] /** Docs. */ #[allow(unused)] #[deprecated]),
            quote!(#[cfg(x)] #[allow(deprecated)]),
        ),
        (
            quote!(#[cfg_attr(x, cfg(y), doc = "z")]),
            quote!(#[cfg_attr(x, cfg(y))]),
        ),
        (
            quote!(#[cfg_attr(x, cfg_attr(y, deprecated, cfg(z)), doc = include!("a"), b(c d),)]),
            quote!(#[cfg_attr(x, cfg_attr(y, allow(deprecated), cfg(z)))]),
        ),
        (
            quote!(#[cfg_attr(x, cfg_attr(y, inline), a::b)] #[a::b] #[cfg_attr] #[cfg_attr()]),
            quote!(),
        ),
    ] {
        let code = register_layout(quote! {
            #written mod layout {
                arch: arm64, coproc: 0x15, vq: 1..=2;
                bank Z at 0: 64 bits;
                view V at 1: 32 bits, low bits of layout::Z;
            }
        });
        let module = quote!(#written mod layout).to_string();
        let trees: Vec<_> = code.clone().into_iter().collect();
        assert!(code.to_string().starts_with(&module), "{code}");
        // What follows the module's braces, and then those of the first item after it.
        let is_body = |tree: &TokenTree| matches!(tree, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
        let parts: Vec<String> = trees
            .split(is_body)
            .map(|part| part.iter().cloned().collect::<TokenStream>().to_string())
            .collect();
        let [_, view, check] = &parts[..] else {
            panic!("{parts:?}");
        };
        let (view, check) = (view.split("impl ").next(), check.split("const ").next());
        let expected = of_view.to_string();
        assert_eq!(view.map(str::trim), Some(expected.as_str()), "{written}");
        assert_eq!(check.map(str::trim), Some(expected.as_str()), "{written}");
    }
}

/// Where the rules end and where reading resumes, as far as `tests/ui` does not show it.
#[test]
fn borders() {
    let no_number = "expected a number or `vq`, found `y`";
    for (body, errors) in [
        (quote!(vq: 2..=2; bank X at 0: 8 bits;), &[][..]),
        (quote!(vq: 1..=512; bank X[64] at 0 step 1: 8 bits;), &[]),
        (
            quote!(vq: 1..=2, slices: 1; bank X at 0: slice 64 bits, width 4 + 8 * vq bits;),
            &["4 + 8 * vq bits is not a whole number of bytes: use multiples of 8"],
        ),
        // What follows does not belong to the line.
        (quote!(vq: 1..=2; bank X[y] at 0, and: 1;), &[no_number]),
        (quote!(bank X[y] at 0; vq: 1..=2;), &[no_number]),
    ] {
        let layout = quote!(mod layout { arch: arm64, coproc: 0x15; #body });
        let code = register_layout(layout).to_string();
        assert_eq!(
            code.matches("compile_error").count(),
            errors.len(),
            "{code}"
        );
        assert!(errors.iter().all(|error| code.contains(error)), "{code}");
    }
}

/// A bank cannot have the name of an item that every layout has.
#[test]
fn names_of_items_are_reserved() {
    let of = |bank: &str| {
        let bank = quote::format_ident!("{bank}");
        register_layout(quote! {
            mod layout {
                arch: arm64, coproc: 0x15, slices: 2, vq: 1..=2;
                bank #bank at 0: slice 64 bits, width 64 * vq bits;
            }
        })
    };
    let module = of("Own").into_iter().find_map(|tree| match tree {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    });
    let items = module.expect("its braces").into_iter();
    let words: Vec<_> = items.map(|tree| tree.to_string()).collect();
    let names = words.windows(3).filter_map(|words| match words {
        [word, _, name] if word == "pub" => Some(name),
        _ => None,
    });
    let mut reserved = 0;
    for name in names.filter(|name| *name != "fn" && !name.to_lowercase().starts_with("own")) {
        let code = of(name).to_string();
        let said = format!("every layout already has a `{name}`");
        assert!(code.contains(&said), "{name}: {code}");
        reserved += 1;
    }
    assert_eq!(reserved, crate::valid::RESERVED.len());
}

#[test]
fn suggestions() {
    let hint = |written| did_you_mean(written, &["arch", "bank", "vq", ":"]);
    let bank = Some(": did you mean `bank`?".to_owned());
    for slip in ["bnak", "ban", "banks", "bahn", "Bank", "bnk"] {
        assert_eq!(hint(slip), bank, "{slip}");
    }
    assert_eq!(hint("vl"), Some(": did you mean `vq`?".to_owned()));
    for other in ["register", "", "x", "knab", "abknx"] {
        assert_eq!(hint(other), None, "{other}");
    }
    assert_eq!(one_of(&["a"]), "`a`");
    assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
}
