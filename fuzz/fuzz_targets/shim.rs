//! Any operations in any order on one vCPU of the shim. Whatever they are, this must hold:
//!
//! * a call that fails changes neither the vCPU nor the buffer, and answers one of KVM's errnos;
//! * GET never changes the vCPU, and writes all of the ID's size and nothing after it;
//! * SET changes one register, and GET returns what was written, as far as the register goes;
//! * initialization clears all registers but VLS, and finalization changes none that could be read;
//! * what is listed can be read, and what can be read is listed.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sve_state::shim::Vcpu;
use sve_state::{Errno, OneReg, Vls};

type Shim = Vcpu<Box<[u8]>>;

#[derive(Arbitrary, Debug)]
struct Life {
    /// Bit `vq - 1` is set if the host has this vector length.
    host: u16,
    rfc: bool,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Init { sve: bool },
    Finalize { feature: Option<u8> },
    Get { id: Id, excess: i8 },
    Set { id: Id, excess: i8, first: u8 },
    SetVls { set: u16 },
    List { length: u8 },
}

/// An ID that is right, wrong in one bit, or arbitrary.
#[derive(Arbitrary, Debug)]
enum Id {
    Right(Name),
    Flipped(Name, u8),
    Any(u64),
}

#[derive(Arbitrary, Debug)]
enum Name {
    Z {
        number: u8,
        slice: u8,
    },
    P {
        number: u8,
        slice: u8,
    },
    Ffr {
        slice: u8,
    },
    Vls,
    V {
        number: u8,
    },
    /// 32-bit words of the V registers, `1 << size` bytes of them.
    Words {
        word: u8,
        size: u8,
    },
    Fpsr,
    Fpcr,
}

const VLS: u64 = 0x6060_0000_0015_ffff;
const FPSR: u64 = 0x6020_0000_0010_00d4;
const FPCR: u64 = 0x6020_0000_0010_00d5;

fn z(number: u64, slice: u64) -> u64 {
    0x6080_0000_0015_0000 + 32 * number + slice
}
fn p(number: u64, slice: u64) -> u64 {
    0x6050_0000_0015_0400 + 32 * number + slice
}
fn words(word: u64, size: u64) -> u64 {
    (0x6000_0000_0010_0054 + word) | (size << 52)
}
fn v(number: u64) -> u64 {
    words(4 * number, 4)
}
/// The size that an ID states, in bytes.
fn size(id: u64) -> usize {
    1 << (id >> 52 & 0xf)
}

impl Name {
    fn id(&self) -> u64 {
        match *self {
            Self::Z { number, slice } => z(u64::from(number) % 32, u64::from(slice) % 32),
            Self::P { number, slice } => p(u64::from(number) % 16, u64::from(slice) % 32),
            Self::Ffr { slice } => p(16, u64::from(slice) % 32),
            Self::Vls => VLS,
            Self::V { number } => v(u64::from(number) % 32),
            Self::Words { word, size } => words(u64::from(word) % 128, u64::from(size) % 16),
            Self::Fpsr => FPSR,
            Self::Fpcr => FPCR,
        }
    }
}

impl Id {
    fn id(&self) -> u64 {
        match self {
            Self::Right(name) => name.id(),
            Self::Flipped(name, bit) => name.id() ^ 1 << (bit % 64),
            Self::Any(id) => *id,
        }
    }
}

/// The register that an accepted ID is part of, where V(n) is the low bits of Z(n).
#[derive(PartialEq, Debug)]
enum Register {
    Vector(u64),
    Predicate(u64),
    Other(u64),
}

fn register(id: u64) -> Register {
    let (coprocessor, low) = (id >> 16 & 0xfff, id & 0xffff);
    match (coprocessor, low) {
        (0x15, 0..0x400) => Register::Vector(low / 32),
        (0x15, 0x400..0x620) => Register::Predicate((low - 0x400) / 32),
        (0x10, 0x54..0xd4) => Register::Vector((low - 0x54) / 4),
        _ => Register::Other(id),
    }
}

/// How many bytes of an accepted slice belong to the register.
fn width(id: u64, vq: usize) -> usize {
    let (slice, size) = ((id & 31) as usize, size(id));
    let bytes = match (id >> 16 & 0xfff, id & 0xffff) {
        (0x15, 0..0x400) => 16 * vq,
        (0x15, 0x400..0x620) => 2 * vq,
        _ => return size,
    };
    bytes.saturating_sub(slice * size).min(size)
}

/// All of a vCPU that can be seen.
#[derive(PartialEq, Debug)]
struct Seen {
    /// Rules, host and stage.
    stage: String,
    registers: Vec<(u64, Result<Vec<u8>, Errno>)>,
    list: Result<Vec<u64>, Errno>,
}

fn look(vcpu: &Shim) -> Seen {
    let ids = (0..32).map(v).chain([FPSR, FPCR, VLS]);
    let ids = ids
        .chain((0..32).map(|n| z(n, 0)))
        .chain((0..17).map(|n| p(n, 0)));
    Seen {
        stage: format!("{vcpu:?}"),
        registers: ids.map(|id| (id, get(vcpu, id, 0))).collect(),
        list: vcpu.reg_list().map(Iterator::collect),
    }
}

impl Seen {
    fn readable(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let registers = self.registers.iter();
        registers.filter_map(|(id, value)| Some((*id, value.as_deref().ok()?)))
    }

    /// The vector length by VLS, or under the RFC's rules by the host, and 0 without SVE.
    fn vq(&self, host: u16, rfc: bool) -> usize {
        let vls = self.readable().find(|(id, _)| *id == VLS);
        let has_sve = self.readable().any(|(id, _)| id == z(0, 0));
        let set = match vls {
            Some((_, value)) => u16::from_ne_bytes([value[0], value[1]]),
            None if rfc && has_sve => host,
            None => 0,
        };
        (16 - set.leading_zeros()) as usize
    }
}

/// GET into a buffer that has `excess` bytes more than the ID's size.
fn get(vcpu: &Shim, id: u64, excess: i8) -> Result<Vec<u8>, Errno> {
    let length = size(id).saturating_add_signed(excess.into());
    let results = [0x5a, 0xa5].map(|fill| {
        let mut buffer = vec![fill; length];
        let result = vcpu.get_one_reg(id, &mut buffer);
        let written = if result.is_ok() { size(id) } else { 0 };
        let behind = &buffer[written..];
        assert!(
            behind.iter().all(|byte| *byte == fill),
            "{id:#x}: {result:?}"
        );
        buffer.truncate(written);
        judged(result).map(|()| buffer)
    });
    let [first, second] = results;
    assert_eq!(first, second, "{id:#x}: not all of the slice is written");
    if length < size(id) {
        assert_eq!(first, Err(Errno::EINVAL), "{id:#x}");
    }
    first
}

/// Checks that an error is one of KVM's, and passes the answer on.
fn judged<T>(result: Result<T, Errno>) -> Result<T, Errno> {
    let errnos = [
        Errno::EPERM,
        Errno::ENOENT,
        Errno::E2BIG,
        Errno::ENOEXEC,
        Errno::EINVAL,
    ];
    if let Err(errno) = &result {
        assert!(errnos.contains(errno), "{errno}");
    }
    result
}

fuzz_target!(|life: Life| {
    let host = Vls::from_words([life.host.into(), 0, 0, 0, 0, 0, 0, 0]);
    let vcpu = Vcpu::new(host).expect("16 or less");
    let mut vcpu = if life.rfc { vcpu.rfc() } else { vcpu };
    let mut before = look(&vcpu);
    for call in &life.calls {
        let result = judged(make(&mut vcpu, call, &before, &life));
        let after = look(&vcpu);
        match (&result, call) {
            (Err(errno), _) => assert_eq!(after, before, "{call:?}: {errno}"),
            (Ok(()), Call::Get { .. } | Call::List { .. }) => assert_eq!(after, before, "{call:?}"),
            (Ok(()), Call::Init { .. }) => check_zero(&after, &[VLS]),
            (Ok(()), Call::Finalize { .. }) => check_finalized(&before, &after),
            (Ok(()), Call::Set { .. } | Call::SetVls { .. }) => {}
        }
        check_list(&after, life.rfc);
        before = after;
    }
});

/// Every register that can be read is zero, except those of `except`.
fn check_zero(seen: &Seen, except: &[u64]) {
    let mut others = seen.readable().filter(|(id, _)| !except.contains(id));
    assert!(others.all(|(_, value)| value.iter().all(|byte| *byte == 0)));
}

/// What could be read before keeps its value, and the registers that finalization brings are zero.
fn check_finalized(before: &Seen, after: &Seen) {
    let kept: Vec<_> = before.readable().collect();
    assert!(
        kept.iter()
            .all(|one| after.readable().any(|now| now == *one))
    );
    check_zero(after, &kept.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

/// What can be read is listed, except V under the RFC's rules, which is Z, and what is listed can be
/// read.
fn check_list(seen: &Seen, rfc: bool) {
    let Ok(list) = &seen.list else { return };
    let is_view = |id: u64| rfc && size(id) == 16 && list.contains(&z(0, 0));
    let readable = seen.readable().map(|(id, _)| id).filter(|id| !is_view(*id));
    let mut readable: Vec<_> = readable.collect();
    let mut list = list.clone();
    readable.sort_unstable();
    list.sort_unstable();
    assert_eq!(list, readable);
}

fn make(vcpu: &mut Shim, call: &Call, before: &Seen, life: &Life) -> Result<(), Errno> {
    match *call {
        Call::Init { sve } => {
            if sve {
                vcpu.init_with_sve()
            } else {
                vcpu.init_without_sve()
            }
        }
        Call::Finalize { feature } => vcpu.finalize(feature.map_or(4, u32::from)),
        Call::Get { ref id, excess } => get(vcpu, id.id(), excess).map(drop),
        Call::Set {
            ref id,
            excess,
            first,
        } => {
            let length = size(id.id()).saturating_add_signed(excess.into());
            let byte = |k: usize| first.wrapping_add((k % 251) as u8);
            let data: Vec<u8> = (0..length).map(byte).collect();
            set(vcpu, id.id(), &data, before, life)
        }
        Call::SetVls { set } => {
            let mut data = [0; 64];
            data[..2].copy_from_slice(&set.to_ne_bytes());
            self::set(vcpu, VLS, &data, before, life)
        }
        Call::List { length } => {
            let mut list = vec![u64::MAX; length.into()];
            let mut n = u64::MAX;
            let result = vcpu.get_reg_list(&mut n, &mut list);
            let expected = vcpu.reg_list().map(Iterator::collect::<Vec<_>>);
            let needed = expected.as_ref().map_or(u64::MAX, |ids| ids.len() as u64);
            assert_eq!(n, needed, "{result:?}");
            let written = if result.is_ok() { n as usize } else { 0 };
            let behind = &list[written..];
            assert!(behind.iter().all(|id| *id == u64::MAX), "{result:?}");
            match (&result, &expected) {
                (Ok(()), Ok(expected)) => assert_eq!(list[..written], expected[..]),
                (Err(Errno::E2BIG), Ok(expected)) => assert!(list.len() < expected.len()),
                (result, expected) => assert_eq!(result.err(), expected.as_ref().err().copied()),
            }
            result
        }
    }
}

fn set(vcpu: &mut Shim, id: u64, data: &[u8], before: &Seen, life: &Life) -> Result<(), Errno> {
    let result = vcpu.set_one_reg(id, data);
    if data.len() < size(id) {
        assert_eq!(result, Err(Errno::EINVAL), "{id:#x}");
    }
    result?;
    let mut expected = data[..size(id)].to_vec();
    expected[width(id, before.vq(life.host, life.rfc))..].fill(0);
    assert_eq!(get(vcpu, id, 0), Ok(expected), "GET after SET of {id:#x}");
    let after = look(vcpu);
    for (was, is) in before.registers.iter().zip(&after.registers) {
        if register(was.0) != register(id) {
            assert_eq!(was, is, "after a SET of {id:#x}");
        }
    }
    Ok(())
}
