//! Boots a kernel in QEMU and reads what it prints on its console. A program that runs on this machine is read in the
//! same way.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use serde::de::DeserializeOwned;
use sve_state_harness::event::{self, Event};
use sve_state_harness::lengths::Lengths;

use crate::context::Context;
use crate::machine::qemu::Qemu;

/// How long a guest may take if it is given nothing out of the ordinary to do. A boot takes seconds on a quiet
/// machine.
pub(crate) const TOTAL: Duration = Duration::from_secs(10 * 60);

/// The command that boots, with EL2 emulated so that the kernel brings up KVM, in this mode or as it likes.
pub(crate) fn command(
    qemu: &Qemu,
    kernel: &Path,
    processor: &str,
    mode: Option<&str>,
    initrd: &Path,
    init_arguments: &[String],
) -> Command {
    // Only a panic is printed, because a message of the kernel's in the middle of a line would spoil what the guest
    // says, and a busy machine is slow enough for that to happen.
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

/// A processor with these vector lengths. Where some are named, QEMU adds the powers of two below the largest, which
/// every processor has, and no others.
///
/// It signs pointers by a hash of QEMU's own, because the architecture's, which QEMU up to 10.1 uses unless it is
/// asked, takes three quarters of the emulator's time, since kernels sign in every function.
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

/// Runs what boots, and passes on what it says of its progress under its name, because another may run beside it. What
/// it finally reports is refused if `judge` does
/// not agree, and then the console is shown, as it is where the guest takes longer than `total` or reports nothing.
pub(crate) fn run<R: DeserializeOwned>(
    cx: &Context,
    name: &str,
    command: Command,
    total: Duration,
    judge: &dyn Fn(&R) -> Result<()>,
) -> Result<R> {
    cx.announce(&command);
    let (mut reported, mut strange) = (None, None);
    let (status, console) = cx.hear(
        &mut within(total, &command),
        &mut |line| match event::heard(line) {
            Some(Ok(Event::Progress(text))) => cx.step(&format!("{name}: {text}")),
            Some(Ok(Event::Report(report))) => reported = Some(report),
            Some(Err(what)) => strange = Some(what),
            None => {}
        },
    )?;
    let judged = match (strange, reported) {
        (Some(what), _) => Err(Error::msg(what)),
        (None, Some(report)) => judge(&report).map(|()| report),
        (None, None) if status.code() == Some(TOO_LONG) => {
            Err(anyhow!("the guest was not done after {total:?}"))
        }
        (None, None) => Err(anyhow!("the guest ended before it was done ({status})")),
    };
    judged.inspect_err(|_| cx.show(&console))
}

/// The exit status of `timeout` if it has ended the command.
const TOO_LONG: i32 = 124;

/// The same command, ended if it takes longer.
fn within(total: Duration, command: &Command) -> Command {
    let mut timeout = Command::new("timeout");
    // In the foreground, so that interrupting the harness interrupts the guest.
    timeout.args(["--foreground", "--kill-after=5"]);
    timeout.arg(total.as_secs_f64().to_string());
    timeout.arg(command.get_program()).args(command.get_args());
    let variables = command.get_envs();
    timeout.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    timeout
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Lengths, anyhow, processor, run};
    use crate::context::Context;

    #[test]
    fn what_a_program_reports_is_judged_and_one_that_does_not_end_is_ended() {
        let cx = Context::new(false).unwrap();
        let shell = |script: &str, total: u64| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            let judge = |number: &u32| match number {
                7 => Ok(()),
                _ => Err(anyhow!("it is {number}")),
            };
            let report = run(&cx, "sh", command, Duration::from_secs(total), &judge);
            report.map_err(|error| error.to_string())
        };
        let says = |event: &str, then: &str| shell(&format!("echo '@@ {event}'; {then}"), 60);
        assert_eq!(says("{\"Report\":7}", "exit 3"), Ok(7));
        for (event, then, why) in [
            ("{\"Report\":8}", "", "it is 8"),
            ("{\"Progress\":\"a\"}", "", "the guest ended before it was"),
            ("{\"Progress\":\"a\"}", "exit 3", "done (exit status: 3)"),
            ("no", "echo '@@ {\"Report\":7}'", "does not know: no"),
        ] {
            let found = says(event, then).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
        let late = shell("exec sleep 100", 1).unwrap_err();
        assert_eq!(late, "the guest was not done after 1s");
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
