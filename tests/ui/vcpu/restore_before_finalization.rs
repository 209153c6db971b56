// Registers are written before they exist: KVM would answer EPERM.
use sve_state::vcpu::{FinalizeSve, Initialised};

fn f<V: FinalizeSve>(mut vcpu: Initialised<V>, state: sve_state::SveState<&[u8]>) {
    let _ = vcpu.restore(&state);
}

fn main() {}
