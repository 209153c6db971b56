//! Saves a vCPU as a struct and lists in JSON, through a trait object, and restores another one from
//! it.

mod object;
// (+
mod one_reg;
// +)
mod vcpu;

use object::{KvmVcpu, Vcpu};
use vcpu::{Fd, is_core, reg_size};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vq = std::env::args().count() + 1;
    let new = || KvmVcpu { fd: vcpu::Vcpu::new(vq) };
    let source: Box<dyn Vcpu> = Box::new(new());
    let json = serde_json::to_string(&source.state()?)?;
    let target = new();
    target.set_state(&serde_json::from_str(&json)?)?;
    println!("{}", target.fd.sum());
    Ok(())
}
