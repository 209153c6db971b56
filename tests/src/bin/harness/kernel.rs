//! Finding an arm64 kernel: a stock one from Debian, or the one that the person names.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::apt::{Archive, unpack_deb};
use crate::context::Context;

/// The package that depends on the newest kernel of the stable release, for virtual machines.
const DEFAULT: &str = "linux-image-cloud-arm64";

/// The kernel image that `--kernel` names, or the default one.
pub(crate) fn image(cx: &Context, asked: Option<&str>) -> Result<PathBuf> {
    let asked = asked.unwrap_or(DEFAULT);
    let path = Path::new(asked);
    let image = if path.is_file() && path.extension().is_some_and(|ext| ext == "deb") {
        from_deb(cx, path)?
    } else if path.is_file() {
        // QEMU runs in the workspace, the person may be elsewhere.
        path.canonicalize()?
    } else if asked.starts_with("linux-image-") && !asked.contains('/') {
        from_package(cx, asked)?
    } else {
        bail!(
            "--kernel {asked}: no such file; it takes an arm64 kernel image (vmlinuz), a Debian \
             package file of one, or such a package's name, as {DEFAULT}"
        );
    };
    check(&image)?;
    Ok(image)
}

fn from_deb(cx: &Context, deb: &Path) -> Result<PathBuf> {
    let into = cx.directory("kvm/deb")?;
    fs::remove_dir_all(&into)?;
    unpack_deb(cx, &deb.canonicalize()?, &into)?;
    vmlinuz(&into)
}

fn from_package(cx: &Context, package: &str) -> Result<PathBuf> {
    let into = cx.directory("kvm")?.join(package);
    if let Ok(image) = vmlinuz(&into) {
        return Ok(image);
    }
    let archive = Archive::open(cx)?;
    let arm64 = |name: &str| format!("{}:arm64", name.trim_end_matches(":arm64"));
    let mut name = arm64(package);
    // A package without a version in its name depends on the one that holds the kernel.
    let dependencies = archive
        .dependencies(&name, false)
        .with_context(|| format!("Debian's archive has no {package} for arm64"))?;
    if let Some(real) = dependencies.iter().find(|d| d.starts_with("linux-image-")) {
        name = arm64(real);
    }
    archive.unpack(&[name], &into)?;
    vmlinuz(&into)
}

/// The image in an unpacked package.
fn vmlinuz(root: &Path) -> Result<PathBuf> {
    let boot = root.join("boot");
    fs::read_dir(&boot)
        .ok()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
        })
        .with_context(|| format!("no vmlinuz in {}", boot.display()))
}

/// Refuses what QEMU would jump into and never return from.
fn check(image: &Path) -> Result<()> {
    let mut start = Vec::new();
    File::open(image)
        .with_context(|| format!("cannot open {}", image.display()))?
        .take(64)
        .read_to_end(&mut start)?;
    // Linux `Documentation/arch/arm64/booting.rst`; QEMU also takes one that is gzipped, or packed
    // as an EFI program.
    let arm64 = start.get(56..60) == Some(b"ARM\x64");
    let gzip = start.starts_with(b"\x1f\x8b");
    let efi_zboot = start.starts_with(b"MZ") && start.get(4..8) == Some(b"zimg");
    ensure!(
        arm64 || gzip || efi_zboot,
        "{} is no arm64 Linux kernel image",
        image.display()
    );
    Ok(())
}
