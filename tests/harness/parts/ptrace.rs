//! Linux itself, beyond KVM: threads with known registers, their register sets by ptrace and their signal
//! frames, on the kernels that people run. What runs there is `programs/ptrace_check`.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::context::Context;
use crate::machine::boot;
use crate::machine::initrd::Initrd;
use crate::machine::kernel::Kernels;
use crate::machine::qemu::Qemu;
use crate::machine::toolchain::{self, ARM64};
use crate::report::Counted;

/// A boot, and a second's work.
const TOTAL: Duration = Duration::from_secs(180);

/// What a person can choose.
#[derive(Args, Clone, Default)]
pub(crate) struct Options {
    #[command(flatten)]
    kernels: Kernels,
}

/// Boots each kernel, and hears what its threads had in their registers.
pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    let images = options.kernels.images(cx)?;
    toolchain::ensure_arm64(cx, &[])?;
    let qemu = Qemu::find(cx)?;

    let toolchain = toolchain::arm64(cx)?;
    let build = "build --release -p sve-state-harness --bin ptrace_check";
    cx.run(toolchain::arm64_cargo(cx, &toolchain, &[build]))?;
    let built = cx.target.join("arm64").join(ARM64).join("release");
    let archive = Initrd::new()
        .directory("dev")
        .program("init", &fs::read(built.join("ptrace_check"))?)
        .finish();
    let initrd = cx.directory("ptrace")?.join("initrd");
    fs::write(&initrd, archive)?;

    let mut lines = Vec::new();
    for (name, image) in options.kernels.names().into_iter().zip(&images) {
        let command = boot::command(&qemu, image, "max", None, &initrd, &[]);
        let mut heard = Heard::default();
        let console = boot::run(cx, command, TOTAL, &mut |message| {
            cx.step(&message.replace('\t', "  "));
            heard.hear(message)
        })?;
        lines.push(
            heard
                .verdict()
                .inspect_err(|_| console.show(cx))
                .context(name.to_owned())?,
        );
    }
    Ok(lines)
}

/// What a kernel's threads said.
#[derive(Default)]
struct Heard {
    release: String,
    threads: BTreeSet<u32>,
    streaming: BTreeSet<u32>,
    done: bool,
}

impl Heard {
    fn hear(&mut self, message: &str) -> Result<()> {
        let (what, rest) = message.split_once('\t').unwrap_or((message, ""));
        let value = rest.split_once('=').map_or("", |(_, value)| value);
        match what {
            "kernel" => value.clone_into(&mut self.release),
            "thread" => _ = self.threads.insert(value.parse()?),
            "streaming" => _ = self.streaming.insert(value.parse()?),
            "failed" => bail!("{value}"),
            "done" => self.done = true,
            _ => bail!("the guest said {message:?}"),
        }
        Ok(())
    }

    /// All vector lengths, which the emulated processor has; and those of streaming mode if any.
    fn verdict(&self) -> Result<String> {
        ensure!(self.done, "the guest did not come to its end");
        ensure!(
            self.threads.iter().copied().eq(1..=16),
            "threads at VQ {:?} only",
            self.threads
        );
        let streaming = &self.streaming;
        let powers = [1, 2, 4, 8, 16];
        ensure!(
            streaming.is_empty() || streaming.iter().copied().eq(powers),
            "threads in streaming mode at VQ {streaming:?} only"
        );
        Ok(format!(
            "{}: ptrace and signal frames at VQ 1 to 16, in streaming mode at VQ {streaming:?}",
            self.release
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Heard;

    #[test]
    fn a_vector_length_that_is_missing_is_missed() {
        let verdict = |threads: std::ops::RangeInclusive<u32>, end: &str| {
            let mut heard = Heard::default();
            heard.hear("kernel\trelease=6.1").unwrap();
            for vq in threads {
                heard.hear(&format!("thread\tvq={vq}")).unwrap();
            }
            heard.hear(end).unwrap();
            heard.verdict()
        };
        assert!(verdict(1..=16, "done").is_ok());
        assert!(verdict(1..=15, "done").is_err());
        assert!(verdict(1..=16, "streaming\tvq=1").is_err());
        let failed = Heard::default().hear("failed\twhat=VQ 3: x").unwrap_err();
        assert_eq!(failed.to_string(), "VQ 3: x");
    }
}
