//! One boot of a kernel in QEMU, and what it says on its console.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::context::Context;
use crate::qemu::Qemu;

/// What a line that is meant for the harness starts with.
pub(crate) const MARK: &str = "@@ ";

/// How long the console may be silent, and how long it all may take if the guest is given nothing
/// out of the ordinary to do. A boot takes seconds.
const SILENCE: Duration = Duration::from_secs(60);
pub(crate) const TOTAL: Duration = Duration::from_secs(10 * 60);

/// How much of the console is shown when it ends badly.
const TAIL: usize = 60;

/// The command that boots: EL2 is emulated, so that the kernel brings up KVM.
fn command(qemu: &Qemu, kernel: &Path, initrd: &Path, init_arguments: &[String]) -> Command {
    let mut append = "console=ttyAMA0 quiet panic=-1".to_owned();
    if !init_arguments.is_empty() {
        // The kernel gives init what follows the dashes.
        append = format!("{append} -- {}", init_arguments.join(" "));
    }
    let mut command = qemu.command();
    command
        .args(["-M", "virt,virtualization=on,gic-version=3", "-cpu", "max"])
        .args(["-smp", "1", "-m", "512", "-nographic", "-nic", "none"])
        .arg("-no-reboot")
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .args(["-append", &append]);
    command
}

/// Boots, and gives every marked line to `heard` (without the mark) until QEMU ends.
///
/// Fails if the guest hangs, takes longer than `total`, or `heard` refuses a line; whether it said all it should is for the
/// caller to see.
pub(crate) fn boot(
    cx: &Context,
    qemu: &Qemu,
    kernel: &Path,
    initrd: &Path,
    init_arguments: &[String],
    total: Duration,
    heard: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<Console> {
    let mut command = command(qemu, kernel, initrd, init_arguments);
    cx.announce(&command);
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?);
    let mut child = command
        .stderr(writer)
        .spawn()
        .context("cannot run qemu-system-aarch64")?;
    drop(command);

    let mut console = Console::default();
    let result = listen(cx, reader, &mut console, total, heard);
    let status = end(&mut child, result.is_err());
    if let Err(error) = result {
        console.show(cx);
        return Err(error);
    }
    let status = status?;
    if !status.success() {
        console.show(cx);
        bail!("qemu-system-aarch64 failed ({status})");
    }
    Ok(console)
}

fn end(child: &mut Child, hanging: bool) -> io::Result<std::process::ExitStatus> {
    if hanging {
        // It may be gone already.
        let _ = child.kill();
    }
    child.wait()
}

fn listen(
    cx: &Context,
    reader: io::PipeReader,
    console: &mut Console,
    total: Duration,
    heard: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let start = Instant::now();
    let (sender, lines) = mpsc::channel();
    // Reading blocks, and a silent guest must not block us.
    thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => {
                let line = String::from_utf8_lossy(&line);
                let line = line.trim_end();
                cx.detail(line);
                console.push(line);
                if let Some(message) = line.strip_prefix(MARK) {
                    heard(message)?;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                bail!("the guest said nothing for {} s", SILENCE.as_secs())
            }
        }
        if start.elapsed() > total {
            bail!("the guest was not done after {} s", total.as_secs());
        }
    }
}

/// The last lines of the guest's console.
#[derive(Default)]
pub(crate) struct Console {
    tail: VecDeque<String>,
    lines: usize,
}

impl Console {
    fn push(&mut self, line: &str) {
        self.lines += 1;
        self.tail.push_back(line.to_owned());
        if self.tail.len() > TAIL {
            self.tail.pop_front();
        }
    }

    /// Prints them, unless the person has seen them.
    pub(crate) fn show(&self, cx: &Context) {
        if cx.verbose {
            return;
        }
        let (shown, all) = (self.tail.len(), self.lines);
        cx.step(&format!("the guest's console, {shown} of {all} lines:"));
        for line in &self.tail {
            println!("    | {line}");
        }
    }
}
