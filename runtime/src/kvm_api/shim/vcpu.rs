//! One vCPU: its memory, and the calls that it answers. What its stage answers is in [`Stage`].

use core::fmt;

use crate::SveState;
use crate::fpsimd;
use crate::kvm_api::stage::{Request, Stage};
use crate::kvm_api::{Errno, FinalizeSve, KVM_ARM_VCPU_SVE, OneReg, reg_size};
use crate::lengths::vls::Vls;
use crate::lengths::vq::{Vq, VqError};
use crate::registers::layout::{
    ARCH_ARM64, ARCH_MASK, ByteArray, COPROC_MASK, InImage, Layout, RESERVED_MASK, Register,
};
use crate::state::image::{ImageError, Storage};
use crate::sve::{self, Reg};

use super::Rules;
use super::fpsimd::{self as core_space, CoreReg};

/// Bits 51:32 of an ID, which KVM refuses before it looks at the coprocessor, whereas it leaves 31:28 to each
/// register space.
const UPPER_RESERVED: u64 = RESERVED_MASK & 0xffff_ffff_0000_0000;

/// The SVE and FPSIMD registers of one vCPU, with KVM's interface to them.
///
/// `S` holds `sve_state` or, for a vCPU without SVE, the V registers at its start.
#[derive(Clone)]
pub struct Vcpu<S> {
    rules: Rules,
    host: Vls,
    stage: Stage,
    /// The largest vector length in use; without SVE the smallest, whose Z registers are as wide as the V registers.
    vq: Vq,
    memory: S,
    fpsr: u32,
    fpcr: u32,
}

/// How many bytes of memory a vCPU needs on a host with these vector lengths: the image at the
/// largest of them.
pub fn memory_bytes(host: Vls) -> Result<usize, VqError> {
    sve::Layout::image_bytes(host.max().unwrap_or(Vq::MIN))
}

/// Without the registers, because they are a guest's and may be secret.
impl<S> fmt::Debug for Vcpu<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vcpu")
            .field("rules", &self.rules)
            .field("host", &self.host)
            .field("stage", &self.stage)
            .field("vq", &self.vq)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "alloc")]
impl Vcpu<alloc::boxed::Box<[u8]>> {
    /// A vCPU before `KVM_ARM_VCPU_INIT`, on a host with these vector lengths ([`Vls::EMPTY`]: without SVE).
    pub fn new(host: Vls) -> Result<Self, VqError> {
        let memory = alloc::vec![0; memory_bytes(host)?].into_boxed_slice();
        Ok(Self::created(host, memory))
    }
}

impl<S: Storage + AsMut<[u8]>> Vcpu<S> {
    /// A vCPU as `new` makes it, in the caller's memory of exactly [`memory_bytes`], owned or borrowed. Its contents
    /// do not matter, because initialization clears the registers, as KVM does.
    pub fn with_memory(host: Vls, memory: S) -> Result<Self, ImageError> {
        let (expected, found) = (memory_bytes(host)?, memory.as_ref().len());
        if found != expected {
            return Err(ImageError::Size {
                vq: host.max().unwrap_or(Vq::MIN),
                expected,
                found,
            });
        }
        Ok(Self::created(host, memory))
    }

    /// The vCPU before `KVM_ARM_VCPU_INIT`, under the rules of the RFC of June 2018, as its review left it. There
    /// is no VLS and no finalization; slices past the first read as zero and ignore what is written; and
    /// the V registers in CORE, whole or any 32-bit words of one, are the low bits of Z.
    #[must_use]
    pub fn rfc(self) -> Self {
        Self {
            rules: Rules::Rfc,
            stage: Stage::Created,
            vq: Vq::MIN,
            ..self
        }
    }

    fn created(host: Vls, memory: S) -> Self {
        Self {
            rules: Rules::Mainline,
            host,
            stage: Stage::Created,
            vq: Vq::MIN,
            memory,
            fpsr: 0,
            fpcr: 0,
        }
    }

    /// `KVM_ARM_VCPU_INIT` with [`KVM_ARM_VCPU_SVE`]. A second call with the same features resets the vCPU: a finalized
    /// one stays finalized, with registers of zero, and one that is not loses what was written to VLS.
    ///
    /// `EINVAL`: the host has no SVE, or the first call was [`init_without_sve`](Self::init_without_sve).
    pub fn init_with_sve(&mut self) -> Result<(), Errno> {
        self.init(Request::InitWithSve)
    }

    /// `KVM_ARM_VCPU_INIT` without [`KVM_ARM_VCPU_SVE`]. A second call with the same features resets the vCPU.
    ///
    /// `EINVAL`: the first call was [`init_with_sve`](Self::init_with_sve).
    pub fn init_without_sve(&mut self) -> Result<(), Errno> {
        self.init(Request::InitWithoutSve)
    }

    fn init(&mut self, request: Request) -> Result<(), Errno> {
        if request == Request::InitWithSve && self.host.is_empty() {
            return Err(Errno::EINVAL);
        }
        self.check(request)?;
        self.stage = self.stage.after(request);
        if self.stage == Stage::BeforeFinalization {
            self.vq = self.host.max().unwrap_or(Vq::MIN);
            // The RFC has no further stage.
            if self.rules == Rules::Rfc {
                self.stage = Stage::AfterFinalization;
            }
        }
        self.memory.as_mut().fill(0);
        (self.fpsr, self.fpcr) = (0, 0);
        Ok(())
    }

    /// What the stage answers to this.
    #[inline]
    fn check(&self, request: Request) -> Result<(), Errno> {
        let refusal = self.stage.refuses(request);
        refusal.map_or(Ok(()), |refusal| Err(refusal.errno()))
    }

    /// `KVM_ARM_VCPU_FINALIZE`: from here on the vector lengths are fixed and the registers exist.
    ///
    /// `ENOEXEC`: not initialized. `EINVAL`: not [`KVM_ARM_VCPU_SVE`], or the vCPU has no SVE, or it follows the RFC's
    /// rules, which know no finalization. `EPERM`: done before.
    pub fn finalize(&mut self, feature: u32) -> Result<(), Errno> {
        self.check(Request::Other)?;
        if feature != KVM_ARM_VCPU_SVE || self.rules == Rules::Rfc {
            return Err(Errno::EINVAL);
        }
        self.check(Request::Finalize)?;
        self.stage = self.stage.after(Request::Finalize);
        Ok(())
    }

    /// What `KVM_GET_REG_LIST` lists of the registers that are kept here: FPSIMD, then SVE, in the kernel's order.
    ///
    /// `ENOEXEC`: not initialized. `EPERM`: SVE not finalized.
    pub fn reg_list(&self) -> Result<impl Iterator<Item = u64>, Errno> {
        self.check(Request::List)?;
        let has_sve = self.stage.has_sve();
        let v = fpsimd::V::all().filter(move |_| !has_sve);
        let vls = (has_sve && self.rules == Rules::Mainline).then_some(sve::VLS.id());
        let sve = sve::Layout::ids(self.vq).ok().filter(|_| has_sve);
        let sve = sve.into_iter().flatten();
        Ok(v.map(Register::id)
            .chain([fpsimd::FPSR.id(), fpsimd::FPCR.id()])
            .chain(vls)
            .chain(sve.filter(|id| *id != sve::VLS.id())))
    }

    /// `KVM_GET_REG_LIST` into the caller's memory. How many IDs there are is written to `n`, the kernel's
    /// `kvm_reg_list.n`, with `E2BIG` too. Its old value is ignored, because `list` knows how long it is.
    ///
    /// Errors are those of [`reg_list`](Self::reg_list), and `E2BIG` if `list` has room for fewer than `n`, in which
    /// case only `n` is written.
    pub fn get_reg_list(&self, n: &mut u64, list: &mut [u64]) -> Result<(), Errno> {
        let needed = self.reg_list()?.count();
        *n = needed as u64;
        let list = list.get_mut(..needed).ok_or(Errno::E2BIG)?;
        for (entry, id) in list.iter_mut().zip(self.reg_list()?) {
            *entry = id;
        }
        Ok(())
    }

    /// The registers, once they exist.
    ///
    /// `ENOEXEC`: not initialized. `ENOENT`: SVE is off. `EPERM`: not finalized.
    pub fn sve_state(&self) -> Result<SveState<&[u8]>, Errno> {
        self.check(Request::Register)?;
        self.view()
    }

    /// The registers, once they exist, to write.
    ///
    /// Errors are those of [`sve_state`](Self::sve_state).
    pub fn sve_state_mut(&mut self) -> Result<SveState<&mut [u8]>, Errno> {
        self.check(Request::Register)?;
        self.view_mut()
    }

    /// The memory as the image that is in use.
    fn view(&self) -> Result<SveState<&[u8]>, Errno> {
        image(self.vq, self.memory.as_ref())
    }

    fn view_mut(&mut self) -> Result<SveState<&mut [u8]>, Errno> {
        image_mut(self.vq, self.memory.as_mut())
    }

    /// GET of a slice of `sve_state`.
    fn get_slice<B>(&self, register: Register<B>, data: &mut [u8]) -> Result<(), Errno>
    where
        B: InImage<Layout = sve::Layout>,
    {
        let slice = B::Slice::first_chunk_mut(data).ok_or(Errno::EINVAL)?;
        if register.slice() > 0 {
            self.check_past_slice_0()?;
            *slice = B::Slice::ZEROS;
            return Ok(());
        }
        self.check(Request::Register)?;
        self.view()?.get_into(register, slice);
        Ok(())
    }

    /// SET of a slice of `sve_state`.
    fn set_slice<B>(&mut self, register: Register<B>, data: &[u8]) -> Result<(), Errno>
    where
        B: InImage<Layout = sve::Layout>,
    {
        let slice = B::Slice::first_chunk(data).ok_or(Errno::EINVAL)?;
        if register.slice() > 0 {
            return self.check_past_slice_0();
        }
        self.check(Request::Register)?;
        self.view_mut()?.set(register, slice);
        Ok(())
    }

    /// Whether slices past the first exist, as they do under the RFC's rules. Whether the vCPU is initialized is judged
    /// first, then the ID, then whether it has SVE, then its stage.
    #[inline(never)]
    fn check_past_slice_0(&self) -> Result<(), Errno> {
        if self.rules == Rules::Mainline {
            self.check(Request::Other)?;
            return Err(Errno::ENOENT);
        }
        self.check(Request::Register)
    }

    /// Whether VLS exists, which the RFC does not have.
    fn check_vls(&self, request: Request) -> Result<(), Errno> {
        if self.rules == Rules::Rfc {
            self.check(Request::Other)?;
            return Err(Errno::EINVAL);
        }
        self.check(request)
    }

    /// GET of what is not in `sve_state`. It is not inlined, because what it needs on the stack would cost each GET.
    #[inline(never)]
    fn get_other(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        let data = data.get_mut(..reg_size(id)).ok_or(Errno::EINVAL)?;
        if id == sve::VLS.id() {
            self.check_vls(Request::GetVls)?;
            data.copy_from_slice(&self.vls().to_bytes());
            return Ok(());
        }
        match self.core(id)? {
            CoreReg::V(part) => part.get(self.view()?.get_view(part.register), data),
            CoreReg::Fpsr => data.copy_from_slice(&self.fpsr.to_ne_bytes()),
            CoreReg::Fpcr => data.copy_from_slice(&self.fpcr.to_ne_bytes()),
        }
        Ok(())
    }

    /// SET of what is not in `sve_state`.
    #[inline(never)]
    fn set_other(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        let data = data.get(..reg_size(id)).ok_or(Errno::EINVAL)?;
        if id == sve::VLS.id() {
            self.check_vls(Request::SetVls)?;
            return self.set_vls(data);
        }
        match self.core(id)? {
            CoreReg::V(part) => {
                let mut state = self.view_mut()?;
                let value = part.set(state.get_view(part.register), data);
                state.set_view(part.register, &value);
            }
            CoreReg::Fpsr => self.fpsr = word(data)?,
            CoreReg::Fpcr => self.fpcr = word(data)?,
        }
        Ok(())
    }

    /// What an ID outside of SVE names in CORE, on an initialized vCPU.
    fn core(&self, id: u64) -> Result<CoreReg, Errno> {
        self.check(Request::Other)?;
        if id & ARCH_MASK != ARCH_ARM64 || id & UPPER_RESERVED != 0 {
            return Err(Errno::EINVAL);
        }
        const CORE: u64 = fpsimd::Layout::PREFIX & COPROC_MASK;
        const SVE: u64 = sve::Layout::PREFIX & COPROC_MASK;
        match id & COPROC_MASK {
            CORE => {
                let register = core_space::parse(id, self.rules)?;
                if self.rules == Rules::Mainline && matches!(register, CoreReg::V(_)) {
                    self.check(Request::View)?;
                }
                Ok(register)
            }
            SVE => Err(Errno::EINVAL),
            _ => Err(Errno::ENOENT),
        }
    }

    /// The vCPU's vector lengths, which are the host's up to its own largest. Empty without SVE, and before
    /// `KVM_ARM_VCPU_INIT`.
    pub fn vls(&self) -> Vls {
        match self.stage.has_sve() {
            true => self.host.narrowed_to(self.vq),
            false => Vls::EMPTY,
        }
    }

    fn set_vls(&mut self, data: &[u8]) -> Result<(), Errno> {
        let wanted = data.try_into().map_err(|_| Errno::EINVAL)?;
        let wanted = Vls::from_bytes(wanted);
        wanted.check(&self.host).map_err(|_| Errno::EINVAL)?;
        self.vq = wanted.max().ok_or(Errno::EINVAL)?;
        Ok(())
    }
}

/// Besides the reasons that the kernel has, a buffer shorter than the ID's size field states is `EINVAL`. The kernel
/// cannot see that, but `kvm-ioctls` answers the same.
impl<S: Storage + AsMut<[u8]>> OneReg for Vcpu<S> {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        match Reg::decode(id) {
            Ok(Reg::Z(z)) => self.get_slice(z, data),
            Ok(Reg::P(p)) => self.get_slice(p, data),
            Ok(Reg::FFR(ffr)) => self.get_slice(ffr, data),
            Ok(Reg::VLS(_)) | Err(_) => self.get_other(id, data),
        }
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        match Reg::decode(id) {
            Ok(Reg::Z(z)) => self.set_slice(z, data),
            Ok(Reg::P(p)) => self.set_slice(p, data),
            Ok(Reg::FFR(ffr)) => self.set_slice(ffr, data),
            Ok(Reg::VLS(_)) | Err(_) => self.set_other(id, data),
        }
    }

    fn errno(&self, error: &Errno) -> Option<Errno> {
        Some(*error)
    }
}

impl<S: Storage + AsMut<[u8]>> FinalizeSve for Vcpu<S> {
    fn finalize_sve(&mut self) -> Result<(), Errno> {
        self.finalize(KVM_ARM_VCPU_SVE)
    }
}

fn word(data: &[u8]) -> Result<u32, Errno> {
    data.try_into()
        .map(u32::from_ne_bytes)
        .map_err(|_| Errno::EINVAL)
}

/// The image at the start of a vCPU's memory. No VQ is in use that the layout does not describe, or for which there
/// is too little memory; should one be, `EINVAL` beats a panic.
#[inline]
fn image(vq: Vq, memory: &[u8]) -> Result<SveState<&[u8]>, Errno> {
    let bytes = sve::Layout::image_bytes(vq).map_err(|_| Errno::EINVAL)?;
    let memory = memory.get(..bytes).ok_or(Errno::EINVAL)?;
    SveState::new(vq, memory).map_err(|_| Errno::EINVAL)
}

#[inline]
fn image_mut(vq: Vq, memory: &mut [u8]) -> Result<SveState<&mut [u8]>, Errno> {
    let bytes = sve::Layout::image_bytes(vq).map_err(|_| Errno::EINVAL)?;
    let memory = memory.get_mut(..bytes).ok_or(Errno::EINVAL)?;
    SveState::new(vq, memory).map_err(|_| Errno::EINVAL)
}
