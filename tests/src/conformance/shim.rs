//! The shim as a host of vCPUs.

use sve_state::errno::Errno;
use sve_state::one_reg::OneReg;
use sve_state::shim::{self, Rules};
use sve_state::{Vls, Vq};

use super::ids;
use super::vcpu::{Answer, Host, Op, Vcpu};

/// A host with every VQ from 1 to 16, under mainline rules.
#[derive(Debug, Default)]
pub struct ShimHost;

impl Host for ShimHost {
    fn name(&self) -> &'static str {
        "shim"
    }

    fn create(&mut self) -> Result<Box<dyn Vcpu>, String> {
        let vcpu = shim::Vcpu::new(Vls::up_to(Vq::ARCH_MAX), Rules::Mainline);
        Ok(Box::new(vcpu.map_err(|e| e.to_string())?))
    }
}

impl Vcpu for shim::Vcpu<Box<[u8]>> {
    fn perform(&mut self, op: &Op) -> Answer {
        perform(self, op).unwrap_or_else(|errno| Answer::Errno(errno.0))
    }
}

fn perform(vcpu: &mut shim::Vcpu<Box<[u8]>>, op: &Op) -> Result<Answer, Errno> {
    Ok(match op {
        Op::Init { sve } => vcpu.init(*sve).map(|()| Answer::Done)?,
        Op::Finalize(feature) => vcpu.finalize(*feature).map(|()| Answer::Done)?,
        Op::Get(id) => Answer::of_get(*id, |data| {
            vcpu.get_one_reg(*id, data).map_err(|errno| errno.0)
        }),
        Op::Set(id, data) => vcpu.set_one_reg(*id, data).map(|()| Answer::Done)?,
        Op::List => Answer::Ids(vcpu.reg_list()?.filter(|id| ids::is_ours(*id)).collect()),
    })
}
