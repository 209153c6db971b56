//! Emits the code of a layout: names, data, and the trait impls that tie them together. None of it is logic,
//! since the functions that it calls and the methods of its types are written by hand in `sve_state::layout`
//! and `sve_state::image`.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Attribute, Meta};

use crate::ast::{self, Place};
use crate::docs::{self, Offset, hex, range};
use crate::valid::{Bank, Layout, PerVq, check_shown};

/// The whole macro. Its input begins with the `$crate` of `sve_state`, a token that names that crate wherever
/// the code ends up, and the layouts follow. Any other tokens give errors that say what is wrong with them.
pub(crate) fn register_layout(input: TokenStream) -> TokenStream {
    let mut input = input.into_iter();
    let Some(TokenTree::Ident(sve_state)) = input.next() else {
        return quote!(::core::compile_error! {
            "this macro is called by `sve_state::register_layout!` only: call that one"
        });
    };
    let sve_state = SveState(&sve_state);
    match ast::layouts.parse2(input.collect()) {
        Ok(layouts) => {
            let call: Vec<_> = layouts.iter().map(Layout::check).collect();
            call.iter()
                .map(|l| expand_one(sve_state, l, &call))
                .collect()
        }
        Err(error) => error.to_compile_error(),
    }
}

fn expand_one(
    sve_state: SveState<'_>,
    layout: &syn::Result<Layout>,
    call: &[syn::Result<Layout>],
) -> TokenStream {
    match layout {
        Ok(layout) => match check_shown(layout, call) {
            Ok(()) => expand(sve_state, layout),
            Err(error) => error.to_compile_error(),
        },
        Err(error) => error.to_compile_error(),
    }
}

/// The token that names `sve_state`.
#[derive(Clone, Copy)]
struct SveState<'a>(&'a Ident);

impl SveState<'_> {
    /// The path of the crate's module `layout`, as if it were written at `here`.
    fn layout(self, here: Span) -> TokenStream {
        let mut sve_state = self.0.clone();
        sve_state.set_span(sve_state.span().located_at(here));
        quote_spanned!(here=> #sve_state::layout)
    }
}

fn expand(sve_state: SveState<'_>, layout: &Layout) -> TokenStream {
    let ast::Layout {
        attrs, vis, name, ..
    } = layout.ast;
    let banks = layout.banks.iter().enumerate();
    let types = banks.map(|(index, bank)| bank_type(sve_state, index, bank));
    let aliases = layout.banks.iter().map(|bank| alias(sve_state, bank));
    let numbers = layout.banks.iter().filter_map(number_trait);
    let slices = layout.slices.map(slice_trait);
    let constructors = layout.banks.iter().map(constructors);
    let constants = constants(layout);
    let description = description(sve_state, layout);
    let reg = reg(sve_state, layout);
    let views = layout
        .banks
        .iter()
        .filter_map(|bank| view(sve_state, layout, bank));
    quote! {
        #(#attrs)*
        #vis mod #name {
            #(#aliases)*
            #constants
            #(#constructors)*
            #reg
            #description

            /// The banks of the layout, as types.
            #[doc(hidden)]
            pub mod bank {
                #(#types)*
            }

            #[doc(hidden)]
            pub mod number {
                #(#numbers)*
            }
            #slices
        }
        #(#views)*
    }
}

fn bank_type(sve_state: SveState<'_>, index: usize, bank: &Bank) -> TokenStream {
    let ast::Bank { docs, place, .. } = bank.ast;
    let name = bank_name(bank);
    let summary = format!("Bank `{name}`, as a type.");
    let slice_bytes = Literal::u32_unsuffixed(bank.slice_bytes);
    let index = Literal::usize_unsuffixed(index);
    let span = name.span();
    let api = sve_state.layout(span);
    let derives = derives();
    let in_image = matches!(place, Place::Image).then(|| {
        quote_spanned! {span=>
            impl #api::InImage for #name {
                type Slice = [::core::primitive::u8; #slice_bytes];
            }
        }
    });
    quote_spanned! {span=>
        #[doc = #summary]
        ///
        #(#docs)*
        #derives
        #[derive(::core::cmp::PartialOrd, ::core::cmp::Ord)]
        pub enum #name {}
        impl #api::BankType for #name {
            type Layout = super::Layout;
            const INDEX: ::core::primitive::usize = #index;
        }
        #in_image
    }
}

/// The type of a bank's registers.
fn alias(sve_state: SveState<'_>, bank: &Bank) -> TokenStream {
    let docs = &bank.ast.docs;
    let name = bank_name(bank);
    let summary = match bank.max_count {
        1 => format!("Register `{name}`."),
        _ => format!("A register of bank `{name}`, {}.", range(bank)),
    };
    let span = name.span();
    let api = sve_state.layout(span);
    quote_spanned! {span=>
        #(#docs)*
        ///
        #[doc = #summary]
        pub type #name = #api::Register<bank::#name>;
    }
}

fn constants(layout: &Layout) -> TokenStream {
    let mut offset = Offset::default();
    let mut tokens = TokenStream::new();
    for bank in &layout.banks {
        let docs = &bank.ast.docs;
        let name = bank_name(bank);
        let span = name.span();
        for number in 0..bank.max_count {
            let constant = Ident::new(&bank.register(number), span);
            let summary = docs::constant(layout, bank, number, offset);
            tokens.extend(quote_spanned! {span=>
                #[doc = #summary]
                ///
                #(#docs)*
                pub const #constant: #name = #name::constant(#number, 0);
            });
        }
        if let Place::Image = bank.ast.place {
            offset.pass(bank);
        }
    }
    tokens
}

/// The const-generic constructors, `z` and `z_slice`, which take the numbers that the traits of
/// [`number_trait`] and [`slice_trait`] allow.
fn constructors(bank: &Bank) -> TokenStream {
    let name = bank_name(bank);
    let span = name.span();
    // A single register has no number to pass.
    let (parameter, bound, number) = match bank.ast.count {
        None => (quote!(), quote!(), quote!(0)),
        Some(_) => (
            quote!(const NUMBER: ::core::primitive::u16,),
            quote_spanned!(span=> bank::#name: number::#name<{ NUMBER }>,),
            quote!(NUMBER),
        ),
    };
    let by_number = bank.function().map(|function| {
        let function = Ident::new(&function, span);
        let doc = format!("The register with this number: {}.", range(bank));
        quote_spanned! {span=>
            #[doc = #doc]
            pub const fn #function<#parameter>() -> #name
            where
                #bound
            {
                #name::constant(#number, 0)
            }
        }
    });
    let by_slice = bank.slice_function().map(|function| {
        let function = Ident::new(&function, span);
        let doc = format!("Slice `SLICE`, 0 to {}, of `{name}`.", bank.slices - 1);
        quote_spanned! {span=>
            #[doc = #doc]
            pub const fn #function<#parameter const SLICE: ::core::primitive::u16>() -> #name
            where
                #bound
                Layout: Slice<{ SLICE }>,
            {
                #name::constant(#number, SLICE)
            }
        }
    });
    quote!(#by_number #by_slice)
}

/// A trait that says which register numbers a bank has, so that a wrong number is a type error whose message
/// shows it.
fn number_trait(bank: &Bank) -> Option<TokenStream> {
    bank.function()?;
    let name = bank_name(bank);
    let message = format!(
        "there is no register {name}{{NUMBER}}: the bank has {}",
        range(bank)
    );
    let numbers = 0..bank.max_count;
    Some(quote! {
        #[diagnostic::on_unimplemented(message = #message, label = "no such register")]
        pub trait #name<const NUMBER: ::core::primitive::u16> {}
        #(
            #[diagnostic::do_not_recommend]
            impl #name<#numbers> for super::bank::#name {}
        )*
    })
}

/// A trait that says in the same way which slices the registers of a layout have.
fn slice_trait(slices: u16) -> TokenStream {
    let message = match slices {
        1 => "there is no slice {SLICE}: slice 0 is the only one".to_owned(),
        _ => format!(
            "there is no slice {{SLICE}}: slices are 0 to {}",
            slices - 1
        ),
    };
    let slices = 0..slices;
    quote! {
        #[doc(hidden)]
        #[diagnostic::on_unimplemented(message = #message, label = "no such slice")]
        pub trait Slice<const SLICE: ::core::primitive::u16> {}
        #(
            #[diagnostic::do_not_recommend]
            impl Slice<#slices> for Layout {}
        )*
    }
}

/// The layout as a type, with its data.
fn description(sve_state: SveState<'_>, layout: &Layout) -> TokenStream {
    let name = layout.ast.name.unraw();
    let title = name.to_string();
    let doc = format!("The layout `{name}`, as a type.");
    let (vq_min, vq_max) = (layout.vqs.min, layout.vqs.max);
    let vqs = Literal::u16_unsuffixed(vq_max - vq_min + 1);
    let prefix = literal(hex(layout.prefix));
    let bank_count = Literal::usize_unsuffixed(layout.banks.len());
    let api = sve_state.layout(Span::call_site());
    let descriptions = layout.banks.iter().map(|bank| bank_data(&api, bank));
    let banks = quote!(<Layout as #api::Layout>::BANKS);
    let derives = derives();
    let names = layout.banks.iter().map(bank_name);
    quote! {
        /// The size of the packed image in bytes, at the largest VQ.
        pub const MAX_IMAGE_BYTES: ::core::primitive::usize =
            #api::generated::image_bytes(#banks, #vq_max);

        /// How many registers have a place in the image, at the largest VQ.
        pub const REGISTERS: ::core::primitive::usize =
            #api::generated::registers(#banks, #bank_count);

        /// The bounds of slice 0 of every register of the image, with a row for each VQ that the layout
        /// describes. Where a VQ does not have a register, its bounds are empty.
        ///
        /// This table is for people and tests: GET and SET do not read it, because they compute where a slice
        /// lies.
        pub const BOUNDS: [[#api::Bounds; REGISTERS]; #vqs] =
            #api::generated::bounds_table(#banks, #vq_min);

        #[doc = #doc]
        #derives
        pub enum Layout {}
        impl #api::Layout for Layout {
            type Reg = Reg;
            const NAME: &'static ::core::primitive::str = #title;
            const PREFIX: ::core::primitive::u64 = #prefix;
            const VQ_MIN: ::core::primitive::u16 = #vq_min;
            const VQ_MAX: ::core::primitive::u16 = #vq_max;
            const BANKS: &'static [#api::Bank] = &[#(#descriptions),*];

            #[inline]
            fn decode(
                __id: ::core::primitive::u64,
            ) -> ::core::result::Result<Reg, #api::DecodeError> {
                #(
                    if let ::core::option::Option::Some(__register) = #names::from_id(__id) {
                        return ::core::result::Result::Ok(Reg::#names(__register));
                    }
                )*
                ::core::result::Result::Err(#api::generated::no_register::<Layout>(__id))
            }
        }
    }
}

/// A bank as `sve_state::layout::Bank`.
fn bank_data(api: &TokenStream, bank: &Bank) -> TokenStream {
    let name = bank.ast.name.to_string();
    let numbered = bank.ast.count.is_some();
    let base = literal(format!("{:#x}", bank.base));
    let (step, max_count, slices) = (bank.step, bank.max_count, bank.slices);
    let slice_bytes = bank.slice_bytes;
    let (count, width) = (per_vq(api, bank.count), per_vq(api, bank.width));
    let place = match bank.ast.place {
        Place::Image => quote!(Image),
        Place::View(_) => quote!(View),
        Place::Nowhere => quote!(None),
    };
    quote! {
        #api::Bank {
            name: #name,
            numbered: #numbered,
            base: #base,
            step: #step,
            count: #count,
            max_count: #max_count,
            slices: #slices,
            slice_bytes: #slice_bytes,
            width: #width,
            place: #api::Place::#place,
        }
    }
}

fn per_vq(api: &TokenStream, PerVq { fixed, per_vq }: PerVq) -> TokenStream {
    quote!(#api::PerVq { fixed: #fixed, per_vq: #per_vq })
}

fn reg(sve_state: SveState<'_>, layout: &Layout) -> TokenStream {
    let names: Vec<_> = layout.banks.iter().map(bank_name).collect();
    let docs = names.iter().map(|name| format!("Of bank `{name}`."));
    let api = sve_state.layout(Span::call_site());
    let derives = derives();
    let enum_doc = format!("Any register of the layout `{}`.", layout.ast.name.unraw());
    let conversions = names.iter().map(|name| {
        quote_spanned! {name.span()=>
            impl ::core::convert::From<#name> for Reg {
                fn from(__register: #name) -> Self {
                    Self::#name(__register)
                }
            }
        }
    });
    quote! {
        #[doc = #enum_doc]
        #derives
        pub enum Reg {
            #(#[doc = #docs] #names(#names),)*
        }
        impl Reg {
            /// The register slice that has this ID, or the reason why none does.
            #[inline]
            pub fn decode(
                __id: ::core::primitive::u64,
            ) -> ::core::result::Result<Self, #api::DecodeError> {
                <Layout as #api::Layout>::decode(__id)
            }

            /// The 64-bit ID that ONE_REG takes.
            #[inline]
            pub const fn id(self) -> ::core::primitive::u64 {
                match self {
                    #(Self::#names(__register) => __register.id(),)*
                }
            }
        }
        impl ::core::fmt::Display for Reg {
            fn fmt(&self, __f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    #(Self::#names(__register) => ::core::fmt::Display::fmt(__register, __f),)*
                }
            }
        }
        #(#conversions)*
    }
}

/// The impl that says which bank a view shows. It is emitted beside the module rather than in it, because the
/// path of that bank is written as seen from there.
fn view(sve_state: SveState<'_>, layout: &Layout, bank: &Bank) -> Option<TokenStream> {
    let Place::View(shown) = &bank.ast.place else {
        return None;
    };
    let module = &layout.ast.name;
    let name = &bank.ast.name;
    let attributes = of_view(&layout.ast.attrs);
    let bytes = Literal::u32_unsuffixed(bank.slice_bytes);
    let span = shown.span();
    let api = sve_state.layout(span);
    let view = quote!(#module::bank::#name);
    let value = quote!([::core::primitive::u8; #bytes]);
    Some(quote_spanned! {span=>
        #attributes
        impl #api::ViewOf for #view {
            type Target = <#shown as #api::RegisterType>::Bank;
            type Value = #value;
        }
        #attributes
        const _: () = #api::generated::check_view::<#view>();
    })
}

/// The attributes for the code beside a module. That code gets the module's `cfg`s, because it must exist
/// exactly when the module does, and `allow(deprecated)` if the module is deprecated, because it names the
/// module.
fn of_view(attributes: &[Attribute]) -> TokenStream {
    let metas = attributes.iter().map(|attribute| &attribute.meta);
    let metas = metas.filter_map(meta_of_view);
    quote!(#(#[#metas])*)
}

fn meta_of_view(meta: &Meta) -> Option<TokenStream> {
    let name = meta.path().get_ident()?;
    if name == "cfg" {
        return Some(meta.to_token_stream());
    }
    if name == "deprecated" {
        return Some(quote!(allow(deprecated)));
    }
    // An invalid `cfg_attr` needs nothing here, because the compiler refuses it above the module.
    let conditional = meta.require_list().ok().filter(|_| name == "cfg_attr")?;
    let trees: Vec<_> = conditional.tokens.clone().into_iter().collect();
    let is_comma = |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ',');
    let mut parts = trees
        .split(is_comma)
        .map(|part| part.iter().cloned().collect::<TokenStream>());
    let condition = parts.next()?;
    // An attribute that syn cannot read, such as one whose value is a macro call, is neither `cfg` nor
    // `deprecated`.
    let metas = parts.filter_map(|part| meta_of_view(&syn::parse2(part).ok()?));
    let metas: Vec<_> = metas.collect();
    (!metas.is_empty()).then(|| quote!(cfg_attr(#condition, #(#metas),*)))
}

fn derives() -> TokenStream {
    quote! {
        #[derive(
            ::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug, ::core::hash::Hash,
            ::core::cmp::PartialEq, ::core::cmp::Eq,
        )]
    }
}

/// The number as a literal in this spelling, where `quote!` would write it in decimal.
fn literal(number: String) -> TokenStream {
    number.parse().unwrap_or_default()
}

/// A bank's name in generated code. Its span shows errors where the user wrote the name, and yet exempts it
/// from lints about naming, because the name is the architecture's and not the user's choice.
fn bank_name(bank: &Bank) -> Ident {
    let mut name = bank.ast.name.clone();
    name.set_span(Span::call_site().located_at(name.span()));
    name
}
