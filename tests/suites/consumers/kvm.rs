//! The two VMMs on Linux KVM.

use kvm_bindings::{KVM_ARM_VCPU_SVE, kvm_vcpu_init};
use kvm_ioctls::{Kvm, VcpuFd};
use sve_state::kvm::{host_vls, vm_vls};
use sve_state::one_reg::reg_size;
use sve_state::vcpu::{Initialised, has_sve};
use sve_state::{Vls, Vq};

use super::object::{KvmVcpu, Vcpu};
use super::{Fd, list};
use crate::conformance::kvm::{KvmHost, create_vm};
use crate::running::list as reg_list;

impl Fd for VcpuFd {
    fn list(&self) -> Result<Vec<u64>, String> {
        Ok(reg_list(self)?.as_slice().to_vec())
    }

    fn get(&self, id: u64) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; reg_size(id)];
        let got = self.get_one_reg(id, &mut bytes);
        got.map(|_| bytes).map_err(|e| format!("{id:#x}: {e}"))
    }

    fn set(&self, id: u64, bytes: &[u8]) -> Result<(), String> {
        let set = self.set_one_reg(id, bytes);
        set.map(drop).map_err(|e| format!("{id:#x}: {e}"))
    }

    fn finalize(&self) -> Result<(), String> {
        self.vcpu_finalize(&4).map_err(|e| e.to_string())
    }
}

fn initialised(kvm: &Kvm, sve: bool) -> Result<(VcpuFd, bool), String> {
    let text = |e: kvm_ioctls::Error| e.to_string();
    let vm = create_vm(kvm).map_err(text)?;
    let vcpu = vm.create_vcpu(0).map_err(text)?;
    let mut init = kvm_vcpu_init::default();
    vm.get_preferred_target(&mut init).map_err(text)?;
    init.features[0] |= u32::from(sve) << KVM_ARM_VCPU_SVE;
    vcpu.vcpu_init(&init).map_err(text)?;
    Ok((vcpu, has_sve(&init.features)))
}

/// Saves and restores a vCPU without SVE and at each vector length of the host, in both shapes. How many
/// vCPUs that were.
pub fn guest_main(host: &KvmHost) -> Result<usize, String> {
    let offered = host_vls(&host.kvm).map_err(|e| e.to_string())?;
    let lengths: Vec<u32> = offered.iter().map(|vq| vq.get().into()).collect();
    if !host.lengths_are(&lengths) {
        return Err(format!("host_vls found {offered}"));
    }
    // An ordinary VM has what the host has.
    let vm = create_vm(&host.kvm).map_err(|e| e.to_string())?;
    let of_vm = vm_vls(&host.kvm, &vm).map_err(|e| e.to_string())?;
    if of_vm != offered {
        return Err(format!("vm_vls found {of_vm}, and host_vls {offered}"));
    }
    let sets = offered.iter().map(|vq| offered.narrowed_to(vq));
    let all: Vec<Vls> = sets.chain([Vls::EMPTY]).collect();
    for vls in &all {
        let what = |what: String| format!("consumers, VQ {vls}: {what}");
        run(host, *vls).map_err(what)?;
    }
    Ok(all.len())
}

fn run(host: &KvmHost, vls: Vls) -> Result<(), String> {
    let sve = vls != Vls::EMPTY;
    let (source, has_sve) = initialised(&host.kvm, sve)?;
    let settled = Initialised::new(&source).settle(has_sve, sve.then_some(vls));
    let vq = settled.map_err(|e| e.to_string())?.vq();
    for (n, id) in (0..).zip(source.list()?) {
        if crate::conformance::ids::is_ours(id) && id & 0xffff != 0xffff {
            // FPSR and FPCR have bits that stay zero.
            let byte = |k: usize| {
                if reg_size(id) == 4 {
                    0
                } else {
                    k * 7 + n * 31 + 1
                }
            };
            let bytes = (0..reg_size(id)).map(|k| byte(k).to_le_bytes()[0]);
            source.set(id, &bytes.collect::<Vec<_>>())?;
        }
    }
    let text = |e: list::Error| format!("{e:?}");
    let kept = list::save(&source).map_err(text)?;
    let snapshot = sve_state::snapshot::Snapshot::from_registers(kept.clone());
    let snapshot = snapshot.map_err(|e| e.to_string())?;
    // In KVM's own order, to the byte.
    let ours = kept
        .iter()
        .filter(|(id, _)| crate::conformance::ids::is_ours(*id));
    if !snapshot.registers().eq(ours.cloned()) {
        return Err("the registers of the snapshot are not KVM's".to_owned());
    }
    if snapshot.state().vq() != vq.max(Vq::MIN) {
        return Err("another VQ".to_owned());
    }
    let new = list::serialize(&kept).map_err(text)?;
    let old = list::serialize_as_version_1(&kept).map_err(text)?;
    for bytes in [new, old] {
        let (target, _) = initialised(&host.kvm, sve)?;
        let read = list::deserialize(&bytes).map_err(text)?;
        list::restore(&target, &read).map_err(text)?;
        for (id, value) in kept
            .iter()
            .filter(|(id, _)| crate::conformance::ids::is_ours(*id))
        {
            if target.get(*id)? != *value {
                return Err(format!("{id:#x} did not arrive"));
            }
        }
    }
    let source = KvmVcpu {
        fd: source,
        has_sve,
    };
    let json = serde_json::to_string(&source.state()?).map_err(|e| e.to_string())?;
    let (fd, has_sve) = initialised(&host.kvm, sve)?;
    let target = KvmVcpu { fd, has_sve };
    target.set_state(&serde_json::from_str(&json).map_err(|e| e.to_string())?)?;
    let again = serde_json::to_string(&target.state()?).map_err(|e| e.to_string())?;
    (again == json)
        .then_some(())
        .ok_or("JSON did not arrive".to_owned())
}
