//! The gate with `sve-state`'s own operations. `cargo harness gate` builds and runs it.

use std::process::ExitCode;

use sve_state_benches::{gate, operations};

fn main() -> ExitCode {
    gate::main(operations::CASES, operations::all)
}
