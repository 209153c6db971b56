//! The suite on an arm64 host, most often an emulated one, with the shim and Linux KVM side by side.

use super::kvm::KvmHost;
use super::run::cases;
use super::{Host as _, Outcome, ShimHost, run};
use crate::report::Found;

/// Beyond this many at one VQ, differences are counted and not shown.
const SHOWN: usize = 20;

/// Runs one case or all of them, at one VQ or at each that the host has, and reports a line for each
/// VQ to the harness.
pub fn guest_main(kvm: &mut KvmHost, vq: Option<u32>, case: Option<&str>) -> Result<Found, String> {
    let lengths = kvm.lengths();
    let cases = cases(lengths);
    if let Some(name) = case.filter(|name| cases.iter().all(|case| case.name != *name)) {
        let names: Vec<_> = cases.iter().map(|case| case.name).collect();
        return Err(format!("no case {name}: there are {}", names.join(", ")));
    }
    let vqs = match (vq, lengths.max()) {
        (Some(vq), _) => vec![vq],
        // Once, without.
        (None, 0) => vec![0],
        (None, _) => lengths.vqs().collect(),
    };
    let mut found = Found::default();
    for vq in vqs {
        let Outcome {
            operations,
            differences,
        } = run(&mut [&mut ShimHost(lengths), kvm], vq, case);
        let n = differences.len();
        println!("conformance, VQ {vq}: {operations} operations, {n} differences");
        found.operations.insert(vq, operations);
        found.count += n;
        found
            .differences
            .extend(differences.into_iter().take(SHOWN));
    }
    Ok(found)
}
