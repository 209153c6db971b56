//! The gate of `sve-state`'s own operations.

use std::process::ExitCode;

fn main() -> ExitCode {
    sve_state_benches::gate::main(sve_state_benches::operations::all)
}
