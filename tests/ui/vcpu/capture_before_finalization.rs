// Registers are read before they exist: KVM would answer EPERM.
use sve_state::vcpu::{FinalizeSve, Initialised};

fn f<V: FinalizeSve>(vcpu: Initialised<V>) {
    let _ = vcpu.capture();
}

fn main() {}
