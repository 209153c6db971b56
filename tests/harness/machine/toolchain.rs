//! Compilers other than the one that built this program: one that builds for arm64, the oldest one that the
//! published crates promise to build with, and a nightly one.
//!
//! In each case, what is there comes first, then rustup, and then Debian's archive, which has several versions of
//! rustc (those that its browsers are built with) but no nightly. Cargo stays the one that runs this program.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::context::{Context, command, program};
use crate::machine::apt::Archive;
use crate::machine::install::{self, CROSS_GCC, CROSS_LIBC, Need, QEMU_USER};

/// The target that arm64 code is built for.
pub(crate) const ARM64: &str = "aarch64-unknown-linux-gnu";
/// How arm64 programs are run, which is with every feature that the emulator has, NEON and SVE among them.
const QEMU: &str = "qemu-aarch64 -cpu max";
pub(crate) const STATIC: &str = "-C target-feature=+crt-static";

/// Libraries that every Debian machine has, and that must be the machine's own.
const MACHINE_LIBRARIES: [&str; 4] = ["libc6", "libgcc-s1", "libstdc++6", "gcc-12-base"];

/// A compiler, as cargo is to use it: where it is installed or unpacked, or the one that cargo uses of its own accord.
pub(crate) struct Toolchain(Option<PathBuf>);

impl Toolchain {
    pub(crate) const ACTIVE: Self = Self(None);

    /// Cargo, made to use this compiler, in a target directory of its own.
    pub(crate) fn cargo(&self, cx: &Context, directory: &str, arguments: &[&str]) -> Command {
        let mut command = cx.cargo(arguments);
        command.env("CARGO_TARGET_DIR", cx.target.join(directory));
        self.environment(&mut command);
        command
    }

    fn rustc(&self) -> Command {
        let program = self.0.as_ref().map(|prefix| prefix.join("bin/rustc"));
        let mut command = Command::new(program.unwrap_or_else(|| "rustc".into()));
        self.environment(&mut command);
        command
    }

    fn environment(&self, command: &mut Command) {
        if let Some(prefix) = &self.0 {
            // Where it is unpacked, its own libraries lie where an installed compiler would need no path to them.
            let libraries = format!("lib/{}-linux-gnu", env::consts::ARCH);
            command
                .env("RUSTC", prefix.join("bin/rustc"))
                .env("RUSTDOC", prefix.join("bin/rustdoc"))
                .env("LD_LIBRARY_PATH", prefix.join(libraries));
        }
    }

    /// What the compiler calls itself, if it runs.
    pub(crate) fn version(&self, cx: &Context) -> Result<String> {
        let output = cx.run_quietly(self.rustc().arg("--version"))?;
        Ok(output.trim().to_owned())
    }

    /// Whether it has the standard library for arm64.
    pub(crate) fn builds_arm64(&self, cx: &Context) -> bool {
        let print = ["--print", "target-libdir", "--target", ARM64];
        let libdir = cx.run_quietly(self.rustc().args(print));
        libdir.is_ok_and(|path| {
            fs::read_dir(path.trim()).is_ok_and(|mut entries| entries.next().is_some())
        })
    }
}

/// A compiler that builds for arm64.
pub(crate) fn arm64(cx: &Context) -> Result<Toolchain> {
    let (toolchain, how) = find_arm64(cx)?;
    cx.step(&format!("arm64: {}, {how}", toolchain.version(cx)?));
    Ok(toolchain)
}

fn find_arm64(cx: &Context) -> Result<(Toolchain, &'static str)> {
    if Toolchain::ACTIVE.builds_arm64(cx) {
        return Ok((Toolchain::ACTIVE, "the active toolchain"));
    }
    let debian = Toolchain(Some(PathBuf::from("/usr")));
    if Path::new("/usr/bin/rustc").exists() && debian.builds_arm64(cx) {
        return Ok((debian, "installed in /usr"));
    }
    if rustup_may_fetch() {
        let add = cx.run(command(&format!("rustup target add {ARM64}")));
        if add.is_ok() && Toolchain::ACTIVE.builds_arm64(cx) {
            return Ok((Toolchain::ACTIVE, "the active toolchain"));
        }
    }
    let root = unpack(cx, "rust-arm64", None, true).with_context(|| {
        format!("no Rust for arm64; run `rustup target add {ARM64}`, then this again")
    })?;
    Ok((root, "unpacked from Debian's archive"))
}

/// The compiler of the oldest version that the published crates promise, `1.85`.
pub(crate) fn oldest(cx: &Context, version: &str) -> Result<Toolchain> {
    let toolchain = find_oldest(cx, version)?;
    let found = toolchain.version(cx)?;
    if !found.starts_with(&format!("rustc {version}.")) {
        bail!("asked for Rust {version}, found {found}");
    }
    cx.step(&format!("oldest: {found}"));
    Ok(toolchain)
}

fn find_oldest(cx: &Context, version: &str) -> Result<Toolchain> {
    if let Ok(toolchain) = of_rustup(cx, version) {
        return Ok(toolchain);
    }
    unpack(cx, &format!("rust-{version}"), Some(version), false).with_context(|| {
        format!("no Rust {version}; run `rustup toolchain install {version}`, then this again")
    })
}

/// A nightly compiler, for what only it can do. Debian has none.
pub(crate) fn nightly(cx: &Context, part: &str) -> Result<Toolchain> {
    let toolchain = find_nightly(cx).with_context(|| {
        format!(
            "no nightly Rust; run `rustup toolchain install nightly`, then this again, or leave \
             this part out: `cargo harness --without {part}`"
        )
    })?;
    cx.step(&format!("nightly: {}", toolchain.version(cx)?));
    Ok(toolchain)
}

fn find_nightly(cx: &Context) -> Result<Toolchain> {
    if Toolchain::ACTIVE.version(cx)?.contains("nightly") {
        return Ok(Toolchain::ACTIVE);
    }
    of_rustup(cx, "nightly")
}

/// The toolchain of this name or version that rustup has, `1.85-…` or `1.85.N-…`, or else fetches.
fn of_rustup(cx: &Context, version: &str) -> Result<Toolchain> {
    let list = cx.run_quietly(command("rustup toolchain list --quiet"))?;
    let is_it = |name: &&str| {
        let rest = name.strip_prefix(version);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    let found = list.split_whitespace().find(is_it);
    if found.is_none() {
        ensure!(rustup_may_fetch(), "no rustup that may fetch one");
        let install = format!("rustup toolchain install {version} --profile minimal");
        cx.run(command(&install))?;
    }
    let name = found.unwrap_or(version);
    let rustc = cx.run_quietly(command(&format!("rustup which --toolchain {name} rustc")))?;
    let prefix = Path::new(rustc.trim()).ancestors().nth(2);
    Ok(Toolchain(prefix.map(Path::to_path_buf)))
}

/// Whether there is a rustup, and its user lets it fetch what is missing.
fn rustup_may_fetch() -> bool {
    program("rustup").is_some() && env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|v| v != "0")
}

/// Unpacks Debian's rustc, in this version or else the newest, unless that has been done.
fn unpack(cx: &Context, name: &str, version: Option<&str>, arm64: bool) -> Result<Toolchain> {
    let into = cx.target.join(name);
    let toolchain = Toolchain(Some(into.join("usr")));
    if into.exists() && toolchain.version(cx).is_ok() {
        return Ok(toolchain);
    }
    let archive = Archive::open(cx)?;
    let versions = archive.versions("rustc-web")?;
    let full = versions
        .iter()
        .find(|full| version.is_none_or(|version| full.starts_with(&format!("{version}."))))
        .ok_or_else(|| {
            let wanted = version.unwrap_or("of any version");
            anyhow!("Debian's archive has no rustc-web {wanted}, only: {versions:?}")
        })?;
    archive.unpack(&packages(&archive, full, arm64)?, &into)?;
    Ok(toolchain)
}

/// The packages of a compiler: the compiler itself, its standard libraries, and the libraries that it is linked
/// with.
fn packages(archive: &Archive<'_>, full: &str, arm64: bool) -> Result<Vec<String>> {
    // `1.85.0+dfsg3-1` is in `libstd-rust-web-1.85`.
    let minor: Vec<_> = full.split('.').take(2).collect();
    let libraries = format!("libstd-rust-web-{}", minor.join("."));
    let mut packages = vec![
        format!("rustc-web={full}"),
        format!("libstd-rust-web-dev={full}"),
        format!("{libraries}={full}"),
    ];
    if arm64 {
        packages.push(format!("libstd-rust-web-dev:arm64={full}"));
    }
    let dependencies = archive.dependencies(&libraries)?;
    packages.extend(
        dependencies
            .into_iter()
            .filter(|name| !MACHINE_LIBRARIES.contains(&name.as_str())),
    );
    Ok(packages)
}

/// Cargo for arm64, with settings for what links the programs and what runs them.
///
/// They are linked statically, because the guest has no C library, and because where this machine has one for
/// arm64 beside the cross compiler's, a dynamic loader would mix the two and hang in the first thread.
pub(crate) fn arm64_cargo(cx: &Context, toolchain: &Toolchain, arguments: &[&str]) -> Command {
    let mut command = toolchain.cargo(cx, "arm64", arguments);
    command.args(["--target", ARM64]);
    // These would override the settings below.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTDOCFLAGS"] {
        command.env_remove(name);
    }
    command
        .env(setting("LINKER"), "aarch64-linux-gnu-gcc")
        .env(setting("RUNNER"), QEMU)
        .env(setting("RUSTFLAGS"), STATIC)
        .env(setting("RUSTDOCFLAGS"), STATIC);
    command
}

/// Cargo's variable for a setting of the arm64 target.
pub(crate) fn setting(name: &str) -> String {
    let target = ARM64.to_uppercase().replace('-', "_");
    format!("CARGO_TARGET_{target}_{name}")
}

/// What it takes, beside the compiler, to build for arm64 and to run the result, and what the caller needs beside
/// that, so that a person hears of all of it at once.
pub(crate) fn ensure_arm64(cx: &Context, also: &[Need]) -> Result<()> {
    install::ensure(cx, &[&[CROSS_GCC, CROSS_LIBC, QEMU_USER], also].concat())
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn settings_are_named_as_cargo_names_them() {
        assert_eq!(
            setting("RUNNER"),
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER"
        );
    }
}
