// A second finalization: KVM would answer EPERM.
use sve_state::vcpu::{FinalizeSve, Finalized};

fn f<V: FinalizeSve>(vcpu: Finalized<V>) {
    let _ = vcpu.finalize();
}

fn main() {}
