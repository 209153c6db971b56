//! Times to look at and to plot: `cargo bench -p sve-state-benches -- get_z`. The gate does not use them,
//! because it lets blocks of all implementations alternate instead.

use std::iter::once;

use criterion::{BenchmarkId, Criterion, Throughput};
use sve_state_benches::operations;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for operation in operations::all() {
        let mut group = criterion.benchmark_group(operation.name.as_str());
        group.throughput(Throughput::Elements(operation.repeat as u64));
        for (name, make) in once(&("ours", operation.ours)).chain(&operation.others) {
            for case in operations::CASES {
                let (mut pass, mut place) = (make(case), 0);
                group.bench_function(BenchmarkId::new(*name, case), |bencher| {
                    bencher.iter(|| {
                        pass(place);
                        place += 1;
                    });
                });
            }
        }
    }
    criterion.final_summary();
}
