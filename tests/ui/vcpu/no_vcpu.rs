// A vCPU of another kvm-ioctls, or of the VMM's own, that has no ONE_REG yet.
use sve_state::vcpu::{Finalized, Initialized};

struct VcpuFd;

fn main() {
    let _ = Finalized::new(VcpuFd);
    let _ = Initialized::new(&VcpuFd);
}
