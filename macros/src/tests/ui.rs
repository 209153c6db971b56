//! The layouts of the workspace's `tests/ui`, without a compiler: what the macro says of each, and where.
//! The `.stderr` beside a layout is what the compiler shows of that.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{LineColumn, Span, TokenStream, TokenTree};

use super::register_layout;

/// What is accepted here, because only the compiler can tell where a path leads.
const REFUSED_BY_THE_COMPILER: [&str; 2] = ["view_elsewhere", "view_unknown"];

/// A message, with the line and the column where it is shown, both counted from 1.
type Shown = (String, usize, usize);

/// The files, sorted; none in a package, which has no workspace around it.
fn files(folder: &str) -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.join("Cargo.toml.orig").exists() {
        return Vec::new();
    }
    let folder = here.join("../tests/ui").join(folder);
    let entries = fs::read_dir(&folder).expect("the workspace has it");
    let paths = entries.map(|entry| entry.expect("it is read").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

/// Where a file calls the macro, and what it passes.
fn calls(tokens: TokenStream) -> Vec<(Span, TokenStream)> {
    let trees: Vec<_> = tokens.into_iter().collect();
    let mut calls = Vec::new();
    for (i, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else {
            continue;
        };
        let before = &trees[i.saturating_sub(5)..i];
        let path: String = before.iter().map(TokenTree::to_string).collect();
        if path == "sve_state::register_layout!" {
            calls.push((before[0].span(), group.stream()));
        } else {
            calls.extend(self::calls(group.stream()));
        }
    }
    calls
}

/// The code that a file's calls expand to, each with the place of the call.
fn expansions(file: &Path) -> Vec<(Span, TokenStream)> {
    let text = fs::read_to_string(file).expect("it is read");
    let calls = calls(text.parse().expect("tokens"));
    assert!(!calls.is_empty(), "{}", file.display());
    calls
        .into_iter()
        .map(|(call, layouts)| (call, register_layout(layouts)))
        .collect()
}

/// What the compiler will show of the errors in generated code.
fn errors((call, code): (Span, TokenStream)) -> Vec<Shown> {
    let trees: Vec<_> = code.into_iter().collect();
    let mut errors = Vec::new();
    for three in trees.windows(3) {
        let [TokenTree::Ident(name), _, TokenTree::Group(group)] = three else {
            continue;
        };
        if name != "compile_error" {
            continue;
        }
        let message: syn::LitStr = syn::parse2(group.stream()).expect("a message");
        // A span at none of the tokens passed shows the call itself.
        let nowhere = name.span().byte_range().is_empty();
        let LineColumn { line, column } = if nowhere { call } else { name.span() }.start();
        errors.push((message.value(), line, column + 1));
    }
    errors
}

/// What the compiler showed.
fn shown(stderr: &str) -> Vec<Shown> {
    let lines: Vec<_> = stderr.lines().collect();
    let shown = lines.windows(2).filter_map(|two| {
        let (_, message) = two[0]
            .split_once(": ")
            .filter(|(head, _)| head.starts_with("error"))?;
        let mut place = two[1].trim().strip_prefix("--> ")?.rsplit(':');
        let (column, line) = (place.next()?.parse().ok()?, place.next()?.parse().ok()?);
        Some((message.to_owned(), line, column))
    });
    shown.collect()
}

#[test]
fn what_is_refused_is_told_in_these_words_at_this_place() {
    let mut refused_by_the_compiler = Vec::new();
    let files = files("layouts");
    for file in &files {
        let stderr = fs::read_to_string(file.with_extension("stderr")).expect("it is beside it");
        let shown = shown(&stderr);
        assert!(!shown.is_empty(), "{}", file.display());
        let expansions = expansions(file);
        let errors: Vec<_> = expansions.iter().cloned().flat_map(errors).collect();
        if !errors.is_empty() {
            assert_eq!(errors, shown, "{}", file.display());
            continue;
        }
        // Accepted by the macro, so the message has one of the compiler's numbers and is shown at what
        // the user wrote, since the code is there.
        assert!(
            stderr.starts_with("error[E"),
            "accepted: {}",
            file.display()
        );
        let (_, line, column) = shown[0];
        let there = |(_, code): &(Span, TokenStream)| stands_at(code, line, column - 1);
        assert!(expansions.iter().any(there), "{}", file.display());
        refused_by_the_compiler.extend(file.file_stem().map(|name| name.to_os_string()));
    }
    if !files.is_empty() {
        assert_eq!(refused_by_the_compiler, REFUSED_BY_THE_COMPILER);
    }
}

/// Whether one of the tokens starts here.
fn stands_at(tokens: &TokenStream, line: usize, column: usize) -> bool {
    tokens.clone().into_iter().any(|tree| {
        let here = tree.span().start() == LineColumn { line, column };
        here || matches!(tree, TokenTree::Group(group) if stands_at(&group.stream(), line, column))
    })
}

#[test]
fn what_compiles_is_accepted() {
    for file in files("pass") {
        let errors: Vec<_> = expansions(&file).into_iter().flat_map(errors).collect();
        assert_eq!(errors, [], "{}", file.display());
    }
}
