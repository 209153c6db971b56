//! Linux KVM as a host of vCPUs.

use kvm_bindings::{KVM_ARM_VCPU_EL1_32BIT, KVM_ARM_VCPU_SVE, RegList, kvm_vcpu_init};
use kvm_ioctls::{Cap, Error, Kvm, VcpuFd, VmFd};

use super::ShimHost;
use super::ids;
use super::vcpu::{Answer, Host, Op, Vcpu};
use crate::hosts::{Configuration, HAS_EL2, Vcpus};
use crate::lengths::Lengths;

/// Linux KVM, through `/dev/kvm`.
#[derive(Debug)]
pub struct KvmHost {
    pub(crate) kvm: Kvm,
    lengths: Lengths,
    /// Where the harness emulates it.
    configuration: Option<&'static Configuration>,
}

impl KvmHost {
    /// Opens `/dev/kvm` and finds out the vector lengths. The vCPUs will be those of the configuration.
    pub fn open(configuration: Option<&'static Configuration>) -> Result<Self, String> {
        let kvm = Kvm::new().map_err(|e| format!("/dev/kvm: {e}"))?;
        let mut host = Self {
            kvm,
            lengths: Lengths::NONE,
            configuration,
        };
        host.lengths = host.find_lengths()?;
        Ok(host)
    }

    /// Whether these, ascending, are the vector lengths.
    pub(crate) fn lengths_are(&self, vqs: &[u32]) -> bool {
        self.lengths.vqs().eq(vqs.iter().copied())
    }

    fn find_lengths(&self) -> Result<Lengths, String> {
        let mut vcpu = self.create_vcpu().map_err(|e| format!("no vCPU: {e}"))?;
        // The VM's own answer is another if it is a protected one.
        if !self.kvm.check_extension(Cap::ArmSve) {
            return Ok(Lengths::NONE);
        }
        let init = vcpu.perform(&Op::Init { sve: true });
        if let Vcpus::With(features) = self.vcpus() {
            // A vCPU keeps the features of the first time.
            vcpu.target.features[0] = 0;
            let other = vcpu.perform(&Op::Init { sve: true });
            if other != Answer::Errno(22) {
                return Err(format!("INIT again, without {features:#x}: {other}"));
            }
        }
        match (init, vcpu.perform(&Op::Get(ids::VLS))) {
            (Answer::Done, Answer::Bytes(value)) => Lengths::from_vls(&value)
                .ok_or_else(|| format!("vector lengths past the architecture's: {value:x?}")),
            (init, vls) => Err(format!("INIT with SVE: {init}; GET of VLS: {vls}")),
        }
    }

    /// A vCPU after `KVM_ARM_VCPU_INIT`, with SVE or without.
    pub fn initialized(&self, sve: bool) -> Result<VcpuFd, String> {
        let mut vcpu = self.create_vcpu().map_err(|e| format!("no vCPU: {e}"))?;
        let op = Op::Init { sve };
        match vcpu.perform(&op) {
            Answer::Done => Ok(vcpu.vcpu),
            answer => Err(format!("{op}: {answer}")),
        }
    }

    pub(crate) fn vcpus(&self) -> Vcpus {
        self.configuration.map_or(Vcpus::Plain, |host| host.vcpus)
    }

    /// As [`create_vm`], but a protected one where the configuration asks for it.
    pub(crate) fn create_vm(&self) -> Result<VmFd, Error> {
        match self.vcpus() {
            Vcpus::Protected => self.kvm.create_vm_with_type(PROTECTED | 32),
            _ => create_vm(&self.kvm),
        }
    }
}

/// A VM with the smallest guest address space there is, 4 GiB. On newer kernels, what it takes to free a VM grows
/// with that: 40 bits take 7 to 24 ms in the emulator, and the 52 that are the host's limit, which `create_vm` of
/// kvm-ioctls takes, 7 to 17 s.
pub(crate) fn create_vm(kvm: &Kvm) -> Result<VmFd, Error> {
    kvm.create_vm_with_ipa_size(32)
}

/// `KVM_VM_TYPE_ARM_PROTECTED`, which kvm-bindings does not have yet.
const PROTECTED: u64 = 1 << 31;

/// More IDs than a vCPU lists, and as many as `RegList` holds.
const KVM_ARM_LIST: usize = 500;

struct KvmVcpu {
    /// With the features that all vCPUs have.
    target: kvm_vcpu_init,
    // Recent kernels want all vCPUs of a VM to have the same features, so each vCPU has a VM of its own, which it
    // keeps alive.
    vcpu: VcpuFd,
}

impl Host for KvmHost {
    fn name(&self) -> &'static str {
        "kvm"
    }

    fn lengths(&self) -> Lengths {
        self.lengths
    }

    fn has_32_bits(&self) -> bool {
        let never = match self.vcpus() {
            Vcpus::Plain => false,
            Vcpus::With(features) => features & HAS_EL2 != 0,
            Vcpus::Protected => true,
        };
        !never && self.kvm.check_extension(Cap::ArmEl132bit)
    }

    fn command(&self) -> String {
        match self.configuration {
            Some(host) => format!("cargo harness hosts --host {}", host.name),
            None => ShimHost(self.lengths).command(),
        }
    }

    fn create(&mut self) -> Result<Box<dyn Vcpu>, String> {
        self.create_vcpu()
            .map(|vcpu| Box::new(vcpu) as Box<dyn Vcpu>)
            .map_err(|e| e.to_string())
    }
}

impl KvmHost {
    fn create_vcpu(&self) -> Result<KvmVcpu, Error> {
        let vm = self.create_vm()?;
        let vcpu = vm.create_vcpu(0)?;
        let mut target = kvm_vcpu_init::default();
        vm.get_preferred_target(&mut target)?;
        if let Vcpus::With(features) = self.vcpus() {
            target.features[0] = features;
        }
        Ok(KvmVcpu { target, vcpu })
    }
}

impl Vcpu for KvmVcpu {
    fn perform(&mut self, op: &Op) -> Answer {
        self.call(op)
            .unwrap_or_else(|error| Answer::Errno(error.errno()))
    }
}

impl KvmVcpu {
    fn call(&mut self, op: &Op) -> Result<Answer, Error> {
        let init = |features: u32| {
            let mut init = self.target;
            init.features[0] |= features;
            self.vcpu.vcpu_init(&init).map(|()| Answer::Done)
        };
        Ok(match op {
            Op::Init { sve } => init(u32::from(*sve) << KVM_ARM_VCPU_SVE)?,
            Op::Init32 => init(1 << KVM_ARM_VCPU_SVE | 1 << KVM_ARM_VCPU_EL1_32BIT)?,
            Op::Finalize(feature) => {
                let feature = i32::try_from(*feature).unwrap_or(i32::MAX);
                self.vcpu.vcpu_finalize(&feature).map(|()| Answer::Done)?
            }
            Op::Get(id) => Answer::of_get(*id, |data| {
                let get = self.vcpu.get_one_reg(*id, data);
                get.map(drop).map_err(|error| error.errno())
            }),
            Op::Set(id, data) => self.vcpu.set_one_reg(*id, data).map(|_| Answer::Done)?,
            Op::List => {
                let mut list = RegList::new(KVM_ARM_LIST).map_err(|_| Error::new(7))?;
                self.vcpu.get_reg_list(&mut list)?;
                let ours = list.as_slice().iter().copied();
                Answer::Ids(ours.filter(|id| ids::is_ours(*id)).collect())
            }
        })
    }
}
