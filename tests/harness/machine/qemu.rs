//! QEMU's system emulator, which is the machine's own or one that is unpacked under the target
//! directory.
//!
//! It is not installed, because its packages do not go together with those of other versions of
//! QEMU, of which machines have some, and nothing that a person has installed is to be taken away.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::{Context, program};
use crate::machine::unpacked::Unpacked;

const PROGRAM: &str = "qemu-system-aarch64";
/// The release of the QEMU that is unpacked where the machine has none.
const RELEASE: &str = "bookworm";

pub(crate) enum Qemu {
    /// In `PATH`.
    Installed,
    /// Of a release.
    Unpacked(Unpacked),
}

impl Qemu {
    /// The machine's own if it has one, or else one that is fetched unless that has been done.
    pub(crate) fn find(cx: &Context) -> Result<Self> {
        if program(PROGRAM).is_some() {
            return Ok(Self::Installed);
        }
        Self::of(cx, RELEASE).context("no qemu-system-aarch64: install it, then run this again")
    }

    /// That of a Debian release, whatever the machine has.
    pub(crate) fn of(cx: &Context, release: &str) -> Result<Self> {
        Unpacked::of(cx, release, "qemu-system-arm").map(Self::Unpacked)
    }

    /// What it calls itself: `QEMU 11.1.3`.
    pub(crate) fn version(&self, cx: &Context) -> Result<String> {
        // `QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1~bpo13+1)`
        let output = cx.run_quietly(self.command().arg("--version"))?;
        let number = output.split_whitespace().nth(3);
        Ok(format!("QEMU {}", number.unwrap_or("of no version")))
    }

    /// To be given arguments.
    pub(crate) fn command(&self) -> Command {
        let Self::Unpacked(package) = self else {
            return Command::new(PROGRAM);
        };
        let mut command = package.command(PROGRAM);
        command.arg("-L").arg(package.path("usr/share/qemu"));
        command
    }
}
