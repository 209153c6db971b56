//! Every call at every stage of a vCPU's life, made on the library's own vCPU.

use clap::ValueEnum;
use sve_state::layout::{ARCH_MASK, COPROC_MASK, Layout, Reason, SIZE_SHIFT};
use sve_state::shim::Vcpu;
use sve_state::vcpu::{Refusal, Request, Stage};
use sve_state::{Errno, KVM_ARM_VCPU_SVE, OneReg, Vls, Vq, fpsimd, reg_size, sve};

use crate::register;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Call {
    /// KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_SVE
    Init,
    /// KVM_ARM_VCPU_FINALIZE of KVM_ARM_VCPU_SVE
    Finalize,
    /// KVM_GET_ONE_REG
    Get,
    /// KVM_SET_ONE_REG
    Set,
    /// KVM_GET_REG_LIST
    List,
}

impl Call {
    /// The kernel's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Init => "KVM_ARM_VCPU_INIT",
            Self::Finalize => "KVM_ARM_VCPU_FINALIZE",
            Self::Get => "KVM_GET_ONE_REG",
            Self::Set => "KVM_SET_ONE_REG",
            Self::List => "KVM_GET_REG_LIST",
        }
    }
}

/// What a call is about, besides the vCPU.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) id: u64,
    /// The name that the register was asked for by, or what the ID is; empty where there is no
    /// register.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What kind of thing a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No register: the vCPU as a whole.
    Vcpu,
    /// The same, on a host without SVE.
    HostWithoutSve,
    /// The vCPU as a whole, with room for fewer IDs than it has.
    ShortList,
    /// A register in `sve_state`: its slice 0.
    Register,
    /// A further slice of one.
    FurtherSlice,
    /// The vector lengths; when they are written, those of the host.
    Vls,
    /// Vector lengths to write that are not the host's up to a maximum.
    OtherVls,
    /// A register that is the low bits of one in `sve_state`.
    View,
    /// FPSR, FPCR.
    Status,
    /// An ID of another architecture, or one with a stray bit, a wrong size, or a wrong number in
    /// SVE.
    Invalid,
    /// An ID with a coprocessor that KVM does not know.
    Coprocessor,
}

impl Target {
    fn new(kind: Kind, id: u64, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { id, name, kind }
    }

    /// What GET and SET of this ID can be about, under this name.
    pub(crate) fn of_id(id: u64, name: &str) -> Vec<Self> {
        let one = |kind| vec![Self::new(kind, id, name)];
        let past_the_first = |slice: u16| match slice {
            0 => one(Kind::Register),
            _ => one(Kind::FurtherSlice),
        };
        match (sve::Reg::decode(id), fpsimd::Reg::decode(id)) {
            (Ok(sve::Reg::Z(z)), _) => past_the_first(z.slice()),
            (Ok(sve::Reg::P(p)), _) => past_the_first(p.slice()),
            (Ok(sve::Reg::FFR(ffr)), _) => past_the_first(ffr.slice()),
            (Ok(sve::Reg::VLS(_)), _) => [one(Kind::Vls), one(Kind::OtherVls)].concat(),
            (_, Ok(fpsimd::Reg::V(_))) => one(Kind::View),
            (_, Ok(fpsimd::Reg::FPSR(_) | fpsimd::Reg::FPCR(_))) => one(Kind::Status),
            (Err(error), _) => match error.reason() {
                Reason::Coprocessor { .. } => one(Kind::Coprocessor),
                _ => one(Kind::Invalid),
            },
        }
    }

    /// Some of every kind: a register of each bank, its slices past the first, and IDs that name
    /// nothing.
    pub(crate) fn examples() -> Vec<Self> {
        let mut targets = Vec::new();
        for bank in sve::Layout::BANKS.iter().chain(fpsimd::Layout::BANKS) {
            let number = if bank.numbered { "0" } else { "" };
            for index in (0..bank.slices).take(2) {
                let Ok(slice) = register::named(&format!("{}{number}:{index}", bank.name)) else {
                    continue;
                };
                let name = match index {
                    0 => bank.name.to_owned(),
                    _ => format!("{} slices 1 to {}", bank.name, bank.slices - 1),
                };
                targets.extend(Self::of_id(slice.id, &name));
            }
        }
        let z0 = sve::Z0.id();
        // In turn: a wrong size, number 32, a stray bit, no architecture.
        let nothing = [
            z0 + (1 << SIZE_SHIFT),
            sve::Z31.id() + 0x20,
            z0 | 1 << 28,
            z0 & !ARCH_MASK,
        ];
        for id in nothing {
            targets.extend(Self::of_id(id, "an ID that names no register"));
        }
        let unknown = "an ID of a coprocessor that KVM does not know";
        targets.extend(Self::of_id(z0 | COPROC_MASK, unknown));
        targets
    }

    /// The value for a SET, which is arbitrary for all but VLS.
    fn value(&self) -> Vec<u8> {
        match self.kind {
            Kind::Vls => Vls::ARCHITECTURAL.to_bytes().to_vec(),
            Kind::OtherVls => Vls::from_iter([Vq::ARCH_MAX]).to_bytes().to_vec(),
            _ => vec![0; reg_size(self.id)],
        }
    }
}

#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) stage: Stage,
    pub(crate) call: Call,
    pub(crate) target: Target,
}

impl Case {
    /// Every call at every stage, with these targets for GET and SET.
    pub(crate) fn all(targets: &[Target]) -> Vec<Self> {
        let [vcpu, host, short] = [Kind::Vcpu, Kind::HostWithoutSve, Kind::ShortList]
            .map(|kind| Target::new(kind, 0, ""));
        let (init, list) = ([vcpu.clone(), host], [vcpu, short]);
        let mut cases = Vec::new();
        for &call in Call::value_variants() {
            let targets = match call {
                Call::Init => &init,
                Call::Finalize => &list[..1],
                Call::Get | Call::Set => targets,
                Call::List => &list,
            };
            for target in targets {
                // A GET does not depend on what VLS is to be written.
                if call == Call::Get && target.kind == Kind::OtherVls {
                    continue;
                }
                // On such a host, a vCPU gets no further.
                let stages = match target.kind {
                    Kind::HostWithoutSve => &Stage::ALL[..1],
                    _ => &Stage::ALL,
                };
                cases.extend(stages.iter().map(|stage| Self {
                    stage: *stage,
                    call,
                    target: target.clone(),
                }));
            }
        }
        cases
    }

    /// Why the stage refuses the call, as the library says it.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.stage.refuses(match self.call {
            Call::Init => Request::InitWithSve,
            Call::Finalize => Request::Finalize,
            Call::Get => Request::get(self.target.id),
            Call::Set => Request::set(self.target.id),
            Call::List => Request::List,
        })
    }

    /// A vCPU that has come this far, on a host with every VQ or with none.
    pub(crate) fn vcpu(&self) -> Result<Vcpu<Box<[u8]>>, Errno> {
        let host = match self.target.kind {
            Kind::HostWithoutSve => Vls::EMPTY,
            _ => Vls::ARCHITECTURAL,
        };
        let mut vcpu = Vcpu::new(host).map_err(|_| Errno::EINVAL)?;
        match self.stage {
            Stage::Created => {}
            Stage::WithoutSve => vcpu.init_without_sve()?,
            _ => vcpu.init_with_sve()?,
        }
        if self.stage == Stage::AfterFinalization {
            vcpu.finalize(KVM_ARM_VCPU_SVE)?;
        }
        Ok(vcpu)
    }

    /// The stage in words, or the host where that is the reason.
    pub(crate) fn of_which_vcpu(&self) -> String {
        match self.target.kind {
            Kind::HostWithoutSve => "created on a host without SVE".to_owned(),
            _ => self.stage.to_string(),
        }
    }

    /// What a vCPU in this stage answers.
    pub(crate) fn answer(&self) -> Result<(), Errno> {
        self.answer_of(&mut self.vcpu()?)
    }

    /// What this vCPU answers.
    pub(crate) fn answer_of(&self, vcpu: &mut Vcpu<Box<[u8]>>) -> Result<(), Errno> {
        let target = &self.target;
        match (self.call, target.kind) {
            (Call::Init, _) => vcpu.init_with_sve(),
            (Call::Finalize, _) => vcpu.finalize(KVM_ARM_VCPU_SVE),
            (Call::Get, _) => vcpu.get_one_reg(target.id, &mut vec![0; reg_size(target.id)]),
            (Call::Set, _) => vcpu.set_one_reg(target.id, &target.value()),
            (Call::List, Kind::ShortList) => vcpu.get_reg_list(&mut 0, &mut []),
            (Call::List, _) => vcpu.reg_list().map(drop),
        }
    }
}
