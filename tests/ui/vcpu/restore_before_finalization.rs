// Registers are written before they exist: KVM would answer EPERM.
use sve_state::vcpu::{FinalizeSve, Initialized};

fn f<V: FinalizeSve>(mut vcpu: Initialized<V>, state: sve_state::SveState<&[u8]>) {
    let _ = vcpu.restore(&state);
}

fn main() {}
