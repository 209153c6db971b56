//! The conformance suite against the shim, at every VQ.

use sve_state_harness::conformance::{CASES, ShimHost, run};

#[test]
fn shim_conforms_at_every_vq() {
    for vq in 1..=16 {
        let outcome = run(&mut [&mut ShimHost], vq, None);
        assert!(
            outcome.differences.is_empty(),
            "{} of {} operations:\n{}",
            outcome.differences.len(),
            outcome.operations,
            outcome.differences.join("\n")
        );
        assert!(outcome.operations > 4000, "{}", outcome.operations);
    }
    assert!(CASES.len() >= 17);
}
