//! Register IDs for people: what 64 bits name, and where each register lies.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sve_state::layout::{ARCH_ARM64, DecodeError, Layout, Reason};
use sve_state::one_reg::reg_size;
use sve_state::{Vq, fpsimd, sve};

/// KVM register IDs of arm64 SVE and FPSIMD state.
#[derive(Parser)]
#[command(name = "regid")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what IDs name: architecture, register, slice and size, or why it is no valid ID.
    ///
    /// A line for each ID. The exit status is 1 if any of them is not valid.
    Decode {
        /// 64-bit IDs, hex (0x6080000000150060) or decimal.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Print where slice 0 of every register lies, for VQ 1 to 16.
    ///
    /// Tab-separated, without a header: VQ, ID, name, offset in sve_state, copied bytes, flushed
    /// bytes. All in bytes, but VQ: that is in units of 128 bits.
    Table,
}

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match Args::parse().command {
        Command::Decode { ids } => decode(&ids, &mut out),
        Command::Table => table(&mut out),
    };
    match done.and_then(|status| out.flush().map(|()| status)) {
        Ok(status) => status,
        // A reader that has seen enough, such as `head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("regid: {error}");
            ExitCode::FAILURE
        }
    }
}

fn decode(ids: &[String], out: &mut impl Write) -> io::Result<ExitCode> {
    let mut status = ExitCode::SUCCESS;
    for text in ids {
        let line = number(text).and_then(describe).unwrap_or_else(|why| {
            status = ExitCode::FAILURE;
            // An error names the ID in hex, which may not be what was typed.
            match why.contains(text.as_str()) {
                true => why,
                false => format!("{text}: {why}"),
            }
        });
        writeln!(out, "{line}")?;
    }
    Ok(status)
}

fn number(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let parsed = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    parsed.map_err(|e| format!("no 64-bit number, hex (0x…) or decimal: {e}"))
}

fn describe(id: u64) -> Result<String, String> {
    let (space, name, slice) = match sve::Reg::decode(id) {
        Ok(sve::Reg::Z(z)) => ("SVE", format!("Z{}", z.number()), Some(z.slice())),
        Ok(sve::Reg::P(p)) => ("SVE", format!("P{}", p.number()), Some(p.slice())),
        Ok(sve::Reg::FFR(ffr)) => ("SVE", "FFR".to_owned(), Some(ffr.slice())),
        Ok(sve::Reg::VLS(_)) => ("SVE", "VLS".to_owned(), None),
        Err(error @ DecodeError { reason, .. }) => match (reason, fpsimd::Reg::decode(id)) {
            (Reason::Coprocessor { .. }, Ok(reg)) => ("CORE", reg.to_string(), None),
            (Reason::Coprocessor { expected: sve }, Err(other)) => {
                return Err(match other.reason {
                    Reason::Coprocessor { expected: core } => format!(
                        "register ID {id:#018x}: coprocessor {:#x} in bits 27:16, where CORE is \
                         {core:#x} and SVE is {sve:#x}",
                        id >> 16 & 0xfff
                    ),
                    Reason::NoRegister => format!("{other} (of V, FPSR and FPCR in CORE)"),
                    _ => other.to_string(),
                });
            }
            _ => return Err(error.to_string()),
        },
    };
    let slice = slice.map_or("-".to_owned(), |i| i.to_string());
    let bits = 8 * reg_size(id);
    Ok(format!(
        "{id:#018x}  arm64 ({:#x})  {space:4}  {name:4}  slice {slice:2}  {bits} bits",
        ARCH_ARM64 >> 56
    ))
}

fn table(out: &mut impl Write) -> io::Result<ExitCode> {
    for vq in Vq::architectural() {
        let (Ok(ids), Ok(bounds)) = (sve::Layout::ids(vq), sve::Layout::bounds(vq)) else {
            return Err(io::Error::other(format!("no layout for VQ {vq}")));
        };
        // The registers of the image come first among the IDs, in its order.
        for (id, b) in ids.zip(bounds) {
            let name = sve::Reg::decode(id).map_err(io::Error::other)?;
            writeln!(
                out,
                "{vq}\t{id:#018x}\t{name}\t{}\t{}\t{}",
                b.start, b.copy, b.flush
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
