//! What depends on what in `runtime/src`: a room, which is a folder there, imports only from rooms that `lib.rs` names
//! before it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use proc_macro2::{TokenStream, TokenTree};

use crate::context::Context;
use crate::report::{Counted, count};

/// The rooms from the lowest to the highest, each with the names that `crate::` reaches it by.
type Rooms = Vec<(String, Vec<String>)>;

pub(crate) fn check(cx: &Context) -> Result<Counted> {
    let source = cx.root.join("runtime/src");
    let rooms = rooms(&fs::read_to_string(source.join("lib.rs"))?);
    let mut imports = 0;
    for (at, (room, _)) in rooms.iter().enumerate() {
        imports += check_folder(&source.join(room), at, &rooms)?;
    }
    let (rooms, imports) = (count(rooms.len(), "room"), count(imports, "import"));
    Ok(vec![format!(
        "{rooms}, {imports} from others, none upwards"
    )])
}

/// Says how many imports from other rooms there are.
fn check_folder(folder: &Path, at: usize, rooms: &Rooms) -> Result<usize> {
    let mut imports = 0;
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            imports += check_folder(&path, at, rooms)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path)?;
            let below = check_source(&source, at, rooms);
            imports += below.with_context(|| path.display().to_string())?;
        }
    }
    Ok(imports)
}

fn check_source(source: &str, at: usize, rooms: &Rooms) -> Result<usize> {
    let tokens = source.parse().map_err(|error| anyhow!("{error}"))?;
    let mut imports = 0;
    for name in names(tokens) {
        let has = |(room, names): &(String, Vec<String>)| *room == name || names.contains(&name);
        let Some(to) = rooms.iter().position(has) else {
            continue;
        };
        let (here, there) = (&rooms[at].0, &rooms[to].0);
        ensure!(
            to <= at,
            "`crate::{name}` is in `{there}`, which lib.rs names after `{here}`"
        );
        imports += usize::from(to < at);
    }
    Ok(imports)
}

/// From `lib.rs`: modules that are folders, in their order, and what is exported from each.
fn rooms(lib: &str) -> Rooms {
    let statements = lib.split(';').map(|statement| {
        let lines = statement.lines().map(str::trim);
        lines
            .filter(|line| !line.starts_with("//") && !line.starts_with('#'))
            .collect::<String>()
    });
    let mut rooms = Rooms::new();
    for statement in statements {
        let statement = statement.trim_start_matches("pub ");
        let words = |text: &str| -> Vec<_> {
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.map(str::to_owned).collect()
        };
        let module = statement.strip_prefix("mod ");
        if let Some(room) = module.filter(|room| !room.contains('{')) {
            rooms.push((room.to_owned(), Vec::new()));
        } else if let Some((room, names)) = statement
            .strip_prefix("use ")
            .and_then(|path| path.split_once("::"))
        {
            let known = rooms.iter_mut().find(|(known, _)| known == room);
            known
                .into_iter()
                .for_each(|(_, exported)| exported.extend(words(names)));
        }
    }
    rooms
}

/// What stands after `crate::`, in braces too, wherever in the code.
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
        let rooms = rooms(lib);
        for (source, imports) in [
            ("use crate::high::Other;", Some(0)),
            ("use crate::{Other, Thing};", Some(1)),
            ("fn f() { crate::low::g(); }", Some(1)),
            ("/// [x](crate::high)\nfn f() {}", Some(0)),
        ] {
            assert_eq!(check_source(source, 1, &rooms).ok(), imports, "{source}");
            let up = check_source(source, 0, &rooms).is_err();
            assert_eq!(up, source.contains("Other"), "{source}");
        }
    }
}
