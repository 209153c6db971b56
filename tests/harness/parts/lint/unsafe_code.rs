//! Where `unsafe` stands: in the files named here, and nowhere else. The lint of that name can be
//! lifted by anyone who wants to; this list cannot, without being seen.
//!
//! Tokens are looked at, and not syntax, so that no macro's body hides one. Examples in the
//! documentation are comments; what they do is their reader's own.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::context::Context;
use crate::report::{Counted, count};

/// Where it may stand, folders with a slash at the end, and why. `trust.md` tells the same at
/// length.
const ALLOWED: [(&str, &str); 9] = [
    ("runtime/examples/turns.rs", "calls assembly"),
    ("runtime/src/copy/", "copies by pointers"),
    ("runtime/src/state/access.rs", "finds the pointers"),
    (
        "runtime/src/live/mod.rs",
        "declares the functions in assembly of `live.s`",
    ),
    ("runtime/tests/guard_pages.rs", "maps pages that fault"),
    (
        "runtime/tests/live.rs",
        "calls assembly, and handles signals",
    ),
    (
        "tests/programs/ptrace_check/thread.rs",
        "traces a process, and handles signals",
    ),
    (
        "tests/programs/speculation_probe.rs",
        "flushes the cache, and times loads",
    ),
    (
        "tests/suites/running/vm.rs",
        "gives a VM its memory and its program",
    ),
];

/// Checks every Rust file of the repository, those that are not committed yet among them.
pub(crate) fn check(cx: &Context) -> Result<Counted> {
    let files = cx.files("*.rs")?;
    let mut found = BTreeMap::new();
    for file in &files {
        let source = fs::read_to_string(cx.root.join(file))?;
        let uses = uses(&source).with_context(|| file.clone())?;
        if !uses.is_empty() {
            found.insert(&file[..], uses);
        }
    }
    judge(&found)?;
    for (file, uses) in &found {
        cx.step(&format!("{file}: {}", summary(uses)));
    }
    let where_found = found.len();
    let all: Vec<_> = found.into_values().flatten().collect();
    Ok(vec![format!(
        "unsafe: {} in {where_found} of {}, all in {}",
        summary(&all),
        count(files.len(), "Rust file"),
        ALLOWED.map(|(place, _)| place).join(", ")
    )])
}

/// Refuses what stands elsewhere, and a place in the list where there is nothing.
fn judge(found: &BTreeMap<&str, Vec<Use>>) -> Result<()> {
    let allowed = |file: &str, place: &str| match place.strip_suffix('/') {
        Some(_) => file.starts_with(place),
        None => file == place,
    };
    for (file, uses) in found {
        if !ALLOWED.iter().any(|(place, _)| allowed(file, place)) {
            let (kind, line) = uses[0];
            bail!(
                "{file}:{line}: an {kind}, which may stand only in these places: {}",
                ALLOWED
                    .map(|(place, why)| format!("{place} ({why})"))
                    .join(", ")
            );
        }
    }
    for (place, _) in ALLOWED {
        ensure!(
            found.keys().any(|file| allowed(file, place)),
            "there is no unsafe code in {place}: strike it from the list in {}",
            file!()
        );
    }
    Ok(())
}

const BLOCK: &str = "unsafe block";
/// Or the type of one.
const FUNCTION: &str = "unsafe function";
/// Of a trait, an impl, an attribute, or an extern block.
const OTHER: &str = "unsafe item";
/// `allow(unsafe_code)`
const LIFTED: &str = "unsafe_code that is allowed";

/// What stands there, and its line.
type Use = (&'static str, usize);

fn uses(source: &str) -> Result<Vec<Use>> {
    let tokens: TokenStream = source.parse().map_err(|error| anyhow!("{error}"))?;
    let mut uses = Vec::new();
    visit(tokens, &mut uses);
    Ok(uses)
}

fn visit(tokens: TokenStream, uses: &mut Vec<Use>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(tree) = tokens.next() {
        let line = tree.span().start().line;
        match (tree, tokens.peek()) {
            (TokenTree::Group(group), _) => visit(group.stream(), uses),
            (TokenTree::Ident(word), next) if word == "unsafe" => uses.push((kind(next), line)),
            (TokenTree::Ident(word), Some(TokenTree::Group(lints)))
                if ["allow", "expect", "warn"].contains(&&word.to_string()[..])
                    && names_the_lint(lints.stream()) =>
            {
                uses.push((LIFTED, line));
            }
            _ => {}
        }
    }
}

/// What `unsafe` makes unsafe, by the token behind it.
fn kind(next: Option<&TokenTree>) -> &'static str {
    match next {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => BLOCK,
        Some(TokenTree::Ident(word)) if word == "fn" => FUNCTION,
        _ => OTHER,
    }
}

fn names_the_lint(lints: TokenStream) -> bool {
    let mut lints = lints.into_iter();
    lints.any(|tree| matches!(tree, TokenTree::Ident(lint) if lint == "unsafe_code"))
}

fn summary(uses: &[Use]) -> String {
    let kinds = [BLOCK, FUNCTION, OTHER].into_iter();
    let counts = kinds.map(|kind| (uses.iter().filter(|(k, _)| *k == kind).count(), kind));
    let parts = counts
        .filter(|(n, _)| *n > 0)
        .map(|(n, kind)| count(n, kind));
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, BLOCK, BTreeMap, FUNCTION, LIFTED, OTHER, judge, uses};

    fn kinds(source: &str) -> Vec<&'static str> {
        let uses = uses(source).unwrap();
        uses.into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn wherever_it_stands_it_is_found() {
        assert_eq!(kinds("fn f() { loop { unsafe { g() } } }"), [BLOCK]);
        assert_eq!(kinds("impl S { pub unsafe fn f() {} }"), [FUNCTION]);
        assert_eq!(kinds("type F = unsafe fn();"), [FUNCTION]);
        assert_eq!(kinds("unsafe impl Send for S {}"), [OTHER]);
        assert_eq!(kinds("unsafe trait T {}"), [OTHER]);
        assert_eq!(kinds("unsafe extern \"C\" { fn f(); }"), [OTHER]);
        assert_eq!(kinds("#[unsafe(no_mangle)] fn f() {}"), [OTHER]);
        assert_eq!(kinds("#![allow(dead_code, unsafe_code)]"), [LIFTED]);
        let conditional = "#[cfg_attr(all(), expect(unsafe_code))] fn f() {}";
        assert_eq!(kinds(conditional), [LIFTED]);
        let hidden = "macro_rules! m { () => { quote!(unsafe { f() }) } }";
        assert_eq!(kinds(hidden), [BLOCK]);
        let harmless = "#![deny(unsafe_code)] //! unsafe {}\nconst A: &str = \"unsafe {}\";";
        assert!(kinds(harmless).is_empty());
        assert_eq!(uses("fn f() {\n unsafe {} }").unwrap(), [(BLOCK, 2)]);
    }

    #[test]
    fn elsewhere_is_refused_and_so_is_a_list_with_more_than_there_is() {
        let one = || vec![(BLOCK, 7)];
        // In a folder, some file of it.
        let listed = ALLOWED.map(|(place, _)| match place {
            "runtime/src/copy/" => "runtime/src/copy/neon.rs",
            file => file,
        });
        let found: BTreeMap<_, _> = listed.map(|file| (file, one())).into();
        assert!(judge(&found).is_ok());

        let mut more = found;
        more.insert("runtime/src/state/memory.rs", one());
        let error = judge(&more).unwrap_err().to_string();
        assert!(
            error.starts_with("runtime/src/state/memory.rs:7: an unsafe block, "),
            "{error}"
        );

        let (_, fewer) = listed.split_last().unwrap();
        let fewer: BTreeMap<_, _> = fewer.iter().map(|file| (*file, one())).collect();
        let error = judge(&fewer).unwrap_err().to_string();
        assert!(
            error.contains("tests/suites/running/vm.rs: strike it"),
            "{error}"
        );
    }
}
