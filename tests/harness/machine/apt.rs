//! Debian packages that are unpacked under the target directory and never installed: compilers
//! beside the person's own, kernels, and debuggers.
//!
//! For these, apt gets package lists of its own, under the target directory too. Nobody needs to
//! be root, and the machine is not given a foreign architecture, nor the packages of another release.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::context::{Context, program};

mod sources;

/// How old package lists may be before they are fetched again.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// Debian's archive, as this machine's apt sources know it, for this architecture and arm64; or that of
/// another release, for one architecture.
pub(crate) struct Archive<'a> {
    cx: &'a Context,
    state: PathBuf,
    options: Vec<String>,
}

impl<'a> Archive<'a> {
    /// Opens the archive; fetches its package lists unless there are fresh ones.
    pub(crate) fn open(cx: &'a Context) -> Result<Self> {
        let state = cx.directory("apt")?;
        Self::at(
            cx,
            state,
            vec![
                format!("APT::Architectures::={}", native(cx)?),
                "APT::Architectures::=arm64".to_owned(),
            ],
        )
    }

    /// Opens the archive of a release, `trixie` or `trixie-backports`, for an architecture. Its sources are
    /// this machine's own, with another release's name in them.
    pub(crate) fn of(cx: &'a Context, release: &str, architecture: &str) -> Result<Self> {
        let state = cx.directory(&format!("apt-{release}-{architecture}"))?;
        let list = state.join("sources.list");
        fs::write(&list, sources::of(release)?)?;
        let mut options = vec![
            format!("Dir::Etc::sourcelist={}", list.display()),
            format!("APT::Architecture={architecture}"),
            format!("APT::Architectures={architecture}"),
        ];
        if release.ends_with("-backports") {
            // Whose packages apt takes only where it is told to.
            options.push(format!("APT::Default-Release={release}"));
        }
        // Nor what the person has installed, or prefers.
        let none = [
            "Etc::sourceparts",
            "Etc::preferences",
            "Etc::preferencesparts",
            "State::status",
        ];
        options.extend(none.map(|name| format!("Dir::{name}=/dev/null")));
        Self::at(cx, state, options)
    }

    fn at(cx: &'a Context, state: PathBuf, mut options: Vec<String>) -> Result<Self> {
        for name in ["apt-get", "apt-cache", "dpkg", "dpkg-deb"] {
            if program(name).is_none() {
                bail!("there is no {name}: only Debian has the packages that this would fetch");
            }
        }
        fs::create_dir_all(state.join("lists/partial"))?;
        fs::create_dir_all(state.join("cache/archives/partial"))?;
        options.extend([
            format!("Dir::State::Lists={}", state.join("lists").display()),
            format!("Dir::Cache={}", state.join("cache").display()),
        ]);
        let archive = Self { cx, state, options };
        if !archive.is_fresh() {
            archive.update()?;
        }
        Ok(archive)
    }

    fn stamp(&self) -> PathBuf {
        self.state.join("updated")
    }

    fn is_fresh(&self) -> bool {
        let age = fs::metadata(self.stamp())
            .and_then(|stamp| stamp.modified())
            .map(|time| time.elapsed().unwrap_or_default());
        matches!(age, Ok(age) if age < FRESH)
    }

    fn update(&self) -> Result<()> {
        self.cx
            .step("fetching package lists (into the target directory)");
        let mut command = self.apt("apt-get");
        command.arg("update");
        self.cx.run_quietly(command)?;
        fs::write(self.stamp(), "")?;
        Ok(())
    }

    fn apt(&self, tool: &str) -> Command {
        let mut command = Command::new(tool);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }

    /// The versions of a package, the newest first.
    pub(crate) fn versions(&self, package: &str) -> Result<Vec<String>> {
        let mut command = self.apt("apt-cache");
        command.args(["madison", package]);
        let output = self.cx.run_quietly(command)?;
        // ` rustc-web | 1.85.0+dfsg3-1~deb12u3 | http://… bookworm/main amd64 Packages`
        let version = |line: &str| line.split('|').nth(1).map(|v| v.trim().to_owned());
        Ok(output.lines().filter_map(version).collect())
    }

    /// The packages that a package depends on, itself not among them; with `all`, what those
    /// depend on too.
    pub(crate) fn dependencies(&self, package: &str, all: bool) -> Result<Vec<String>> {
        let mut command = self.apt("apt-cache");
        command.args(["depends", "--important", package]);
        if all {
            command.arg("--recurse");
        }
        let output = self.cx.run_quietly(command)?;
        // Names start a line where they have dependencies of their own, else `  Depends: NAME`.
        let mut names: Vec<_> = output
            .lines()
            .map(|line| line.trim().trim_start_matches("|"))
            .map(|line| line.trim_start_matches("Pre"))
            .map(|line| line.trim_start_matches("Depends: ").to_owned())
            .filter(|name| name != package && !name.starts_with('<'))
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// What apt would install to install a package: itself, and what it depends on as far as this
    /// machine does not have it. Of another release, that is all of it.
    pub(crate) fn missing(&self, package: &str) -> Result<Vec<String>> {
        let mut command = self.apt("apt-get");
        command.args(["install", "--simulate", "--no-install-recommends", package]);
        let output = self.cx.run_quietly(command)?;
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
        // All or nothing: a directory of this name is a complete one.
        let _ = fs::remove_dir_all(into);
        fs::rename(&root, into)?;
        fs::remove_dir_all(&partial)?;
        Ok(())
    }

    fn download(&self, packages: &[String], into: &Path) -> Result<()> {
        let names = packages.join(" ");
        self.cx.step(&format!("fetching {names}"));
        let fetch = || {
            let mut command = self.apt("apt-get");
            command.arg("download").args(packages).current_dir(into);
            self.cx.run_quietly(command)
        };
        // The archive forgets a package when its successor comes, at any time of the day.
        if fetch().is_err() {
            self.update()?;
            fetch().with_context(|| format!("cannot fetch the Debian packages {names}"))?;
        }
        Ok(())
    }
}

/// What Debian calls this machine's architecture.
pub(crate) fn native(cx: &Context) -> Result<String> {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg("--print-architecture");
    Ok(cx.run_quietly(dpkg)?.trim().to_owned())
}

/// Unpacks a package file into a directory.
pub(crate) fn unpack_deb(cx: &Context, deb: &Path, into: &Path) -> Result<()> {
    let mut command = Command::new("dpkg-deb");
    command.arg("-x").arg(deb).arg(into);
    cx.run_quietly(command).map(drop)
}
