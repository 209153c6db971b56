//! What depends on what in `runtime/src`: a folder there imports only from those that `lib.rs` names before it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use proc_macro2::{TokenStream, TokenTree};

use crate::context::Context;
use crate::report::{Counted, count};

/// The folders, and files beside `lib.rs`, from the lowest to the highest, each with the names that `crate::` reaches it by.
type Folders = Vec<(String, Vec<String>)>;

pub(crate) fn check(cx: &Context) -> Result<Counted> {
    let source = cx.root.join("runtime/src");
    let folders = folders(&fs::read_to_string(source.join("lib.rs"))?);
    let mut imports = 0;
    for (at, (folder, _)) in folders.iter().enumerate() {
        imports += check_path(&source.join(folder), at, &folders)?;
    }
    let (folders, imports) = (count(folders.len(), "folder"), count(imports, "import"));
    Ok(vec![format!(
        "{folders}, {imports} from others, none upwards"
    )])
}

/// Says how many imports from other folders there are in a folder, or in a file, of which `lib.rs` leaves the `.rs` out.
fn check_path(path: &Path, at: usize, folders: &Folders) -> Result<usize> {
    if path.is_dir() {
        let entries = fs::read_dir(path)?;
        let imports = entries.map(|entry| check_path(&entry?.path(), at, folders));
        return imports.sum();
    }
    if path.extension().is_some_and(|extension| extension != "rs") {
        return Ok(0);
    }
    let path = path.with_extension("rs");
    let imports = fs::read_to_string(&path)
        .map_err(Into::into)
        .and_then(|source| check_source(&source, at, folders));
    imports.with_context(|| path.display().to_string())
}

fn check_source(source: &str, at: usize, folders: &Folders) -> Result<usize> {
    let tokens = source.parse().map_err(|error| anyhow!("{error}"))?;
    let mut imports = 0;
    for name in names(tokens) {
        let has =
            |(folder, names): &(String, Vec<String>)| *folder == name || names.contains(&name);
        let Some(to) = folders.iter().position(has) else {
            continue;
        };
        let (here, there) = (&folders[at].0, &folders[to].0);
        ensure!(
            to <= at,
            "`crate::{name}` is in `{there}`, which lib.rs names after `{here}`"
        );
        imports += usize::from(to < at);
    }
    Ok(imports)
}

/// From `lib.rs`: modules that are folders, in their order, and what is exported from each.
fn folders(lib: &str) -> Folders {
    let statements = lib.split(';').map(|statement| {
        let lines = statement.lines().map(str::trim);
        lines
            .filter(|line| !line.starts_with("//") && !line.starts_with('#'))
            .collect::<String>()
    });
    let mut folders = Folders::new();
    for statement in statements {
        let statement = statement.trim_start_matches("pub ");
        let words = |text: &str| -> Vec<_> {
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.map(str::to_owned).collect()
        };
        let module = statement.strip_prefix("mod ");
        if let Some(folder) = module.filter(|folder| !folder.contains('{')) {
            folders.push((folder.to_owned(), Vec::new()));
        } else if let Some((folder, names)) = statement
            .strip_prefix("use ")
            .and_then(|path| path.split_once("::"))
        {
            let known = folders.iter_mut().find(|(known, _)| known == folder);
            known
                .into_iter()
                .for_each(|(_, exported)| exported.extend(words(names)));
        }
    }
    folders
}

/// What follows `crate::`, in braces too, anywhere in the code.
fn names(tokens: TokenStream) -> Vec<String> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            names.extend(self::names(group.stream()));
        }
        let is_crate = matches!(token, TokenTree::Ident(ident) if ident == "crate");
        match tokens.get(at + 3) {
            Some(TokenTree::Ident(name)) if is_crate => names.push(name.to_string()),
            Some(TokenTree::Group(group)) if is_crate => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                let first = |at: usize| {
                    at == 0
                        || matches!(&inner[at - 1], TokenTree::Punct(comma) if comma.as_char() == ',')
                };
                let idents = inner.iter().enumerate().filter(|(at, _)| first(*at));
                names.extend(idents.map(|(_, token)| token.to_string()));
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_runs_up_is_refused() {
        let lib = "mod low;\n#[cfg(x)]\npub mod high;\npub use low::deep::Thing;\npub use high::{self, Other};";
        let folders = folders(lib);
        for (source, imports) in [
            ("use crate::high::Other;", Some(0)),
            ("use crate::{Other, Thing};", Some(1)),
            ("fn f() { crate::low::g(); }", Some(1)),
            ("/// [x](crate::high)\nfn f() {}", Some(0)),
        ] {
            assert_eq!(check_source(source, 1, &folders).ok(), imports, "{source}");
            let up = check_source(source, 0, &folders).is_err();
            assert_eq!(up, source.contains("Other"), "{source}");
        }
    }
}
