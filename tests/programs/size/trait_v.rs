//! Saves a vCPU as V and what its hypervisor has, in JSON, and restores another one from it.

mod trait_v;
mod vcpu;

use trait_v::{KvmVcpu, VcpuAArch64};
use vcpu::{Fd, is_firmware};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vq = std::env::args().count() + 1;
    let new = || KvmVcpu { fd: vcpu::Vcpu::new(vq) };
    let source: Box<dyn VcpuAArch64> = Box::new(new());
    let json = serde_json::to_string(&source.snapshot()?)?;
    let target = new();
    target.restore(&serde_json::from_str(&json)?)?;
    println!("{}", target.fd.sum());
    Ok(())
}
