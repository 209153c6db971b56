//! Boots a kernel in QEMU, and reads what it says on its console. A program that runs on this machine is read
//! in the same way.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, bail};
use serde::de::DeserializeOwned;
use sve_state_harness::event::{self, Event};
use sve_state_harness::lengths::Lengths;

use crate::context::Context;
use crate::machine::qemu::Qemu;

/// How long the console may be silent while the guest does nothing, and how long it all may take if the
/// guest is given nothing out of the ordinary to do. A boot takes seconds.
const SILENCE: Duration = Duration::from_secs(60);
pub(crate) const TOTAL: Duration = Duration::from_secs(10 * 60);

/// A guest that takes at least this part of a processor is busy, and no guest that hangs: an idle one
/// takes a hundredth, and the machine may have other things to do.
const BUSY: f64 = 0.05;

/// How much of the console is shown when it ends badly.
const TAIL: usize = 60;

/// The command that boots: EL2 is emulated, so that the kernel brings up KVM, in a mode or as it likes.
pub(crate) fn command(
    qemu: &Qemu,
    kernel: &Path,
    processor: &str,
    mode: Option<&str>,
    initrd: &Path,
    init_arguments: &[String],
) -> Command {
    // A message of the kernel's in the middle of a line would spoil what the guest says; a busy machine is
    // slow enough for one. Only a panic is printed.
    let mut append = "console=ttyAMA0 loglevel=1 panic=-1".to_owned();
    if let Some(mode) = mode {
        append = format!("{append} kvm-arm.mode={mode}");
    }
    if !init_arguments.is_empty() {
        // The kernel gives init what follows the dashes.
        append = format!("{append} -- {}", init_arguments.join(" "));
    }
    let mut command = qemu.command();
    command
        .args(["-M", "virt,virtualization=on,gic-version=3"])
        .args(["-cpu", processor])
        .args(["-smp", "1", "-m", "512", "-nographic", "-nic", "none"])
        .arg("-no-reboot")
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .args(["-append", &append]);
    command
}

/// A processor with these vector lengths. Where some are named, QEMU adds the powers of two below the
/// largest, which every processor has, and no others.
///
/// It signs pointers by a hash of QEMU's own. The architecture's, which QEMU has had until 10.1 unless it is asked,
/// takes three quarters of the emulator's time, since kernels sign in every function.
pub(crate) fn processor(lengths: Lengths) -> String {
    let max = "max,pauth-impdef=on".to_owned();
    match lengths {
        Lengths::ALL => max,
        Lengths::NONE => max + ",sve=off",
        _ => lengths
            .vqs()
            .fold(max, |cpu, vq| format!("{cpu},sve{}=on", 128 * vq)),
    }
}

/// Runs what boots, and says what it says of its progress. What it reports in the end is refused if `judge` does not
/// agree; and the console is shown then, and where the guest hangs, takes longer than `total`, or reports nothing.
pub(crate) fn run<R: DeserializeOwned>(
    cx: &Context,
    mut command: Command,
    total: Duration,
    judge: &dyn Fn(&R) -> Result<()>,
) -> Result<R> {
    cx.announce(&command);
    let program = command.get_program().to_string_lossy().into_owned();
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?);
    let mut child = command
        .stderr(writer)
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    drop(command);
    let child_id = child.id();

    let (mut console, mut reported) = (Console::default(), None);
    let limits = Limits {
        silence: SILENCE,
        total,
        used: &|| processor_time(child_id),
    };
    let mut heard = |line: &str| {
        match event::heard(line).transpose().map_err(Error::msg)? {
            Some(Event::Progress(text)) => cx.step(&text),
            Some(Event::Report(report)) => reported = Some(report),
            None => {}
        }
        Ok(())
    };
    let listened = listen(cx, reader, &mut console, &limits, &mut heard);
    let status = end(&mut child, listened.is_err());
    let judged = listened.and_then(|()| match (reported, status?) {
        (Some(report), _) => judge(&report).map(|()| report),
        (None, status) if !status.success() => bail!("{program} failed ({status})"),
        (None, _) => bail!("the guest ended before it was done"),
    });
    judged.inspect_err(|_| console.show(cx))
}

fn end(child: &mut Child, hanging: bool) -> io::Result<std::process::ExitStatus> {
    if hanging {
        // It may be gone already.
        let _ = child.kill();
    }
    child.wait()
}

/// How long a guest may go on.
struct Limits<'a> {
    silence: Duration,
    total: Duration,
    /// The processor time that it has had.
    used: &'a dyn Fn() -> Duration,
}

/// The processor time of a process, without those that it waited for: `utime` and `stime` of
/// `/proc/PID/stat`, in the hundredths of a second that Linux gives there.
fn processor_time(id: u32) -> Duration {
    time_in(&std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default())
}

fn time_in(stat: &str) -> Duration {
    // The second field is a name in parentheses, with anything in it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2);
    Duration::from_millis(
        10 * ticks
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum::<u64>(),
    )
}

fn listen(
    cx: &Context,
    reader: io::PipeReader,
    console: &mut Console,
    limits: &Limits<'_>,
    heard: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let (start, mut used) = (Instant::now(), Duration::ZERO);
    let Limits { silence, total, .. } = *limits;
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
        match lines.recv_timeout(silence) {
            Ok(line) => {
                used = (limits.used)();
                let line = String::from_utf8_lossy(&line);
                let line = line.trim_end();
                cx.detail(line);
                console.push(line);
                heard(line)?;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                let before = std::mem::replace(&mut used, (limits.used)());
                if used.saturating_sub(before) < silence.mul_f64(BUSY) {
                    bail!("the guest did nothing for {} s", silence.as_secs());
                }
                cx.step("the guest says nothing, and is busy");
            }
        }
        if start.elapsed() > total {
            bail!("the guest was not done after {} s", total.as_secs());
        }
    }
}

/// The last lines of the guest's console.
#[derive(Default)]
struct Console {
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

    /// Prints them, unless the user has seen them.
    fn show(&self, cx: &Context) {
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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::thread;
    use std::time::Duration;

    use super::{Console, Lengths, Limits, bail, listen, processor, processor_time, run, time_in};
    use crate::context::Context;

    const SILENCE: Duration = Duration::from_millis(200);

    /// A guest that is silent for three times as long as it may be, and then says something.
    fn silent(used: &dyn Fn() -> Duration, total: Duration) -> Result<Vec<String>, String> {
        let (reader, mut writer) = io::pipe().unwrap();
        thread::spawn(move || {
            thread::sleep(3 * SILENCE);
            // The listener may have given up.
            let _ = writer.write_all(b"done\n");
        });
        let limits = Limits {
            silence: SILENCE,
            total,
            used,
        };
        let mut heard = Vec::new();
        listen(
            &Context::new(false).unwrap(),
            reader,
            &mut Console::default(),
            &limits,
            &mut |line| {
                heard.push(line.to_owned());
                Ok(())
            },
        )
        .map(|()| heard)
        .map_err(|error| error.to_string())
    }

    #[test]
    fn who_is_silent_and_busy_is_waited_for_and_who_is_idle_is_not() {
        let total = Duration::from_secs(60);
        let start = std::time::Instant::now();
        let busy = || start.elapsed() / 10;
        assert_eq!(silent(&busy, total), Ok(vec!["done".to_owned()]));
        let idle = || start.elapsed() / 100;
        assert_eq!(
            silent(&idle, total),
            Err("the guest did nothing for 0 s".to_owned())
        );
        // Nor for ever.
        let error = silent(&busy, 2 * SILENCE).unwrap_err();
        assert!(error.starts_with("the guest was not done"), "{error}");
    }

    #[test]
    fn processor_time_is_what_a_process_takes() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let mut waited = 0;
        while processor_time(child.id()) < Duration::from_millis(100) {
            thread::sleep(Duration::from_millis(100));
            waited += 1;
            assert!(waited < 600, "it takes none");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(processor_time(u32::MAX), Duration::ZERO);
        let stat = "1 (a) b) S 1 2 3 4 5 6 7 8 9 10 500 25 999 999 20";
        assert_eq!(time_in(stat), Duration::from_millis(5250));
    }

    #[test]
    fn what_a_program_reports_is_judged_and_one_that_is_not_wanted_is_ended() {
        let cx = Context::new(false).unwrap();
        let shell = |script: &str| {
            let mut command = std::process::Command::new("sh");
            command.args(["-c", script]);
            let judge = |number: &u32| match number {
                7 => Ok(()),
                _ => bail!("it is {number}"),
            };
            let report = run(&cx, command, Duration::from_secs(60), &judge);
            report.map_err(|error| error.to_string())
        };
        let says = |event: &str, then: &str| shell(&format!("echo one; echo '@@ {event}'; {then}"));
        assert_eq!(says("{\"Report\":7}", "exit 3"), Ok(7));
        assert_eq!(says("{\"Report\":8}", ""), Err("it is 8".to_owned()));
        let early = "the guest ended before it was done".to_owned();
        assert_eq!(says("{\"Progress\":\"so far\"}", ""), Err(early));
        assert_eq!(
            shell("exit 3"),
            Err("sh failed (exit status: 3)".to_owned())
        );
        let start = std::time::Instant::now();
        assert!(
            says("no", "exec sleep 100")
                .unwrap_err()
                .contains("does not know: no")
        );
        assert!(
            start.elapsed() < Duration::from_secs(50),
            "it was waited for"
        );
    }

    #[test]
    fn qemu_is_told_the_vector_lengths_in_bits() {
        for (lengths, told) in [
            (Lengths::ALL, ""),
            (Lengths::NONE, ",sve=off"),
            (Lengths(0b1011), ",sve128=on,sve256=on,sve512=on"),
        ] {
            assert_eq!(processor(lengths), format!("max,pauth-impdef=on{told}"));
        }
    }
}
