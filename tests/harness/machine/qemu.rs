//! QEMU's system emulator: the machine's own, or one that is unpacked under the target directory.
//!
//! It is not installed: its packages do not go together with those of other versions of QEMU, of
//! which machines have some, and nothing that a person has installed is to be taken away.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::{Context, program};
use crate::machine::apt::Archive;
use crate::machine::unpacked::libraries;

const PROGRAM: &str = "qemu-system-aarch64";

/// The emulator.
pub(crate) enum Qemu {
    /// In `PATH`.
    Installed,
    /// Unpacked into this directory.
    Unpacked(PathBuf),
}

impl Qemu {
    /// The machine's own if it has one; else it is fetched, unless that has been done.
    pub(crate) fn find(cx: &Context) -> Result<Self> {
        if program(PROGRAM).is_some() {
            return Ok(Self::Installed);
        }
        let root = cx.target.join("qemu");
        let qemu = Self::Unpacked(root.clone());
        if !qemu.runs(cx) {
            unpack(cx, &root).context("no qemu-system-aarch64: install it, then run this again")?;
        }
        Ok(qemu)
    }

    /// To be given arguments.
    pub(crate) fn command(&self) -> Command {
        let Self::Unpacked(root) = self else {
            return Command::new(PROGRAM);
        };
        let mut command = Command::new(root.join("usr/bin").join(PROGRAM));
        command
            .env("LD_LIBRARY_PATH", libraries(root))
            .arg("-L")
            .arg(root.join("usr/share/qemu"));
        command
    }

    fn runs(&self, cx: &Context) -> bool {
        cx.run_quietly(self.command().arg("--version")).is_ok()
    }
}

fn unpack(cx: &Context, into: &Path) -> Result<()> {
    let archive = Archive::open(cx)?;
    let packages = archive.missing("qemu-system-arm")?;
    archive.unpack(&packages, into)
}
