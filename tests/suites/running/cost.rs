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

/// A vCPU whose ioctls are counted.
pub(super) struct Counted<'a> {
    pub(super) vcpu: &'a VcpuFd,
    pub(super) count: &'a Count,
}

#[derive(Default)]
pub(super) struct Count(Cell<usize>);

impl Count {
    fn add(&self) {
        self.0.update(|calls| calls + 1);
    }

    /// Calls since the last time.
    pub(super) fn take(&self) -> usize {
        self.0.take()
    }
}

impl OneReg for Counted<'_> {
    type Error = Error;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Error> {
        self.count.add();
        OneReg::get_one_reg(self.vcpu, id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Error> {
        self.count.add();
        self.vcpu.set_one_reg(id, data).map(drop)
    }

    fn errno(&self, error: &Error) -> Option<Errno> {
        OneReg::errno(self.vcpu, error)
    }
}

/// The usual way, which asks the vCPU which registers it has and reads each SVE register into a
/// vector of its own.
fn capture(vcpu: &Counted<'_>) -> Result<Vec<(u64, Vec<u8>)>, String> {
    let read = |id: u64| {
        let mut value = vec![0; reg_size(id)];
        let read = vcpu.get_one_reg(id, &mut value);
        read.map(|()| (id, value))
            .map_err(|error| format!("KVM_GET_ONE_REG of {id:#018x}: {error}"))
    };
    let list = list(vcpu.vcpu)?;
    let sve = list.as_slice().iter().copied().filter(|id| is_sve(*id));
    sve.map(read).collect()
}

/// The calls of ours, and the time of a capture as a part of the usual way's, with which it takes turns.
pub(super) fn cost(vcpu: &VcpuFd) -> Result<Cost, String> {
    let count = &Count::default();
    let mut ours = Finalized::new(Counted { vcpu, count }).map_err(text)?;
    count.take();
    let state = ours.capture().map_err(text)?;
    let gets = count.take();
    ours.restore(&state).map_err(text)?;
    let sets = count.take();
    let theirs = Counted { vcpu, count };
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        times[0].push(time(|| ours.capture().map_err(text))?);
        times[1].push(time(|| capture(&theirs))?);
    }
    let [ours, usual] = times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[ROUNDS / UNDISTURBED].as_secs_f64()
    });
    Ok(Cost {
        gets,
        sets,
        ratio: ours / usual,
        ..Cost::default()
    })
}

/// How long it takes until the result is there, without the time to drop it.
fn time<T>(f: impl FnOnce() -> Result<T, String>) -> Result<Duration, String> {
    let start = Instant::now();
    let result = black_box(f()?);
    let time = start.elapsed();
    drop(result);
    Ok(time)
}

pub(super) fn text(error: impl Display) -> String {
    error.to_string()
}
