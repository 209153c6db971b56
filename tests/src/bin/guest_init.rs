//! The first and only process of the guest that `cargo harness kvm` boots: brings up what it needs,
//! runs the conformance suite, random operations, the guest whose state is moved while it runs and the
//! migration on the kernel's KVM, and powers off.
//!
//! Lines that start with `@@ ` are for the harness, which checks them against what it expects
//! (`harness/kvm.rs`); all others are for people. Arguments come from the kernel's command line.

/// Elsewhere there is no KVM for arm64, and the harness builds this for the guest alone.
#[cfg(not(all(target_os = "linux", target_arch = "aarch64")))]
fn main() {
    eprintln!("guest_init runs in the guest of `cargo harness kvm`");
    std::process::exit(2);
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn main() {
    guest::main();
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod guest {
    use std::io::Write;
    use std::path::Path;
    use std::process::Command;
    use std::str::FromStr;

    use rustix::mount::{MountFlags, mount};
    use rustix::system::{RebootCommand, reboot, uname};
    use sve_state_harness::{conformance, differential, running};

    /// A process that ends takes the kernel with it when it is the first one. So nothing here
    /// returns early, and the machine is switched off whatever happened.
    pub(super) fn main() {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        println!("@@ kernel\trelease={}", uname().release().to_string_lossy());
        if let Err(what) = run(&arguments) {
            println!("@@ failed\twhat={what}");
        }
        println!("@@ done");
        let _ = std::io::stdout().flush();
        if let Err(error) = reboot(RebootCommand::PowerOff) {
            println!("cannot power off: {error}");
        }
    }

    fn run(arguments: &[String]) -> Result<(), String> {
        mount("devtmpfs", "/dev", "devtmpfs", MountFlags::empty(), None)
            .map_err(|error| format!("cannot mount /dev: {error}"))?;
        if !Path::new("/dev/kvm").exists() {
            return Err("no /dev/kvm: the kernel has no KVM, or was not started at EL2".to_owned());
        }
        let vq = value(arguments, "--vq").map(number).transpose()?;
        let case = value(arguments, "--case");
        if let Some(replay) = value(arguments, "--replay") {
            return differential::guest_replay(&replay.parse()?);
        }
        conformance::guest_main(vq, case)?;
        if case.is_some() {
            return Ok(());
        }
        differential::guest_main(differential::Options {
            operations: parsed(arguments, "--operations")?,
            seed: parsed(arguments, "--seed")?,
            vq: vq.and_then(|vq| u16::try_from(vq).ok()),
        })?;
        running::guest_main("/guest", vq)?;
        vq.map_or(1..=16, |vq| vq..=vq).try_for_each(migrate)
    }

    fn number(vq: &str) -> Result<u32, String> {
        let number = vq.parse().ok().filter(|vq| (1..=16).contains(vq));
        number.ok_or_else(|| format!("--vq {vq}: allowed are 1 to 16"))
    }

    fn parsed<T: FromStr>(arguments: &[String], option: &str) -> Result<T, String> {
        let value = value(arguments, option).ok_or_else(|| format!("no {option}"))?;
        let number = value.parse();
        number.map_err(|_| format!("{option} {value}: not such a number"))
    }

    /// Runs the example, a program of its own, as a person would.
    fn migrate(vq: u32) -> Result<(), String> {
        let status = Command::new("/migrate")
            .args(["--kvm", "--vq", &vq.to_string()])
            .status()
            .map_err(|error| format!("cannot run migrate: {error}"))?;
        if !status.success() {
            return Err(format!("migrate --kvm --vq {vq} failed ({status})"));
        }
        println!("@@ migrate\tvq={vq}");
        Ok(())
    }

    fn value<'a>(arguments: &'a [String], option: &str) -> Option<&'a str> {
        let at = arguments.iter().position(|argument| argument == option)?;
        arguments.get(at + 1).map(String::as_str)
    }
}
