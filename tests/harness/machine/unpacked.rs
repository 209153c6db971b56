//! A program of any Debian release, unpacked under the target directory with all that it needs. It runs with
//! the loader and the libraries that came with it, so nobody needs to be root, and nothing is installed.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::machine::apt::{Archive, native};

/// Where the packages were unpacked.
pub(crate) struct Unpacked {
    root: PathBuf,
    loader: PathBuf,
}

impl Unpacked {
    /// A package of a release, fetched unless that has been done.
    pub(crate) fn of(cx: &Context, release: &str, package: &str) -> Result<Self> {
        let root = cx
            .directory("unpacked")?
            .join(format!("{package}-{release}"));
        if !root.is_dir() {
            let archive = Archive::of(cx, release, &native(cx)?)?;
            let packages = archive.missing(package)?;
            archive.unpack(&packages, &root)?;
        }
        let loader = loader(&root)
            .with_context(|| format!("{} has no loader; remove it", root.display()))?;
        Ok(Self { root, loader })
    }

    /// A program of the package, ready to be given arguments.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.loader);
        command
            // Without this, the machine's cache would give the machine's libraries.
            .arg("--inhibit-cache")
            .arg("--library-path")
            .arg(libraries(&self.root))
            .arg(self.root.join("usr/bin").join(program))
            // Python, which is part of debuggers, finds its modules by this.
            .env("PYTHONHOME", self.root.join("usr"));
        command
    }

    /// A file or folder of the package.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// The loader itself, because its official place may be a link to the machine's own.
fn loader(root: &Path) -> Option<PathBuf> {
    let libraries = libraries(root);
    let mut loaders = env::split_paths(&libraries).map(|path| path.join("ld-linux*"));
    loaders.find_map(|pattern| matching(&pattern))
}

/// The first file of a pattern.
pub(super) fn matching(pattern: &Path) -> Option<PathBuf> {
    let mut paths = glob::glob(pattern.to_str()?).ok()?.flatten();
    paths.find(|path| path.is_file())
}

/// Where Debian keeps libraries.
fn libraries(root: &Path) -> OsString {
    let triplet = format!("{}-linux-gnu", env::consts::ARCH);
    let mut path = root.join("usr/lib").join(&triplet).into_os_string();
    path.push(":");
    path.push(root.join("lib").join(triplet));
    path
}
