// VLS is written after finalization: KVM would answer EPERM.
use sve_state::vcpu::{FinalizeSve, Finalized};

fn f<V: FinalizeSve>(mut vcpu: Finalized<V>) {
    let _ = vcpu.set_vls(vcpu.vls());
}

fn main() {}
