//! The probe, `src/bin/codegen_probe.rs`: built, asked where its functions are, and disassembled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

use super::assembly::{Assembly, Function, Isa};
use super::tools::Tools;
use crate::context::Context;
use crate::toolchain::{self, ARM64, Toolchain};

const BUILD: [&str; 6] = [
    "build",
    "--release",
    "-p",
    "sve-state-harness",
    "--bin",
    "codegen_probe",
];

/// A probe for one instruction set, taken apart. Addresses are those in the file.
pub(crate) struct Probe {
    pub(crate) program: PathBuf,
    pub(crate) assembly: Assembly,
    pub(crate) listing: Listing,
}

/// What `codegen_probe list` prints.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Operations and planted functions, by name.
    pub(crate) access: BTreeMap<String, u64>,
    pub(crate) planted: BTreeMap<String, u64>,
    /// Plain copies by their bytes: of one array, and of many.
    pub(crate) copy: BTreeMap<usize, u64>,
    pub(crate) copies: BTreeMap<usize, u64>,
    pub(crate) kernels: BTreeMap<Kernel, Users>,
    /// The size of the table that decodes IDs, in bytes.
    pub(crate) table: u64,
}

/// A kernel's function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kernel {
    pub(crate) operation: &'static str,
    /// Which of the target's sets of instructions.
    pub(crate) isa: usize,
    /// Bytes: of a slice, and of those how many it copies.
    pub(crate) slice: usize,
    pub(crate) copy: usize,
    pub(crate) address: u64,
}

/// What uses a kernel: banks, by name, and the vector lengths at which it is that of a register's first
/// slice; none for slices past the register's end.
#[derive(Debug, Default)]
pub(crate) struct Users {
    pub(crate) banks: BTreeSet<String>,
    pub(crate) vqs: BTreeSet<u16>,
}

/// What the fields of `Kernel` are called that are functions.
pub(crate) const OPERATIONS: [&str; 4] = ["get", "set", "expand", "pack"];

impl Probe {
    /// The one for this machine, as a user's release build would have it.
    pub(crate) fn native(cx: &Context, tools: &Tools) -> Result<Self> {
        cx.run(cx.cargo(&BUILD))?;
        let program = cx.target.join("release").join("codegen_probe");
        Self::of(cx, tools, Isa::X86_64, Command::new(&program), program)
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
            program,
            assembly,
            listing,
        })
    }

    pub(crate) fn function(&self, address: u64) -> Result<&Function> {
        self.assembly.function(address)
    }
}

impl Listing {
    /// Reads the list; `anchor` is where the anchor is in the file.
    fn parse(list: &str, anchor: u64) -> Result<Self> {
        let mut listing = Self::default();
        let mut moved = None;
        for line in list.lines() {
            let (kind, fields) = line.split_once('\t').unwrap_or((line, ""));
            let fields = Fields(fields);
            let address = |name: &str| -> Result<u64> {
                let moved = moved.context("the anchor comes first")?;
                Ok(fields.address(name)?.wrapping_sub(moved))
            };
            match kind {
                "anchor" => moved = Some(fields.address("address")?.wrapping_sub(anchor)),
                "table" => listing.table = fields.number("bytes")?,
                "access" | "planted" => {
                    let functions = match kind {
                        "access" => &mut listing.access,
                        _ => &mut listing.planted,
                    };
                    functions.insert(fields.text("name")?.to_owned(), address("address")?);
                }
                "copy" | "copies" => {
                    let functions = match kind {
                        "copy" => &mut listing.copy,
                        _ => &mut listing.copies,
                    };
                    functions.insert(fields.number("bytes")?, address("address")?);
                }
                "kernel" => {
                    for operation in OPERATIONS {
                        let kernel = Kernel {
                            operation,
                            isa: fields.number("isa")?,
                            slice: fields.number("slice")?,
                            copy: fields.number("copy")?,
                            address: address(operation)?,
                        };
                        let users = listing.kernels.entry(kernel).or_default();
                        users.banks.insert(fields.text("bank")?.to_owned());
                        if fields.number::<u8>("part")? == 0 {
                            users.vqs.insert(fields.number("vq")?);
                        }
                    }
                }
                _ => bail!("not a line of the list: {line:?}"),
            }
        }
        Ok(listing)
    }
}

/// `name=value` between tabs, and what `Debug` prints: `name: value` between commas.
struct Fields<'a>(&'a str);

impl Fields<'_> {
    fn text(&self, name: &str) -> Result<&str> {
        let value = |field| {
            let (found, value) = str::split_once(field, '=').or_else(|| field.split_once(':'))?;
            (found.trim() == name).then_some(value.trim())
        };
        self.0
            .split(['\t', ',', '{', '}'])
            .find_map(value)
            .with_context(|| format!("no {name}: {:?}", self.0))
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<T> {
        let text = self.text(name)?;
        text.parse()
            .ok()
            .with_context(|| format!("{name} is no number: {text:?}"))
    }

    fn address(&self, name: &str) -> Result<u64> {
        let text = self.text(name)?;
        let digits = text
            .strip_prefix("0x")
            .with_context(|| format!("{name} is no address: {text:?}"))?;
        Ok(u64::from_str_radix(digits, 16)?)
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;

    #[test]
    fn addresses_are_those_in_the_file() {
        let list = "anchor\taddress=0x5500\n\
            access\tname=get_z\taddress=0x5700\n\
            kernel\tbank=Z\tvq=2\tisa=1\tpart=0\tkernel=Kernel { copy: 32, slice: 256, \
            get: 0x5510, set: 0x5520, expand: 0x5530, pack: 0x5540 }\n";
        let listing = Listing::parse(list, 0x100).expect("a list");
        assert_eq!(listing.access["get_z"], 0x300);
        let found: Vec<_> = listing
            .kernels
            .keys()
            .map(|k| (k.operation, k.address))
            .collect();
        let expected = [
            ("expand", 0x130),
            ("get", 0x110),
            ("pack", 0x140),
            ("set", 0x120),
        ];
        assert_eq!(found, expected);
        assert!(Listing::parse("access\tname=get_z\taddress=0x1", 0).is_err());
        assert!(Listing::parse("what", 0).is_err());
    }
}
