//! KVM as hosts really run it: this does what `kvm` does, in the modes, on the processors and with the features in
//! the table of `suites/hosts.rs`. The hosts are emulated by a newer QEMU than Debian's stable releases have, and
//! run the newest kernel that there is.

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;
use sve_state_harness::hosts::{Configuration, HOSTS};

use super::kvm::guest::{self, Wanted};
use super::kvm::{Machine, What, all, in_all};
use crate::context::Context;
use crate::machine::kernel;
use crate::machine::qemu::Qemu;
use crate::report::Counted;

/// The Debian release from which QEMU and the kernel come.
const RELEASE: &str = "trixie-backports";

/// How many random operations there are for each vector length of a host, unless the user says how many. It is
/// enough for each length to have some.
const OPERATIONS: u64 = 2_500;

/// What a person can choose.
#[derive(Args, Clone, Default)]
pub(crate) struct Options {
    /// A host, may be repeated [default: all]
    #[arg(long, value_name = "HOST", value_parser = PossibleValuesParser::new(HOSTS.map(|host| host.name)))]
    host: Vec<String>,
    /// How many random operations to compare on each [default: 2500 for each vector length]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    operations: Option<u64>,
    #[command(flatten)]
    what: What,
}

impl Options {
    fn runs(&self) -> Vec<(&'static Configuration, Wanted)> {
        let chosen = |host: &&Configuration| {
            self.host.is_empty() || self.host.iter().any(|name| name == host.name)
        };
        let wanted = |host: &'static Configuration| Wanted {
            lengths: Some(host.lengths),
            configuration: Some(host),
            operations: self
                .operations
                .unwrap_or_else(|| OPERATIONS * host.lengths.vqs().count() as u64),
            ..self.what.wanted()
        };
        let vq = self.what.wanted().vq;
        let has = |host: &&Configuration| vq.is_none_or(|vq| host.lengths.has(vq));
        let hosts = HOSTS.iter().filter(chosen).filter(has);
        hosts.map(|host| (host, wanted(host))).collect()
    }
}

/// Boots each host, and adds up what the guests report.
pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    let qemu = Qemu::of(cx, RELEASE)?;
    let version = qemu.version(cx)?;
    let machine = Machine::new(cx, qemu, vec![kernel::image(cx, RELEASE)?])?;
    let runs = options.runs();
    let names = runs.iter().map(|(host, _)| host.name.to_owned());
    let reports = all(
        cx,
        &names.collect::<Vec<_>>(),
        &runs,
        |name, (_, wanted)| machine.boot(cx, name, 0, wanted),
    )?;

    let name = |host: &str, mode: &str| format!("{host:12} {mode}");
    let mut lines = vec![guest::heading(&name("host", "KVM's mode"))];
    for ((host, _), report) in runs.iter().zip(&reports) {
        lines.push(guest::row(&name(host.name, &report.mode), report));
    }
    let kernel = reports.first().map(|report| report.release.as_str());
    let kernel = kernel.unwrap_or_default();
    lines.push(format!("{}; Linux {kernel}, {version}", in_all(&reports)));
    Ok(lines)
}
