//! Gives every ID to the decoders.

use sve_state::{fpsimd, sve};

use super::ids;
use super::reference::{self, Named};

/// What the decoders make of all IDs: how many IDs there were, and of how many `sve` and `fpsimd`
/// each found that they name a register.
pub(super) fn decoders(low_halves: &[u16]) -> Result<(u64, [u64; 2]), String> {
    let (mut decoded, mut named) = (0, [0; 2]);
    for id in ids(low_halves) {
        let coprocessor = id >> 16 & 0xfff;
        let found = [sve_named(id), fpsimd_named(id)];
        let expected = [
            reference::sve(id).filter(|_| coprocessor == 0x15),
            reference::core(id).filter(|_| coprocessor == 0x10),
        ];
        for (layout, (found, expected)) in ["sve", "fpsimd"].iter().zip(found.iter().zip(&expected))
        {
            if found != expected {
                return Err(format!(
                    "{layout}::Reg::decode of {id:#018x}: expected {expected:?}, found {found:?}"
                ));
            }
        }
        decoded += 1;
        for (count, found) in named.iter_mut().zip(found) {
            *count += u64::from(found.is_some());
        }
    }
    // 32 slices of 49 registers, and VLS; 32 V, FPSR, FPCR.
    let all = [49 * 32 + 1, 34];
    if named != all {
        return Err(format!(
            "the decoders found {named:?} registers, not {all:?}"
        ));
    }
    Ok((decoded, named))
}

fn sve_named(id: u64) -> Option<Named> {
    Some(match sve::Reg::decode(id).ok()? {
        sve::Reg::Z(z) => Named::Z(z.number().into(), z.slice().into()),
        sve::Reg::P(p) => Named::P(p.number().into(), p.slice().into()),
        sve::Reg::FFR(ffr) => Named::Ffr(ffr.slice().into()),
        sve::Reg::VLS(_) => Named::Vls,
    })
}

fn fpsimd_named(id: u64) -> Option<Named> {
    Some(match fpsimd::Reg::decode(id).ok()? {
        fpsimd::Reg::V(v) => Named::V(v.number().into(), 0, 16),
        fpsimd::Reg::FPSR(_) => Named::Fpsr,
        fpsimd::Reg::FPCR(_) => Named::Fpcr,
    })
}
