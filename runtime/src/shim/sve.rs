//! The SVE register space: Z, P and FFR of one image.

use crate::errno::Errno;
use crate::image::{Storage, SveState};
use crate::sve::Reg;

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
        Reg::Z(z) => state.get_bytes(z, data),
        Reg::P(p) => state.get_bytes(p, data),
        Reg::FFR(ffr) => state.get_bytes(ffr, data),
        Reg::VLS(_) => {}
    }
}

/// SET of a slice that [`parse`] found; `data` has exactly its size.
pub(super) fn set<S: Storage + AsMut<[u8]>>(state: &mut SveState<S>, reg: Reg, data: &[u8]) {
    match reg {
        Reg::Z(z) => state.set_bytes(z, data),
        Reg::P(p) => state.set_bytes(p, data),
        Reg::FFR(ffr) => state.set_bytes(ffr, data),
        Reg::VLS(_) => {}
    }
}
