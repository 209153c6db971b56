//! The shim's vCPU beside the reference's, call by call.

use sve_state::{Errno, OneReg, Vls, Vq, shim};

use super::reference;
use super::{Configuration, Rules, Stage};
use crate::conformance::Answer;

pub(super) const VLS: u64 = 0x6060_0000_0015_ffff;
const FPSR: u64 = 0x6020_0000_0010_00d4;
const FPCR: u64 = 0x6020_0000_0010_00d5;

/// The largest size that the size field can state and a little more, which a call must leave as it
/// is.
pub(super) const BUFFER: usize = (1 << 15) + 16;
/// What is in a buffer that no call has written to.
const UNTOUCHED: u8 = 0xee;

type Shim = shim::Vcpu<Box<[u8]>>;

/// The shim's vCPU and the reference's, which are in the same state as long as all is well.
#[derive(Clone)]
pub(super) struct Pair {
    configuration: Configuration,
    found: Shim,
    pub(super) expected: reference::Vcpu,
    buffer: Vec<u8>,
}

impl Pair {
    /// Two vCPUs on a host with these vector lengths, with the same bytes in their registers.
    pub(super) fn new(configuration: Configuration, host: u16) -> Result<Self, String> {
        let Configuration { rules, stage, .. } = configuration;
        let set: Vls = (1..=16)
            .filter(|vq| host & (1 << (vq - 1)) != 0)
            .filter_map(|vq| Vq::new(vq).ok())
            .collect();
        let shim = Shim::new(set).map_err(|e| e.to_string())?;
        let found = match rules {
            Rules::Mainline => shim,
            Rules::Rfc => shim.rfc(),
        };
        let mut pair = Self {
            configuration,
            found,
            expected: reference::Vcpu {
                rules,
                stage,
                host,
                vls: host,
                z: [[0; 256]; 32],
                p: [[0; 32]; 16],
                ffr: [0; 32],
                fpsr: [0; 4],
                fpcr: [0; 4],
            },
            buffer: vec![UNTOUCHED; BUFFER],
        };
        pair.advance()
            .map_err(|errno| format!("{configuration:?}: no such vCPU: {errno}"))?;
        Ok(pair)
    }

    /// Brings the shim's vCPU to the configuration's stage.
    fn advance(&mut self) -> Result<(), Errno> {
        let Configuration { vq, rules, stage } = self.configuration;
        if stage == Stage::Created {
            return Ok(());
        }
        if stage != Stage::WithoutSve {
            self.found.init_with_sve()
        } else {
            self.found.init_without_sve()
        }?;
        if rules == Rules::Mainline
            && stage != Stage::WithoutSve
            && self.expected.vq() != usize::from(vq)
        {
            self.expected.vls = u16::MAX >> (16 - vq);
            self.found.set_one_reg(VLS, &vls(self.expected.vls))?;
        }
        if rules == Rules::Mainline && stage == Stage::Finalized {
            self.found.finalize(4)?;
        }
        Ok(())
    }

    fn difference(&self, call: &str, id: u64, expected: &Answer, found: &Answer) -> String {
        let configuration = self.configuration;
        format!("{call} of {id:#018x} ({configuration:?}): expected {expected}, found {found}")
    }

    /// GET on both. What a call that fails leaves in the buffer is checked by
    /// [`untouched`](Self::untouched).
    pub(super) fn get(&mut self, id: u64) -> Result<Result<(), i32>, String> {
        let found = self
            .found
            .get_one_reg(id, &mut self.buffer)
            .map_err(|e| e.0);
        let expected = self.expected.get(id);
        let size = reference::size(id);
        match (&expected, found) {
            (Err(expected), Err(found)) if *expected == found => return Ok(Err(found)),
            (Ok(expected), Ok(())) if *expected == self.buffer[..size] => {
                self.buffer[..size].fill(UNTOUCHED);
                return Ok(Ok(()));
            }
            _ => {}
        }
        let found = found.map_or_else(Answer::Errno, |()| {
            Answer::Bytes(self.buffer[..size].into())
        });
        let expected = expected.map_or_else(Answer::Errno, Answer::Bytes);
        Err(self.difference("GET", id, &expected, &found))
    }

    /// SET on both; after one that succeeds, all of their state is compared.
    pub(super) fn set(&mut self, id: u64, data: &[u8]) -> Result<Result<(), i32>, String> {
        let found = self.found.set_one_reg(id, data).map_err(|e| e.0);
        let expected = self.expected.set(id, data);
        if expected != found {
            let answer =
                |result: Result<(), i32>| result.map_or_else(Answer::Errno, |()| Answer::Done);
            return Err(self.difference("SET", id, &answer(expected), &answer(found)));
        }
        if found.is_ok() {
            self.same_state("SET", id)?;
        }
        Ok(found)
    }

    /// Checks that no byte of the buffer has changed since the last call that succeeded.
    pub(super) fn untouched(&self, call: &str, id: u64) -> Result<(), String> {
        match self.buffer.iter().position(|byte| *byte != UNTOUCHED) {
            None => Ok(()),
            Some(at) => Err(format!(
                "{call} of {id:#018x} ({:?}): byte {at} of the caller's buffer was written",
                self.configuration
            )),
        }
    }

    /// Checks that every register and VLS of the shim's vCPU are the reference's.
    pub(super) fn same_state(&self, call: &str, id: u64) -> Result<(), String> {
        let expected = &self.expected;
        let word = |word: [u8; 4]| Answer::Bytes(word.to_vec());
        let mut states = Vec::new();
        if expected.stage != Stage::Created {
            states.push(("FPSR", word(expected.fpsr), get(&self.found, FPSR)));
            states.push(("FPCR", word(expected.fpcr), get(&self.found, FPCR)));
            let registers = Answer::Bytes(expected.registers());
            states.push(("the registers", registers, self.found_registers()));
        }
        if matches!(expected.stage, Stage::BeforeFinalization | Stage::Finalized)
            && expected.rules == Rules::Mainline
        {
            let set = Answer::Bytes(vls(expected.vls).to_vec());
            states.push(("VLS", set, self.found_vls()));
        }
        let mut different = states
            .into_iter()
            .filter(|(_, expected, found)| expected != found);
        different.next().map_or(Ok(()), |(what, expected, found)| {
            let (at, expected, found) = from_the_first_difference(expected, found);
            Err(format!(
                "{what}, from byte {at}, after {}",
                self.difference(call, id, &expected, &found)
            ))
        })
    }

    pub(super) fn found_vls(&self) -> Answer {
        get(&self.found, VLS)
    }

    fn found_registers(&self) -> Answer {
        if self.expected.stage == Stage::WithoutSve {
            let v = (0..32).map(|n| get(&self.found, 0x6040_0000_0010_0054 + 4 * n));
            let bytes = v.map(|answer| match answer {
                Answer::Bytes(bytes) => bytes,
                _ => Vec::new(),
            });
            return Answer::Bytes(bytes.flatten().collect());
        }
        // Registers can be seen only once finalized, but the vCPU under test is to stay as it is.
        let mut found = self.found.clone();
        if self.expected.stage == Stage::BeforeFinalization {
            // Whether it succeeds shows in the next line.
            let _ = found.finalize(4);
        }
        let bytes = found.sve_state().map(|state| state.as_bytes().to_vec());
        bytes.map_or_else(|errno| Answer::Errno(errno.0), Answer::Bytes)
    }
}

/// What is worth showing of two long values: where they part, and a few bytes of each.
fn from_the_first_difference(expected: Answer, found: Answer) -> (usize, Answer, Answer) {
    let (Answer::Bytes(a), Answer::Bytes(b)) = (&expected, &found) else {
        return (0, expected, found);
    };
    let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let part = |bytes: &[u8]| Answer::Bytes(bytes[at..].iter().take(16).copied().collect());
    (at, part(a), part(b))
}

fn get(vcpu: &Shim, id: u64) -> Answer {
    let mut data = vec![UNTOUCHED; reference::size(id)];
    match vcpu.get_one_reg(id, &mut data) {
        Ok(()) => Answer::Bytes(data),
        Err(errno) => Answer::Errno(errno.0),
    }
}

/// The value of VLS for a set of vector lengths: bit `vq - 1` for each.
pub(super) fn vls(set: u16) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..2].copy_from_slice(&set.to_le_bytes());
    bytes
}
