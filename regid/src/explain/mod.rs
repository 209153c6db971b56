//! `regid explain`: what an errno means, found by making every call on the library's own vCPU.

mod cause;
mod stage;

use std::io::{self, Write};

use serde::Serialize;
use sve_state::layout::{COPROC_MASK, Layout};
use sve_state::{Errno, sve};

use crate::output::{self, BAD, Format, NAME, QUIET};
use crate::{Answer, Failure, register};

use cause::{ANY, CAUSES, Cause};
use stage::{Call, Case, Target};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  regid explain EPERM --reg VLS
  regid explain --reg z3 --call get
  regid explain -22")]
pub(crate) struct Args {
    /// An errno: EPERM, or its number
    #[arg(value_name = "ERRNO", value_parser = errno, allow_negative_numbers = true)]
    errno: Option<Errno>,
    /// What GET and SET of this register, a name or an ID, answer
    #[arg(long, value_name = "REGISTER", value_parser = reg)]
    reg: Option<Register>,
    /// What this call answers
    #[arg(long, value_enum)]
    call: Option<Call>,
}

/// A register slice, with the name that it was asked for by.
#[derive(Clone)]
struct Register {
    id: u64,
    name: String,
}

/// The largest error number of the kernel (`MAX_ERRNO` in `include/linux/err.h`).
const MAX_ERRNO: i32 = 4095;

fn errno(text: &str) -> Result<Errno, String> {
    let known = || (1..=133).map(Errno).filter(|errno| errno.name().is_some());
    // -1 is accepted too, because a kernel's log has it so.
    let number = text.parse().map(i32::saturating_abs);
    if let Ok(number @ 1..=MAX_ERRNO) = number {
        return Ok(Errno(number));
    }
    let named = known().find(|errno| errno.to_string().eq_ignore_ascii_case(text));
    named.ok_or_else(|| {
        let names: Vec<_> = known()
            .map(|errno| format!("{errno} ({})", errno.0))
            .collect();
        format!(
            "allowed are 1 to {MAX_ERRNO}, and what these calls answer: {}",
            names.join(", ")
        )
    })
}

fn reg(text: &str) -> Result<Register, String> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        let slice = register::named(text)?;
        return Ok(Register {
            id: slice.id,
            name: text.to_uppercase(),
        });
    }
    let id = register::number(text)?;
    // Other coprocessors have registers that are not described here, with answers of their own.
    if id & COPROC_MASK != sve::Layout::PREFIX & COPROC_MASK {
        register::decode(id)?;
    }
    Ok(Register {
        id,
        name: format!("{id:#018x}"),
    })
}

/// A failure and the reason for it.
#[derive(PartialEq, Serialize)]
struct Row {
    errno: String,
    number: i32,
    call: &'static str,
    register: Option<String>,
    vcpu: Option<String>,
    why: &'static str,
    remedy: &'static str,
}

impl Row {
    /// A reason why a call fails, without a case that shows it.
    fn of(cause: &Cause, call: Call) -> Self {
        Self {
            errno: cause.errno.to_string(),
            number: cause.errno.0,
            call: call.name(),
            register: None,
            vcpu: None,
            why: cause.why,
            remedy: cause.remedy,
        }
    }
}

impl Args {
    pub(crate) fn run(&self, format: Format, out: &mut impl Write) -> Answer {
        if let (Some(_), Some(call @ (Call::Init | Call::Finalize | Call::List))) =
            (&self.reg, self.call)
        {
            let why = format!(
                "--reg: {} takes no register; allowed are get and set",
                call.name()
            );
            return Err(Failure::Input(vec![why]));
        }
        let rows = self.rows();
        output::print(format, &rows, out, |rows, out| {
            if rows.is_empty() {
                return writeln!(out, "{BAD}no{BAD:#}  {}", self.nothing());
            }
            text(rows, out)
        })?;
        Ok(!rows.is_empty())
    }

    fn rows(&self) -> Vec<Row> {
        let targets = match &self.reg {
            Some(reg) => Target::of_id(reg.id, &reg.name),
            None => Target::examples(),
        };
        let mut cases = Case::all(&targets);
        cases.retain(|case| match (self.call, &self.reg) {
            (Some(call), _) => case.call == call,
            (None, Some(_)) => matches!(case.call, Call::Get | Call::Set),
            (None, None) => true,
        });
        let cases: Vec<_> = cases.into_iter().map(|c| (c.answer(), c)).collect();
        let mut rows = Vec::new();
        let wanted = |cause: &&Cause| self.errno.is_none_or(|errno| errno == cause.errno);
        for cause in CAUSES.iter().filter(wanted) {
            let answer = Err(cause.errno);
            for (_, case) in cases
                .iter()
                .filter(|(a, c)| *a == answer && (cause.applies)(c))
            {
                let mut alike = cases
                    .iter()
                    .filter(|(_, other)| (other.call, other.stage) == (case.call, case.stage));
                let whatever = self.reg.is_none() && alike.all(|(other, _)| *other == answer);
                let row = Row {
                    register: match case.call {
                        Call::Get | Call::Set if whatever => Some(ANY.to_owned()),
                        Call::Get | Call::Set => Some(case.target.name.clone()),
                        _ => None,
                    },
                    vcpu: Some(case.of_which_vcpu()),
                    ..Row::of(cause, case.call)
                };
                // Two targets of the same name can fail alike.
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
            let calls = cause.elsewhere.iter();
            let calls = calls.filter(|(call, _)| self.call.is_none_or(|wanted| wanted == *call));
            rows.extend(calls.filter_map(|(call, register)| {
                let register = match &self.reg {
                    Some(reg) => Some(reg.name.as_str()).filter(|_| *register == Some(ANY)),
                    None => *register,
                };
                (self.reg.is_none() || register.is_some()).then(|| Row {
                    register: register.map(str::to_owned),
                    ..Row::of(cause, *call)
                })
            }));
        }
        rows
    }

    /// The answer where there is no row.
    fn nothing(&self) -> String {
        let errno = self
            .errno
            .map_or("an errno".to_owned(), |errno| errno.to_string());
        let what = match (&self.reg, self.call) {
            (Some(reg), Some(call)) => format!("{} of {}", call.name(), reg.name),
            (Some(reg), None) => format!("GET or SET of {}", reg.name),
            (None, Some(call)) => call.name().to_owned(),
            (None, None) => "KVM's register calls".to_owned(),
        };
        format!("{errno} is not an answer of {what} at any stage of a vCPU's life")
    }
}

/// A paragraph for each reason.
fn text(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let mut errno = "";
    for group in rows.chunk_by(|a, b| (a.why, a.remedy) == (b.why, b.remedy)) {
        let cause = &group[0];
        if errno != cause.errno {
            errno = &cause.errno;
            writeln!(out, "{NAME}{errno}{NAME:#} ({})", cause.number)?;
        }
        let mut calls: Vec<(Vec<_>, Vec<_>)> = Vec::new();
        for call in group.chunk_by(|a, b| a.call == b.call) {
            let registers = distinct(call.iter().filter_map(|row| row.register.as_deref()));
            match calls.iter_mut().find(|(_, of)| *of == registers) {
                Some((names, _)) => names.push(call[0].call),
                None => calls.push((vec![call[0].call], registers)),
            }
        }
        for (names, registers) in calls {
            write!(out, "  {}", names.join(", "))?;
            if !registers.is_empty() {
                write!(out, ": {}", registers.join(", "))?;
            }
            writeln!(out)?;
        }
        let stages = distinct(group.iter().filter_map(|row| row.vcpu.as_deref())).join("; ");
        if !stages.is_empty() {
            writeln!(out, "    {QUIET}vCPU{QUIET:#}  {stages}")?;
        }
        writeln!(out, "    {QUIET}why{QUIET:#}   {}", cause.why)?;
        writeln!(out, "    {QUIET}do{QUIET:#}    {}", cause.remedy)?;
    }
    Ok(())
}

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}
