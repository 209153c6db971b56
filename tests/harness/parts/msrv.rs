//! The oldest Rust: `rust-version` in the workspace's Cargo.toml is a promise to the users of the
//! published crates, and only compilers can tell whether it is kept.

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::machine::toolchain;
use crate::report::{Counted, Tests};

/// Each set of features that a user can meet.
const FEATURES: [&[&str]; 4] = [
    &[],
    &["--no-default-features"],
    &["--no-default-features", "--features", "kvm"],
    &["--all-features"],
];

/// Builds the published crates with every set of features, and runs their tests.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    // The harness inherits nothing from the published crates; the macros' own version is theirs.
    let toolchain = toolchain::oldest(cx, oldest_version())?;
    let published = ["-p", "sve-state", "-p", "sve-state-macros"];
    for features in FEATURES {
        let arguments = [&["build", "--lib", "-p", "sve-state"], features].concat();
        cx.run(toolchain.cargo(cx, "msrv", &arguments))?;
    }
    let arguments = [&["test"], &published[..]].concat();
    let output = cx.run(toolchain.cargo(cx, "msrv", &arguments))?;
    let tests = Tests::of(&output);
    ensure!(tests.passed > 0, "no test ran");
    Ok(vec![format!(
        "Rust {}: {} feature sets built, {tests}",
        oldest_version(),
        FEATURES.len()
    )])
}

/// `rust-version` of the published crates: the first one in the workspace's manifest.
fn oldest_version() -> &'static str {
    const MANIFEST: &str = include_str!("../../../Cargo.toml");
    MANIFEST
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .map_or("", |value| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manifest_states_a_version() {
        assert!(super::oldest_version().starts_with("1."));
    }
}
