//! A vCPU's state there and back: what was read at the end of its life makes a snapshot, and a new vCPU
//! of the same host that gets the snapshot reads the same.

use std::cell::RefCell;
use std::fmt::Display;

use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{Errno, FinalizeSve, OneReg, Vls};

use super::generate::SVE;
use crate::conformance::{Answer, Host, Op, Vcpu};

/// A vCPU's registers, by the last answer for each, or `None` if it was not brought up.
fn kept(operations: &[Op], answers: &[[Answer; 2]]) -> Option<Vec<(u64, Vec<u8>)>> {
    let Some([Answer::Ids(ids), _]) = answers.last() else {
        return None;
    };
    let last = |id: &u64| {
        let mut all = operations.iter().zip(answers).rev();
        all.find_map(|(op, [answer, _])| match (op, answer) {
            (Op::Get(read), Answer::Bytes(bytes)) if read == id => Some((*id, bytes.clone())),
            _ => None,
        })
    };
    ids.iter().map(last).collect()
}

/// Moves what the operations read to a new vCPU of this host, and returns whether there was something
/// to move, or what went wrong.
pub(super) fn round_trip(
    host: &mut dyn Host,
    operations: &[Op],
    answers: &[[Answer; 2]],
) -> Result<bool, String> {
    let Some(registers) = kept(operations, answers) else {
        return Ok(false);
    };
    let list = registers.iter().map(|(id, bytes)| (*id, bytes));
    let snapshot = Snapshot::from_registers(list).map_err(text)?;
    let mut vcpu = Subject(RefCell::new(host.create()?));
    let sve = snapshot.vls() != Vls::EMPTY;
    vcpu.perform(&Op::Init { sve }).map_err(text)?;
    let mut target = if sve {
        let mut target = Initialized::new(&mut vcpu);
        target.set_vls(snapshot.vls()).map_err(text)?;
        target.finalize().map_err(text)?
    } else {
        Finalized::without_sve(&mut vcpu)
    };
    let parsed = Snapshot::from_bytes(&snapshot.to_bytes()).map_err(text)?;
    target.restore_snapshot(&parsed).map_err(text)?;
    let again = target.snapshot().map_err(text)?;
    if again.to_bytes() != snapshot.to_bytes() {
        return Err("the snapshot of what was restored is another one".to_owned());
    }
    for (id, expected) in registers {
        let found = vcpu.perform(&Op::Get(id)).map_err(text)?;
        let expected = Answer::Bytes(expected);
        if found != expected {
            return Err(format!("{id:#x}: {expected} was restored as {found}"));
        }
    }
    Ok(true)
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// A vCPU under test, as the library sees one.
struct Subject(RefCell<Box<dyn Vcpu>>);

impl Subject {
    fn perform(&self, op: &Op) -> Result<Answer, Errno> {
        match self.0.borrow_mut().perform(op) {
            Answer::Errno(errno) | Answer::Scribbled(errno, _) => Err(Errno(errno)),
            answer => Ok(answer),
        }
    }
}

impl OneReg for Subject {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        if let Answer::Bytes(bytes) = self.perform(&Op::Get(id))? {
            data.copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        self.perform(&Op::Set(id, data.to_vec())).map(drop)
    }

    fn errno(&self, error: &Errno) -> Option<Errno> {
        Some(*error)
    }
}

impl FinalizeSve for Subject {
    fn finalize_sve(&mut self) -> Result<(), Errno> {
        self.perform(&Op::Finalize(SVE)).map(drop)
    }
}
