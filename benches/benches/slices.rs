//! GET and SET of a Z slice, beside a copy of as many bytes as the operation writes, which nothing
//! can beat.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sve_state::{SveState, Vq, sve};

fn slices(c: &mut Criterion) {
    let mut group = c.benchmark_group("slice");
    for vq in [1, 2, 4, 8, 16].map(|vq| Vq::new(vq).expect("1 to 16")) {
        let mut state = SveState::zeroed(vq).expect("described by the layout");
        let mut slice = [0x5a; 256];
        group.bench_function(BenchmarkId::new("get_z", vq), |b| {
            b.iter(|| black_box(&state).get_into(black_box(sve::Z7), black_box(&mut slice)));
        });
        group.bench_function(BenchmarkId::new("set_z", vq), |b| {
            b.iter(|| black_box(&mut state).set(black_box(sve::Z7), black_box(&slice)));
        });
    }
    let (source, mut target) = ([0xa5_u8; 256], [0; 256]);
    group.bench_function("limit/get_z", |b| {
        b.iter(|| *black_box(&mut target) = *black_box(&source));
    });
    group.finish();
}

criterion_group!(benches, slices);
criterion_main!(benches);
