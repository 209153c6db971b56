//! What the parts need installed, and the installing of it.

use std::env;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::context::{Context, command, program};

/// Something that a part needs from the machine.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    /// A program's name, or a file's full path. If it is there, the need is met, however it came
    /// there.
    proof: &'static str,
    /// The Debian package that brings it.
    package: &'static str,
}

macro_rules! needs {
    ($($(#[$about:meta])* $name:ident: $proof:literal, from $package:literal;)*) => {
        $($(#[$about])* pub(crate) const $name: Need = Need { proof: $proof, package: $package };)*
    };
}

needs! {
    /// Links arm64 programs, of C and of Rust.
    CROSS_GCC: "aarch64-linux-gnu-gcc", from "gcc-aarch64-linux-gnu";
    /// The C library to link them with, statically or not.
    CROSS_LIBC: "/usr/aarch64-linux-gnu/lib/libc.a", from "libc6-dev-arm64-cross";
    /// The kernel's headers for arm64.
    KERNEL_HEADERS: "/usr/aarch64-linux-gnu/include/asm/sve_context.h", from "linux-libc-dev-arm64-cross";
    /// Compiles libFuzzer.
    CXX: "c++", from "g++";
    /// Runs arm64 programs.
    QEMU_USER: "qemu-aarch64", from "qemu-user";
    /// Disassembles, and models processors.
    LLVM: "llvm-mca-22", from "llvm-22";
    /// Counts what is executed.
    VALGRIND: "valgrind", from "valgrind";
}

impl Need {
    fn met(&self) -> bool {
        if self.proof.starts_with('/') {
            Path::new(self.proof).exists()
        } else {
            program(self.proof).is_some()
        }
    }
}

/// Installs whatever is missing of this, or says what to install.
pub(crate) fn ensure(cx: &Context, needs: &[Need]) -> Result<()> {
    let missing: Vec<_> = needs.iter().filter(|need| !need.met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let proofs: Vec<_> = missing.iter().map(|need| need.proof).collect();
    let packages: Vec<_> = missing.iter().map(|need| need.package).collect();
    let (proofs, names) = (proofs.join(", "), packages.join(" "));

    if program("apt-get").is_none() {
        bail!("missing: {proofs}; install what Debian calls {names}");
    }
    let Some(root) = root_prefix() else {
        bail!("missing: {proofs}; run `sudo apt-get install {names}`, then this again");
    };
    cx.step(&format!("missing: {proofs}; installing {names}"));
    apt_install(cx, root, &names)
        .with_context(|| format!("could not install {names}, which bring {proofs}"))?;
    match missing.iter().find(|need| !need.met()) {
        Some(need) => bail!(
            "{} is installed, but {} is still missing",
            need.package,
            need.proof
        ),
        None => Ok(()),
    }
}

/// A `PATH` with this tool of cargo's, which is the user's own or else one of this version under the
/// target directory.
pub(crate) fn cargo_tool(cx: &Context, name: &str, version: &str) -> Result<String> {
    let path = env::var("PATH")?;
    if program(name).is_some() {
        return Ok(path);
    }
    let root = cx.directory(name)?;
    if !root.join("bin").join(name).exists() {
        let mut install = cx.cargo(&["install", "--locked", name, "--version", version, "--root"]);
        install.arg(&root);
        // Otherwise it would replace what other parts have built.
        install.env("CARGO_TARGET_DIR", root.join("build"));
        cx.run(install)
            .with_context(|| format!("no {name}; run `cargo install {name}`, then this again"))?;
    }
    Ok(format!("{}:{path}", root.join("bin").display()))
}

/// What to put before a command that root must run, which is nothing or, where it asks for no
/// password, sudo.
fn root_prefix() -> Option<&'static str> {
    let id = command("id -u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some("");
    }
    let sudo = command("sudo -n true").output().ok()?;
    sudo.status.success().then_some("sudo -n ")
}

fn apt_install(cx: &Context, root: &str, packages: &str) -> Result<()> {
    // With `env`, because sudo does not pass variables on.
    let apt_get = |arguments: &str| {
        let env = "env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300";
        command(&format!("{root}{env} {arguments}"))
    };
    // With `--no-remove`, because what the user has installed is not ours to take away.
    let install = format!("install -y --no-install-recommends --no-remove {packages}");
    // A fresh machine has no package lists and an old one has stale ones, but asking first is
    // quicker than fetching them each time.
    let simulated = apt_get(&format!("--simulate {install}")).output();
    if !simulated.is_ok_and(|output| output.status.success()) {
        // A broken third-party source must not be in the way, and the install below has the last
        // word.
        let _ = cx.run(apt_get("update"));
    } else if cx.run(apt_get(&install)).is_ok() {
        return Ok(());
    } else {
        cx.run(apt_get("update"))?;
    }
    cx.run(apt_get(&install)).map(drop)
}
