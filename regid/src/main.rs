//! `regid`: KVM register IDs of arm64 SVE and FPSIMD state, for people.

mod explain;
mod input;
mod output;
mod picture;
mod register;
mod show;

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sve_state::layout::Layout;
use sve_state::shim::Vcpu;
use sve_state::{KVM_ARM_VCPU_SVE, Vls, Vq, VqError, sve};

use output::{Format, Line};

/// KVM register IDs of arm64 SVE and FPSIMD state: names to IDs, IDs to names, and what an errno
/// of ONE_REG means.
///
/// Names are the architecture's, in either case: Z0 to Z31, P0 to P15, FFR, V0 to V31, FPSR, FPCR;
/// VLS is KVM's set of vector lengths. Z3 is slice 0 of Z3, Z3:1 its slice 1. IDs are hex or
/// decimal. Where there are no arguments, or for `-`, words are read from standard input.
#[derive(Parser)]
#[command(name = "regid", version, max_term_width = 100)]
#[command(after_help = "\
Exit status:
  0  every question has its answer
  1  the answer is no: an ID that names no register, an errno that no such call answers
  2  wrong input, or output that cannot be written: a message on standard error; of wrong input
     nothing is answered in part

Examples:
  regid encode Z3 V7 FFR
  regid decode 0x6080000000150060 --vq 2
  regid explain EPERM --reg VLS
  regid list --vq 4 --format json
  regid picture --vq 2 > sve_state.svg")]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How to print; a picture is SVG
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    color: colorchoice_clap::Color,
}

#[derive(Subcommand)]
enum Command {
    /// Names to IDs, one to a line
    #[command(after_help = "\
Examples:
  regid encode Z3 V7 FFR
  regid encode z3:1 --format json")]
    Encode {
        /// Registers: Z3, FFR, Z3:1 for slice 1 of Z3; without any, or for -, words from standard input
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// IDs to names, or why an ID names no register
    #[command(after_help = "\
Examples:
  regid decode 0x6080000000150060 --vq 2
  regid decode 6926536226896871637")]
    Decode {
        /// 64-bit IDs: 0x6080000000150060, or decimal; without any, or for -, words from standard input
        #[arg(value_name = "ID", allow_negative_numbers = true)]
        ids: Vec<String>,
        /// Vector length in quadwords of 128 bits, 1 to 16: say where each slice lies in sve_state, in
        /// bytes: where it starts, how many are copied, how many of a GET's buffer are flushed (filled
        /// with zeros)
        #[arg(long, value_name = "N", value_parser = vq, allow_negative_numbers = true)]
        vq: Option<Vq>,
    },
    /// What an errno of KVM's register calls means, and what to do about it
    ///
    /// The answers are those of Linux since 5.2, as sve-state's own vCPU gives them: every call is
    /// made in every stage of its life. Without an errno: all that the call, or the register, meets.
    Explain(explain::Args),
    /// The registers of SVE and its status that a vCPU of a vector length lists, in KVM's order
    ///
    /// With their places in sve_state. A place is in bytes: where a slice starts, how many are copied, how many
    /// of a GET's buffer are flushed (filled with zeros).
    #[command(after_help = "\
Examples:
  regid list --vq 2
  regid list --vq 4 --format json")]
    List {
        /// Vector length in quadwords of 128 bits, 1 to 16
        #[arg(long, value_name = "N", value_parser = vq, allow_negative_numbers = true)]
        vq: Vq,
    },
    /// The registers in a snapshot's file, each as gdb would show it
    ///
    /// The file holds a snapshot's bytes, or its base64 as JSON has it.
    #[command(after_help = "\
Examples:
  regid show vcpu0.sve
  regid show vcpu0.sve --format json")]
    Show {
        /// The file; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// A picture of sve_state, and of what one GET copies and flushes, as SVG
    #[command(after_help = "\
Example:
  regid picture --vq 2 > sve_state.svg")]
    Picture {
        /// Vector length in quadwords of 128 bits, 1 to 16
        #[arg(long, value_name = "N", value_parser = vq, allow_negative_numbers = true)]
        vq: Vq,
    },
}

fn vq(text: &str) -> Result<Vq, String> {
    // The layout describes fewer VQs than the ABI has room for.
    let (min, max) = (sve::Layout::VQ_MIN, sve::Layout::VQ_MAX);
    let vq = text.parse().ok().and_then(|number| Vq::new(number).ok());
    vq.filter(|vq| sve::Layout::bounds(*vq).is_ok())
        .ok_or_else(|| format!("allowed are {min} to {max}"))
}

pub(crate) enum Failure {
    /// What was asked is not understood, with a message for each mistake.
    Input(Vec<String>),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Vec<String>> for Failure {
    fn from(messages: Vec<String>) -> Self {
        Self::Input(messages)
    }
}

impl From<VqError> for Failure {
    fn from(error: VqError) -> Self {
        Self::Input(vec![error.to_string()])
    }
}

/// Whether the answer is a yes.
pub(crate) type Answer = Result<bool, Failure>;

fn main() -> ExitCode {
    let cli = input::command_line();
    cli.color.write_global();
    let mut out = io::BufWriter::new(anstream::stdout().lock());
    let answer = cli
        .run(&mut out)
        .and_then(|yes| Ok(out.flush().map(|()| yes)?));
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(Failure::Input(messages)) => {
            for message in messages {
                complain(&message);
            }
            ExitCode::from(2)
        }
        // A reader, such as `head`, that has seen enough.
        Err(Failure::Io(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Io(error)) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Prints a message on standard error; where that cannot be written, the exit status has to say it. What the
/// message echoes may come from anywhere, so its control characters are escaped before a terminal gets them.
fn complain(message: &dyn Display) {
    let message = input::escaped(&message.to_string());
    let _ = writeln!(anstream::stderr(), "regid: {message}");
}

impl Cli {
    fn run(self, out: &mut impl Write) -> Answer {
        match self.command {
            Command::Encode { names } => encode(names, self.format, out),
            Command::Decode { ids, vq } => decode(ids, vq, self.format, out),
            Command::Explain(args) => args.run(self.format, out),
            Command::List { vq } => list(vq, self.format, out),
            Command::Show { file } => show::run(&file, self.format, out),
            Command::Picture { .. } if self.format != Format::Text => {
                let why = "--format: tsv and json are not for a picture, which is SVG";
                Err(Failure::Input(vec![why.to_owned()]))
            }
            Command::Picture { vq } => {
                write!(out, "{}", picture::of(vq)?)?;
                Ok(true)
            }
        }
    }
}

fn encode(names: Vec<String>, format: Format, out: &mut impl Write) -> Answer {
    let slices = input::parsed(&input::words(names)?, register::named)?;
    let lines = slices.iter().map(|slice| Line::of(slice, None));
    let lines: Vec<_> = lines.collect::<Result<_, _>>()?;
    output::print(format, &lines, out, |_, out| {
        let mut ids = slices.iter().map(|slice| slice.id);
        ids.try_for_each(|id| writeln!(out, "{id:#018x}"))
    })?;
    Ok(true)
}

fn decode(ids: Vec<String>, vq: Option<Vq>, format: Format, out: &mut impl Write) -> Answer {
    let ids = input::parsed(&input::words(ids)?, register::number)?;
    let mut all_name_registers = true;
    let mut lines = Vec::new();
    for id in ids {
        lines.push(match register::decode(id) {
            Ok(slice) => Line::of(&slice, vq)?,
            Err(why) => {
                all_name_registers = false;
                Line::error(id, why)
            }
        });
    }
    print_lines(format, &lines, out)?;
    Ok(all_name_registers)
}

fn list(vq: Vq, format: Format, out: &mut impl Write) -> Answer {
    let mut vcpu = Vcpu::new(Vls::up_to(vq))?;
    let listed = vcpu
        .init_with_sve()
        .and_then(|()| vcpu.finalize(KVM_ARM_VCPU_SVE));
    let listed = listed.and_then(|()| vcpu.reg_list());
    let mut lines = Vec::new();
    for id in listed.map_err(io::Error::other)? {
        let slice = register::decode(id).map_err(io::Error::other)?;
        lines.push(Line::of(&slice, Some(vq))?);
    }
    print_lines(format, &lines, out)?;
    Ok(true)
}

fn print_lines(format: Format, lines: &[Line], out: &mut impl Write) -> io::Result<()> {
    output::print(format, lines, out, |lines, out| {
        lines.iter().try_for_each(|line| line.text(out))
    })
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
