//! On an arm64 host, most often an emulated one, with the shim and Linux KVM side by side.

use std::time::{Duration, Instant};

use super::{Options, Replay, replay, run};
use crate::conformance::kvm::KvmHost;
use crate::conformance::{Host as _, ShimHost};
use crate::event::progress;
use crate::report::Found;

/// How often a person is told how far it has come.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Runs random operations.
pub fn guest_main(kvm: &mut KvmHost, options: Options) -> Result<Found, String> {
    let (all, mut last) = (options.operations, Instant::now());
    let mut note = |done: usize| {
        if last.elapsed() > SIGN_OF_LIFE {
            progress(format!("{done} of {all} random operations"));
            last = Instant::now();
        }
    };
    let mut shim = ShimHost(kvm.lengths());
    let outcome = run(&mut [&mut shim, kvm], options, &mut note)?;
    let answers = outcome.answers.iter();
    let answers: Vec<_> = answers.map(|(kind, n)| format!("{n} {kind}")).collect();
    let (vcpus, answers) = (outcome.vcpus, answers.join(", "));
    progress(format!(
        "{vcpus} vCPUs with random operations, whose answers were: {answers}"
    ));
    Ok(Found {
        operations: outcome.operations,
        count: outcome.differences.len(),
        differences: outcome.differences,
    })
}

/// Repeats what a difference was shrunk to.
pub fn guest_replay(kvm: &mut KvmHost, what: &Replay) -> Result<Found, String> {
    let mut shim = ShimHost(kvm.lengths());
    let (operations, difference) = replay(&mut [&mut shim, kvm], what)?;
    Ok(Found {
        operations: [(what.vq(), operations)].into(),
        count: usize::from(difference.is_some()),
        differences: difference.into_iter().collect(),
    })
}
