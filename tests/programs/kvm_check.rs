//! The checks of `cargo harness kvm` as one static program for arm64 Linux, with a report at the end: the
//! conformance suite, random operations, moves from other hosts and a running guest, on this host's `/dev/kvm`.
//! It makes VMs, and touches nothing else.
//!
//! As the first and only process of the machine that `cargo harness kvm` emulates, the same program
//! brings up what it needs, runs the migration example too, and powers off.
//!
//! What it says to the harness are events (`suites/event.rs`), of which the last is the report, and all else is
//! for people.

/// Elsewhere there is no KVM for arm64.
#[cfg(not(all(target_os = "linux", target_arch = "aarch64")))]
fn main() {
    eprintln!(
        "kvm_check runs on arm64 Linux; `cargo harness kvm` builds it, and emulates such a host"
    );
    std::process::exit(2);
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn main() -> std::process::ExitCode {
    check::main()
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod check {
    use std::fs::{self, OpenOptions};
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::path::Path;
    use std::process::{self, Command, ExitCode};

    use clap::Parser;
    use rustix::mount::{MountFlags, mount};
    use rustix::system::uname;
    use sve_state_harness::conformance::kvm::KvmHost;
    use sve_state_harness::conformance::{self, Host as _};
    use sve_state_harness::differential::{self, Replay};
    use sve_state_harness::event::{self, progress};
    use sve_state_harness::hosts::Configuration;
    use sve_state_harness::lengths::Lengths;
    use sve_state_harness::report::{Found, Report};
    use sve_state_harness::{consumers, moves, running};

    /// Compares sve-state's vCPUs with those of this host's /dev/kvm, and ends with a report.
    ///
    /// It needs an arm64 host that may open /dev/kvm, makes VMs, and touches nothing else.
    #[derive(Parser)]
    struct Args {
        /// One vector length only, in quadwords (1 to 16)
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
        vq: Option<u32>,
        /// One case of the conformance suite only, and nothing else
        #[arg(long, value_name = "NAME")]
        case: Option<String>,
        /// How many random operations to compare
        #[arg(long, value_name = "N", default_value_t = 400_000)]
        operations: usize,
        /// What the random operations follow from [default: another number each time]
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
        /// Repeat a difference that random operations found, and nothing else
        #[arg(long, value_name = "SEED:VQ:N,N,...")]
        replay: Option<Replay>,
        /// Make vCPUs as on this host of `cargo harness hosts`
        #[arg(long, value_name = "NAME", value_parser = Configuration::named)]
        configuration: Option<&'static Configuration>,
    }

    impl Args {
        fn runs_guests(&self) -> bool {
            self.configuration.is_none_or(Configuration::runs_guests)
        }
    }

    /// The first process takes the kernel with it when it ends, so instead of ending it switches the machine
    /// off, whatever happened.
    pub(super) fn main() -> ExitCode {
        let init = process::id() == 1;
        let args = match Args::try_parse() {
            Ok(args) => args,
            Err(error) if init => {
                println!("{error}");
                event::power_off();
                return ExitCode::FAILURE;
            }
            Err(error) => error.exit(),
        };
        if init {
            for (name, what) in [("devtmpfs", "/dev"), ("proc", "/proc")] {
                if let Err(error) = mount(name, what, name, MountFlags::empty(), None) {
                    progress(format!("cannot mount {what}: {error}"));
                }
            }
        }
        let mut report = run(&args);
        let everything = args.case.is_none() && args.replay.is_none() && args.runs_guests();
        if init && everything && report.passed() {
            let vqs = report.lengths.unwrap_or_default().vqs();
            let wanted = |vq: &u32| args.vq.is_none_or(|only| only == *vq);
            for vq in vqs.filter(wanted) {
                match migrate(vq) {
                    Ok(()) => _ = report.migrated.insert(vq),
                    Err(what) => report.failures.push(what),
                }
            }
        }
        println!("{report}");
        event::report(&report);
        event::power_off();
        ExitCode::from(u8::from(!report.passed()))
    }

    /// Everything, whatever fails on the way.
    fn run(args: &Args) -> Report {
        let uname = uname();
        let kernel = [uname.release(), uname.version()].map(|text| text.to_string_lossy());
        let mode = mode().unwrap_or_else(|| "unknown".to_owned());
        let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
        let mut report = Report {
            revision: option_env!("SVE_STATE_REVISION")
                .unwrap_or("unknown")
                .to_owned(),
            kernel: format!("{}, KVM: {mode}", kernel.join(", ")),
            release: kernel[0].clone().into_owned(),
            mode,
            processor: processor(),
            repeat: format!("--operations {} --seed {seed}", args.operations),
            ..Report::default()
        };
        if let Some(vq) = args.vq {
            report.repeat += &format!(" --vq {vq}");
        }
        if let Some(host) = args.configuration {
            report.repeat += &format!(" --configuration {}", host.name);
        }
        if let Err(what) = fill(args, seed, &mut report) {
            report.failures.push(what);
        }
        report
    }

    fn fill(args: &Args, seed: u64, report: &mut Report) -> Result<(), String> {
        if !Path::new("/dev/kvm").exists() {
            return Err("no /dev/kvm: the kernel has no KVM, or was not started at EL2".to_owned());
        }
        let mut kvm = KvmHost::open(args.configuration)?;
        let lengths = kvm.lengths();
        let (release, mode) = (&report.release, &report.mode);
        progress(format!("Linux {release}, KVM in mode {mode}, VQ {lengths}"));
        report.lengths = Some(lengths);
        if let Some(vq) = args.vq.filter(|vq| !lengths.has(*vq)) {
            return Err(format!("VQ {vq}: this host has {lengths}"));
        }
        if let Some(replay) = &args.replay {
            report.repeat = format!("--replay {replay}");
            report.random = Some(differential::guest_replay(&mut kvm, replay)?);
            return Ok(());
        }
        if let Some(case) = &args.case {
            report.repeat += &format!(" --case {case}");
        }
        let case = args.case.as_deref();
        report.conformance = Some(conformance::guest_main(&mut kvm, args.vq, case)?);
        if case.is_some() {
            return Ok(());
        }
        let mut failed = |what: Result<(), String>| report.failures.extend(what.err());
        if lengths != Lengths::NONE {
            let options = differential::Options {
                operations: args.operations,
                seed,
                vq: args.vq,
            };
            let random = differential::guest_main(&mut kvm, options);
            failed(random.map(|found: Found| report.random = Some(found)));
            let errno = |error: &kvm_ioctls::Error| error.errno();
            let moves = moves::run(lengths, || kvm.initialized(true), errno);
            failed(moves.map(|moves| report.moves = Some(moves)));
        }
        if args.runs_guests() {
            let moved = running::guest_main(&kvm, args.vq);
            failed(moved.map(|(costs, without_sve)| {
                (report.running, report.without_sve) = (Some(costs), Some(without_sve));
            }));
        }
        let consumers = consumers::kvm::guest_main(&kvm);
        failed(consumers.map(|vcpus| report.consumers = Some(vcpus)));
        Ok(())
    }

    /// The mode that KVM is in, as the kernel's log has it, if this process may read that.
    fn mode() -> Option<String> {
        let mut log = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .ok()?;
        // Each read gives one record, until there are no more.
        let mut record = [0; 8192];
        while let Ok(n) = log.read(&mut record) {
            // `6,215,1352679,-;kvm [1]: VHE mode initialized successfully`
            let text = String::from_utf8_lossy(&record[..n]);
            if let Some((before, _)) = text.split_once(" mode initialized successfully") {
                return before.rsplit_once(": ").map(|(_, mode)| mode.to_owned());
            }
        }
        None
    }

    /// What the first processor says of itself.
    fn processor() -> String {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.strip_prefix("CPU "));
        let mut words: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| format!("{} {}", name.trim(), value.trim()))
            .collect();
        words.truncate(5);
        match words.is_empty() {
            true => "unknown".to_owned(),
            false => words.join(", "),
        }
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
        Ok(())
    }
}
