//! The apt sources of another Debian release, made of this machine's own. So packages come from where the
//! person lets them come from, and are trusted as the person trusts them.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// The lines, in the one-line format, that name a release (`trixie`, `trixie-backports`) and what it
/// stands on.
pub(super) fn of(release: &str) -> Result<String> {
    let os = fs::read_to_string("/etc/os-release").context("which Debian is this?")?;
    let own = os
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .context("/etc/os-release names no release")?;
    let mut text = String::new();
    for (path, text_of) in files()? {
        let lines = match path.ends_with(".sources") {
            true => stanzas(&text_of),
            false => text_of.lines().filter_map(Source::of_line).collect(),
        };
        for source in lines {
            text += &source.renamed(own, release);
        }
    }
    ensure!(
        !text.is_empty(),
        "no apt source of this machine has {own}/main, of which {release}'s could be made"
    );
    Ok(text)
}

fn files() -> Result<Vec<(String, String)>> {
    let mut paths = vec![Path::new("/etc/apt/sources.list").to_path_buf()];
    if let Ok(parts) = fs::read_dir("/etc/apt/sources.list.d") {
        paths.extend(parts.filter_map(|entry| entry.ok().map(|entry| entry.path())));
    }
    paths.sort();
    let is_source = |path: &&std::path::PathBuf| {
        let known = path
            .extension()
            .is_some_and(|e| e == "list" || e == "sources");
        known && path.is_file()
    };
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path);
        text.with_context(|| path.display().to_string())
            .map(|text| (path.display().to_string(), text))
    };
    paths.iter().filter(is_source).map(read).collect()
}

/// A place, and what is taken from it.
struct Source {
    /// In brackets, or empty.
    options: String,
    uris: Vec<String>,
    suites: Vec<String>,
    components: String,
}

impl Source {
    /// `deb [OPTIONS] URI SUITE COMPONENT...`
    fn of_line(line: &str) -> Option<Self> {
        let rest = line.trim().strip_prefix("deb ")?.trim();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace().map(str::to_owned);
        Some(Self {
            options: without_architectures(options.split_whitespace()),
            uris: vec![words.next()?],
            suites: vec![words.next()?],
            components: words.collect::<Vec<_>>().join(" "),
        })
    }

    /// Those of its lines that are of Debian's release `own`, with the other one's name.
    fn renamed(&self, own: &str, release: &str) -> String {
        let base = release.trim_end_matches("-backports");
        let mut suites: Vec<String> = Vec::new();
        for suite in &self.suites {
            match suite.strip_prefix(own) {
                // What another release is made of lies beside its main suite.
                Some("") => suites.extend([base.to_owned(), release.to_owned()]),
                Some(rest) if rest.starts_with(['-', '/']) => suites.push(format!("{base}{rest}")),
                _ => {}
            }
        }
        suites.sort();
        suites.dedup();
        // Others, too, name their suites after Debian's releases.
        if self
            .components
            .split_whitespace()
            .all(|name| name != "main")
        {
            return String::new();
        }
        let mut lines = String::new();
        for uri in &self.uris {
            for suite in &suites {
                let (options, components) = (&self.options, &self.components);
                lines += &format!("deb {options}{uri} {suite} {components}\n");
            }
        }
        lines
    }
}

/// Those of a file in the format of fields and paragraphs.
fn stanzas(text: &str) -> Vec<Source> {
    let source = |stanza: &str| {
        let field = |name: &str| {
            let lines = stanza.lines();
            let value = lines.filter_map(|line| line.split_once(':'));
            let mut value = value.filter(|(key, _)| key.eq_ignore_ascii_case(name));
            value.next().map(|(_, value)| value.trim())
        };
        let words = |name| Some(field(name)?.split_whitespace().map(str::to_owned).collect());
        if field("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no")) {
            return None;
        }
        let options = field("Signed-By").filter(|path| path.starts_with('/'));
        let options = options.map(|path| format!("signed-by={path}"));
        field("Types")?
            .split_whitespace()
            .find(|kind| *kind == "deb")?;
        Some(Source {
            options: without_architectures(options.iter().map(String::as_str)),
            uris: words("URIs")?,
            suites: words("Suites")?,
            components: field("Components")?.to_owned(),
        })
    };
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines
        .split(|line| line.trim().is_empty())
        .filter_map(|stanza| source(&stanza.join("\n")))
        .collect()
}

fn without_architectures<'a>(options: impl Iterator<Item = &'a str>) -> String {
    let kept: Vec<_> = options
        .filter(|option| !option.starts_with("arch"))
        .collect();
    match kept.is_empty() {
        true => String::new(),
        false => format!("[{}] ", kept.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, stanzas};

    #[test]
    fn a_release_stands_beside_what_it_is_made_of() {
        let line =
            "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main contrib";
        let renamed = |release| Source::of_line(line).unwrap().renamed("bookworm", release);
        assert_eq!(
            renamed("trixie"),
            "deb [signed-by=/k.gpg] http://a.example/debian trixie main contrib\n"
        );
        assert_eq!(
            renamed("trixie-backports"),
            "deb [signed-by=/k.gpg] http://a.example/debian trixie main contrib\n\
             deb [signed-by=/k.gpg] http://a.example/debian trixie-backports main contrib\n"
        );
    }

    #[test]
    fn paragraphs_are_read_and_what_is_off_or_not_debians_is_left() {
        let text = "\
Types: deb deb-src
# Suites: old
URIs: http://a.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /k.gpg

Types: deb
Enabled: no
URIs: http://b.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://c.example/tools
Suites: bookworm tools-bookworm
Components: stable

Types: deb-src
URIs: http://d.example/debian
Suites: bookworm
Components: main
";
        let lines: String = stanzas(text)
            .iter()
            .map(|source| source.renamed("bookworm", "trixie"))
            .collect();
        assert_eq!(
            lines,
            "deb [signed-by=/k.gpg] http://a.example/debian trixie main\n\
             deb [signed-by=/k.gpg] http://a.example/debian trixie-updates main\n"
        );
    }
}
