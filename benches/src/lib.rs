//! What the benchmarks of `sve-state` share, and the gate that judges their results.

pub mod gate;
