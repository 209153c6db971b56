//! A vCPU that notes its calls, and fails those that it is told to: the shim through a shared borrow, as `&VcpuFd`
//! is for KVM.

// No test needs all of it.
#![allow(dead_code)]

use std::cell::{Cell, RefCell};

use sve_state::vcpu::{Call, Refusal};
use sve_state::{Errno, FinalizeSve, OneReg, SveError, Vls, Vq, shim};

pub(crate) type Shim = shim::Vcpu<Box<[u8]>>;

/// By the formulas of the kernel's headers.
pub(crate) const VLS: u64 = 0x6060_0000_0015_ffff;
pub(crate) const STATUS: [u64; 2] = [0x6020_0000_0010_00d4, 0x6020_0000_0010_00d5];

/// Z, P and FFR, or V.
pub(crate) fn registers(sve: bool) -> Vec<u64> {
    let z = (0..32).map(|n| 0x6080_0000_0015_0000 + (n << 5));
    let p = (0..17).map(|n| 0x6050_0000_0015_0400 + (n << 5));
    match sve {
        true => z.chain(p).collect(),
        false => (0..32).map(|n| 0x6040_0000_0010_0054 + 4 * n).collect(),
    }
}

/// Those, and FPSR and FPCR.
pub(crate) fn registers_and_status(sve: bool) -> Vec<u64> {
    [&registers(sve)[..], &STATUS].concat()
}

pub(crate) fn vq(vq: u32) -> Vq {
    Vq::new(vq).unwrap()
}

pub(crate) fn up_to(max: u32) -> Vls {
    Vls::up_to(vq(max))
}

/// After `KVM_ARM_VCPU_INIT`.
pub(crate) fn init(vcpu: &mut Shim, sve: bool) {
    let init = if sve {
        vcpu.init_with_sve()
    } else {
        vcpu.init_without_sve()
    };
    init.unwrap();
}

/// A vCPU after `KVM_ARM_VCPU_INIT`, on a host with VQ 1 to 16.
pub(crate) fn initialized(sve: bool) -> Shim {
    let mut vcpu = Shim::new(Vls::ARCHITECTURAL).unwrap();
    init(&mut vcpu, sve);
    vcpu
}

/// How many calls fail, from the one with this number on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) errno: Errno,
    pub(crate) at: usize,
    pub(crate) calls: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Fd {
    pub(crate) vcpu: RefCell<Shim>,
    /// GET, SET or FINALIZE, since they were last taken.
    pub(crate) calls: RefCell<Vec<(char, u64)>>,
    /// How many calls there were up to the first that failed.
    pub(crate) failed: Cell<Option<usize>>,
    pub(crate) fault: Cell<Option<Fault>>,
    /// Whether the implementor tells the errno of an error.
    pub(crate) told: Cell<bool>,
    /// A register, and the byte that its GET sets in addition.
    pub(crate) past: Cell<Option<(u64, usize)>>,
    /// A register whose GET writes nothing.
    pub(crate) silent: Cell<Option<u64>>,
}

impl Fd {
    pub(crate) fn new(vcpu: Shim) -> Self {
        Self {
            vcpu: RefCell::new(vcpu),
            calls: RefCell::default(),
            failed: Cell::default(),
            fault: Cell::default(),
            told: Cell::new(true),
            past: Cell::default(),
            silent: Cell::default(),
        }
    }

    /// From here on, call number `at` fails.
    pub(crate) fn fail(&self, at: usize, errno: Errno) {
        self.calls.take();
        let calls = 1;
        self.fault.set(Some(Fault { errno, at, calls }));
    }

    fn answered(&self, answer: Result<(), Errno>) -> Result<(), Errno> {
        if answer.is_err() && self.failed.get().is_none() {
            self.failed.set(Some(self.calls.borrow().len()));
        }
        answer
    }

    fn call(&self, kind: char, id: u64) -> Result<(), Errno> {
        let mut log = self.calls.borrow_mut();
        let call = log.len();
        log.push((kind, id));
        drop(log);
        self.answered(match self.fault.get() {
            Some(Fault { errno, at, calls }) if call >= at && call - at < calls => Err(errno),
            _ => Ok(()),
        })
    }
}

impl OneReg for &Fd {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        assert_eq!(data.len(), 1 << (id >> 52 & 0xf), "exactly the ID's size");
        self.call('G', id).inspect_err(|_| {
            // Where it fails with EFAULT, some of it has been written.
            let half = data.len() / 2;
            data[..half].fill(0xdd);
        })?;
        if self.silent.get() == Some(id) {
            return Ok(());
        }
        self.answered(self.vcpu.borrow().get_one_reg(id, data))?;
        if let Some((_, at)) = self.past.get().filter(|(past, _)| *past == id) {
            data[at] = 0x80;
        }
        Ok(())
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        assert_eq!(data.len(), 1 << (id >> 52 & 0xf), "exactly the ID's size");
        self.call('S', id)?;
        self.answered(self.vcpu.borrow_mut().set_one_reg(id, data))
    }

    fn errno(&self, error: &Errno) -> Option<Errno> {
        self.told.get().then_some(*error)
    }
}

impl FinalizeSve for &Fd {
    fn finalize_sve(&mut self) -> Result<(), Errno> {
        self.call('F', 0)?;
        self.answered(self.vcpu.borrow_mut().finalize_sve())
    }
}

/// A call that failed, with the reason that belongs to its errno; the vCPU's stage gives none.
pub(crate) fn failed(call: Call, error: Errno) -> SveError<Errno> {
    let refusal = match error.0 {
        4 => Some(Refusal::Killed),
        12 if call == Call::Finalize => Some(Refusal::NoMemory),
        14 => Some(Refusal::Unreachable),
        _ => None,
    };
    SveError::Call {
        call,
        error,
        errno: Some(error),
        refusal,
    }
}
