//! A VM of one vCPU on Linux KVM, with memory, that runs the guest's program.

use std::sync::atomic::{AtomicU64, Ordering};

use kvm_bindings::{KVM_ARM_VCPU_SVE, RegList, kvm_userspace_memory_region, kvm_vcpu_init};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use sve_state::{OneReg, reg_size};

use crate::conformance::kvm::create_vm;

/// Where the guest's memory is, and where it talks to the VMM (`x28` in `guest/pattern.s`).
const MEMORY: u64 = 0x8000_0000;
const MMIO: u64 = 0x0900_0000;

/// The program counter, which is word 64 of `struct kvm_regs`; a 64-bit register takes two.
const PC: u64 = 0x6030_0000_0010_0040;
/// More registers than a vCPU lists, and as many as `RegList` holds.
const LIST: usize = 500;
/// `-EINTR`, from a run that was told not to enter the guest.
const EINTR: i32 = 4;

const WORDS: usize = 8192;

// The guest's program is data of this program, so that there is one file to copy.
#[allow(unsafe_code)]
mod program {
    use super::WORDS;

    core::arch::global_asm!(
        include_str!("../../programs/guest/pattern.s"),
        include_str!("../../../runtime/src/live/live.s"),
        ".purgem sve_state_function",
        ".purgem sve_state_end",
        ".org guest_program + 0x10000",
        ".popsection",
        options(raw)
    );

    // SAFETY: the assembler defines it, as constant data of this size.
    unsafe extern "C" {
        pub(super) safe static guest_program: [u64; WORDS];
    }
}
use program::guest_program;

/// The guest's memory, in pages of its own, whether the host's have 4, 16 or 64 KiB.
#[repr(C, align(65536))]
struct Memory([AtomicU64; WORDS]);

pub(super) struct Vm {
    pub(super) vcpu: VcpuFd,
    memory: &'static Memory,
}

/// What the guest said: the offset and the value of its store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Report {
    /// The registers are full, in vectors of this many bytes.
    Filled(u64),
    /// The first register that is wrong, or if none is, the number of registers.
    Checked(u64),
}

impl Vm {
    /// Makes memory, and a vCPU after `KVM_ARM_VCPU_INIT`, with SVE or without.
    pub(super) fn new(kvm: &Kvm, sve: bool) -> Result<Self, String> {
        let vm = create_vm(kvm).map_err(failed("KVM_CREATE_VM"))?;
        let memory = Memory([const { AtomicU64::new(0) }; WORDS]);
        let memory = Box::leak(Box::new(memory));
        map(&vm, memory).map_err(failed("KVM_SET_USER_MEMORY_REGION"))?;
        // It keeps its VM alive.
        let vcpu = vm.create_vcpu(0).map_err(failed("KVM_CREATE_VCPU"))?;
        let mut init = kvm_vcpu_init::default();
        vm.get_preferred_target(&mut init)
            .map_err(failed("KVM_ARM_PREFERRED_TARGET"))?;
        init.features[0] |= u32::from(sve) << KVM_ARM_VCPU_SVE;
        vcpu.vcpu_init(&init).map_err(failed("KVM_ARM_VCPU_INIT"))?;
        Ok(Self { vcpu, memory })
    }

    /// Puts the program in memory, and the vCPU at its start.
    pub(super) fn load(&mut self) -> Result<(), String> {
        for (word, value) in self.memory.0.iter().zip(&guest_program) {
            word.store(*value, Ordering::Relaxed);
        }
        let set = self.vcpu.set_one_reg(PC, &MEMORY.to_ne_bytes());
        set.map(drop).map_err(failed("the program counter"))
    }

    /// Moves everything that is not SVE from another VM: memory, and the registers that its vCPU
    /// lists. Both vCPUs are finalized.
    pub(super) fn take_the_rest(&mut self, from: &Self) -> Result<(), String> {
        for (to, from) in self.memory.0.iter().zip(&from.memory.0) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let list = list(&from.vcpu)?;
        for id in list.as_slice().iter().copied().filter(|id| !is_sve(*id)) {
            let mut value = vec![0; reg_size(id)];
            let failed = |error| format!("cannot move register {id:#018x}: {error}");
            OneReg::get_one_reg(&from.vcpu, id, &mut value).map_err(failed)?;
            OneReg::set_one_reg(&mut self.vcpu, id, &value).map_err(failed)?;
        }
        Ok(())
    }

    /// Runs until the guest says something.
    pub(super) fn run(&mut self) -> Result<Report, String> {
        let report = match self.vcpu.run().map_err(failed("KVM_RUN"))? {
            VcpuExit::MmioWrite(address, data) => {
                let value = data.try_into().map(u64::from_le_bytes);
                match (address.wrapping_sub(MMIO), value) {
                    (0, Ok(length)) => Ok(Report::Filled(length)),
                    (8, Ok(register)) => Ok(Report::Checked(register)),
                    (16, Ok(esr)) => Err(format!("the guest took an exception: ESR {esr:#x}")),
                    _ => Err(format!("the guest stored {data:?} at {address:#x}")),
                }
            }
            exit => Err(format!("the guest ended: {exit:?}")),
        }?;
        // The store is done, and the program counter has moved past it, only once the vCPU is run
        // again.
        self.vcpu.set_kvm_immediate_exit(1);
        let done = self.vcpu.run().map(|exit| format!("{exit:?}"));
        self.vcpu.set_kvm_immediate_exit(0);
        match done {
            Err(error) if error.errno() == EINTR => Ok(report),
            other => Err(format!("KVM_RUN with immediate_exit: {other:?}")),
        }
    }
}

/// The registers that a vCPU lists.
pub(crate) fn list(vcpu: &VcpuFd) -> Result<RegList, String> {
    let mut list = RegList::new(LIST).map_err(|error| format!("{error:?}"))?;
    vcpu.get_reg_list(&mut list)
        .map_err(failed("KVM_GET_REG_LIST"))?;
    Ok(list)
}

/// Whether an ID is of the SVE coprocessor, 0x15.
pub(super) fn is_sve(id: u64) -> bool {
    id >> 16 & 0xfff == 0x15
}

fn failed(call: &str) -> impl Fn(kvm_ioctls::Error) -> String {
    move |error| format!("{call}: {error}")
}

#[allow(unsafe_code)]
fn map(vm: &VmFd, memory: &'static Memory) -> Result<(), kvm_ioctls::Error> {
    let region = kvm_userspace_memory_region {
        slot: 0,
        flags: 0,
        guest_phys_addr: MEMORY,
        memory_size: size_of::<Memory>() as u64,
        userspace_addr: std::ptr::from_ref(memory).addr() as u64,
    };
    // SAFETY: from here on the guest reads and writes the memory whenever it runs. It is made of
    // atomics, which may change under a shared reference; it is never freed; and it fills whole
    // pages, with nothing else in them. No other region of this VM overlaps it: there is none.
    unsafe { vm.set_user_memory_region(region) }
}
