//! What an ID names, without an access. No vector length comes into it, and nothing is copied, so
//! there is `ours` and `naive` alone. Why an ID is refused is left out: `naive` does not know.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use sve_state::sve;
use sve_state_benches::naive;

use crate::cpu_time::CpuTime;
use crate::{ACCESSES, random};

pub(crate) fn all(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("decode/one");
    let id = sve::P3.id();
    group.bench_function("ours", |b| {
        b.iter(|| black_box(sve::Reg::decode(black_box(id)).ok()));
    });
    group.bench_function("naive", |b| {
        b.iter(|| black_box(naive::decode(black_box(id))));
    });
    group.finish();

    // Z, P and FFR in no order, as nobody asks for them: the worst case for branches.
    let mut random = random();
    let bank = sve::Z::all()
        .map(sve::Z::id)
        .chain(sve::P::all().map(sve::P::id));
    let every: Vec<u64> = bank.chain([sve::FFR.id()]).collect();
    let ids: Vec<u64> = (0..ACCESSES)
        .map(|_| every[random.rand_range(0..49) as usize])
        .collect();
    let mut group = c.benchmark_group("decode/random");
    group.throughput(Throughput::Elements(ACCESSES as u64));
    group.bench_function("ours", |b| {
        b.iter(|| {
            for &id in black_box(&ids) {
                black_box(sve::Reg::decode(id).ok());
            }
        });
    });
    group.bench_function("naive", |b| {
        b.iter(|| {
            for &id in black_box(&ids) {
                black_box(naive::decode(id));
            }
        });
    });
    group.finish();
}
