// Calls that KVM would answer with EPERM.
use sve_state::FinalizeSve;
use sve_state::vcpu::{Finalized, Initialized};

// Registers are read, and written, before they exist.
fn before<V: FinalizeSve>(mut vcpu: Initialized<V>, state: sve_state::SveState<&[u8]>) {
    let _ = vcpu.capture();
    let _ = vcpu.restore(&state);
}

// VLS is written after finalization, and there is a second finalization.
fn after<V: FinalizeSve>(mut vcpu: Finalized<V>) {
    let _ = vcpu.set_vls(vcpu.vls());
    let _ = vcpu.finalize();
}

fn main() {}
