//! What would be published: the crates as packages, with all that belongs in them and nothing else, and what they
//! cost a program that uses them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::context::Context;
use crate::machine::toolchain::{self, ARM64, STATIC};
use crate::report::{Counted, count};

/// A published crate, and the folder of the workspace that it is in.
const CRATES: [(&str, &str); 2] = [("sve-state", "runtime"), ("sve-state-macros", "macros")];

/// What every package has.
const REQUIRED: [&str; 5] = [
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "src/lib.rs",
];
/// What cargo puts in.
const CARGOS_OWN: [&str; 3] = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];
/// What else may be in a package, by folder and extension.
const ALLOWED: [(&str, &str); 7] = [
    ("src/", "rs"),
    ("src/", "s"),
    ("src/", "md"),
    ("src/", "svg"),
    ("examples/", "rs"),
    ("tests/", "rs"),
    ("tests/golden/", "bin"),
];

/// The features of a program that uses the library on arm64, and the crates that come with each.
const FEATURES: [(&str, &[&str]); 4] = [
    ("default", &[]),
    ("snapshot", &[]),
    ("serde", &["serde", "serde_core"]),
    (
        "kvm",
        &[
            "bitflags",
            "kvm-bindings",
            "kvm-ioctls",
            "libc",
            "vmm-sys-util",
        ],
    ),
];
/// The crates that come with all of them.
const ALWAYS: [&str; 6] = [
    "proc-macro2",
    "quote",
    "sve-state",
    "sve-state-macros",
    "syn",
    "unicode-ident",
];

/// Packages the crates, as cargo does before it uploads them, and builds programs that use them.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    let mut files = 0;
    for (name, folder) in CRATES {
        files += check_files(cx, name, folder)?;
    }
    // A build is to start from nothing, and in another folder each time, because cargo keeps what it once unpacked
    // of a version in a folder of this name.
    let all = cx.directory("package-check")?;
    fs::remove_dir_all(&all)?;
    let directory = all.join(std::process::id().to_string());
    // A person may be in the midst of a change; on a clean checkout nothing is dirty.
    let mut package = cx.cargo(&["package --allow-dirty"]);
    package.args(CRATES.map(|(name, _)| format!("--package={name}")));
    cx.run(package.env("CARGO_TARGET_DIR", &directory))?;

    let (crates, seconds) = consumer(cx, &directory)?;
    let grown = grown(cx, &directory)?;
    for version in KVM_IOCTLS {
        kvm_consumer(cx, &directory, version)?;
    }
    Ok(vec![
        format!("{} packaged, {files} files", count(CRATES.len(), "crate")),
        format!("crates that a program gets, by feature: {crates}"),
        format!("a clean build of a program that uses sve-state: {seconds:.1} s"),
        format!("bytes that a VMM on arm64 grows by, of so many at most: {grown}"),
        format!(
            "a VMM with one VcpuFd, of kvm-ioctls {}",
            KVM_IOCTLS.join(" and ")
        ),
    ])
}

/// A program that has the packages from here instead of crates.io, made of how it asks for `sve-state` beside the
/// version, what else its manifest has, and its files.
fn program(
    packages: &Path,
    name: &str,
    asks: &str,
    more: &str,
    files: &[(&str, &str)],
) -> Result<PathBuf> {
    let workspace: toml::Table = include_str!("../../../Cargo.toml").parse()?;
    let version = workspace["workspace"]["package"]["version"].as_str();
    let version = version.context("the published crates have one version")?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\nautobins = false\n\
         [dependencies]\nsve-state = {{ version = \"{version}\", {asks} }}\n\
         [patch.crates-io]\n\
         sve-state = {{ path = \"../package/sve-state-{version}\" }}\n\
         sve-state-macros = {{ path = \"../package/sve-state-macros-{version}\" }}\n\
         [workspace]\n{more}"
    );
    let directory = packages.join(name);
    for (file, text) in [&[("Cargo.toml", &manifest[..])], files].concat() {
        let path = directory.join(file);
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        fs::write(path, text)?;
    }
    Ok(directory)
}

/// Both ends of the versions that `sve-state` takes.
const KVM_IOCTLS: [&str; 2] = ["0.15.0", "0.25.1"];

/// Builds a VMM for arm64 that has this version of kvm-ioctls itself and hands `&VcpuFd` over, in the way that
/// `sve_state::kvm` recommends for both to have the same.
fn kvm_consumer(cx: &Context, packages: &Path, version: &str) -> Result<()> {
    let more = format!(
        "[[bin]]\nname = \"vmm\"\npath = \"main.rs\"\n\
         [target.'cfg(target_arch = \"aarch64\")'.dependencies]\nkvm-ioctls = \"={version}\"\n"
    );
    let files = [("main.rs", include_str!("../../programs/size/kvm.rs"))];
    let name = format!("kvm-{}", version.replace('.', "-"));
    let asks = "features = [\"kvm\", \"snapshot\"]";
    let directory = program(packages, &name, asks, &more, &files)?;
    let cargo = |words: &str| {
        let mut command = cx.cargo(&[words]);
        command.current_dir(&directory);
        command
    };
    cx.run(cargo("generate-lockfile"))?;
    let versions = || -> Result<BTreeSet<String>> {
        let tree = format!("tree --target {ARM64} --prefix none --format {{p}}");
        let output = cx.run_quietly(cargo(&tree))?;
        let lines = output.lines().map(|line| line.trim_end_matches(" (*)"));
        let versions = lines.filter_map(|line| line.strip_prefix("kvm-ioctls v"));
        Ok(versions.map(str::to_owned).collect())
    };
    for other in versions()?.iter().filter(|other| *other != version) {
        let update = format!("update -p kvm-ioctls@{other} --precise {version}");
        cx.run(cargo(&update))?;
    }
    let found = versions()?;
    ensure!(
        found.iter().eq([version]),
        "a VMM with kvm-ioctls {version} has {found:?}"
    );
    let mut check = toolchain::arm64_cargo(cx, &toolchain::arm64(cx)?, &["check"]);
    check.current_dir(&directory);
    cx.run(check).map(drop)
}

/// A VMM that uses the crate: its lines, and those of the program that moves a vCPU with them.
struct Shape {
    name: &'static str,
    /// As that VMM is built for release.
    profile: &'static str,
    /// By how many bytes it may grow beside what it was before it had the crate, in the sections that are loaded
    /// from its file.
    most_grown: u64,
    consumer: &'static str,
    program: &'static str,
}

macro_rules! shape {
    ($name:literal, $most_grown:literal, $profile:literal) => {
        Shape {
            name: $name,
            profile: $profile,
            most_grown: $most_grown,
            consumer: include_str!(concat!("../../suites/consumers/", $name, ".rs")),
            program: include_str!(concat!("../../programs/size/", $name, ".rs")),
        }
    };
}

/// The shapes of Firecracker, Cloud Hypervisor and crosvm.
const SHAPES: [Shape; 3] = [
    shape!("list", 36_900, "lto = true\npanic = \"abort\"\n"),
    shape!(
        "object",
        38_300,
        "lto = true\nopt-level = \"s\"\ncodegen-units = 1\n"
    ),
    shape!(
        "trait_v",
        42_200,
        "overflow-checks = true\npanic = \"abort\"\n"
    ),
];

/// What the programs share.
const SHARED: [(&str, &str); 2] = [
    ("vcpu.rs", include_str!("../../programs/size/vcpu.rs")),
    ("one_reg.rs", include_str!("../../programs/size/one_reg.rs")),
];

/// What a VMM's crate has besides.
const DEPENDENCIES: &str = "[dependencies.anyhow]\nversion = \"1\"\n\
    [dependencies.bitcode]\nversion = \"0.6\"\ndefault-features = false\nfeatures = [\"serde\"]\n\
    [dependencies.serde]\nversion = \"1\"\nfeatures = [\"derive\"]\n\
    [dependencies.serde_json]\nversion = \"1\"\n\
    [dependencies.thiserror]\nversion = \"2\"\n";

/// The source as it was before the VMM had the crate, without the marked lines and with those after `//-`.
fn before(source: &str) -> String {
    let (mut text, mut within) = (String::new(), false);
    for line in source.lines() {
        match line.trim() {
            "// (+" | "// (pack" | "// (any" => within = true,
            "// +)" | "// pack)" | "// any)" => within = false,
            _ if within => {}
            _ => {
                text += line.replacen("//-", "", 1).trim_end();
                text += "\n";
            }
        }
    }
    text
}

/// Builds each VMM for arm64, before and after, and says by how much it grows.
fn grown(cx: &Context, packages: &Path) -> Result<String> {
    let (mut more, mut files) = (DEPENDENCIES.to_owned(), Vec::new());
    for shape in &SHAPES {
        let (name, profile) = (shape.name, shape.profile);
        more += &format!("[profile.{name}]\ninherits = \"release\"\nstrip = true\n{profile}");
        for (side, text) in [
            ("before", before as fn(&str) -> String),
            ("after", str::to_owned),
        ] {
            files.push((format!("{side}/{name}.rs"), text(shape.consumer)));
            let main = format!("{side}/main_{name}.rs");
            more += &format!("[[bin]]\nname = \"{name}_{side}\"\npath = \"{main}\"\n");
            files.push((main, text(shape.program)));
            let shared = SHARED.map(|(file, text)| (format!("{side}/{file}"), text.to_owned()));
            files.extend(shared);
        }
    }
    let files = files.iter().map(|(file, text)| (&file[..], &text[..]));
    let files = files.collect::<Vec<_>>();
    let directory = program(packages, "size", "features = [\"serde\"]", &more, &files)?;

    toolchain::ensure_arm64(cx, &[])?;
    let arm64 = toolchain::arm64(cx)?;
    // Panics name files, and the length of those names is not to count. Where code happens to lie at the end of a
    // page, the linker may go round an erratum of the Cortex-A53, which takes another page.
    let flags = format!(
        "{STATIC} --remap-path-prefix={}=. -C link-arg=-mno-fix-cortex-a53-843419",
        packages.display()
    );
    let mut grown = Vec::new();
    for Shape {
        name, most_grown, ..
    } in SHAPES
    {
        let build = format!("build --profile {name} --bin {name}_before --bin {name}_after");
        let mut build = toolchain::arm64_cargo(cx, &arm64, &[&build]);
        build.current_dir(&directory);
        cx.run(build.env(toolchain::setting("RUSTFLAGS"), &flags))?;
        let folder = cx.target.join("arm64").join(ARM64).join(name);
        let loaded = |side: &str| loaded(cx, &folder.join(format!("{name}_{side}")));
        let (before, after) = (loaded("before")?, loaded("after")?);
        let more = after.saturating_sub(before);
        ensure!(
            more <= most_grown,
            "a VMM in the shape of {name} grows by {more} bytes, to {after}: at most {most_grown} are allowed"
        );
        grown.push(format!("{name} {more} of {most_grown}"));
    }
    Ok(grown.join(", "))
}

/// The size of the sections that are loaded from an ELF file: those of code and constants, and of variables that
/// are not zero.
fn loaded(cx: &Context, file: &Path) -> Result<u64> {
    let output = cx.run_quietly(Command::new("aarch64-linux-gnu-size").arg(file))?;
    let words = output.lines().nth(1).unwrap_or_default().split_whitespace();
    let sizes = words.take(2).map(str::parse::<u64>);
    let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
    ensure!(sizes.len() == 2, "size says {output:?}");
    Ok(sizes.iter().sum())
}

/// Checks what cargo would put into a package, and returns how many files that are.
fn check_files(cx: &Context, name: &str, folder: &str) -> Result<usize> {
    let output = cx.run(cx.cargo(&["package --list --allow-dirty --package", name]))?;
    // Warnings come on the same pipe, and have spaces.
    let files: BTreeSet<_> = output
        .lines()
        .filter(|l| !l.is_empty() && !l.contains(' '))
        .collect();
    if let Some(missing) = REQUIRED.iter().find(|file| !files.contains(**file)) {
        bail!("the package {name} lacks {missing}");
    }
    if let Some(stray) = files.iter().find(|file| !belongs(file)) {
        bail!(
            "the package {name} has {stray}, which does not belong in it: see ALLOWED in {}",
            file!()
        );
    }
    for path in cx.files(&format!("{folder}/src"))? {
        let path = path.trim_start_matches(folder).trim_start_matches('/');
        ensure!(files.contains(path), "the package {name} lacks {path}");
    }
    Ok(files.len())
}

fn belongs(file: &str) -> bool {
    let extension = Path::new(file).extension().unwrap_or_default();
    let allowed =
        |(folder, ending): &(&str, &str)| file.starts_with(folder) && extension == *ending;
    REQUIRED.contains(&file) || CARGOS_OWN.contains(&file) || ALLOWED.iter().any(allowed)
}

const PROGRAM: &str = "fn main() { println!(\"{:#018x}\", sve_state::sve::Z3.id()); }\n";
/// By the kernel's formula: 0x6080_0000_0015_0000 + (3 << 5).
const PRINTED: &str = "0x6080000000150060";

/// A program that uses the packages, as it would those on crates.io: which crates come with each feature, and the
/// seconds that a build from nothing takes.
fn consumer(cx: &Context, packages: &Path) -> Result<(String, f64)> {
    let features = FEATURES.map(|(name, _)| format!("{name} = [\"sve-state/{name}\"]\n"));
    let more = "[[bin]]\nname = \"consumer\"\npath = \"main.rs\"\n[features]\n";
    let more = more.to_owned() + &features.concat();
    let asks = "default-features = true";
    let directory = program(packages, "consumer", asks, &more, &[("main.rs", PROGRAM)])?;
    let cargo = |words: &str| {
        let mut command = cx.cargo(&[words]);
        command.current_dir(&directory);
        command.env("CARGO_TARGET_DIR", directory.join("target"));
        cx.run(command)
    };
    // Here, so that it does not count towards the time of a build.
    cargo("fetch")?;
    let mut crates = Vec::new();
    for (feature, more) in FEATURES {
        let output = cargo(&format!(
            "tree --target {ARM64} --edges normal,build --prefix none --format {{lib}} --features {feature}"
        ))?;
        // Libraries are named with underscores, and the program has none.
        let found = output.lines().map(|line| line.trim_end_matches(" (*)"));
        // Cargo's own messages, such as that it waits for another cargo, come on the same pipe, and have spaces.
        let found = found.filter(|name| !name.is_empty() && !name.contains(' '));
        let found: BTreeSet<_> = found.collect();
        let expected = ALWAYS.iter().chain(more).map(|name| name.replace('-', "_"));
        let expected: BTreeSet<_> = expected.collect();
        ensure!(
            found.iter().copied().eq(&expected),
            "with sve-state ({feature}) come {found:?}, and not {expected:?}"
        );
        crates.push(format!("{feature} {}", found.len()));
    }
    let start = Instant::now();
    cargo("build")?;
    let seconds = start.elapsed().as_secs_f64();
    let printed = cargo("run --quiet")?;
    ensure!(
        printed.trim() == PRINTED,
        "the program printed {printed:?}, and not {PRINTED}"
    );
    Ok((crates.join(", "), seconds))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::belongs;

    /// What `cargo -p` takes for each folder of README's table: the name in its Cargo.toml, if it has one.
    #[test]
    fn the_readme_names_packages_as_cargo_does() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let readme = fs::read_to_string(root.join("README.md")).expect("a README");
        let (_, table) = readme
            .split_once("| folder | package | what |\n| --- | --- | --- |\n")
            .expect("a table");
        let mut packages = 0;
        for row in table.lines().take_while(|line| line.starts_with('|')) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let (folder, package) = (cells[1].trim_matches('`'), cells[2].trim_matches('`'));
            assert!(root.join(folder).is_dir(), "{folder}");
            let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml"));
            let manifest = manifest
                .ok()
                .and_then(|text| text.parse::<toml::Table>().ok());
            let name = manifest.map(|table| table["package"]["name"].clone());
            let name = name.as_ref().and_then(toml::Value::as_str);
            assert_eq!(name.unwrap_or_default(), package, "{folder}");
            packages += usize::from(name.is_some());
        }
        assert_eq!(packages, 8);
    }

    #[test]
    fn what_belongs_in_a_package() {
        let all = |files: &str, are: bool| files.split(' ').all(|file| belongs(file) == are);
        assert!(all(
            "README.md src/shim/mod.rs tests/golden/snapshot-1.bin Cargo.lock",
            true
        ));
        assert!(all(
            "notes.md src/lib.rs.orig tests/ui/case.stderr .env lib.rs",
            false
        ));
    }
}
