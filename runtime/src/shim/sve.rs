//! The SVE register space: Z, P and FFR of one image.

use crate::errno::Errno;
use crate::image::{Storage, SveState};
use crate::layout::{ByteArray, InImage, Register};
use crate::sve::{self, Reg};

use super::Rules;

/// The register slice of an ID in the SVE space, or the kernel's answer where there is none. The
/// ID is judged before anything else about the vCPU is.
pub(super) fn parse(id: u64, rules: Rules) -> Result<Reg, Errno> {
    let reg = Reg::decode(id).map_err(|_| Errno::EINVAL)?;
    let slice = match reg {
        Reg::Z(z) => z.slice(),
        Reg::P(p) => p.slice(),
        Reg::FFR(ffr) => ffr.slice(),
        // The RFC has no such register.
        Reg::VLS(_) if rules == Rules::Rfc => return Err(Errno::EINVAL),
        Reg::VLS(_) => 0,
    };
    if rules == Rules::Mainline && slice > 0 {
        return Err(Errno::ENOENT);
    }
    Ok(reg)
}

/// GET of a slice that [`parse`] found; `data` has exactly its size. A register without a place in
/// the image leaves `data` as it is.
pub(super) fn get<S: Storage>(state: &SveState<S>, reg: Reg, data: &mut [u8]) {
    match reg {
        Reg::Z(z) => get_into(state, z, data),
        Reg::P(p) => get_into(state, p, data),
        Reg::FFR(ffr) => get_into(state, ffr, data),
        Reg::VLS(_) => {}
    }
}

fn get_into<B, S>(state: &SveState<S>, register: Register<B>, data: &mut [u8])
where
    B: InImage<Layout = sve::Layout>,
    S: Storage,
{
    let slice = B::Slice::from_slice_mut(data).expect("the size was compared with the ID's");
    state.get_into(register, slice);
}

/// SET of a slice that [`parse`] found; `data` has exactly its size.
pub(super) fn set<S: Storage + AsMut<[u8]>>(state: &mut SveState<S>, reg: Reg, data: &[u8]) {
    match reg {
        Reg::Z(z) => set_from(state, z, data),
        Reg::P(p) => set_from(state, p, data),
        Reg::FFR(ffr) => set_from(state, ffr, data),
        Reg::VLS(_) => {}
    }
}

fn set_from<B, S>(state: &mut SveState<S>, register: Register<B>, data: &[u8])
where
    B: InImage<Layout = sve::Layout>,
    S: Storage + AsMut<[u8]>,
{
    let slice = B::Slice::from_slice(data).expect("the size was compared with the ID's");
    state.set(register, slice);
}
