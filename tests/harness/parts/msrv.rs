//! The oldest Rust and the oldest dependencies: `rust-version` and the versions in the manifests of the
//! published crates are promises to their users, and only compilers can tell whether they are kept.

use std::fs;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use crate::context::Context;
use crate::machine::toolchain::{self, Toolchain};
use crate::report::{self, Counted};

/// Each set of features that a user can meet.
const FEATURES: [&str; 4] = [
    "--features default",
    "--no-default-features",
    "--no-default-features --features kvm",
    "--all-features",
];

/// Builds the published crates with every set of features, and runs their tests.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    // The harness inherits nothing from the published crates, and the macros' own version is theirs.
    let toolchain = toolchain::oldest(cx, oldest_version())?;
    for features in FEATURES {
        let build = ["build --lib -p sve-state", features];
        cx.run(toolchain.cargo(cx, "msrv", &build))?;
    }
    let lowest = lowest(cx, &toolchain)?;
    let test = "test -p sve-state -p sve-state-macros";
    let (tests, _) = report::tests(cx, toolchain.cargo(cx, "msrv", &[test]))?;
    Ok(vec![
        format!(
            "Rust {}: {} feature sets built, {tests}",
            oldest_version(),
            FEATURES.len()
        ) + &format!("; built with {lowest}"),
    ])
}

/// The manifests of the published crates.
const MANIFESTS: [&str; 2] = [
    include_str!("../../../macros/Cargo.toml"),
    include_str!("../../../runtime/Cargo.toml"),
];

/// Builds a program with the lowest dependencies that the published crates take, as cargo's
/// `-Z direct-minimal-versions` would choose them, and returns their names. (`package` does so for
/// kvm-ioctls.)
fn lowest(cx: &Context, toolchain: &Toolchain) -> Result<String> {
    let mut pins = Vec::new();
    for manifest in MANIFESTS {
        pins.extend(lower_ends(manifest)?);
    }
    let directory = cx.directory("lowest")?;
    fs::create_dir_all(directory.join("src"))?;
    fs::write(
        directory.join("src/lib.rs"),
        "pub use sve_state::snapshot::Snapshot;\n",
    )?;
    let versions = pins.iter().map(|(name, version)| {
        format!("{name} = {{ version = \"={version}\", default-features = false }}\n")
    });
    let manifest = format!(
        "[package]\nname = \"lowest\"\nversion = \"0.0.0\"\nedition = \"2024\"\nrust-version = \"{}\"\n\
         [workspace]\n[dependencies]\nsve-state = {{ path = {:?}, features = [\"serde\"] }}\n{}",
        oldest_version(),
        cx.root.join("runtime"),
        versions.collect::<String>()
    );
    fs::write(directory.join("Cargo.toml"), manifest)?;
    let mut check = toolchain.cargo(cx, "msrv", &["check"]);
    cx.run(check.current_dir(&directory))?;
    let names = pins
        .iter()
        .map(|(name, version)| format!("{name} {version}"));
    Ok(names.collect::<Vec<_>>().join(", "))
}

/// Each dependency of a manifest with the lower end of its versions, in three numbers.
fn lower_ends(manifest: &str) -> Result<Vec<(String, String)>> {
    let manifest: Table = manifest.parse()?;
    let dependencies = manifest.get("dependencies").and_then(Value::as_table);
    let mut ends = Vec::new();
    for (name, dependency) in dependencies.context("a manifest without dependencies")? {
        // The other published crate has no version here.
        if let Some(version) = dependency.get("version").unwrap_or(dependency).as_str() {
            let missing = 2_usize.saturating_sub(version.matches('.').count());
            ends.push((name.clone(), version.to_owned() + &".0".repeat(missing)));
        }
    }
    Ok(ends)
}

/// `rust-version` of the published crates, which is the first one in the workspace's manifest.
pub(super) fn oldest_version() -> &'static str {
    const MANIFEST: &str = include_str!("../../../Cargo.toml");
    MANIFEST
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .map_or("", |value| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lower_ends_have_three_numbers() {
        let manifest = "[dependencies]\na = \"1\"\nb = { version = \"2.3\" }\nc = \"4.5.6\"\nd.workspace = true\n";
        let found = super::lower_ends(manifest).unwrap();
        let expected = [("a", "1.0.0"), ("b", "2.3.0"), ("c", "4.5.6")];
        assert_eq!(
            found,
            expected.map(|(name, end)| (name.to_owned(), end.to_owned()))
        );
        let published = super::MANIFESTS.map(|manifest| super::lower_ends(manifest).unwrap().len());
        assert_eq!(published, [3, 1]);
    }

    #[test]
    fn the_manifest_states_a_version() {
        assert!(super::oldest_version().starts_with("1."));
    }
}
