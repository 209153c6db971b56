//! What a capture costs with this crate, and in the way that VMMs do it today.

use std::cell::Cell;
use std::fmt::Display;
use std::hint::black_box;
use std::time::{Duration, Instant};

use kvm_ioctls::{Error, VcpuFd};
use sve_state::vcpu::Finalized;
use sve_state::{Errno, OneReg, reg_size};

use super::Cost;
use super::vm::{is_sve, list};

/// How often each way is timed.
const ROUNDS: usize = 300;
/// The time that counts is the one below which a tenth of the rounds stay. The emulator shares the
/// machine, so a round that was interrupted takes several times as long, and on a busy machine the
/// median is one of those.
const UNDISTURBED: usize = 10;

/// A vCPU whose ioctls are counted, and the bytes that they read or write.
pub(super) struct Counted<'a> {
    pub(super) vcpu: &'a VcpuFd,
    pub(super) count: &'a Count,
}

#[derive(Default)]
pub(super) struct Count {
    calls: Cell<usize>,
    bytes: Cell<usize>,
}

impl Count {
    fn add(&self, bytes: usize) {
        self.calls.update(|calls| calls + 1);
        self.bytes.update(|all| all + bytes);
    }

    /// Calls and bytes since the last time.
    pub(super) fn take(&self) -> (usize, usize) {
        (self.calls.take(), self.bytes.take())
    }
}

impl OneReg for Counted<'_> {
    type Error = Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Error> {
        self.count.add(reg_size(id));
        OneReg::get_one_reg(self.vcpu, id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Error> {
        self.count.add(reg_size(id));
        self.vcpu.set_one_reg(id, data).map(drop)
    }

    fn errno(&self, error: &Error) -> Option<Errno> {
        OneReg::errno(self.vcpu, error)
    }
}

type Register = (u64, Vec<u8>);

/// The usual way, which asks the vCPU which registers it has and reads each SVE register into a
/// vector of its own.
fn capture(vcpu: &Counted<'_>) -> Result<Vec<Register>, String> {
    let list = list(vcpu.vcpu)?;
    vcpu.count.add(size_of_val(list.as_slice()));
    read_each(vcpu, list.as_slice())
}

/// All of it but the list.
fn read_each(vcpu: &Counted<'_>, list: &[u64]) -> Result<Vec<Register>, String> {
    let read = |id: u64| {
        let mut value = vec![0; reg_size(id)];
        let read = vcpu.get_one_reg(id, &mut value);
        read.map(|()| (id, value))
            .map_err(|error| format!("KVM_GET_ONE_REG of {id:#018x}: {error}"))
    };
    let sve = list.iter().copied().filter(|id| is_sve(*id));
    sve.map(read).collect()
}

/// What both ways ask of KVM.
pub(super) fn count(vcpu: &VcpuFd) -> Result<Cost, String> {
    let count = Count::default();
    let counted = || Counted {
        vcpu,
        count: &count,
    };
    let mut finalized = Finalized::new(counted()).map_err(text)?;
    count.take();
    let state = finalized.capture().map_err(text)?;
    let (gets, bytes) = count.take();
    finalized.restore(&state).map_err(text)?;
    let (sets, _) = count.take();
    capture(&counted())?;
    let (usual_calls, usual_bytes) = count.take();
    Ok(Cost {
        gets,
        bytes,
        sets,
        usual_calls,
        usual_bytes,
        ..Cost::default()
    })
}

/// The time that ours takes as a part of the usual way's, and of the usual way's without the list,
/// for a VMM that asks for it once and keeps it. The three take turns.
pub(super) fn ratios(vcpu: &VcpuFd) -> Result<[f64; 2], String> {
    let count = &Count::default();
    let ours = Finalized::new(Counted { vcpu, count }).map_err(text)?;
    let theirs = Counted { vcpu, count };
    let ids = list(vcpu)?;
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let ours = || ours.capture().map_err(text);
        times[0].push(time(ours)?);
        times[1].push(time(|| capture(&theirs))?);
        times[2].push(time(|| read_each(&theirs, ids.as_slice()))?);
    }
    let [ours, usual, without_list] = times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[ROUNDS / UNDISTURBED].as_secs_f64()
    });
    Ok([ours / usual, ours / without_list])
}

/// How long it takes until the result is there, without the time to drop it.
fn time<T>(f: impl FnOnce() -> Result<T, String>) -> Result<Duration, String> {
    let start = Instant::now();
    let result = black_box(f()?);
    let time = start.elapsed();
    drop(result);
    Ok(time)
}

fn text(error: impl Display) -> String {
    error.to_string()
}
