//! What is moved: the vector lengths, `sve_state`, FPSR and FPCR; and how it is read, written and
//! checked.

use std::cell::Cell;
use std::fmt::Display;

use sve_state::one_reg::reg_size;
use sve_state::{Layout, OneReg, Vls, Vq, fpsimd, sve};

use super::{Result, Vcpu};

/// The largest slice. Reading in place needs this much room after the image.
const SLACK: usize = 256;

pub(crate) struct MachineState {
    pub(crate) vls: Vls,
    /// `sve_state`: Z0 to Z31, P0 to P15, FFR, without gaps.
    pub(crate) image: Vec<u8>,
    status: [[u8; 4]; 2],
}

const STATUS: [u64; 2] = [fpsimd::FPSR.id(), fpsimd::FPCR.id()];

/// Initialises a vCPU, gives it the vector lengths that are chosen from the host's, and finalizes
/// it. VLS can be written in between alone.
pub(crate) fn start(vcpu: &mut impl Vcpu, choose: impl FnOnce(Vls) -> Result<Vls>) -> Result<Vls> {
    vcpu.init()?;
    let vls = choose(read_vls(vcpu)?)?;
    set(vcpu, sve::VLS.id(), &vls.to_bytes())?;
    vcpu.finalize()?;
    read_vls(vcpu)
}

fn read_vls(vcpu: &impl Vcpu) -> Result<Vls> {
    let mut bytes = [0; 64];
    get(vcpu, sve::VLS.id(), &mut bytes)?;
    Ok(Vls::from_bytes(&bytes))
}

/// The registers of the image, each with its place in it.
fn registers(vq: Vq) -> Result<impl Iterator<Item = (u64, std::ops::Range<usize>)>> {
    let bounds = sve::Layout::bounds(vq).map_err(|e| e.to_string())?;
    let ids = sve::Layout::ids(vq).map_err(|e| e.to_string())?;
    Ok(ids.zip(bounds).map(|(id, b)| {
        let start = b.start as usize;
        (id, start..start + b.copy as usize)
    }))
}

impl MachineState {
    pub(crate) fn capture(vcpu: &impl Vcpu) -> Result<Self> {
        let vls = read_vls(vcpu)?;
        let vq = vls.max().ok_or("the vCPU has no vector length")?;
        let len = sve::Layout::image_bytes(vq).map_err(|e| e.to_string())?;
        let mut image = vec![0; len + SLACK];
        // In ascending order each call's padding is overwritten by the next call's register, and
        // that of the last one falls into the slack: no staging buffer, no copy.
        for (id, place) in registers(vq)? {
            get(vcpu, id, &mut image[place.start..][..reg_size(id)])?;
        }
        image.truncate(len);
        let mut status = [[0; 4]; 2];
        for (id, value) in STATUS.into_iter().zip(&mut status) {
            get(vcpu, id, value)?;
        }
        Ok(Self { vls, image, status })
    }

    /// Onto a finalized vCPU of the same vector lengths.
    pub(crate) fn restore(&self, vcpu: &mut impl Vcpu) -> Result<()> {
        let vq = self.vls.max().ok_or("the state has no vector length")?;
        for (id, place) in registers(vq)? {
            // KVM reads the register's own bytes alone, but wants a whole slice of memory.
            let mut slice = vec![0; reg_size(id)];
            slice[..place.len()].copy_from_slice(&self.image[place]);
            set(vcpu, id, &slice)?;
        }
        for (id, value) in STATUS.into_iter().zip(&self.status) {
            set(vcpu, id, value)?;
        }
        Ok(())
    }
}

/// The value that the source's register is given: different in every byte of a register and from
/// one register to the next, and not zero past the vector length, so that padding shows if it moves.
fn value(id: u64) -> Vec<u8> {
    let seed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7];
    (0..=254)
        .cycle()
        .map(|k: u8| seed ^ (k + 1))
        .take(reg_size(id))
        .collect()
}

fn status_values() -> [(u64, [u8; 4]); 2] {
    // Bits that the architecture defines: QC and the exception flags; default NaN and rounding.
    let [fpsr, fpcr] = STATUS;
    [
        (fpsr, 0x0800_009f_u32.to_ne_bytes()),
        (fpcr, 0x02c0_0000_u32.to_ne_bytes()),
    ]
}

pub(crate) fn fill(vcpu: &mut impl Vcpu, vq: Vq) -> Result<()> {
    for (id, _) in registers(vq)? {
        set(vcpu, id, &value(id))?;
    }
    status_values()
        .into_iter()
        .try_for_each(|(id, value)| set(vcpu, id, &value))
}

/// The registers of `vcpu`, or of the state on its way, that are not as [`fill`] made them.
pub(crate) fn verify(vcpu: &impl Vcpu, vq: Vq, moved: &MachineState) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    for (id, place) in registers(vq)? {
        let mut expected = value(id);
        expected[place.len()..].fill(0);
        let mut found = vec![0xee; reg_size(id)];
        get(vcpu, id, &mut found)?;
        if found != expected || moved.image[place.clone()] != expected[..place.len()] {
            differences.push(name(id));
        }
    }
    for (id, expected) in status_values() {
        let mut found = [0; 4];
        get(vcpu, id, &mut found)?;
        if found != expected {
            differences.push(name(id));
        }
    }
    Ok(differences)
}

/// What the state would take with every slice in full.
pub(crate) fn padded_bytes(vq: Vq) -> Result<usize> {
    let slices: usize = registers(vq)?.map(|(id, _)| reg_size(id)).sum();
    Ok(slices + 64 + 4 + 4)
}

fn name(id: u64) -> String {
    match (sve::Reg::decode(id), fpsimd::Reg::decode(id)) {
        (Ok(reg), _) => reg.to_string(),
        (_, Ok(reg)) => reg.to_string(),
        (Err(error), _) => error.to_string(),
    }
}

fn get(vcpu: &impl Vcpu, id: u64, data: &mut [u8]) -> Result<()> {
    vcpu.get_one_reg(id, data)
        .map_err(|e| format!("KVM_GET_ONE_REG {}: {e}", name(id)))
}

fn set(vcpu: &mut impl Vcpu, id: u64, data: &[u8]) -> Result<()> {
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
}

impl<V: Vcpu> Vcpu for Traffic<V> {
    fn init(&mut self) -> Result<()> {
        self.vcpu.init()
    }

    fn finalize(&mut self) -> Result<()> {
        self.vcpu.finalize()
    }
}
