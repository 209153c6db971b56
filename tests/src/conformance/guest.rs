//! The suite inside the guest: the shim and Linux KVM side by side, for `cargo harness kvm`.

use super::kvm::KvmHost;
use super::{CASES, Outcome, ShimHost, run};

/// More differences than this at one VQ are counted, not shown.
const SHOWN: usize = 20;

/// Runs one case or all of them, at one VQ or at 1 to 16, and reports a line for each VQ to the
/// harness.
pub fn guest_main(vq: Option<u32>, case: Option<&str>) -> Result<(), String> {
    if let Some(name) = case.filter(|name| CASES.iter().all(|case| case.name != *name)) {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        return Err(format!("no case {name}: there are {}", names.join(", ")));
    }
    let mut kvm = KvmHost::open()?;
    let mut total = 0;
    for vq in vq.map_or(1..=16, |vq| vq..=vq) {
        let Outcome {
            operations,
            differences,
        } = run(&mut [&mut ShimHost, &mut kvm], vq as usize, case);
        for difference in differences.iter().take(SHOWN) {
            println!("{difference}");
        }
        let differences = differences.len();
        println!("@@ conformance\tvq={vq}\toperations={operations}\tdifferences={differences}");
        total += differences;
    }
    match total {
        0 => Ok(()),
        n => Err(format!("the conformance suite found {n} differences")),
    }
}
