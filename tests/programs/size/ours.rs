//! Captures a vCPU, makes bytes of it, parses them, and restores another one from them.

mod vcpu;

use std::error::Error;

use sve_state::OneReg;
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{FinalizeSve, Finalized, Initialised};

struct Own(vcpu::Vcpu);

impl OneReg for Own {
    type Error = vcpu::Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), vcpu::Errno> {
        self.0.get(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), vcpu::Errno> {
        self.0.set(id, data)
    }
}

impl FinalizeSve for Own {
    fn finalize_sve(&mut self) -> Result<(), vcpu::Errno> {
        self.0.finalize()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let vq = std::env::args().count() + 1;
    let source = Finalized::of(Own(vcpu::Vcpu::new(vq)))?;
    let bytes = source.snapshot()?.to_bytes();
    let snapshot = Snapshot::from_bytes(&bytes)?;
    let target = Initialised::new(Own(vcpu::Vcpu::new(vq))).restore_snapshot(&snapshot)?;
    println!("{}", target.into_inner().0.sum());
    Ok(())
}
