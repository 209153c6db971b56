// Registers are read before they exist: KVM would answer EPERM.
use sve_state::vcpu::{FinalizeSve, Initialized};

fn f<V: FinalizeSve>(vcpu: Initialized<V>) {
    let _ = vcpu.capture();
}

fn main() {}
