//! The SVE register space: Z, P and FFR of one image.

use crate::errno::Errno;
use crate::image::{Storage, SveState};
use crate::layout::{InImage, Register};
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
        Reg::Z(z) => get_slice(state, z, data),
        Reg::P(p) => get_slice(state, p, data),
        Reg::FFR(ffr) => get_slice(state, ffr, data),
        Reg::VLS(_) => {}
    }
}

/// SET of a slice that [`parse`] found; `data` has exactly its size.
pub(super) fn set<S: Storage + AsMut<[u8]>>(state: &mut SveState<S>, reg: Reg, data: &[u8]) {
    match reg {
        Reg::Z(z) => set_slice(state, z, data),
        Reg::P(p) => set_slice(state, p, data),
        Reg::FFR(ffr) => set_slice(state, ffr, data),
        Reg::VLS(_) => {}
    }
}

fn get_slice<S: Storage, B>(state: &SveState<S>, register: Register<B>, data: &mut [u8])
where
    B: InImage<Layout = sve::Layout>,
{
    data.copy_from_slice(state.get(register).as_ref());
}

fn set_slice<S, B>(state: &mut SveState<S>, register: Register<B>, data: &[u8])
where
    S: Storage + AsMut<[u8]>,
    B: InImage<Layout = sve::Layout>,
{
    let mut slice = B::ZEROS;
    slice.as_mut().copy_from_slice(data);
    state.set(register, &slice);
}
