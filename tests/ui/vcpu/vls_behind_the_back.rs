// The vCPU as it was before finalization is gone.
use sve_state::FinalizeSve;
use sve_state::vcpu::Initialized;

fn f<V: FinalizeSve>(mut vcpu: Initialized<V>, vls: sve_state::Vls) {
    let finalized = vcpu.finalize();
    let _ = vcpu.set_vls(vls);
    drop(finalized);
}

fn main() {}
