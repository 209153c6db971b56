//! How often a capture asks for memory. It is a program of its own, because it counts all
//! allocations.

use sve_state::shim::Vcpu;
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{SveState, Vls, Vq};

fn finalized(vq: Vq) -> Finalized<Vcpu<Box<[u8]>>> {
    let mut vcpu = Vcpu::new(Vls::up_to(vq)).expect("described");
    vcpu.init_with_sve().expect("a new vCPU");
    Initialized::new(vcpu).finalize().expect("initialized")
}

#[test]
fn a_capture_allocates_its_image_and_nothing_else() {
    for vq in Vq::architectural() {
        let mut vcpu = finalized(vq);
        let mut state = None;
        let counted = allocation_counter::measure(|| state = vcpu.capture().ok());
        assert_eq!(counted.count_total, 1, "VQ {vq}");
        assert_eq!(counted.bytes_total, 546 * u64::from(vq.get()), "VQ {vq}");

        let mut state = state.expect("captured");
        let counted = allocation_counter::measure(|| {
            vcpu.capture_into(&mut state).expect("captured");
            vcpu.restore(&state).expect("restored");
        });
        assert_eq!(counted.count_total, 0, "VQ {vq}");
    }
}

#[test]
fn an_image_in_the_callers_memory_allocates_nothing() {
    let mut memory = [0; 546 * 4];
    let vq = Vq::new(4).expect("a VQ");
    let counted = allocation_counter::measure(|| {
        let mut state = SveState::new(vq, &mut memory[..]).expect("of its size");
        state.set(sve_state::sve::Z1, &[1; 256]);
    });
    assert_eq!(counted.count_total, 0);
}
