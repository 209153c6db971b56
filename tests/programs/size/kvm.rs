//! A VMM that has `kvm-ioctls` itself, and hands over a borrowed vCPU.

use sve_state::SveError;
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Finalized, Initialized};

fn save(vcpu: &kvm_ioctls::VcpuFd) -> Result<Vec<u8>, SveError<kvm_ioctls::Error>> {
    Ok(Finalized::from_vcpu(vcpu)?.snapshot()?.to_bytes())
}

fn restore(vcpu: &kvm_ioctls::VcpuFd, bytes: &[u8]) -> Result<(), SveError<kvm_ioctls::Error>> {
    Initialized::new(vcpu).restore_snapshot(&Snapshot::from_bytes(bytes)?)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kvm = kvm_ioctls::Kvm::new()?;
    println!("{}", sve_state::kvm::host_vls(&kvm)?);
    let vcpu = kvm.create_vm()?.create_vcpu(0)?;
    let bytes = save(&vcpu)?;
    restore(&vcpu, &bytes)?;
    Ok(())
}
