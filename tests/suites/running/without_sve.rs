//! A vCPU without SVE, whose V registers are captured in the place of Z, and restored.

use kvm_ioctls::{Kvm, VcpuFd};
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::Finalized;

use super::cost::{Count, Counted, text};
use super::vm::Vm;
use crate::conformance::ids::{FPCR, FPSR, v};
use crate::consumers::Fd as _;

/// Where V ends in an image of VQ 1, which has 32 registers of 16 bytes and 17 of 2.
const V: usize = 32 * 16;
const IMAGE: usize = V + 17 * 2;

/// Moves one to a second VM by way of snapshot bytes, reads it there without the help of
/// `sve-state`, and returns the ioctls of both ways.
pub(super) fn run(kvm: &Kvm) -> Result<[usize; 2], String> {
    let (source, target) = (Vm::new(kvm, false)?.vcpu, Vm::new(kvm, false)?.vcpu);
    for (id, value) in values() {
        source.set(id, &value).map_err(text)?;
    }
    let count = &Count::default();
    let state = counted(&source, count).capture().map_err(text)?;
    let gets = count.take();
    let mut expected = [0; IMAGE];
    for (place, (_, value)) in expected[..V].chunks_mut(16).zip(values()) {
        place.copy_from_slice(&value);
    }
    if state.as_bytes() != expected {
        return Err(format!(
            "captured {:x?}, not {expected:x?}",
            state.as_bytes()
        ));
    }
    counted(&target, count).restore(&state).map_err(text)?;
    let sets = count.take();
    is_there(&target, &values()[..32])?;

    let snapshot = counted(&source, count).snapshot().map_err(text)?;
    let snapshot = Snapshot::from_bytes(&snapshot.to_bytes()).map_err(text)?;
    let target = Vm::new(kvm, false)?.vcpu;
    let restored = counted(&target, count).restore_snapshot(&snapshot);
    restored.map_err(text)?;
    is_there(&target, &values())?;
    Ok([gets, sets])
}

fn counted<'a>(vcpu: &'a VcpuFd, count: &'a Count) -> Finalized<Counted<'a>> {
    Finalized::without_sve(Counted { vcpu, count })
}

/// V0 to V31, FPSR, FPCR, each with a value of its own.
fn values() -> Vec<(u64, Vec<u8>)> {
    let value = |n: u64| (0..16).map(move |k| (0x11 * n + 7 * k + 1).to_le_bytes()[0]);
    let v = (0..32).map(|n| (v(n), value(n).collect()));
    let status = [(FPSR, vec![0x9f, 0, 0, 8]), (FPCR, vec![0, 0, 0xc0, 7])];
    v.chain(status).collect()
}

fn is_there(vcpu: &VcpuFd, values: &[(u64, Vec<u8>)]) -> Result<(), String> {
    for (id, expected) in values {
        let found = vcpu.get(*id).map_err(text)?;
        if found != *expected {
            return Err(format!(
                "{id:#018x} was restored as {found:x?}, not {expected:x?}"
            ));
        }
    }
    Ok(())
}
