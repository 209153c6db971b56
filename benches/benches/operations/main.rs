//! Every operation at VQ 1, 2, 4, 8 and 16, implementations side by side in one run. What they are
//! called: `sve_state_benches`. What is expected of them: `rules.toml`.
//!
//! Whatever an implementation could know only by being compiled for it (vCPU, register, buffer)
//! passes through `black_box` on its way in; what it wrote is looked at through `black_box`.

mod cpu_time;
mod decode;
mod images;
mod registers;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use oorandom::Rand32;
use sve_state::Vq;

use cpu_time::CpuTime;

/// The vector lengths that are measured.
const VQS: [u16; 5] = [1, 2, 4, 8, 16];

/// How many accesses a random sequence has: more than a branch predictor learns by heart.
const ACCESSES: usize = 4096;

fn vq(vq: u16) -> Vq {
    Vq::new(vq.into()).expect("1 to 16")
}

/// The same numbers in every run, and for every implementation.
fn random() -> Rand32 {
    Rand32::new(0x5eed)
}

/// An image full of bytes that are not all alike.
fn image(vq: Vq) -> Vec<u8> {
    let mut random = random();
    let bytes = 546 * usize::from(vq.get());
    (0..bytes)
        .map(|_| random.rand_u32().to_le_bytes()[0])
        .collect()
}

/// A buffer at the start of a cache line: where it lies would otherwise be chance, another one in each
/// run, and stores across lines and pages cost many times what others do.
#[repr(align(64))]
struct Aligned<T>(T);

/// Short: a benchmark counts as a ratio to its neighbours, so they are measured close to each other,
/// before the machine's other work changes.
fn settings() -> Criterion<CpuTime> {
    Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(25))
        .measurement_time(Duration::from_millis(100))
        .sample_size(30)
        .nresamples(2000)
        .without_plots()
}

criterion_group! {
    name = benches;
    config = settings();
    targets = registers::all, decode::all, images::all
}
criterion_main!(benches);
