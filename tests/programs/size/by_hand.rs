//! The same job as `ours`, as a VMM's author writes it: IDs by formula, slices one after the other.

mod vcpu;

use std::error::Error;

use vcpu::{Errno, Vcpu};

const VLS: u64 = 0x6060_0000_0015_ffff;
const STATUS: [u64; 2] = [0x6020_0000_0010_00d4, 0x6020_0000_0010_00d5];

/// Every register's ID.
fn ids() -> impl Iterator<Item = u64> {
    let z = (0..32).map(|n| 0x6080_0000_0015_0000 + (n << 5));
    let p = (0..17).map(|n| 0x6050_0000_0015_0400 + (n << 5));
    z.chain(p).chain(STATUS)
}

fn size(id: u64) -> usize {
    1 << (id >> 52 & 15)
}

fn errno(call: &str, id: u64, errno: Errno) -> String {
    format!("{call} of {id:#x}: {errno}")
}

fn save(vcpu: &Vcpu) -> Result<Vec<u8>, String> {
    let mut bytes = b"SAVE".to_vec();
    for id in [VLS].into_iter().chain(ids()) {
        let start = bytes.len();
        bytes.resize(start + size(id), 0);
        let slice = &mut bytes[start..];
        vcpu.get(id, slice).map_err(|e| errno("GET", id, e))?;
    }
    Ok(bytes)
}

fn restore(vcpu: &mut Vcpu, bytes: &[u8]) -> Result<(), String> {
    let rest = bytes.strip_prefix(b"SAVE").ok_or("no save")?;
    let expected: usize = [VLS].into_iter().chain(ids()).map(size).sum();
    if rest.len() != expected {
        return Err(format!("{} bytes, not {expected}", rest.len()));
    }
    let (vls, mut rest) = rest.split_at(64);
    vcpu.set(VLS, vls).map_err(|e| errno("SET", VLS, e))?;
    vcpu.finalize().map_err(|e| errno("FINALIZE", 4, e))?;
    for id in ids() {
        let (slice, more) = rest.split_at(size(id));
        vcpu.set(id, slice).map_err(|e| errno("SET", id, e))?;
        rest = more;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let vq = std::env::args().count() + 1;
    let bytes = save(&Vcpu::new(vq))?;
    let mut target = Vcpu::new(vq);
    restore(&mut target, &bytes)?;
    println!("{}", target.sum());
    Ok(())
}
