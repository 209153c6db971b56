//! GET and SET of a Z and of a P register, in three patterns of access.

use std::hint::black_box;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use oorandom::Rand32;
use sve_state::Vq;
use sve_state::layout::{InImage, Register};
use sve_state::sve::{self, bank};
use sve_state_benches::bytewise::Bytewise;
use sve_state_benches::limit::{Limit, Slices};
use sve_state_benches::naive::{Naive, NaiveBounds};
use sve_state_benches::ours::{Ours, OursById};
use sve_state_benches::{Registers, Vcpu};

use crate::cpu_time::CpuTime;
use crate::{ACCESSES, Aligned, VQS, image, random, vq};

/// How many vCPUs take turns.
const VCPUS: u32 = 64;

pub(crate) fn all(c: &mut Criterion<CpuTime>) {
    operation::<Get, bank::Z>(c, "get_z");
    operation::<Set, bank::Z>(c, "set_z");
    operation::<Get, bank::P>(c, "get_p");
    operation::<Set, bank::P>(c, "set_p");
}

fn operation<A: Access, B: InImage<Layout = sve::Layout>>(c: &mut Criterion<CpuTime>, name: &str)
where
    Slices<B::Slice>: Vcpu,
{
    let mut group = c.benchmark_group(format!("{name}/one"));
    for vq in VQS.map(vq) {
        one::<A, Ours<B>>(&mut group, vq);
        one::<A, OursById<B>>(&mut group, vq);
        one::<A, Naive<B>>(&mut group, vq);
        one::<A, NaiveBounds<B>>(&mut group, vq);
        one::<A, Bytewise<B>>(&mut group, vq);
        let limit = match vq.get() {
            1 => one::<A, Limit<B, 1>>,
            2 => one::<A, Limit<B, 2>>,
            4 => one::<A, Limit<B, 4>>,
            8 => one::<A, Limit<B, 8>>,
            _ => one::<A, Limit<B, 16>>,
        };
        limit(&mut group, vq);
    }
    group.finish();

    let mut group = c.benchmark_group(format!("{name}/random"));
    group.throughput(Throughput::Elements(ACCESSES as u64));
    let count = Register::<B>::BANK.max_count;
    for vq in VQS.map(vq) {
        in_random_order::<A, Ours<B>>(&mut group, vq, count);
        in_random_order::<A, OursById<B>>(&mut group, vq, count);
        in_random_order::<A, Naive<B>>(&mut group, vq, count);
        in_random_order::<A, NaiveBounds<B>>(&mut group, vq, count);
        in_random_order::<A, Bytewise<B>>(&mut group, vq, count);
        let limit = match vq.get() {
            1 => in_random_order::<A, Limit<B, 1>>,
            2 => in_random_order::<A, Limit<B, 2>>,
            4 => in_random_order::<A, Limit<B, 4>>,
            8 => in_random_order::<A, Limit<B, 8>>,
            _ => in_random_order::<A, Limit<B, 16>>,
        };
        limit(&mut group, vq, count);
    }
    group.finish();

    // No limit here: how much a SET writes differs from one access to the next.
    let mut group = c.benchmark_group(format!("{name}/interleaved"));
    group.throughput(Throughput::Elements(ACCESSES as u64));
    interleaved::<A, Ours<B>>(&mut group, count);
    interleaved::<A, OursById<B>>(&mut group, count);
    interleaved::<A, Naive<B>>(&mut group, count);
    interleaved::<A, NaiveBounds<B>>(&mut group, count);
    interleaved::<A, Bytewise<B>>(&mut group, count);
    group.finish();
}

/// GET or SET.
trait Access {
    fn access<I: Registers>(vcpu: &mut I::Vcpu, register: I::Register, slice: &mut I::Slice);
}

struct Get;

impl Access for Get {
    #[inline]
    fn access<I: Registers>(vcpu: &mut I::Vcpu, register: I::Register, slice: &mut I::Slice) {
        let slice = black_box(slice);
        black_box(I::get(vcpu, register, slice));
        black_box(slice);
    }
}

struct Set;

impl Access for Set {
    #[inline]
    fn access<I: Registers>(vcpu: &mut I::Vcpu, register: I::Register, slice: &mut I::Slice) {
        black_box(I::set(vcpu, register, black_box(slice)));
        black_box(vcpu);
    }
}

type Group<'a> = BenchmarkGroup<'a, CpuTime>;

/// The same register again and again.
fn one<A: Access, I: Registers>(group: &mut Group<'_>, vq: Vq) {
    let mut vcpu = I::Vcpu::new(vq, image(vq));
    let mut slice = filled::<I>();
    let register = I::register(7);
    group.bench_function(BenchmarkId::new(I::NAME, format!("vq{vq}")), |b| {
        b.iter(|| A::access::<I>(black_box(&mut vcpu), black_box(register), &mut slice.0));
    });
}

/// Registers of one vCPU in random order.
fn in_random_order<A: Access, I: Registers>(group: &mut Group<'_>, vq: Vq, count: u16) {
    let mut vcpu = I::Vcpu::new(vq, image(vq));
    let mut slice = filled::<I>();
    let mut random = random();
    let registers: Vec<_> = (0..ACCESSES)
        .map(|_| I::register(below(&mut random, count)))
        .collect();
    group.bench_function(BenchmarkId::new(I::NAME, format!("vq{vq}")), |b| {
        b.iter(|| {
            let vcpu = black_box(&mut vcpu);
            for &register in black_box(&registers) {
                A::access::<I>(vcpu, register, &mut slice.0);
            }
        });
    });
}

/// Registers of many vCPUs, whose vector lengths differ, in random order.
fn interleaved<A: Access, I: Registers>(group: &mut Group<'_>, count: u16) {
    let mut vcpus: Vec<_> = VQS
        .map(vq)
        .into_iter()
        .cycle()
        .take(VCPUS as usize)
        .map(|vq| I::Vcpu::new(vq, image(vq)))
        .collect();
    let mut slice = filled::<I>();
    let mut random = random();
    let accesses: Vec<_> = (0..ACCESSES)
        .map(|_| {
            let vcpu = random.rand_range(0..VCPUS) as usize;
            (vcpu, I::register(below(&mut random, count)))
        })
        .collect();
    group.bench_function(I::NAME, |b| {
        b.iter(|| {
            let vcpus = black_box(&mut vcpus);
            for &(vcpu, register) in black_box(&accesses) {
                A::access::<I>(&mut vcpus[vcpu], register, &mut slice.0);
            }
        });
    });
}

/// A buffer that is not zero.
fn filled<I: Registers>() -> Aligned<I::Slice> {
    let mut slice = Aligned(I::slice());
    slice.0.as_mut().fill(0x5a);
    slice
}

// Below a `u16`.
#[allow(clippy::cast_possible_truncation)]
fn below(random: &mut Rand32, count: u16) -> u16 {
    random.rand_range(0..count.into()) as u16
}
