//! The gate of `sve-state`'s own operations.

use std::process::ExitCode;

use sve_state_benches::{gate, operations};

fn main() -> ExitCode {
    gate::main(operations::CASES, operations::all)
}
