//! What the parts need installed, and installing it.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::context::{Context, program};

/// Something that a part needs from the machine.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    /// A program's name, or a file's full path: if it is there, the need is met, however it came.
    proof: &'static str,
    /// The Debian package that brings it.
    package: &'static str,
}

/// Links arm64 programs, of C and of Rust.
pub(crate) const CROSS_GCC: Need = Need {
    proof: "aarch64-linux-gnu-gcc",
    package: "gcc-aarch64-linux-gnu",
};
/// The C library to link them with, statically or not.
pub(crate) const CROSS_LIBC: Need = Need {
    proof: "/usr/aarch64-linux-gnu/lib/libc.a",
    package: "libc6-dev-arm64-cross",
};
/// The kernel's headers for arm64.
pub(crate) const KERNEL_HEADERS: Need = Need {
    proof: "/usr/aarch64-linux-gnu/include/asm/sve_context.h",
    package: "linux-libc-dev-arm64-cross",
};
/// Compiles libFuzzer.
pub(crate) const CXX: Need = Need {
    proof: "c++",
    package: "g++",
};
/// Runs arm64 programs.
pub(crate) const QEMU_USER: Need = Need {
    proof: "qemu-aarch64",
    package: "qemu-user",
};
/// Disassembles, and models processors.
pub(crate) const LLVM: Need = Need {
    proof: "llvm-mca-22",
    package: "llvm-22",
};
/// Counts what is executed.
pub(crate) const VALGRIND: Need = Need {
    proof: "valgrind",
    package: "valgrind",
};

impl Need {
    fn met(&self) -> bool {
        if self.proof.starts_with('/') {
            Path::new(self.proof).exists()
        } else {
            program(self.proof).is_some()
        }
    }
}

/// Installs whatever of this is missing, or says what to install.
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
    apt_install(cx, root, &packages)
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

/// `PATH`, in which there is this tool of cargo's: the person's own, or else one of this version under
/// the target directory.
pub(crate) fn cargo_tool(cx: &Context, name: &str, version: &str) -> Result<String> {
    let path = env::var("PATH")?;
    if program(name).is_some() {
        return Ok(path);
    }
    let root = cx.directory(name)?;
    if !root.join("bin").join(name).exists() {
        let mut install = cx.cargo(&["install", "--locked", name, "--version", version, "--root"]);
        install.arg(&root);
        // Else it would replace what other parts have built.
        install.env("CARGO_TARGET_DIR", root.join("build"));
        cx.run(install)
            .with_context(|| format!("no {name}; run `cargo install {name}`, then this again"))?;
    }
    Ok(format!("{}:{path}", root.join("bin").display()))
}

/// What to put before a command that root must run: nothing, or sudo where it asks no password.
fn root_prefix() -> Option<&'static [&'static str]> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(&[]);
    }
    let sudo = Command::new("sudo")
        .args(["-n", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    matches!(sudo, Ok(status) if status.success()).then_some(&["sudo", "-n"])
}

fn apt_install(cx: &Context, root: &[&str], packages: &[&str]) -> Result<()> {
    // `--no-remove`: what the person has installed is not ours to take away.
    let mut install = vec!["install", "-y", "--no-install-recommends", "--no-remove"];
    install.extend(packages);
    // A fresh machine has no package lists, an old one has stale ones. Asking first is quicker than
    // fetching them each time.
    let mut simulation = vec!["--simulate"];
    simulation.extend(&install);
    if !simulate(root, &simulation) {
        // A broken third-party source must not be in the way; the install below has the last word.
        let _ = cx.run(apt_get(root, &["update"]));
    } else if cx.run(apt_get(root, &install)).is_ok() {
        return Ok(());
    } else {
        cx.run(apt_get(root, &["update"]))?;
    }
    cx.run(apt_get(root, &install)).map(drop)
}

fn simulate(root: &[&str], arguments: &[&str]) -> bool {
    let output = apt_get(root, arguments).output();
    matches!(output, Ok(output) if output.status.success())
}

fn apt_get(root: &[&str], arguments: &[&str]) -> Command {
    // `env`, because sudo does not pass variables on.
    let words = [
        root,
        &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
        &["-q", "-o", "DPkg::Lock::Timeout=300"],
        arguments,
    ]
    .concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}
