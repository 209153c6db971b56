//! The suite inside the guest: the shim and Linux KVM side by side, for `cargo harness kvm`.

use super::kvm::KvmHost;
use super::{CASES, Outcome, ShimHost, run};

/// More differences than this at one VQ are counted, not shown.
const SHOWN: usize = 20;

/// Runs what the arguments ask for, `--vq N` and `--case NAME` or everything, and reports a line for
/// each VQ to the harness. Whether all answers were the expected ones.
pub fn guest_main(arguments: &[String]) -> bool {
    match compare(arguments) {
        Ok(differences) => differences == 0,
        Err(what) => {
            println!("@@ failed\twhat={what}");
            false
        }
    }
}

fn compare(arguments: &[String]) -> Result<usize, String> {
    let value = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let vqs = match value("--vq") {
        Some(vq) => {
            let vq = vq.parse().ok().filter(|vq| (1..=16).contains(vq));
            let vq = vq.ok_or("--vq: allowed are 1 to 16")?;
            vq..=vq
        }
        None => 1..=16,
    };
    let case = value("--case");
    if let Some(name) = case.filter(|name| CASES.iter().all(|case| case.name != *name)) {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        return Err(format!("no case {name}: there are {}", names.join(", ")));
    }
    let mut kvm = KvmHost::open()?;
    let mut total = 0;
    for vq in vqs {
        let Outcome {
            operations,
            differences,
        } = run(&mut [&mut ShimHost, &mut kvm], vq, case);
        for difference in differences.iter().take(SHOWN) {
            println!("{difference}");
        }
        total += differences.len();
        let differences = differences.len();
        println!("@@ conformance\tvq={vq}\toperations={operations}\tdifferences={differences}");
    }
    Ok(total)
}
