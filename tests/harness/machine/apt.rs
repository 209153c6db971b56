//! Debian packages that are unpacked under the target directory and never installed: compilers beside the
//! user's own, kernels, and debuggers.
//!
//! For these, apt gets package lists of its own, which are under the target directory too, so nobody needs to
//! be root, and the machine gets neither a foreign architecture nor the packages of another release.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::context::{Context, command, program};

/// How old package lists may be before they are fetched again.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// Debian's archive as this machine's apt sources know it, for this architecture and arm64, or that of another
/// release, for one architecture.
pub(crate) struct Archive<'a> {
    cx: &'a Context,
    state: PathBuf,
    options: Vec<String>,
}

impl<'a> Archive<'a> {
    /// Opens the archive, and fetches its package lists unless there are fresh ones.
    pub(crate) fn open(cx: &'a Context) -> Result<Self> {
        let mut archive = Self::at(cx, "apt")?;
        let architectures = [&native(cx)?[..], "arm64"];
        let options = architectures.map(|name| format!("APT::Architectures::={name}"));
        archive.options.extend(options);
        archive.fresh()
    }

    /// Opens the archive of a release, `trixie` or `trixie-backports`, for an architecture.
    pub(crate) fn of(cx: &'a Context, release: &str, architecture: &str) -> Result<Self> {
        let mut archive = Self::at(cx, &format!("apt-{release}-{architecture}"))?;
        let uris = cx.run_quietly(command("apt-get update --print-uris"))?;
        let list = archive.state.join("sources.list");
        fs::write(&list, sources(&uris, release)?)?;
        archive.options.extend([
            format!("Dir::Etc::sourcelist={}", list.display()),
            format!("APT::Architecture={architecture}"),
            format!("APT::Architectures={architecture}"),
        ]);
        if release.ends_with("-backports") {
            // apt takes packages of backports only where it is told to.
            let option = format!("APT::Default-Release={release}");
            archive.options.push(option);
        }
        // Nothing of what the user has installed, or prefers, counts here.
        let none = [
            "Etc::sourceparts",
            "Etc::preferences",
            "Etc::preferencesparts",
            "State::status",
        ];
        let none = none.map(|name| format!("Dir::{name}=/dev/null"));
        archive.options.extend(none);
        archive.fresh()
    }

    fn at(cx: &'a Context, name: &str) -> Result<Self> {
        ensure!(
            program("apt-get").is_some(),
            "there is no apt-get: only Debian has the packages that this would fetch"
        );
        let state = cx.directory(name)?;
        cx.directory(&format!("{name}/lists/partial"))?;
        cx.directory(&format!("{name}/cache/archives/partial"))?;
        let options = vec![
            format!("Dir::State::Lists={}", state.join("lists").display()),
            format!("Dir::Cache={}", state.join("cache").display()),
        ];
        Ok(Self { cx, state, options })
    }

    fn fresh(self) -> Result<Self> {
        let updated = fs::metadata(self.state.join("updated")).and_then(|stamp| stamp.modified());
        if updated.map_or(true, |time| time.elapsed().unwrap_or_default() > FRESH) {
            self.update()?;
        }
        Ok(self)
    }

    fn update(&self) -> Result<()> {
        self.cx
            .step("fetching package lists (into the target directory)");
        self.ask("apt-get", &["update"])?;
        Ok(fs::write(self.state.join("updated"), "")?)
    }

    fn ask(&self, tool: &str, arguments: &[&str]) -> Result<String> {
        let mut apt = self.apt(tool);
        self.cx.run_quietly(apt.args(arguments))
    }

    fn apt(&self, tool: &str) -> Command {
        let mut command = Command::new(tool);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }

    /// The versions of a package, newest first.
    pub(crate) fn versions(&self, package: &str) -> Result<Vec<String>> {
        let output = self.ask("apt-cache", &["madison", package])?;
        // ` rustc-web | 1.85.0+dfsg3-1~deb12u3 | http://… bookworm/main amd64 Packages`
        let version = |line: &str| line.split('|').nth(1).map(|v| v.trim().to_owned());
        Ok(output.lines().filter_map(version).collect())
    }

    /// The packages that a package depends on, directly or by way of others.
    pub(crate) fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let depends = ["depends", "--important", "--recurse", package];
        let output = self.ask("apt-cache", &depends)?;
        // Each is at the start of a line of its own, and virtual ones are in angle brackets.
        let is_name = |line: &&str| !line.starts_with([' ', '<']) && *line != package;
        Ok(output.lines().filter(is_name).map(str::to_owned).collect())
    }

    /// What apt would install along with a package: the package itself, and what it depends on as far as this
    /// machine does not have it, which for another release is all of it.
    pub(crate) fn missing(&self, package: &str) -> Result<Vec<String>> {
        let install = ["install", "--simulate", "--no-install-recommends", package];
        let output = self.ask("apt-get", &install)?;
        // `Inst libfdt1 (1.6.1-4+b1 Debian:12/stable [amd64])`
        let lines = output.lines().filter_map(|line| line.strip_prefix("Inst "));
        let names = lines.filter_map(|line| line.split_whitespace().next());
        Ok(names.map(str::to_owned).collect())
    }

    /// Downloads packages (`NAME`, `NAME=VERSION`, `NAME:arm64`) and unpacks them all into one
    /// directory.
    pub(crate) fn unpack(&self, packages: &[String], into: &Path) -> Result<()> {
        let partial = into.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        let debs = partial.join("debs");
        fs::create_dir_all(&debs)?;
        self.download(packages, &debs)?;
        let root = partial.join("root");
        for entry in fs::read_dir(&debs)? {
            unpack_deb(self.cx, &entry?.path(), &root)?;
        }
        // All or nothing, so that a directory of this name is a complete one.
        let _ = fs::remove_dir_all(into);
        fs::rename(&root, into)?;
        fs::remove_dir_all(&partial)?;
        Ok(())
    }

    fn download(&self, packages: &[String], into: &Path) -> Result<()> {
        let names = packages.join(" ");
        self.cx.step(&format!("fetching {names}"));
        let fetch = || {
            let mut apt = self.apt("apt-get");
            apt.arg("download").args(packages).current_dir(into);
            self.cx.run_quietly(apt)
        };
        // The archive forgets a package when its successor comes, which may be at any time of the day.
        if fetch().is_err() {
            self.update()?;
            fetch().with_context(|| format!("cannot fetch the Debian packages {names}"))?;
        }
        Ok(())
    }
}

/// What Debian calls this machine's architecture.
pub(crate) fn native(cx: &Context) -> Result<String> {
    let name = cx.run_quietly(command("dpkg --print-architecture"))?;
    Ok(name.trim().to_owned())
}

/// Unpacks a package file into a directory.
pub(crate) fn unpack_deb(cx: &Context, deb: &Path, into: &Path) -> Result<()> {
    let unpack = cx.run_quietly(command("dpkg-deb -x").arg(deb).arg(into));
    unpack.map(drop)
}

/// The sources of another release, derived from what `apt-get update --print-uris` says of this machine's own,
/// so that packages come from where the user lets Debian's come from, and have to be signed by Debian.
fn sources(uris: &str, release: &str) -> Result<String> {
    let own = fs::read_to_string("/etc/os-release").context("which Debian is this?")?;
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .context("/etc/os-release names no release")?;
    sources_beside(own, uris, release)
}

fn sources_beside(own: &str, uris: &str, release: &str) -> Result<String> {
    const SIGNED: &str = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
    let base = release.trim_end_matches("-backports");
    let mut lines = BTreeSet::new();
    // `'http://deb.debian.org/debian/dists/bookworm-updates/main/binary-all/Packages.xz' …`; archives other
    // than Debian's may name their suites after its releases too.
    for uri in uris.lines().filter_map(|line| line.strip_prefix('\'')) {
        let parts = uri
            .split_once("/dists/")
            .zip(uri.split_once("/main/binary-"));
        let Some(((site, suite), _)) = parts else {
            continue;
        };
        match suite
            .strip_prefix(own)
            .and_then(|rest| rest.split_once("/main/"))
        {
            // The other suites of a release lie beside its main one.
            Some(("", _)) => lines.extend([base, release].map(|suite| format!("{site} {suite}"))),
            Some((rest, _)) if rest.starts_with(['-', '/']) => {
                lines.insert(format!("{site} {base}{rest}"));
            }
            _ => {}
        }
    }
    ensure!(
        !lines.is_empty(),
        "no apt source of this machine has {own}/main, of which {release}'s could be made"
    );
    let lines = lines.into_iter();
    Ok(lines
        .map(|line| format!("deb {SIGNED} {line} main\n"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::sources_beside;

    #[test]
    fn a_release_stands_beside_what_it_is_made_of_and_what_is_not_debians_is_left() {
        let uris = "\
'http://a.example/debian/dists/bookworm/InRelease' a_InRelease 0
'http://a.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' a_Packages 0
'http://a.example/debian/dists/bookworm/main/binary-all/Packages.xz' a_Packages 0
'http://a.example/debian/dists/bookworm-updates/main/binary-all/Packages.xz' a_Packages 0
'http://c.example/tools/dists/bookworm/stable/binary-all/Packages.xz' c_Packages 0
'http://c.example/tools/dists/tools-bookworm/main/binary-all/Packages.xz' c_Packages 0
";
        let of = |release| {
            let sources = sources_beside("bookworm", uris, release).unwrap();
            let signed = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://a.example/debian ";
            sources.replace(signed, "")
        };
        assert_eq!(of("trixie"), "trixie main\ntrixie-updates main\n");
        let backports = "trixie main\ntrixie-backports main\ntrixie-updates main\n";
        assert_eq!(of("trixie-backports"), backports);
        assert!(sources_beside("sid", uris, "trixie").is_err());
    }
}
