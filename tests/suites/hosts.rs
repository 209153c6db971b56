//! The hosts of `cargo harness hosts`: KVM in each of its modes, on Arm's and Fujitsu's processors, with sets of
//! vector lengths that are no powers of two, and with vCPUs that have features beside SVE.

use crate::lengths::Lengths;

/// A host, as QEMU emulates it, and what its vCPUs are.
#[derive(Debug)]
pub struct Configuration {
    /// For the command line.
    pub name: &'static str,
    /// What the kernel is told.
    pub mode: Mode,
    /// What QEMU is told, `-cpu`.
    pub processor: &'static str,
    /// What that processor has.
    pub lengths: Lengths,
    /// The vCPUs that are compared.
    pub vcpus: Vcpus,
}

/// A mode of KVM, as the value of `kvm-arm.mode` and as the kernel's log calls the mode that KVM is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode(pub Option<&'static str>, pub &'static str);

const VHE: Mode = Mode(None, "VHE");
const NVHE: Mode = Mode(Some("nvhe"), "Hyp nVHE");
const NESTED: Mode = Mode(Some("nested"), "VHE+NV2");
/// On processors with VHE, as all of these are.
const PROTECTED: Mode = Mode(Some("protected"), "Protected hVHE");

/// What vCPUs are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vcpus {
    /// Those of ordinary VMs, with SVE or without.
    Plain,
    /// All have these features too, bits of `kvm_vcpu_init`.
    With(u32),
    /// Those of protected VMs, which take SVE although their guests have none.
    Protected,
}
use Vcpus::{Plain, Protected, With};

/// The numbers of `KVM_ARM_VCPU_*`, as bits.
const EL1_32BIT: u32 = 1 << 1;
const PMU_V3: u32 = 1 << 3;
const PTRAUTH: u32 = 1 << 5 | 1 << 6;
/// For a vCPU that runs a hypervisor, whose guest cannot have 32 bits.
pub(crate) const HAS_EL2: u32 = 1 << 7;

/// The processor on which something other than vector lengths is tried. It has as few of these as show that VLS can
/// be narrowed, and 48 bits of physical address, because with 52 it takes 2 s to free a VM in protected mode, and 8
/// s if its vCPU has EL2.
const SHORT: &str = "max,sve256=on,lpa2=off";

/// All of them.
pub const HOSTS: [Configuration; 14] = [
    host("vhe", VHE, "max", u16::MAX, Plain),
    host("nvhe", NVHE, "max", u16::MAX, Plain),
    host("nested", NESTED, "max", u16::MAX, Plain),
    host("protected", PROTECTED, SHORT, 0b11, Plain),
    host("protected-vm", PROTECTED, SHORT, 0b11, Protected),
    host("neoverse-v1", VHE, "neoverse-v1", 0b11, Plain),
    host("neoverse-n2", VHE, "neoverse-n2", 0b1, Plain),
    host("a64fx", VHE, "a64fx", 0b1011, Plain),
    host("to-3", VHE, "max,sve384=on", 0b111, Plain),
    host("to-9", VHE, "max,sve896=on,sve1152=on", 0x1cb, Plain),
    host("el1_32bit", VHE, SHORT, 0b11, With(EL1_32BIT)),
    host("ptrauth", VHE, SHORT, 0b11, With(PTRAUTH)),
    host("pmu_v3", VHE, SHORT, 0b11, With(PMU_V3)),
    host("has_el2", NESTED, SHORT, 0b11, With(HAS_EL2)),
];

const fn host(
    name: &'static str,
    mode: Mode,
    processor: &'static str,
    vls: u16,
    vcpus: Vcpus,
) -> Configuration {
    let lengths = Lengths(vls);
    Configuration {
        name,
        mode,
        processor,
        lengths,
        vcpus,
    }
}

impl Configuration {
    /// The one of this name.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        let found = HOSTS.iter().find(|host| host.name == name);
        found.ok_or_else(|| {
            let names: Vec<_> = HOSTS.iter().map(|host| host.name).collect();
            format!("no host {name}: there are {}", names.join(", "))
        })
    }

    /// Whether a guest is run, and not only asked: features want more of a VM than a vCPU, and a protected guest
    /// has no SVE.
    pub fn runs_guests(&self) -> bool {
        self.vcpus == Plain
    }
}
