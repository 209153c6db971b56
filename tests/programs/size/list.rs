//! Saves a vCPU as a list in bitcode, and restores another one from it.

mod list;
// (+
mod one_reg;
// +)
mod vcpu;

use vcpu::Fd;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vq = std::env::args().count() + 1;
    let registers = list::save(&vcpu::Vcpu::new(vq))?;
    let bytes = list::serialize(&list::pack(&registers))?;
    let registers = list::unpack(list::deserialize(&bytes)?);
    let target = vcpu::Vcpu::new(vq);
    let restored: Result<(), list::Error<std::io::Error>> = list::restore(&target, &registers);
    restored?;
    println!("{}", target.sum());
    Ok(())
}
