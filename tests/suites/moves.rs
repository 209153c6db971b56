//! Moves from hosts of various vector lengths to this one. A move is allowed where this host has the
//! snapshot's vector lengths, and refused for the right reason elsewhere. `lengths` says which moves are
//! which, and both the kernel and the crate must agree.
//!
//! The other hosts are shims. A snapshot from a vCPU of this host is compared with one from a shim of the
//! same vector lengths, to show that the shim can stand for it.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{FinalizeSve, SveError, Vls, VlsError};

use crate::conformance::ShimHost;
use crate::conformance::ids::{FPCR, FPSR, VLS, registers};
use crate::lengths::Lengths;

const EINVAL: i32 = 22;

/// What came of all moves.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Moves {
    /// The state arrived, register by register.
    pub allowed: usize,
    /// It was refused.
    pub refused: usize,
}

/// A register by its ID, with the value that it is given and the value that it then holds.
type Register = (u64, Vec<u8>, Vec<u8>);

/// Moves a vCPU of each host there is, at each of its vector lengths, to this one, where `vcpu` makes one
/// that is initialized with SVE, and `errno` says what a call's error is.
pub fn run<V: FinalizeSve<Error: Display>>(
    here: Lengths,
    mut vcpu: impl FnMut() -> Result<V, String>,
    errno: impl Fn(&V::Error) -> i32,
) -> Result<Moves, String> {
    let mut moves = Moves::default();
    for source in Lengths::HOSTS {
        for vq in source.vqs() {
            let wanted = source.up_to(vq);
            let what = |what: String| format!("from {source} at VQ {vq} to {here}: {what}");
            let mut shim = ShimHost(source).vcpu()?;
            shim.init_with_sve().map_err(text)?;
            let bytes = filled(shim, wanted).map_err(what)?;
            if here.allow(wanted) {
                arrives(vcpu()?, &bytes, wanted).map_err(what)?;
                moves.allowed += 1;
            } else {
                is_refused(vcpu()?, &errno, &bytes, wanted, here).map_err(what)?;
                moves.refused += 1;
            }
            if source == here && filled(vcpu()?, wanted).map_err(what)? != bytes {
                return Err(what("this host sends another snapshot".to_owned()));
            }
        }
    }
    Ok(moves)
}

/// Z, P, FFR, FPSR and FPCR, each with a value of its own, of which what follows a register's end is not
/// kept.
fn values(vq: u32) -> Vec<Register> {
    // A register's number is in bits 4 and up of its ID, and its bank in those above.
    let byte = |id: u64, k: usize| ((id >> 5) * 5 + (id >> 9) + 7 * k as u64).to_le_bytes()[0] | 1;
    let sve = registers(vq, 0).into_iter().map(|(id, slice, width)| {
        let given: Vec<u8> = (0..slice).map(|k| byte(id, k)).collect();
        let mut kept = given.clone();
        kept[width..].fill(0);
        (id, given, kept)
    });
    let status = [(FPSR, 0x0800_009f_u32), (FPCR, 0x07c0_0000)];
    let status = status.map(|(id, word)| {
        let bytes = word.to_ne_bytes().to_vec();
        (id, bytes.clone(), bytes)
    });
    sve.chain(status).collect()
}

/// The snapshot of a vCPU with this set, its registers full.
fn filled<V: FinalizeSve<Error: Display>>(vcpu: V, set: Lengths) -> Result<Vec<u8>, String> {
    let mut vcpu = finalized(vcpu, set)?;
    for (id, given, _) in values(set.max()) {
        vcpu.vcpu().set_one_reg(id, &given).map_err(text)?;
    }
    Ok(vcpu.snapshot().map_err(text)?.to_bytes())
}

fn finalized<V: FinalizeSve<Error: Display>>(
    vcpu: V,
    set: Lengths,
) -> Result<Finalized<V>, String> {
    let mut vcpu = Initialized::new(vcpu);
    vcpu.set_vls(vls(set)).map_err(text)?;
    vcpu.finalize().map_err(text)
}

fn arrives<V: FinalizeSve<Error: Display>>(
    vcpu: V,
    bytes: &[u8],
    set: Lengths,
) -> Result<(), String> {
    let snapshot = Snapshot::from_bytes(bytes).map_err(text)?;
    let mut vcpu = finalized(vcpu, set)?;
    vcpu.restore_snapshot(&snapshot).map_err(text)?;
    for (id, _, kept) in values(set.max()) {
        let mut found = vec![0xee; kept.len()];
        vcpu.vcpu().get_one_reg(id, &mut found).map_err(text)?;
        if found != kept {
            return Err(format!("{id:#018x} arrived as {found:x?}, not {kept:x?}"));
        }
    }
    Ok(())
}

fn is_refused<V: FinalizeSve<Error: Display>>(
    mut vcpu: V,
    errno: impl Fn(&V::Error) -> i32,
    bytes: &[u8],
    set: Lengths,
    here: Lengths,
) -> Result<(), String> {
    match vcpu.set_one_reg(VLS, &set.vls()) {
        Err(error) if errno(&error) == EINVAL => {}
        Err(error) => return Err(format!("VLS refused with {error}, not EINVAL")),
        Ok(()) => return Err("VLS was taken".to_owned()),
    }
    let snapshot = Snapshot::from_bytes(bytes).map_err(text)?;
    let (wanted, host) = (vls(set), vls(here));
    // Either this host lacks some, or it has more in between.
    let missing = Lengths(set.0 & !here.0);
    let (error, reason) = match Initialized::new(vcpu).set_vls(snapshot.vls()) {
        Err(SveError::Vls(error)) if error == (VlsError::NotTheHosts { wanted, host }) => {
            let reason = match missing {
                Lengths::NONE => "and no less".to_owned(),
                _ => format!("missing are {}", vls(missing)),
            };
            (error.to_string(), reason)
        }
        // Where the set has more than the vCPU, which might have been narrowed.
        Err(SveError::Wider {
            wanted: set,
            vcpu,
            error,
        }) if (set, vcpu, errno(&error)) == (wanted, host, EINVAL) => {
            let error = SveError::Wider {
                wanted: set,
                vcpu,
                error,
            };
            (error.to_string(), format!("{}", vls(missing)))
        }
        other => {
            return Err(format!(
                "the crate says {:?}",
                other.map_err(|e| e.to_string())
            ));
        }
    };
    match error {
        text if text.contains(&reason) => Ok(()),
        text => Err(format!("the reason is `{text}`, not `{reason}`")),
    }
}

fn vls(set: Lengths) -> Vls {
    Vls::from_words([set.0.into(), 0, 0, 0, 0, 0, 0, 0])
}

fn text(error: impl Display) -> String {
    error.to_string()
}
