//! The probe, `programs/codegen_probe.rs`: built, asked where its functions are, and disassembled.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::assembly::{Assembly, Flow, Function, Isa};
use super::tools::Tools;
use crate::context::Context;
use crate::machine::toolchain::{self, ARM64, Toolchain};

const BUILD: [&str; 6] = [
    "build",
    "--release",
    "-p",
    "sve-state-harness",
    "--bin",
    "codegen_probe",
];

/// A probe for one set of instructions, taken apart. Addresses are those in the file.
pub(crate) struct Probe {
    /// What the copies are compiled for.
    pub(crate) name: &'static str,
    /// Whether copies test what the processor has.
    pub(crate) asks: bool,
    pub(crate) program: PathBuf,
    pub(crate) assembly: Assembly,
    pub(crate) listing: Listing,
}

/// What `codegen_probe list` prints: kinds of functions, and the addresses of each, by name.
#[derive(Debug, Default)]
pub(crate) struct Listing(BTreeMap<String, BTreeMap<String, u64>>);

impl Probe {
    /// One for this machine: a release build with these flags, in a directory of its own.
    pub(crate) fn native(
        cx: &Context,
        tools: &Tools,
        name: &'static str,
        flags: &str,
    ) -> Result<Self> {
        let target = cx.directory(&format!("codegen-{}", name.to_lowercase()))?;
        let mut build = cx.cargo(&BUILD);
        build.env("CARGO_TARGET_DIR", &target);
        build.env_remove("CARGO_ENCODED_RUSTFLAGS");
        build.env("RUSTFLAGS", flags);
        cx.run(build)?;
        let program = target.join("release").join("codegen_probe");
        let mut probe = Self::of(cx, tools, Isa::X86_64, Command::new(&program), program)?;
        (probe.name, probe.asks) = (name, flags.is_empty());
        Ok(probe)
    }

    pub(crate) fn arm64(cx: &Context, tools: &Tools, toolchain: &Toolchain) -> Result<Self> {
        cx.run(toolchain::arm64_cargo(cx, toolchain, &BUILD))?;
        let built = cx.target.join("arm64").join(ARM64).join("release");
        let program = built.join("codegen_probe");
        let mut qemu = Command::new("qemu-aarch64");
        qemu.args(["-cpu", "max"]).arg(&program);
        Self::of(cx, tools, Isa::Aarch64, qemu, program)
    }

    fn of(
        cx: &Context,
        tools: &Tools,
        isa: Isa,
        mut run: Command,
        program: PathBuf,
    ) -> Result<Self> {
        run.arg("list");
        let list = cx.run(run)?;
        let mut objdump = Command::new(&tools.objdump);
        objdump.args(["-d", "-C", "--no-show-raw-insn"]);
        if isa == Isa::X86_64 {
            objdump.args(["-R", "--x86-asm-syntax=intel"]);
        }
        objdump.arg(&program);
        let assembly = Assembly::parse(isa, &cx.run(objdump)?);
        let listing = Listing::parse(&list, assembly.find("codegen_probe::anchor")?)?;
        Ok(Self {
            name: "NEON",
            asks: false,
            program,
            assembly,
            listing,
        })
    }

    /// The function of this kind and name, or what it does nothing but jump to.
    pub(crate) fn function(&self, kind: &str, name: &str) -> Result<&Function> {
        let address = self.listing.all(kind)?.get(name);
        let address = address.with_context(|| format!("the probe has no {kind} {name}"))?;
        let function = self.assembly.function(*address)?;
        match &function.instructions[..] {
            [only] => match only.flow {
                Flow::Jump(to) => self.assembly.function(to),
                _ => Ok(function),
            },
            _ => Ok(function),
        }
    }
}

impl Listing {
    /// All functions of a kind.
    pub(crate) fn all(&self, kind: &str) -> Result<&BTreeMap<String, u64>> {
        let found = self.0.get(kind);
        found.with_context(|| format!("the probe lists no {kind}"))
    }

    /// Reads the list; `anchor` is where the anchor is in the file.
    fn parse(list: &str, anchor: u64) -> Result<Self> {
        let mut listing = Self::default();
        let mut moved = None;
        for line in list.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let field = |name: &str| {
                let mut values = fields.iter().filter_map(|field| field.split_once('='));
                let found = values.find_map(|(found, value)| (found == name).then_some(value));
                found.with_context(|| format!("no {name}: {line:?}"))
            };
            let address = field("address")?;
            let address = address.strip_prefix("0x").context("no address")?;
            let address = u64::from_str_radix(address, 16)?;
            match (fields[0], moved) {
                ("anchor", _) => moved = Some(address.wrapping_sub(anchor)),
                (kind @ ("access" | "planted" | "copy"), Some(moved)) => {
                    let functions = listing.0.entry(kind.to_owned()).or_default();
                    functions.insert(field("name")?.to_owned(), address.wrapping_sub(moved));
                }
                _ => bail!("not a line of the list, or in front of the anchor: {line:?}"),
            }
        }
        Ok(listing)
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;

    #[test]
    fn addresses_are_those_in_the_file() {
        let list = "anchor\taddress=0x5500\naccess\tname=get_z\taddress=0x5700\n";
        let listing = Listing::parse(list, 0x100).expect("a list");
        assert_eq!(listing.all("access").expect("one")["get_z"], 0x300);
        assert!(listing.all("copy").is_err());
        assert!(Listing::parse("access\tname=get_z\taddress=0x1", 0).is_err());
        assert!(Listing::parse("what", 0).is_err());
    }
}
