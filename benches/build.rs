//! Records what the program is built with, because counts depend on it.

use std::env;
use std::process::Command;

fn main() {
    let var = |name| env::var(name).unwrap_or_default();
    let rustc = Command::new(var("RUSTC")).arg("--version").output();
    let rustc = rustc.expect("rustc runs").stdout;
    let flags = var("CARGO_ENCODED_RUSTFLAGS").replace('\x1f', " ");
    println!(
        "cargo::rustc-env=BUILT_WITH={}, {}, opt-level {}, {}",
        String::from_utf8_lossy(&rustc).trim(),
        var("TARGET"),
        var("OPT_LEVEL"),
        if flags.is_empty() { "no flags" } else { &flags }
    );
}
