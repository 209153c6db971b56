//! The three VMMs on Linux KVM.

use std::io;

use anyhow::{Context as _, ensure};
use kvm_ioctls::VcpuFd;
use sve_state::kvm::{host_vls, vm_vls};
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::Initialized;
use sve_state::{Vls, Vq, reg_size};

use super::object::Vcpu as _;
use super::trait_v::VcpuAArch64 as _;
use super::{Fd, list, object, trait_v};
use crate::conformance::ids::is_ours;
use crate::conformance::kvm::KvmHost;
use crate::hosts::Vcpus;
use crate::running::list as reg_list;

fn io_error(error: kvm_ioctls::Error) -> io::Error {
    io::Error::from_raw_os_error(error.errno())
}

impl Fd for VcpuFd {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(reg_list(self)
            .map_err(io::Error::other)?
            .as_slice()
            .to_vec())
    }

    fn get(&self, id: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; reg_size(id)];
        let got = self.get_one_reg(id, &mut bytes);
        got.map(|_| bytes).map_err(io_error)
    }

    fn set(&self, id: u64, bytes: &[u8]) -> io::Result<()> {
        self.set_one_reg(id, bytes).map(drop).map_err(io_error)
    }

    fn finalize(&self) -> io::Result<()> {
        self.vcpu_finalize(&4).map_err(io_error)
    }
}

/// Saves and restores a vCPU without SVE and at each vector length of the host, in each shape, and
/// returns how many vCPUs that were.
pub fn guest_main(host: &KvmHost) -> Result<usize, String> {
    let offered = host_vls(&host.kvm).map_err(|e| e.to_string())?;
    let lengths: Vec<u32> = offered.iter().map(|vq| vq.get().into()).collect();
    if !host.lengths_are(&lengths) {
        return Err(format!("host_vls found {offered}"));
    }
    // An ordinary VM has what the host has, and a protected one nothing, although its vCPUs say
    // otherwise.
    let vm = host.create_vm().map_err(|e| e.to_string())?;
    let of_vm = vm_vls(&host.kvm, &vm).map_err(|e| e.to_string())?;
    let expected = match host.vcpus() {
        Vcpus::Protected => Vls::EMPTY,
        _ => offered,
    };
    if of_vm != expected {
        return Err(format!("vm_vls found {of_vm}, not {expected}"));
    }
    let sets = offered.iter().map(|vq| offered.narrowed_to(vq));
    let all: Vec<Vls> = sets.chain([Vls::EMPTY]).collect();
    for vls in &all {
        let done = run(host, *vls).with_context(|| format!("consumers, VQ {vls}"));
        done.map_err(|error| format!("{error:#}"))?;
    }
    Ok(all.len())
}

fn run(host: &KvmHost, vls: Vls) -> anyhow::Result<()> {
    let sve = vls != Vls::EMPTY;
    let new = || host.initialized(sve).map_err(anyhow::Error::msg);
    let source = new()?;
    let vq = Initialized::new(&source).finalize_if_sve(Some(vls))?.vq();
    for (n, id) in (0..).zip(source.list()?) {
        if is_ours(id) && id & 0xffff != 0xffff {
            // FPSR and FPCR have bits that stay zero.
            let byte = |k: usize| match reg_size(id) {
                4 => 0,
                _ => (k * 7 + n * 31 + 1).to_le_bytes()[0],
            };
            let bytes: Vec<u8> = (0..reg_size(id)).map(byte).collect();
            source.set(id, &bytes)?;
        }
    }
    let kept = list::save(&source)?;
    let ours = || kept.iter().filter(|(id, _)| is_ours(*id)).cloned();
    let arrived = |target: &VcpuFd| -> anyhow::Result<()> {
        for (id, value) in ours() {
            ensure!(target.get(id)? == value, "{id:#x} did not arrive");
        }
        Ok(())
    };

    let (snapshot, rest) = Snapshot::split_registers(kept.clone())?;
    // In KVM's own order, to the byte.
    ensure!(
        snapshot.registers().eq(ours()),
        "the registers of the snapshot are not KVM's"
    );
    ensure!(!rest.is_empty(), "KVM has other registers too");
    ensure!(snapshot.state().vq() == vq.max(Vq::MIN), "another VQ");
    let packed = list::serialize(&list::pack(&kept))?;
    let old = list::serialize_as_version_1(&kept)?;
    for bytes in [packed, old] {
        let target = new()?;
        let read = list::unpack(list::deserialize(&bytes)?);
        list::restore(&target, &read)?;
        arrived(&target)?;
    }

    let source = object::KvmVcpu { fd: source };
    let json = serde_json::to_string(&source.state()?)?;
    let target = object::KvmVcpu { fd: new()? };
    target.set_state(&serde_json::from_str(&json)?)?;
    arrived(&target.fd)?;

    let source = trait_v::KvmVcpu { fd: source.fd };
    let json = serde_json::to_string(&source.snapshot()?)?;
    let target = trait_v::KvmVcpu { fd: new()? };
    Initialized::new(&target.fd).finalize_if_sve(Some(vls))?;
    target.restore(&serde_json::from_str(&json)?)?;
    arrived(&target.fd)
}
