//! Parses what the user wrote into the types below, and checks nothing but the grammar:
//!
//! ```text
//! layout    = attributes visibility "mod" NAME "{" { setting ( "," | ";" ) | line ";" } "}"
//! setting   = KEY ":" ( WORD | NUMBER | NUMBER "..=" NUMBER )
//! line      = docs ( "bank" | "pseudo" ) registers ":" ( whole | sliced )
//!           | docs "view" registers ":" whole "," "low" "bits" "of" PATH
//! registers = NAME [ "[" quantity "]" ] "at" NUMBER [ "step" NUMBER ]
//! whole     = quantity "bits"
//! sliced    = "slice" quantity "bits" "," "width" quantity "bits"
//! quantity  = term { "+" term }
//! term      = NUMBER [ "*" "vq" ] | "vq"
//! ```
//!
//! After a mistake, parsing resumes after the `:` of the same line or at the next line, so that one call
//! reports every mistake.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::buffer::Cursor;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Ident, LitInt, Path, Token, Visibility, braced, bracketed, token};

use crate::diagnostic::{Errors, did_you_mean, mistake, one_of};

/// One `mod` of the macro's input.
pub(crate) struct Layout {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) settings: Vec<Setting>,
    pub(crate) banks: Vec<Bank>,
    /// The mistakes found while reading its body.
    pub(crate) errors: Errors,
    /// Whether something that may have been a setting could not be read, in which case no setting is reported
    /// as missing.
    pub(crate) misread: bool,
}

/// `coproc: 0x15`.
pub(crate) struct Setting {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    Word(Ident),
    Number(Number),
    Range(Number, Number),
}

/// `bank Z[32] at 0x000 step 32: slice 2048 bits, width 128 * vq bits`.
pub(crate) struct Bank {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) place: Place,
    pub(crate) name: Ident,
    /// Absent for a single register.
    pub(crate) count: Option<Quantity>,
    pub(crate) base: Number,
    pub(crate) step: Option<Number>,
    pub(crate) shape: Shape,
}

/// Where the registers are kept, which is what the keyword at the start of the line says.
pub(crate) enum Place {
    Image,
    View(Path),
    Nowhere,
}

impl Place {
    /// The keyword of a line whose registers have no place of their own.
    pub(crate) fn without_place(&self) -> Option<&'static str> {
        match self {
            Self::Image => None,
            Self::View(_) => Some("view"),
            Self::Nowhere => Some("pseudo-register"),
        }
    }
}

pub(crate) enum Shape {
    /// `128 bits`: moved by one call.
    Whole(Quantity),
    /// `slice 2048 bits, width 128 * vq bits`: moved slice by slice.
    Sliced { slice: Quantity, width: Quantity },
}

impl Shape {
    pub(crate) fn is_sliced(&self) -> bool {
        matches!(self, Self::Sliced { .. })
    }
}

/// A number as written, at most `u32::MAX` so that the product of any two fits in a `u64`.
pub(crate) struct Number {
    pub(crate) value: u64,
    literal: LitInt,
}

/// `fixed + per_vq * vq`.
pub(crate) struct Quantity {
    pub(crate) fixed: u64,
    pub(crate) per_vq: u64,
    tokens: TokenStream,
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Word(word) => word.to_tokens(tokens),
            Self::Number(number) => number.to_tokens(tokens),
            Self::Range(first, last) => {
                first.to_tokens(tokens);
                last.to_tokens(tokens);
            }
        }
    }
}

impl ToTokens for Number {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.literal.to_tokens(tokens);
    }
}

impl ToTokens for Quantity {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.tokens.to_tokens(tokens);
    }
}

impl Quantity {
    /// The value at this VQ, or the largest `u64` if it overflows, which every check refuses.
    pub(crate) fn at(&self, vq: u16) -> u64 {
        self.fixed
            .saturating_add(self.per_vq.saturating_mul(u64::from(vq)))
    }
}

pub(crate) fn layouts(input: ParseStream) -> syn::Result<Vec<Layout>> {
    let mut layouts = vec![input.parse()?];
    while !input.is_empty() {
        layouts.push(input.parse()?);
    }
    Ok(layouts)
}

impl Parse for Layout {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if input.parse::<Option<Token![mod]>>()?.is_none() {
            return unexpected(input, "a layout, `pub mod name { … }`", &[]);
        }
        let name = input.parse()?;
        let body;
        braced!(body in input);
        let mut layout = Self {
            attrs,
            vis,
            name,
            settings: Vec::new(),
            banks: Vec::new(),
            errors: Errors::default(),
            misread: false,
        };
        while !body.is_empty() {
            if let Err(error) = layout.statement(&body) {
                layout.misread = true;
                layout.errors.push(error);
                skip_statement(&body);
            }
        }
        Ok(layout)
    }
}

impl Layout {
    fn statement(&mut self, body: ParseStream) -> syn::Result<()> {
        let start = body.cursor();
        if peek_setting(body) {
            self.settings.push(body.parse()?);
            // A setting ends here, so that a mistake in the next one is reported only there.
            if body.parse::<Option<Token![,]>>()?.is_some() {
                return Ok(());
            }
            return end(start, body, "`,` or `;`");
        }
        let docs = docs(body)?;
        let line = word(body, &LINES)?;
        match bank(docs, &line, body) {
            Ok(bank) => self.banks.push(bank),
            Err(error) => {
                self.errors.push(error);
                skip_statement(body);
            }
        }
        Ok(())
    }
}

/// Reads the `;` that ends what was read from `start` on. Where the `;` was forgotten, the next token belongs
/// to the next line and is not wrong, so the mistake is shown at the token that the `;` should follow.
fn end(start: Cursor, body: ParseStream, what: &str) -> syn::Result<()> {
    if body.parse::<Option<Token![;]>>()?.is_some() {
        return Ok(());
    }
    let forgotten =
        body.is_empty() || body.peek(Token![#]) || peek_line(body) || peek_setting(body);
    match last_token(start, body.cursor()).filter(|_| forgotten) {
        Some(last) => Err(mistake!(&last, "expected {what} after `{last}`")),
        None => unexpected(body, what, &[]),
    }
}

/// The last of the tokens between two places.
fn last_token(from: Cursor, to: Cursor) -> Option<TokenTree> {
    let mut rest = Some(from).filter(|from| *from != to)?;
    loop {
        let (token, next) = rest.token_tree()?;
        if next == to {
            return Some(token);
        }
        rest = next;
    }
}

fn peek_setting(body: ParseStream) -> bool {
    body.peek(Ident) && (body.peek2(Token![:]) || body.peek2(Token![=]))
}

/// After a mistake, skips the rest of the statement, up to its `;` or, if that was forgotten, to the keyword
/// of the next line.
fn skip_statement(body: ParseStream) {
    while !peek_line(body) {
        match body.parse() {
            Ok(TokenTree::Punct(punct)) if punct.as_char() == ';' => return,
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// After a mistake in a line's registers, skips to the `:` that follows them, and returns false if there is
/// none.
fn skip_to_colon(body: ParseStream) -> bool {
    while !body.peek(Token![:]) {
        if body.peek(Token![,]) || body.peek(Token![;]) || peek_line(body) {
            return false;
        }
        if body.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    true
}

fn peek_line(body: ParseStream) -> bool {
    LINES.iter().any(|line| peek_word(body, line))
}

impl Parse for Setting {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let key = input.parse()?;
        punct::<Token![:]>(input, "`:`")?;
        let value = if input.peek(Ident) {
            Value::Word(input.parse()?)
        } else {
            let first = input.parse()?;
            if input.peek(Token![..]) {
                let range = input.parse::<Option<Token![..=]>>()?;
                range.ok_or_else(|| input.error("the last VQ is in the range: `1..=16`"))?;
                Value::Range(first, input.parse()?)
            } else {
                Value::Number(first)
            }
        };
        Ok(Self { key, value })
    }
}

const LINES: [&str; 3] = ["bank", "view", "pseudo"];

/// Reads the rest of a line from its keyword to its `;`.
fn bank(docs: Vec<Attribute>, line: &Ident, input: ParseStream) -> syn::Result<Bank> {
    match input.parse() {
        Ok(Registers {
            name,
            count,
            base,
            step,
        }) => {
            let (shape, place) = content(line, input)?;
            Ok(Bank {
                docs,
                place,
                name,
                count,
                base,
                step,
                shape,
            })
        }
        Err(mut error) => {
            if skip_to_colon(input) {
                let more = content(line, input).err();
                error.extend(more.into_iter().flatten());
            }
            Err(error)
        }
    }
}

/// `Z[32] at 0x000 step 32`.
struct Registers {
    name: Ident,
    count: Option<Quantity>,
    base: Number,
    step: Option<Number>,
}

impl Parse for Registers {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let name = input.parse()?;
        let count = input
            .peek(token::Bracket)
            .then(|| count(input))
            .transpose()?;
        word(input, &["at"])?;
        let base = input.parse()?;
        let step = if input.peek(Token![:]) {
            None
        } else {
            Some(step(input)?)
        };
        Ok(Self {
            name,
            count,
            base,
            step,
        })
    }
}

/// Reads the part of a line from its `:` on, such as `: slice 2048 bits, width 128 * vq bits;`.
fn content(line: &Ident, input: ParseStream) -> syn::Result<(Shape, Place)> {
    let start = input.cursor();
    punct::<Token![:]>(input, "`:`")?;
    if line == "view" && peek_word(input, "slice") {
        return Err(input.error("a view is moved whole: write only its size, `128 bits`"));
    }
    let shape = input.parse()?;
    let place = match input.parse::<Option<Token![,]>>()? {
        Some(_) if line == "view" => Place::View(shown(input)?),
        Some(comma) => {
            return Err(mistake!(
                comma,
                "expected `;`: only a `view` goes on, this is a `{line}`"
            ));
        }
        None if line == "view" => {
            let what = "`, low bits of` and the bank that the view shows";
            return unexpected(input, what, &[]);
        }
        None if line == "bank" => Place::Image,
        None => Place::Nowhere,
    };
    end(start, input, "`;`")?;
    Ok((shape, place))
}

/// Reads the doc comments above a line and refuses other attributes, because a `cfg`, for example, could
/// remove the line and so move the registers of all later lines within the image.
fn docs(input: ParseStream) -> syn::Result<Vec<Attribute>> {
    let attrs = input.call(Attribute::parse_outer)?;
    match attrs.iter().find(|attr| !is_doc(attr)) {
        Some(other) => Err(mistake!(
            other,
            "only doc comments can stand here; other attributes go above the `mod`"
        )),
        None => Ok(attrs),
    }
}

pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

/// Reads `[32]`.
fn count(input: ParseStream) -> syn::Result<Quantity> {
    let brackets;
    bracketed!(brackets in input);
    let count = match brackets.parse() {
        Ok(_) if !brackets.is_empty() => unexpected(&brackets, "`]`", &[]),
        count => count,
    };
    // To syn, tokens left over in brackets are an error of their own, which would hide all others.
    brackets.parse::<TokenStream>()?;
    count
}

/// Reads `step 32`.
fn step(input: ParseStream) -> syn::Result<Number> {
    word(input, &["step", ":"])?;
    input.parse()
}

/// Reads `low bits of sve::Z`.
fn shown(input: ParseStream) -> syn::Result<Path> {
    for next in ["low", "bits", "of"] {
        word(input, &[next])?;
    }
    input.call(Path::parse_mod_style)
}

impl Parse for Shape {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        if input.peek(LitInt) || peek_word(input, "vq") {
            return Ok(Self::Whole(bits(input)?));
        }
        if !peek_word(input, "slice") {
            return unexpected(input, "a size in bits or `slice`", &["slice"]);
        }
        word(input, &["slice"])?;
        let slice = bits(input)?;
        if input.parse::<Option<Token![,]>>()?.is_none() {
            return unexpected(input, "`, width` and a size in bits", &[]);
        }
        word(input, &["width"])?;
        let width = bits(input)?;
        Ok(Self::Sliced { slice, width })
    }
}

fn bits(input: ParseStream) -> syn::Result<Quantity> {
    let quantity = input.parse()?;
    word(input, &["bits"])?;
    Ok(quantity)
}

impl Parse for Quantity {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut sum = Self {
            fixed: 0,
            per_vq: 0,
            tokens: TokenStream::new(),
        };
        loop {
            sum.term(input)?;
            match input.parse::<Option<Token![+]>>()? {
                Some(plus) => plus.to_tokens(&mut sum.tokens),
                None => return Ok(sum),
            }
        }
    }
}

impl Quantity {
    fn term(&mut self, input: ParseStream) -> syn::Result<()> {
        let mut factor = 1;
        if input.peek(LitInt) {
            let number: Number = input.parse()?;
            number.to_tokens(&mut self.tokens);
            let Some(times) = input.parse::<Option<Token![*]>>()? else {
                self.fixed = self.fixed.saturating_add(number.value);
                return Ok(());
            };
            times.to_tokens(&mut self.tokens);
            factor = number.value;
        }
        if !peek_word(input, "vq") {
            return unexpected(input, "a number or `vq`", &["vq"]);
        }
        input.parse::<Ident>()?.to_tokens(&mut self.tokens);
        self.per_vq = self.per_vq.saturating_add(factor);
        Ok(())
    }
}

impl Parse for Number {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        if !input.peek(LitInt) {
            return unexpected(input, "a number", &[]);
        }
        let literal: LitInt = input.parse()?;
        if !literal.suffix().is_empty() {
            return Err(mistake!(literal, "numbers have no suffix here"));
        }
        match literal.base10_parse::<u32>() {
            Ok(value) => Ok(Self {
                value: value.into(),
                literal,
            }),
            Err(_) => Err(mistake!(
                &literal,
                "`{literal}` is not a number from 0 to {}",
                u32::MAX
            )),
        }
    }
}

fn punct<T: Parse>(input: ParseStream, what: &str) -> syn::Result<T> {
    input.parse().or_else(|_| unexpected(input, what, &[]))
}

fn peek_word(input: ParseStream, word: &str) -> bool {
    let next = input.fork().parse::<Ident>();
    next.is_ok_and(|ident| ident == word)
}

fn word(input: ParseStream, words: &[&str]) -> syn::Result<Ident> {
    if words.iter().any(|word| peek_word(input, word)) {
        return input.parse();
    }
    unexpected(input, &one_of(words), words)
}

/// An error for the next token, which asks whether one of `words` was meant if the token is similar to it.
fn unexpected<T>(input: ParseStream, what: &str, words: &[&str]) -> syn::Result<T> {
    let mut message = format!("expected {what}");
    if let Ok(found) = input.fork().parse::<TokenTree>() {
        // Of a group in brackets, show only the opening bracket.
        let found: String = match found {
            TokenTree::Group(group) => group.to_string().chars().take(1).collect(),
            token => token.to_string(),
        };
        let hint = did_you_mean(&found, words).unwrap_or_default();
        message += &format!(", found `{found}`{hint}");
    }
    Err(input.error(message))
}
