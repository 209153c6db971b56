//! The registers' contents, which are made up at the source and checked at the target, and a count
//! of what went through ONE_REG on the way.

use std::cell::Cell;
use std::fmt::Display;

use sve_state::layout::Layout;
use sve_state::{Errno, FinalizeSve, OneReg, Vq, fpsimd, reg_size, sve};

use super::Result;

/// FPSR and FPCR: the floating-point state outside of `sve_state`.
const STATUS: [u64; 2] = [fpsimd::FPSR.id(), fpsimd::FPCR.id()];

/// The IDs of the 49 registers, each with its width in bytes.
fn registers(vq: Vq) -> Result<impl Iterator<Item = (u64, usize)>> {
    let bounds = sve::Layout::bounds(vq).map_err(|e| e.to_string())?;
    let ids = sve::Layout::ids(vq).map_err(|e| e.to_string())?;
    Ok(ids.zip(bounds).map(|(id, b)| (id, b.copy)))
}

/// The value that the source's register is given, which differs in every byte of a register and from
/// one register to the next, and is not zero past the vector length, so that padding shows if it
/// moves.
fn value(id: u64) -> Vec<u8> {
    let seed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7];
    (0..=254)
        .cycle()
        .map(|k: u8| seed ^ (k + 1))
        .take(reg_size(id))
        .collect()
}

fn status_values() -> [(u64, [u8; 4]); 2] {
    // Bits that the architecture defines: QC and the exception flags, and default NaN and rounding.
    let [fpsr, fpcr] = STATUS;
    [
        (fpsr, 0x0800_009f_u32.to_ne_bytes()),
        (fpcr, 0x02c0_0000_u32.to_ne_bytes()),
    ]
}

/// Gives every register a value.
pub(crate) fn fill(vcpu: &mut impl OneReg<Error: Display>, vq: Vq) -> Result<()> {
    for (id, _) in registers(vq)? {
        set(vcpu, id, &value(id))?;
    }
    status_values()
        .into_iter()
        .try_for_each(|(id, value)| set(vcpu, id, &value))
}

/// The registers that are not as [`fill`] made them.
pub(crate) fn verify(vcpu: &impl OneReg<Error: Display>, vq: Vq) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let mut compare = |id, expected: &[u8]| {
        let mut found = vec![0xee; expected.len()];
        get(vcpu, id, &mut found)?;
        if found != expected {
            differences.push(name(id));
        }
        Ok::<_, String>(())
    };
    for (id, width) in registers(vq)? {
        let mut expected = value(id);
        expected[width..].fill(0);
        compare(id, &expected)?;
    }
    for (id, expected) in status_values() {
        compare(id, &expected)?;
    }
    Ok(differences)
}

/// What `sve_state` would take if every slice were full.
pub(crate) fn padded_bytes(vq: Vq) -> Result<usize> {
    Ok(registers(vq)?.map(|(id, _)| reg_size(id)).sum())
}

fn name(id: u64) -> String {
    match (sve::Reg::decode(id), fpsimd::Reg::decode(id)) {
        (Ok(reg), _) => reg.to_string(),
        (_, Ok(reg)) => reg.to_string(),
        (Err(error), _) => error.to_string(),
    }
}

fn get(vcpu: &impl OneReg<Error: Display>, id: u64, data: &mut [u8]) -> Result<()> {
    vcpu.get_one_reg(id, data)
        .map_err(|e| format!("KVM_GET_ONE_REG {}: {e}", name(id)))
}

fn set(vcpu: &mut impl OneReg<Error: Display>, id: u64, data: &[u8]) -> Result<()> {
    vcpu.set_one_reg(id, data)
        .map_err(|e| format!("KVM_SET_ONE_REG {}: {e}", name(id)))
}

/// A vCPU, and how much goes through its ONE_REG.
pub(crate) struct Traffic<V> {
    vcpu: V,
    counts: Cell<Counts>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) calls: usize,
    pub(crate) bytes: usize,
}

impl<V> Traffic<V> {
    pub(crate) fn new(vcpu: V) -> Self {
        Self {
            vcpu,
            counts: Cell::default(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.get()
    }

    pub(crate) fn reset(&self) {
        self.counts.take();
    }

    fn count(&self, id: u64) {
        let Counts { calls, bytes } = self.counts.get();
        self.counts.set(Counts {
            calls: calls + 1,
            bytes: bytes + reg_size(id),
        });
    }
}

impl<V: OneReg<Error: Display>> OneReg for Traffic<V> {
    type Error = V::Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> std::result::Result<(), V::Error> {
        self.count(id);
        self.vcpu.get_one_reg(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> std::result::Result<(), V::Error> {
        self.count(id);
        self.vcpu.set_one_reg(id, data)
    }

    fn errno(&self, error: &V::Error) -> Option<Errno> {
        self.vcpu.errno(error)
    }
}

impl<V: FinalizeSve<Error: Display>> FinalizeSve for Traffic<V> {
    fn finalize_sve(&mut self) -> std::result::Result<(), V::Error> {
        self.vcpu.finalize_sve()
    }
}
