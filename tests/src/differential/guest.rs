//! Inside the guest: the shim and Linux KVM side by side, for `cargo harness kvm`.

use std::time::{Duration, Instant};

use super::{Options, Replay, replay, run};
use crate::conformance::ShimHost;
use crate::conformance::kvm::KvmHost;

/// The harness takes a guest that says nothing for one that hangs.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Runs random operations, and reports a line for each vector length to the harness.
pub fn guest_main(options: Options) -> Result<(), String> {
    let mut kvm = KvmHost::open()?;
    let (all, mut last) = (options.operations, Instant::now());
    let mut progress = |done: usize| {
        if last.elapsed() > SIGN_OF_LIFE {
            println!("@@ progress\tdone={done}\tof={all}");
            last = Instant::now();
        }
    };
    let outcome = run(&mut [&mut ShimHost, &mut kvm], options, &mut progress)?;
    for difference in &outcome.differences {
        println!("{difference}");
    }
    for (vq, operations) in &outcome.operations {
        println!("@@ differential\tvq={vq}\toperations={operations}");
    }
    let answers = outcome.answers.iter();
    let answers: Vec<_> = answers.map(|(kind, n)| format!("{n} {kind}")).collect();
    let (vcpus, answers) = (outcome.vcpus, answers.join(", "));
    println!("@@ answers\tvcpus={vcpus}\tanswers={answers}");
    match outcome.differences.len() {
        0 => Ok(()),
        n => Err(format!(
            "random operations found {n} differences; seed {}",
            options.seed
        )),
    }
}

/// Repeats what a difference was shrunk to.
pub fn guest_replay(what: &Replay) -> Result<(), String> {
    let mut kvm = KvmHost::open()?;
    let (operations, difference) = replay(&mut [&mut ShimHost, &mut kvm], what)?;
    println!("@@ replayed\toperations={operations}");
    match difference {
        None => Ok(()),
        Some(difference) => {
            println!("{difference}");
            Err("the difference is still there".to_owned())
        }
    }
}
