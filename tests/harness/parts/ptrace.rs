//! Linux itself, beyond KVM: threads with known registers, with their register sets by ptrace and their
//! signal frames, on the kernels that people run. What runs there is `programs/ptrace_check`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use sve_state_harness::lengths::Lengths;
use sve_state_harness::parallel;
use sve_state_harness::threads::Threads;

use crate::context::Context;
use crate::machine::boot;
use crate::machine::initrd::initrd;
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
    let archive = initrd(&["dev"], &[("init", &built.join("ptrace_check"))])?;
    let path = cx.directory("ptrace")?.join("initrd");
    fs::write(&path, archive)?;

    let processor = boot::processor(Lengths::ALL);
    let names = options.kernels.names();
    let kernels: Vec<_> = names.iter().zip(&images).collect();
    let lines = parallel::map(&kernels, |(name, image)| {
        let command = boot::command(&qemu, image, &processor, None, &path, &[]);
        let threads: Result<Threads> = boot::run(cx, name, command, TOTAL, &judge);
        let Threads {
            release, streaming, ..
        } = threads.with_context(|| (**name).to_owned())?;
        Ok(format!(
            "{release}: ptrace and signal frames at VQ 1 to 16, in streaming mode at VQ {streaming:?}"
        ))
    });
    lines.into_iter().collect()
}

/// All vector lengths must be there, which the emulated processor has, and those of streaming mode if
/// there are any.
fn judge(threads: &Threads) -> Result<()> {
    if let Some(failure) = &threads.failure {
        bail!("{failure}");
    }
    let (plain, streaming) = (&threads.vqs, &threads.streaming);
    ensure!(
        plain.iter().copied().eq(1..=16),
        "threads at VQ {plain:?} only"
    );
    ensure!(
        streaming.is_empty() || streaming[..] == [1, 2, 4, 8, 16],
        "threads in streaming mode at VQ {streaming:?} only"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Threads, judge};

    #[test]
    fn a_vector_length_that_is_missing_is_missed() {
        let verdict = |last, streaming: &[u16], failure: Option<&str>| {
            let threads = Threads {
                release: "6.1".to_owned(),
                vqs: (1..=last).collect(),
                streaming: streaming.to_vec(),
                failure: failure.map(str::to_owned),
            };
            judge(&threads).map_err(|error| error.to_string())
        };
        assert_eq!(verdict(16, &[], None), Ok(()));
        assert_eq!(verdict(16, &[1, 2, 4, 8, 16], None), Ok(()));
        assert!(verdict(15, &[], None).is_err());
        assert!(verdict(16, &[1], None).is_err());
        assert_eq!(verdict(16, &[], Some("VQ 3: x")), Err("VQ 3: x".to_owned()));
    }
}
