//! All registers at once, of one vCPU and of many.

use std::hint::black_box;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use sve_state::Vq;
use sve_state_benches::bytewise::BytewiseImages;
use sve_state_benches::limit::LimitImages;
use sve_state_benches::naive::NaiveImages;
use sve_state_benches::ours::OurImages;
use sve_state_benches::{Images, SLICES_BYTES, Vcpu};

use crate::cpu_time::CpuTime;
use crate::{Aligned, VQS, image, vq};

/// How many vCPUs, to show how the cost grows, and their VQ.
const VCPUS: [usize; 4] = [1, 8, 64, 512];
const VCPUS_VQ: u16 = 4;

pub(crate) fn all(c: &mut Criterion<CpuTime>) {
    for operation in [Operation::Expand, Operation::Pack] {
        let name = operation.name();
        let mut group = c.benchmark_group(format!("{name}/one"));
        for vq in VQS.map(vq) {
            side_by_side(&mut group, operation, vq, 1, &format!("vq{vq}"));
        }
        group.finish();
        let mut group = c.benchmark_group(format!("{name}/vcpus"));
        for vcpus in VCPUS {
            group.throughput(Throughput::Elements(vcpus as u64));
            side_by_side(
                &mut group,
                operation,
                vq(VCPUS_VQ),
                vcpus,
                &vcpus.to_string(),
            );
        }
        group.finish();
    }
}

#[derive(Clone, Copy)]
enum Operation {
    Expand,
    Pack,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Pack => "pack",
        }
    }
}

type Group<'a> = BenchmarkGroup<'a, CpuTime>;

fn side_by_side(group: &mut Group<'_>, operation: Operation, vq: Vq, vcpus: usize, value: &str) {
    measure::<OurImages>(group, operation, vq, vcpus, value);
    measure::<NaiveImages>(group, operation, vq, vcpus, value);
    measure::<BytewiseImages>(group, operation, vq, vcpus, value);
    let limit = match vq.get() {
        1 => measure::<LimitImages<1>>,
        2 => measure::<LimitImages<2>>,
        4 => measure::<LimitImages<4>>,
        8 => measure::<LimitImages<8>>,
        _ => measure::<LimitImages<16>>,
    };
    limit(group, operation, vq, vcpus, value);
}

fn measure<I: Images>(group: &mut Group<'_>, operation: Operation, vq: Vq, n: usize, value: &str) {
    let mut vcpus: Vec<_> = (0..n).map(|_| I::Vcpu::new(vq, image(vq))).collect();
    let mut slices: Vec<_> = (0..n).map(|_| Aligned([0x5a; SLICES_BYTES])).collect();
    let id = BenchmarkId::new(I::NAME, value);
    group.bench_function(id, |b| match operation {
        Operation::Expand => b.iter(|| {
            for (vcpu, slices) in black_box(&vcpus).iter().zip(black_box(&mut slices)) {
                I::expand(vcpu, &mut slices.0);
            }
        }),
        Operation::Pack => b.iter(|| {
            for (vcpu, slices) in black_box(&mut vcpus).iter_mut().zip(black_box(&slices)) {
                I::pack(vcpu, &slices.0);
            }
        }),
    });
}
