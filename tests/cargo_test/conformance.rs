//! The conformance suite against the shim, on hosts of various vector lengths, and moves between them.

use sve_state::shim::Vcpu;
use sve_state::{Errno, Vls, Vq};
use sve_state_harness::conformance::{CASES, CASES_WITHOUT_SVE, Outcome, ShimHost, run};
use sve_state_harness::lengths::Lengths;
use sve_state_harness::moves::{self, Moves};

#[test]
fn shim_conforms_at_every_vq() {
    for host in Lengths::HOSTS {
        for vq in host.vqs() {
            let outcome = run(&mut [&mut ShimHost(host)], vq, None);
            assert_no_difference(&outcome);
            assert!(outcome.operations > 4000, "{}", outcome.operations);
        }
    }
    assert!(CASES.len() >= 18);
}

#[test]
fn shim_conforms_without_sve() {
    let outcome = run(&mut [&mut ShimHost(Lengths::NONE)], 0, None);
    assert_no_difference(&outcome);
    assert!(outcome.operations > 400, "{}", outcome.operations);
    assert_eq!(CASES_WITHOUT_SVE.len(), 3);
}

fn assert_no_difference(outcome: &Outcome) {
    assert!(
        outcome.differences.is_empty(),
        "{} of {} operations:\n{}",
        outcome.differences.len(),
        outcome.operations,
        outcome.differences.join("\n")
    );
}

fn vcpu(host: Vls) -> Result<Vcpu<Box<[u8]>>, String> {
    let mut vcpu = Vcpu::new(host).map_err(|e| e.to_string())?;
    vcpu.init_with_sve().map_err(|e| e.to_string())?;
    Ok(vcpu)
}

fn moves_to(here: Lengths, host: Vls) -> Result<Moves, String> {
    moves::run(here, || vcpu(host), |errno: &Errno| errno.0)
}

fn vls(set: Lengths) -> Vls {
    Vls::from_words([set.0.into(), 0, 0, 0, 0, 0, 0, 0])
}

#[test]
fn state_moves_to_shims_where_they_have_its_vector_lengths_and_only_there() {
    for host in Lengths::HOSTS {
        let moves = moves_to(host, vls(host)).unwrap();
        assert_eq!(moves.allowed + moves.refused, 1 + 2 + 3 + 5 + 16, "{host}");
    }
}

/// A host that takes what it should refuse, or refuses what it should take, is found out.
#[test]
fn a_host_that_has_others_than_it_should_is_found() {
    let (v1, a64fx) = (Lengths(0b11), Lengths(0b1011));
    let error = moves_to(v1, vls(a64fx)).unwrap_err();
    assert_eq!(error, "from 1,2,4 at VQ 4 to 1,2: VLS was taken");
    let error = moves_to(a64fx, vls(v1)).unwrap_err();
    assert!(
        error.starts_with("from 1,2,4 at VQ 4 to 1,2,4: vector lengths"),
        "{error}"
    );
    let error = moves_to(a64fx, Vls::up_to(Vq::ARCH_MAX)).unwrap_err();
    assert!(
        error.starts_with("from 1,2,4 at VQ 4 to 1,2,4: vector lengths"),
        "{error}"
    );
}
