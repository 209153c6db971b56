//! Finds an arm64 kernel, which is a stock one from Debian or the one that the user names.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::context::Context;
use crate::machine::apt::{Archive, unpack_deb};
use crate::machine::unpacked::matching;

/// The releases whose newest kernels are tried, because people run these.
const RELEASES: [&str; 3] = ["bookworm", "trixie", "trixie-backports"];
/// The package that depends on a release's newest kernel for virtual machines.
const PACKAGE: &str = "linux-image-cloud-arm64";

/// Which kernels to use, for the parts that boot them.
#[derive(Args, Clone, Default)]
pub(crate) struct Kernels {
    /// A kernel, may be repeated: a Debian release, whose newest is taken; an arm64 image (vmlinuz); a
    /// Debian package file of one, or the package's name [default: bookworm, trixie, trixie-backports]
    #[arg(long, value_name = "KERNEL")]
    kernel: Vec<String>,
}

impl Kernels {
    pub(crate) fn names(&self) -> Vec<&str> {
        match self.kernel.as_slice() {
            [] => RELEASES.to_vec(),
            named => named.iter().map(String::as_str).collect(),
        }
    }

    /// Their images, in the order of the names.
    pub(crate) fn images(&self, cx: &Context) -> Result<Vec<PathBuf>> {
        self.names().iter().map(|name| image(cx, name)).collect()
    }
}

/// The kernel image that `--kernel` names.
pub(crate) fn image(cx: &Context, asked: &str) -> Result<PathBuf> {
    let path = Path::new(asked);
    let image = if path.is_file() && path.extension().is_some_and(|ext| ext == "deb") {
        from_deb(cx, path)?
    } else if path.is_file() {
        // QEMU runs in the workspace, but the user may be elsewhere.
        path.canonicalize()?
    } else if RELEASES.contains(&asked) {
        from_package(cx, PACKAGE, Some(asked))?
    } else if asked.starts_with("linux-") && !asked.contains('/') {
        from_package(cx, asked, None)?
    } else {
        bail!(
            "--kernel {asked}: no such file; it takes a Debian release ({}), an arm64 kernel image \
             (vmlinuz), a Debian package file of one, or such a package's name, as {PACKAGE}",
            RELEASES.join(", ")
        );
    };
    check(&image)?;
    Ok(image)
}

fn from_deb(cx: &Context, deb: &Path) -> Result<PathBuf> {
    // Named after the package file, because there may be several.
    let name = deb.file_stem().unwrap_or_default();
    let into = cx.directory("kvm/deb")?.join(name);
    let _ = fs::remove_dir_all(&into);
    unpack_deb(cx, &deb.canonicalize()?, &into)?;
    vmlinuz(&into)
}

/// From this release or, without one, from this machine's own.
fn from_package(cx: &Context, package: &str, release: Option<&str>) -> Result<PathBuf> {
    let into = cx.directory("kvm")?.join(release.unwrap_or(package));
    if let Ok(image) = vmlinuz(&into) {
        return Ok(image);
    }
    let archive = match release {
        Some(release) => Archive::of(cx, release, "arm64"),
        None => Archive::open(cx),
    }?;
    let arm64 = |name: &str| format!("{}:arm64", name.trim_end_matches(":arm64"));
    let mut name = arm64(package);
    // A package without a version in its name depends on the one that has it, and since 6.19 the
    // kernel is in yet another one.
    let dependencies = archive
        .dependencies(&name)
        .with_context(|| format!("Debian's archive has no {package} for arm64"))?;
    let holds = |prefix: &'static str| {
        let mut names = dependencies.iter();
        names.find(move |name| name.starts_with(prefix) && !name.starts_with(PACKAGE))
    };
    if let Some(real) = holds("linux-binary-").or_else(|| holds("linux-image-")) {
        name = arm64(real);
    }
    archive.unpack(&[name], &into)?;
    vmlinuz(&into)
}

/// The image in an unpacked package, which is in `boot` or beside the modules.
fn vmlinuz(root: &Path) -> Result<PathBuf> {
    ["boot/vmlinuz*", "usr/lib/modules/*/vmlinuz*"]
        .iter()
        .find_map(|pattern| matching(&root.join(pattern)))
        .with_context(|| format!("no vmlinuz in {}", root.display()))
}

/// Refuses what QEMU would jump into and never return from.
fn check(image: &Path) -> Result<()> {
    let mut start = Vec::new();
    File::open(image)
        .with_context(|| format!("cannot open {}", image.display()))?
        .take(64)
        .read_to_end(&mut start)?;
    // See Linux `Documentation/arch/arm64/booting.rst`. QEMU also takes an image that is gzipped, or
    // packed as an EFI program.
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
