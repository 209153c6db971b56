//! Where `unsafe` may be: in the files named here, and nowhere else. The lint of that name can be
//! lifted by anyone who wants to, but this list cannot, without being seen.
//!
//! It looks at tokens rather than syntax, so that no macro's body hides one. Examples in the
//! documentation are comments, and what they do is their reader's own affair.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Result, anyhow, bail, ensure};
use proc_macro2::{TokenStream, TokenTree};

use crate::context::Context;
use crate::report::{Counted, count};

/// Where it may be, with a slash at the end of folders, and why. `trust.md` says the same at
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

/// Checks every Rust file of the repository, including those that are not committed yet.
pub(crate) fn check(cx: &Context) -> Result<Counted> {
    let files = cx.files("*.rs")?;
    let mut found = BTreeMap::new();
    for file in &files {
        let source = fs::read_to_string(cx.root.join(file))?;
        let tokens = source.parse().map_err(|error| anyhow!("{file}: {error}"))?;
        let lines = lines(tokens);
        if !lines.is_empty() {
            cx.step(&format!("{file}: {} `unsafe`", lines.len()));
            found.insert(&file[..], lines);
        }
    }
    judge(&found)?;
    Ok(vec![format!(
        "{} `unsafe` in {} of {}, all in {}",
        found.values().map(Vec::len).sum::<usize>(),
        found.len(),
        count(files.len(), "Rust file"),
        ALLOWED.map(|(place, _)| place).join(", ")
    )])
}

/// Refuses the word elsewhere, and a place in the list where it does not occur.
fn judge(found: &BTreeMap<&str, Vec<usize>>) -> Result<()> {
    let allowed = |file: &str, place: &str| match place.strip_suffix('/') {
        Some(_) => file.starts_with(place),
        None => file == place,
    };
    for (file, lines) in found {
        if !ALLOWED.iter().any(|(place, _)| allowed(file, place)) {
            bail!(
                "{file}:{}: `unsafe`, which may stand only in these places: {}",
                lines[0],
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

/// The lines where the word occurs, or the lint of it is lifted.
fn lines(tokens: TokenStream) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(tree) = tokens.next() {
        match (&tree, tokens.peek()) {
            (TokenTree::Group(group), _) => lines.extend(self::lines(group.stream())),
            (TokenTree::Ident(word), _) if word == "unsafe" => lines.push(tree.span().start().line),
            (TokenTree::Ident(word), Some(TokenTree::Group(lints)))
                if ["allow", "expect", "warn"].contains(&&word.to_string()[..])
                    && names_the_lint(lints.stream()) =>
            {
                lines.push(tree.span().start().line);
            }
            _ => {}
        }
    }
    lines
}

fn names_the_lint(lints: TokenStream) -> bool {
    let mut lints = lints.into_iter();
    lints.any(|tree| matches!(tree, TokenTree::Ident(lint) if lint == "unsafe_code"))
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, BTreeMap, judge, lines};

    #[test]
    fn wherever_it_stands_it_is_found() {
        let lines = |source: &str| lines(source.parse().unwrap());
        for source in [
            "fn f() { loop { unsafe { g() } } }",
            "impl S { pub unsafe fn f() {} }",
            "type F = unsafe fn();",
            "unsafe impl Send for S {}",
            "unsafe extern \"C\" { fn f(); }",
            "#[unsafe(no_mangle)] fn f() {}",
            "#![allow(dead_code, unsafe_code)]",
            "#[cfg_attr(all(), expect(unsafe_code))] fn f() {}",
            "macro_rules! m { () => { quote!(unsafe { f() }) } }",
        ] {
            assert_eq!(lines(source), [1], "{source}");
        }
        let harmless = "#![deny(unsafe_code)] //! unsafe {}\nconst A: &str = \"unsafe {}\";";
        assert!(lines(harmless).is_empty());
        assert_eq!(lines("fn f() {\n unsafe {} }"), [2]);
    }

    #[test]
    fn elsewhere_is_refused_and_so_is_a_list_with_more_than_there_is() {
        let one = || vec![7];
        // For a folder, some file in it is enough.
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
            error.starts_with("runtime/src/state/memory.rs:7: `unsafe`, "),
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
