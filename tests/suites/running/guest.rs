//! Runs the guest at each vector length, and prints a line for each.

use std::collections::BTreeMap;

use kvm_ioctls::{Kvm, VcpuFd};
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{Vls, Vq};

use super::cost::text;
use super::vm::{Report, Vm};
use super::{Cost, VQS, cost, pattern, without_sve};
use crate::conformance::Host as _;
use crate::conformance::kvm::KvmHost;

/// A bit in the last byte of a register. Set in FFR, it leaves ones followed by zeros, and so a value that FFR
/// can have.
const DAMAGE: u8 = 1 << 5;
/// The registers that are damaged on the way, by their place in the image: Z17, P9, FFR.
const DAMAGED: [usize; 3] = [17, pattern::Z + 9, pattern::ZP];

/// Runs the program at one vector length, or at those of [`VQS`] that the host has, and moves a vCPU without SVE.
/// Returns what that cost at each vector length, and the ioctls of a capture and a restore without SVE.
pub fn guest_main(
    host: &KvmHost,
    vq: Option<u32>,
) -> Result<(BTreeMap<u32, Cost>, [usize; 2]), String> {
    let vqs = vq.map_or(VQS.to_vec(), |vq| vec![vq]).into_iter();
    let mut costs = BTreeMap::new();
    for vq in vqs.filter(|vq| host.lengths().has(*vq)) {
        let cost = run(&host.kvm, vq);
        let cost = cost.map_err(|what| format!("the running guest, VQ {vq}: {what}"))?;
        println!("VQ {vq}: {cost:?}");
        costs.insert(vq, cost);
    }
    let without_sve = without_sve::run(&host.kvm).map_err(|what| format!("without SVE: {what}"))?;
    Ok((costs, without_sve))
}

fn run(kvm: &Kvm, vq: u32) -> Result<Cost, String> {
    // The source fills its registers, and stops.
    let mut source = Vm::new(kvm, true)?;
    let max = Vq::new(vq).map_err(text)?;
    let vls = Initialized::new(&mut source.vcpu).vls().map_err(text)?;
    finalize(&mut source.vcpu, vls.narrowed_to(max))?;
    source.load()?;
    expect(&source.run()?, &Report::Filled(16 * u64::from(vq)))?;

    let snapshot = Finalized::new(&mut source.vcpu)
        .and_then(|vcpu| vcpu.snapshot())
        .map_err(text)?;
    let (image, places) = pattern::image(vq);
    for (number, place) in places.iter().enumerate() {
        let (found, filled) = (
            &snapshot.state().as_bytes()[place.clone()],
            &image[place.clone()],
        );
        if found != filled {
            return Err(format!(
                "register {number} was captured as {found:x?}, not {filled:x?}"
            ));
        }
    }

    // The guest goes on in a second VM, and finds its registers there or says which is the first that is wrong.
    let moved = go_on(kvm, &source, &snapshot.to_bytes())?;
    expect(&moved, &Report::Checked(pattern::ALL as u64))?;
    for number in DAMAGED {
        let mut state = snapshot.state().clone();
        state.as_bytes_mut()[places[number].end - 1] ^= DAMAGE;
        let damaged = Snapshot::new(snapshot.vls(), state, snapshot.status()).map_err(text)?;
        let moved = go_on(kvm, &source, &damaged.to_bytes())?;
        expect(&moved, &Report::Checked(number as u64))?;
    }

    Ok(Cost {
        corruptions: DAMAGED.len(),
        ..cost::cost(&source.vcpu)?
    })
}

/// Moves the source to a new VM, its SVE state by way of these bytes, and runs it there.
fn go_on(kvm: &Kvm, source: &Vm, snapshot: &[u8]) -> Result<Report, String> {
    let snapshot = Snapshot::from_bytes(snapshot).map_err(text)?;
    let mut target = Vm::new(kvm, true)?;
    finalize(&mut target.vcpu, snapshot.vls())?
        .restore_snapshot(&snapshot)
        .map_err(text)?;
    target.take_the_rest(source)?;
    target.run()
}

fn finalize(vcpu: &mut VcpuFd, vls: Vls) -> Result<Finalized<&mut VcpuFd>, String> {
    let mut vcpu = Initialized::new(vcpu);
    vcpu.set_vls(vls).map_err(text)?;
    vcpu.finalize().map_err(text)
}

fn expect(found: &Report, expected: &Report) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("the guest said {found:?}, not {expected:?}"))
}
