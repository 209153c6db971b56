//! The shim as a host of vCPUs.

use sve_state::{Errno, OneReg, Vls, shim};

use super::ids;
use super::vcpu::{Answer, Host, Op, Vcpu};
use crate::lengths::Lengths;

/// A host with these vector lengths, under mainline rules.
#[derive(Clone, Copy, Debug)]
pub struct ShimHost(pub Lengths);

impl ShimHost {
    /// A vCPU before `KVM_ARM_VCPU_INIT`.
    pub(crate) fn vcpu(self) -> Result<shim::Vcpu<Box<[u8]>>, String> {
        let mut words = [0; 8];
        words[0] = u64::from(self.0.0);
        shim::Vcpu::new(Vls::from_words(words)).map_err(|e| e.to_string())
    }
}

impl Host for ShimHost {
    fn name(&self) -> &'static str {
        "shim"
    }

    fn lengths(&self) -> Lengths {
        self.0
    }

    fn create(&mut self) -> Result<Box<dyn Vcpu>, String> {
        Ok(Box::new(self.vcpu()?))
    }
}

impl Vcpu for shim::Vcpu<Box<[u8]>> {
    fn perform(&mut self, op: &Op) -> Answer {
        perform(self, op).unwrap_or_else(|errno| Answer::Errno(errno.0))
    }
}

fn perform(vcpu: &mut shim::Vcpu<Box<[u8]>>, op: &Op) -> Result<Answer, Errno> {
    Ok(match op {
        Op::Init { sve } => if *sve {
            vcpu.init_with_sve()
        } else {
            vcpu.init_without_sve()
        }
        .map(|()| Answer::Done)?,
        // Nothing that the shim answers depends on it.
        Op::Init32 => vcpu.init_with_sve().map(|()| Answer::Done)?,
        Op::Finalize(feature) => vcpu.finalize(*feature).map(|()| Answer::Done)?,
        Op::Get(id) => Answer::of_get(*id, |data| {
            vcpu.get_one_reg(*id, data).map_err(|errno| errno.0)
        }),
        Op::Set(id, data) => vcpu.set_one_reg(*id, data).map(|()| Answer::Done)?,
        Op::List => Answer::Ids(vcpu.reg_list()?.filter(|id| ids::is_ours(*id)).collect()),
    })
}
