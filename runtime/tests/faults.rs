//! A vCPU whose call number k fails, for every k of every step and every errno: the error names the
//! register, exactly the calls before it have had an effect, what was captured stays as it is, and
//! the step can be repeated.

use std::cell::Cell;

use sve_state::errno::Errno;
use sve_state::shim;
use sve_state::vcpu::{Call, FinalizeSve, Finalized, Initialized, Refusal, Status};
use sve_state::{OneReg, SveError, SveState, Vls, Vq};

type Shim = shim::Vcpu<Box<[u8]>>;

/// What these calls of Linux can fail with: EPERM, ENOENT, EINTR (the caller is being killed),
/// ENOEXEC, ENOMEM (finalization), EFAULT, EINVAL.
const ERRNOS: [Errno; 7] = [
    Errno(1),
    Errno(2),
    Errno(4),
    Errno(8),
    Errno(12),
    Errno(14),
    Errno(22),
];

const VLS: u64 = 0x6060_0000_0015_ffff;

/// The vCPUs whose state is moved: with SVE at a VQ, or without SVE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Sve(u32),
    WithoutSve,
}

const KINDS: [Kind; 4] = [Kind::Sve(1), Kind::Sve(3), Kind::Sve(16), Kind::WithoutSve];

/// Calls of a capture or a restore, summed over [`KINDS`]; FPSR and FPCR are two more for each.
const REGISTERS: usize = 3 * 49 + 32;

/// A register by the formulas of the kernel's headers.
#[derive(Clone, Copy)]
struct Register {
    bank: &'static str,
    /// `None`: the only one of its bank.
    number: Option<u64>,
    id: u64,
    /// In bytes.
    width: usize,
}

impl Register {
    fn name(&self) -> String {
        let number = self.number.map(|n| n.to_string());
        self.bank.to_owned() + &number.unwrap_or_default()
    }
}

impl Kind {
    /// What is in an image, in the order of the calls.
    fn registers(self) -> Vec<Register> {
        let register = |bank, number, id, width| Register {
            bank,
            number,
            id,
            width,
        };
        let v = |n| register("V", Some(n), 0x6040_0000_0010_0054 + 4 * n, 16);
        let Self::Sve(vq) = self else {
            return (0..32).map(v).collect();
        };
        let vq = vq as usize;
        let z = |n| register("Z", Some(n), 0x6080_0000_0015_0000 + 32 * n, 16 * vq);
        let p = |n| register("P", Some(n), 0x6050_0000_0015_0400 + 32 * n, 2 * vq);
        let ffr = register("FFR", None, 0x6050_0000_0015_0600, 2 * vq);
        let registers = (0..32).map(z).chain((0..16).map(p));
        registers.chain([ffr]).collect()
    }

    /// What is in a snapshot, in the order of the calls.
    fn registers_and_status(self) -> Vec<Register> {
        [self.registers(), status()].concat()
    }

    /// A vCPU with these values in all its registers.
    fn vcpu(self, values: &[Vec<u8>]) -> Shim {
        let host = Vls::up_to(match self {
            Self::Sve(vq) => Vq::new(vq).unwrap(),
            Self::WithoutSve => Vq::MIN,
        });
        let mut vcpu = Shim::new(host).unwrap();
        if self == Self::WithoutSve {
            vcpu.init_without_sve().unwrap();
        } else {
            vcpu.init_with_sve().unwrap();
            vcpu.finalize(4).unwrap();
        }
        for (register, value) in self.registers_and_status().iter().zip(values) {
            let mut data = value.clone();
            data.resize(256, 0);
            vcpu.set_one_reg(register.id, &data).unwrap();
        }
        vcpu
    }

    fn finalized<V: OneReg<Error = Errno>>(self, vcpu: V) -> Finalized<V> {
        match self {
            Self::Sve(_) => Finalized::new(vcpu).unwrap(),
            Self::WithoutSve => Finalized::without_sve(vcpu),
        }
    }

    /// The values in a vCPU's registers.
    fn read(self, vcpu: &Shim) -> Vec<Vec<u8>> {
        let read = |register: &Register| {
            let mut data = [0; 256];
            vcpu.get_one_reg(register.id, &mut data).unwrap();
            data[..register.width].to_vec()
        };
        self.registers_and_status().iter().map(read).collect()
    }

    /// Values for all registers, of which no byte is the same as with another `flip`.
    fn values(self, flip: u8) -> Vec<Vec<u8>> {
        let value = |(n, register): (usize, Register)| {
            let bytes = (0..register.width).map(|k| 31 * n + 7 * k + 1);
            bytes.map(|byte| byte.to_le_bytes()[0] ^ flip).collect()
        };
        let registers = self.registers_and_status();
        registers.into_iter().enumerate().map(value).collect()
    }
}

const OLD: u8 = 0;
const NEW: u8 = 0xff;

fn status() -> Vec<Register> {
    let word = |bank, id| Register {
        bank,
        number: None,
        id,
        width: 4,
    };
    vec![
        word("FPSR", 0x6020_0000_0010_00d4),
        word("FPCR", 0x6020_0000_0010_00d5),
    ]
}

/// Which call fails, and how many there have been up to there.
#[derive(Debug, Default)]
struct Fault {
    at: Cell<Option<(usize, Errno)>>,
    calls: Cell<usize>,
    /// Whether it has failed: what comes after it is to find out why, and no part of the step.
    failed: Cell<bool>,
}

impl Fault {
    /// From here on, call number `k` fails.
    fn arm(&self, k: usize, errno: Errno) {
        self.calls.set(0);
        self.failed.set(false);
        self.at.set(Some((k, errno)));
    }

    /// From here on none does; how many calls there were, the failed one included.
    fn disarm(&self) -> usize {
        self.at.set(None);
        self.failed.set(false);
        self.calls.take()
    }

    fn call(&self) -> Result<(), Errno> {
        if self.failed.get() {
            return Ok(());
        }
        let call = self.calls.replace(self.calls.get() + 1);
        match self.at.get() {
            Some((k, errno)) if k == call => {
                self.failed.set(true);
                Err(errno)
            }
            _ => Ok(()),
        }
    }

    /// As [`call`](Self::call), of one that changes the vCPU: after a failure there is none.
    fn change(&self) -> Result<(), Errno> {
        assert!(!self.failed.get(), "a step that failed goes on");
        self.call()
    }
}

#[derive(Debug)]
struct Faulty<'a> {
    vcpu: Shim,
    fault: &'a Fault,
}

impl OneReg for Faulty<'_> {
    type Error = Errno;

    fn get_one_reg(&self, id: u64, data: &mut [u8]) -> Result<(), Errno> {
        self.fault.call().inspect_err(|_| {
            // Where it fails with EFAULT, some of it has been written.
            let half = data.len() / 2;
            data[..half].fill(0xdd);
        })?;
        self.vcpu.get_one_reg(id, data)
    }

    fn set_one_reg(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        self.fault.change()?;
        self.vcpu.set_one_reg(id, data)
    }

    fn errno(&self, error: &Errno) -> Option<Errno> {
        Some(*error)
    }
}

impl FinalizeSve for Faulty<'_> {
    fn finalize_sve(&mut self) -> Result<(), Errno> {
        self.fault.change()?;
        self.vcpu.finalize_sve()
    }
}

/// Every call that can fail, with every errno. How many that were.
fn each_fault(calls: usize, mut test: impl FnMut(usize, Errno)) -> usize {
    for k in 0..calls {
        for errno in ERRNOS {
            test(k, errno);
        }
    }
    calls * ERRNOS.len()
}

/// A call that failed, with the reason that its errno has; by the vCPU's stage there is none.
fn failed(call: Call, error: Errno) -> SveError<Errno> {
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

/// The error is the GET of this register, in fields and in words.
fn assert_get(found: SveError<Errno>, register: &Register, error: Errno) {
    assert_eq!(found, failed(Call::Get(register.id), error));
    let text = format!("KVM_GET_ONE_REG of {}: {error}", register.name());
    assert!(found.to_string().starts_with(&text), "{found}");
}

/// The error is the SET of this register, in fields and in words.
fn assert_set(found: SveError<Errno>, register: &Register, error: Errno) {
    assert_eq!(found, failed(Call::Set(register.id), error));
    let text = format!("KVM_SET_ONE_REG of {}: {error}", register.name());
    assert!(found.to_string().starts_with(&text), "{found}");
}

#[test]
fn capture() {
    let mut faults = 0;
    for kind in KINDS {
        let (registers, values) = (kind.registers(), kind.values(OLD));
        let fault = Fault::default();
        let mut vcpu = kind.finalized(Faulty {
            vcpu: kind.vcpu(&values),
            fault: &fault,
        });
        faults += each_fault(registers.len(), |k, errno| {
            fault.arm(k, errno);
            assert_get(vcpu.capture().unwrap_err(), &registers[k], errno);
            assert_eq!(fault.disarm(), k + 1);
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), values);
            let state = vcpu.capture().unwrap();
            assert_eq!(fault.disarm(), registers.len());
            assert!(state.as_bytes().starts_with(&packed(&values, &registers)));
        });
    }
    assert_eq!(faults, 7 * REGISTERS);
}

#[test]
fn capture_into_keeps_the_registers_before_the_one_that_failed() {
    let mut faults = 0;
    for kind in KINDS {
        let (registers, values) = (kind.registers(), kind.values(OLD));
        let fault = Fault::default();
        let mut vcpu = kind.finalized(Faulty {
            vcpu: kind.vcpu(&values),
            fault: &fault,
        });
        let vq = vcpu.vq();
        faults += each_fault(registers.len(), |k, errno| {
            let memory = vec![0xaa; 546 * usize::from(vq.get())];
            let mut state = SveState::new(vq, memory).unwrap();
            fault.arm(k, errno);
            let error = vcpu.capture_into(&mut state).unwrap_err();
            assert_get(error, &registers[k], errno);
            assert_eq!(fault.disarm(), k + 1);
            assert!(
                state
                    .as_bytes()
                    .starts_with(&packed(&values, &registers[..k]))
            );
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), values);
            // The same image again, whatever the failure left in it.
            vcpu.capture_into(&mut state).unwrap();
            let all = packed(&values, &registers);
            let (read, rest) = state.as_bytes().split_at(all.len());
            assert_eq!(read, all);
            assert!(rest.iter().all(|byte| *byte == 0));
        });
    }
    assert_eq!(faults, 7 * REGISTERS);
}

#[test]
fn restore_writes_the_registers_before_the_one_that_failed() {
    let mut faults = 0;
    for kind in KINDS {
        let registers = kind.registers();
        let (old, mut new) = (kind.values(OLD), kind.values(NEW));
        let source = kind.finalized(kind.vcpu(&new)).capture().unwrap();
        let (before, captured) = (kind.vcpu(&old), source.as_bytes().to_vec());
        // An image has no FPSR and no FPCR.
        new[registers.len()..].clone_from_slice(&old[registers.len()..]);
        faults += each_fault(registers.len(), |k, errno| {
            let fault = Fault::default();
            let mut vcpu = kind.finalized(Faulty {
                vcpu: before.clone(),
                fault: &fault,
            });
            fault.arm(k, errno);
            let error = vcpu.restore(&source).unwrap_err();
            assert_set(error, &registers[k], errno);
            assert_eq!(fault.disarm(), k + 1);
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), first_of(k, &new, &old));
            assert_eq!(source.as_bytes(), captured);
            vcpu.restore(&source).unwrap();
            assert_eq!(fault.disarm(), registers.len());
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), new);
            assert_eq!(source.as_bytes(), captured);
        });
    }
    assert_eq!(faults, 7 * REGISTERS);
}

#[test]
fn snapshot() {
    let mut faults = 0;
    for kind in KINDS {
        let (registers, values) = (kind.registers_and_status(), kind.values(OLD));
        let expected = kind.finalized(kind.vcpu(&values)).snapshot().unwrap();
        let fault = Fault::default();
        let mut vcpu = kind.finalized(Faulty {
            vcpu: kind.vcpu(&values),
            fault: &fault,
        });
        faults += each_fault(registers.len(), |k, errno| {
            fault.arm(k, errno);
            assert_get(vcpu.snapshot().unwrap_err(), &registers[k], errno);
            assert_eq!(fault.disarm(), k + 1);
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), values);
            assert_eq!(vcpu.snapshot().unwrap(), expected);
            assert_eq!(fault.disarm(), registers.len());
        });
    }
    assert_eq!(faults, 7 * (REGISTERS + 2 * KINDS.len()));
}

#[test]
fn restore_snapshot_writes_what_comes_before_the_one_that_failed() {
    let mut faults = 0;
    for kind in KINDS {
        let registers = kind.registers_and_status();
        let (old, new) = (kind.values(OLD), kind.values(NEW));
        let source = kind.finalized(kind.vcpu(&new)).snapshot().unwrap();
        let (before, captured) = (kind.vcpu(&old), source.to_bytes());
        faults += each_fault(registers.len(), |k, errno| {
            let fault = Fault::default();
            let mut vcpu = kind.finalized(Faulty {
                vcpu: before.clone(),
                fault: &fault,
            });
            fault.arm(k, errno);
            let error = vcpu.restore_snapshot(&source).unwrap_err();
            assert_set(error, &registers[k], errno);
            assert_eq!(fault.disarm(), k + 1);
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), first_of(k, &new, &old));
            assert_eq!(source.to_bytes(), captured);
            vcpu.restore_snapshot(&source).unwrap();
            assert_eq!(fault.disarm(), registers.len());
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), new);
            assert_eq!(source.to_bytes(), captured);
        });
    }
    assert_eq!(faults, 7 * (REGISTERS + 2 * KINDS.len()));
}

#[test]
fn status_and_set_status() {
    let mut faults = 0;
    for kind in KINDS {
        let (old, new) = (kind.values(OLD), kind.values(NEW));
        let (before, all) = (kind.vcpu(&old), old.len());
        let fault = Fault::default();
        faults += each_fault(2, |k, errno| {
            let mut vcpu = kind.finalized(Faulty {
                vcpu: before.clone(),
                fault: &fault,
            });
            fault.arm(k, errno);
            assert_get(vcpu.status().unwrap_err(), &status()[k], errno);
            assert_eq!(fault.disarm(), k + 1);
            let found = vcpu.status().unwrap();
            assert_eq!(found, of_words(&old[all - 2..]));

            fault.arm(k, errno);
            let error = vcpu.set_status(of_words(&new[all - 2..])).unwrap_err();
            assert_set(error, &status()[k], errno);
            assert_eq!(fault.disarm(), k + 1);
            let mut expected = old.clone();
            expected[all - 2..][..k].clone_from_slice(&new[all - 2..][..k]);
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), expected);
            vcpu.set_status(of_words(&new[all - 2..])).unwrap();
            expected[all - 2..].clone_from_slice(&new[all - 2..]);
            assert_eq!(kind.read(&vcpu.vcpu().vcpu), expected);
        });
    }
    assert_eq!(faults, 7 * 2 * KINDS.len());
}

/// After `KVM_ARM_VCPU_INIT`, on a host with VQ 1 to 8.
fn initialized(fault: &Fault) -> Faulty<'_> {
    let mut vcpu = Shim::new(Vls::up_to(Vq::new(8).unwrap())).unwrap();
    vcpu.init_with_sve().unwrap();
    Faulty { vcpu, fault }
}

fn vls_register() -> Register {
    Register {
        bank: "VLS",
        number: None,
        id: VLS,
        width: 64,
    }
}

#[test]
fn vls_and_set_vls() {
    let [wide, narrow] = [8, 3].map(|vq| Vls::up_to(Vq::new(vq).unwrap()));
    let faults = each_fault(1, |k, errno| {
        let fault = Fault::default();
        let mut vcpu = Initialized::new(initialized(&fault));
        fault.arm(k, errno);
        assert_get(vcpu.vls().unwrap_err(), &vls_register(), errno);
        fault.arm(k, errno);
        let error = vcpu.set_vls(narrow).unwrap_err();
        assert_set(error, &vls_register(), errno);
        assert_eq!(fault.disarm(), 1);
        assert_eq!(vcpu.vls(), Ok(wide));
        fault.disarm();
        // Neither is a set that the vCPU has already a reason of its own.
        fault.arm(k, errno);
        assert_set(vcpu.set_vls(wide).unwrap_err(), &vls_register(), errno);
        fault.disarm();
        vcpu.set_vls(narrow).unwrap();
        assert_eq!(fault.disarm(), 1);
        assert_eq!(vcpu.vls(), Ok(narrow));
    });
    assert_eq!(faults, 7);
}

#[test]
fn finalize() {
    const Z0: u64 = 0x6080_0000_0015_0000;
    let faults = each_fault(2, |k, errno| {
        let fault = Fault::default();
        let mut vcpu = initialized(&fault);
        fault.arm(k, errno);
        let error = Initialized::new(&mut vcpu).finalize().unwrap_err();
        assert_eq!(fault.disarm(), k + 1);
        let z0 = vcpu.vcpu.get_one_reg(Z0, &mut [0; 256]);
        let vq = match k {
            // Nothing has happened: the same again.
            0 => {
                assert_eq!(error, failed(Call::Finalize, errno));
                let text = format!("KVM_ARM_VCPU_FINALIZE of SVE: {errno}");
                assert!(error.to_string().starts_with(&text), "{error}");
                assert_eq!(z0, Err(Errno(1)));
                Initialized::new(&mut vcpu).finalize().unwrap().vq()
            }
            // It is finalized, as the error of another call tells; to go on is to read VLS again.
            _ => {
                assert_get(error, &vls_register(), errno);
                assert_eq!(z0, Ok(()));
                let again = Initialized::new(&mut vcpu).finalize().unwrap_err();
                let text = again.to_string();
                assert!(
                    text.starts_with("KVM_ARM_VCPU_FINALIZE of SVE: EPERM: "),
                    "{text}"
                );
                fault.arm(0, errno);
                let error = Finalized::new(&mut vcpu).unwrap_err();
                assert_get(error, &vls_register(), errno);
                fault.disarm();
                Finalized::new(&mut vcpu).unwrap().vq()
            }
        };
        assert_eq!(vq.get(), 8);
    });
    assert_eq!(faults, 7 * 2);
}

/// The values of these registers, one after the other.
fn packed(values: &[Vec<u8>], registers: &[Register]) -> Vec<u8> {
    values[..registers.len()].concat()
}

/// The first `k` new ones, and no more.
fn first_of(k: usize, new: &[Vec<u8>], old: &[Vec<u8>]) -> Vec<Vec<u8>> {
    [&new[..k], &old[k..]].concat()
}

fn of_words(words: &[Vec<u8>]) -> Status {
    let word = |k: usize| u32::from_ne_bytes(words[k].as_slice().try_into().unwrap());
    Status {
        fpsr: word(0),
        fpcr: word(1),
    }
}
