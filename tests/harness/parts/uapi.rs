//! The kernel's own headers as oracle: a C program prints what they say, this side prints the same
//! lines from `sve-state`, and each line must be on both sides.

mod records;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail, ensure};
use sve_state::layout::{self, BankType, InImage, Layout, Register};
use sve_state::regset::{self, FpsimdState};
use sve_state::{Errno, SveState, Vq, fpsimd, reg_size, signal, sve};

use crate::context::{Context, command};
use crate::machine::install::KERNEL_HEADERS;
use crate::machine::toolchain;
use crate::report::Counted;

/// How many lines of a difference are worth showing.
const SHOWN: usize = 20;

/// Compares every ID, every register's place at every VQ, and the constants that they are made of.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    toolchain::ensure_arm64(cx, &[KERNEL_HEADERS])?;
    let mut oracle = Command::new("qemu-aarch64");
    oracle
        .arg(compile(cx)?)
        .args([Vq::MIN, Vq::ARCH_MAX].map(|vq| vq.to_string()));
    let kernel = cx.run(oracle)?;
    let kernel: BTreeSet<String> = kernel.lines().map(str::to_owned).collect();
    let ours: BTreeSet<String> = ours()?.into_iter().collect();

    let differences: Vec<String> = kernel
        .difference(&ours)
        .map(|line| format!("  only the headers say: {line}"))
        .chain(
            ours.difference(&kernel)
                .map(|line| format!("  only sve-state says: {line}")),
        )
        .collect();
    for line in differences.iter().take(SHOWN) {
        println!("{line}");
    }
    if !differences.is_empty() {
        bail!(
            "{} lines differ from the kernel's headers",
            differences.len()
        );
    }
    let count = |kind: &str| kernel.iter().filter(|l| l.starts_with(kind)).count();
    let (ids, places) = (count("id\t"), count("place\t"));
    let sizes = count("image\t") + count("length\t");
    let records = count("sve_context\t") + count("regset\t") + count("field\t") + count("size\t");
    ensure!(
        ids > 0 && places > 0 && records > 0,
        "the headers said nothing"
    );
    Ok(vec![format!(
        "{ids} IDs, {places} places, {sizes} sizes, {records} places and sizes in signal frames and \
         register sets, {} constants: all as in the headers",
        count("constant\t")
    )])
}

/// Builds the C program, with every warning an error.
fn compile(cx: &Context) -> Result<PathBuf> {
    let program = cx.directory("uapi")?.join("oracle");
    let gcc =
        "aarch64-linux-gnu-gcc -std=gnu11 -O1 -Wall -Wextra -Werror -static tests/uapi/oracle.c -o";
    cx.run(command(gcc).arg(&program))?;
    Ok(program)
}

/// The same lines as the C program's, by `sve-state`.
fn ours() -> Result<Vec<String>> {
    let mut lines = Vec::new();
    ids::<sve::bank::Z>(&mut lines)?;
    ids::<sve::bank::P>(&mut lines)?;
    ids::<sve::bank::FFR>(&mut lines)?;
    ids::<sve::bank::VLS>(&mut lines)?;
    ids::<fpsimd::bank::V>(&mut lines)?;
    ids::<fpsimd::bank::FPSR>(&mut lines)?;
    ids::<fpsimd::bank::FPCR>(&mut lines)?;
    for vq in Vq::architectural() {
        let state = SveState::zeroed(vq)?;
        places::<sve::bank::Z>(&state, &mut lines)?;
        places::<sve::bank::P>(&state, &mut lines)?;
        places::<sve::bank::FFR>(&state, &mut lines)?;
        lines.push(format!(
            "image\tVQ {vq}\t{} bytes",
            sve::Layout::image_bytes(vq)?
        ));
        lines.push(format!("length\tVQ {vq}\t{} bytes", vq.vl_bytes()));
        records::at(vq, &mut lines)?;
    }
    records::fields(&mut lines)?;
    lines.extend(constants().map(|(name, value)| format!("constant\t{name}\t{value}")));
    Ok(lines)
}

/// Every slice of every register of a bank.
fn ids<B: BankType>(lines: &mut Vec<String>) -> Result<()> {
    for n in 0..u32::from(Register::<B>::BANK.max_count) {
        for i in 0..u32::from(Register::<B>::BANK.slices) {
            let id = Register::<B>::with_slice(n, i)?.id();
            let size = reg_size(id);
            lines.push(format!(
                "id\t{}{n}[{i}]\t{id:#018x}\t{size} bytes",
                Register::<B>::BANK.name
            ));
        }
    }
    Ok(())
}

fn places<B>(state: &SveState<Box<[u8]>>, lines: &mut Vec<String>) -> Result<()>
where
    B: InImage<Layout = sve::Layout>,
{
    let vq = state.vq();
    for n in 0..u32::from(Register::<B>::BANK.max_count) {
        let register = Register::<B>::new(n)?;
        let offset = state.bounds(register).start;
        let width = state.register(register).len();
        let name = Register::<B>::BANK.name;
        lines.push(format!(
            "place\tVQ {vq}\t{name}{n}\toffset {offset}\twidth {width}"
        ));
    }
    Ok(())
}

fn constants() -> impl Iterator<Item = (&'static str, u64)> {
    let errno = |errno: Errno| u64::from(errno.0.unsigned_abs());
    [
        ("KVM_REG_ARCH_MASK", layout::ARCH_MASK),
        ("KVM_REG_ARM64", layout::ARCH_ARM64),
        ("KVM_REG_SIZE_MASK", layout::SIZE_MASK),
        ("KVM_REG_SIZE_SHIFT", layout::SIZE_SHIFT.into()),
        ("KVM_REG_ARM_COPROC_MASK", layout::COPROC_MASK),
        ("KVM_REG_ARM_COPROC_SHIFT", layout::COPROC_SHIFT.into()),
        ("KVM_ARM64_SVE_VQ_MIN", Vq::MIN.get().into()),
        ("KVM_ARM64_SVE_VQ_MAX", Vq::MAX.get().into()),
        ("EPERM", errno(Errno::EPERM)),
        ("ENOENT", errno(Errno::ENOENT)),
        ("E2BIG", errno(Errno::E2BIG)),
        ("ENOEXEC", errno(Errno::ENOEXEC)),
        ("EFAULT", errno(Errno::EFAULT)),
        ("EINVAL", errno(Errno::EINVAL)),
        ("NT_ARM_SVE", regset::NT_ARM_SVE.into()),
        ("NT_ARM_SSVE", regset::NT_ARM_SSVE.into()),
        ("NT_PRFPREG", regset::NT_PRFPREG.into()),
        ("SVE_PT_REGS_SVE", regset::REGS_SVE.into()),
        ("SVE_PT_VL_INHERIT", regset::VL_INHERIT.into()),
        ("SVE_PT_VL_ONEXEC", regset::VL_ONEXEC.into()),
        ("FPSIMD_MAGIC", FpsimdState::MAGIC.into()),
        ("SVE_MAGIC", signal::SVE_MAGIC.into()),
        ("EXTRA_MAGIC", signal::EXTRA_MAGIC.into()),
        ("SVE_SIG_FLAG_SM", signal::FLAG_SM.into()),
    ]
    .into_iter()
}
