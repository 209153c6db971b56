//! What a function's instructions may do, by what the function is for.
//!
//! A copy is a straight line: the number of bytes is an operand in it. On x86-64, unless the build is
//! for AVX2, one test of what the processor has comes first, and then a call of such a line. An ID from
//! outside may be found by branches, but through no table of addresses. And whatever a processor has
//! guessed about a register's number, an address is computed only from what the clamp has left of it.

use std::collections::BTreeSet;
use std::fmt;

use super::assembly::{Assembly, Flow, Function, Instruction};

/// What a function has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// No control flow but the return at the end.
    Straight,
    /// The same, and one loop.
    Loop,
    /// One branch, and calls of lines.
    Asks,
    /// Branches, but no jump or call through a register.
    NoTable,
    /// Branches, and calls through a register too, as of one function several times: only indices are
    /// looked at, and panics.
    Any,
}

/// How a function breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Branch,
    Jump,
    Call,
    Table,
    Panic,
    NoClamp,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Branch => "a conditional branch",
            Self::Jump => "a jump",
            Self::Call => "a call",
            Self::Table => "a jump or call through a register or a table",
            Self::Panic => "a panic path",
            Self::NoClamp => "an index that no clamp holds",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => write!(f, "{}", self.kind),
            at => write!(f, "{}: {at}", self.kind),
        }
    }
}

/// Functions that a copy may go to where the processor is asked: lines for AVX2, and what asks.
const LINES: [&str; 2] = [
    "copy::isa::chosen::for_avx2::",
    "copy::isa::chosen::unasked::",
];

/// Everything that is wrong with a function. The number of a register, of which `last` is the largest,
/// must have been clamped: once for each.
pub(crate) fn faults(
    assembly: &Assembly,
    function: &Function,
    rule: Rule,
    last: &[u64],
) -> Vec<Fault> {
    let mut branches = match rule {
        Rule::Straight => 0,
        Rule::Loop | Rule::Asks => 1,
        Rule::NoTable | Rule::Any => usize::MAX,
    };
    let end = function.instructions.len();
    let mut faults = Vec::new();
    for (i, instruction) in function.instructions.iter().enumerate() {
        let kind = match instruction.flow {
            Flow::Next => continue,
            Flow::Return if i + 1 == end || rule != Rule::Straight => continue,
            // A loop goes back.
            Flow::Branch(to)
                if branches > 0 && (rule != Rule::Loop || to <= instruction.address) =>
            {
                branches -= 1;
                continue;
            }
            Flow::Branch(_) => Kind::Branch,
            Flow::Call(to) | Flow::Jump(to) => match assembly.name(to) {
                name if name.contains("panic") => Kind::Panic,
                name if rule == Rule::Asks && LINES.iter().any(|line| name.contains(line)) => {
                    continue;
                }
                _ if matches!(rule, Rule::NoTable | Rule::Any) => continue,
                _ if function.instructions.iter().any(|i| i.address == to) => match rule {
                    Rule::Asks => continue,
                    _ => Kind::Jump,
                },
                _ => Kind::Call,
            },
            Flow::CallIndirect | Flow::JumpIndirect if rule == Rule::Any => continue,
            Flow::CallIndirect | Flow::JumpIndirect => Kind::Table,
            Flow::Return => Kind::Jump,
            Flow::Trap => Kind::Panic,
        };
        let Instruction {
            address,
            mnemonic,
            operands,
            ..
        } = instruction;
        let mut at = format!("{address:#x} {mnemonic} {operands}");
        if let Flow::Call(to) | Flow::Jump(to) = instruction.flow {
            at += &format!(" ({})", assembly.name(to));
        }
        faults.push(Fault { kind, at });
    }
    let clamps = clamps(function);
    for last in last {
        if !clamps.contains(last) {
            let at = format!("of 0 to {last}");
            faults.push(Fault {
                kind: Kind::NoClamp,
                at,
            });
        }
    }
    faults
}

/// The constants that mask something, as the clamp of an index does.
fn clamps(function: &Function) -> BTreeSet<u64> {
    let mask = |instruction: &Instruction| {
        let last = immediate(instruction.operands.rsplit(", ").next()?)?;
        match instruction.mnemonic.as_str() {
            "and" => Some(last),
            // A mask of so many bits and a shift, in one.
            "ubfiz" => Some((1 << last) - 1),
            _ => None,
        }
    };
    function.instructions.iter().filter_map(mask).collect()
}

/// `0x1f`, `#0x1f` or `#31`.
fn immediate(operand: &str) -> Option<u64> {
    let digits = operand.strip_prefix('#').unwrap_or(operand);
    match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Rule, faults};
    use crate::parts::codegen::assembly::{Assembly, Isa};

    /// What is wrong with a function at 0x1000, its instructions 4 bytes each; at 0x2000 to 0x4000
    /// are functions that it may call.
    fn found(isa: Isa, rule: Rule, last: &[u64], lines: &str) -> Vec<Kind> {
        let mut text = "0000000000001000 <f>:\n".to_owned();
        for (i, line) in lines.split("; ").enumerate() {
            let line = line.replacen(' ', "\t", 1);
            text += &format!("    {:x}:      \t{line}\n", 0x1000 + 4 * i);
        }
        for (at, name) in [
            (2000, "core::panicking::panic_bounds_check"),
            (3000, "other"),
            (4000, "sve_state::copy::isa::chosen::for_avx2::get_wide"),
        ] {
            text += &format!("000000000000{at} <{name}>:\n    {at}: \tret\n");
        }
        let assembly = Assembly::parse(isa, &text);
        let function = assembly.function(0x1000).expect("the function");
        let faults = faults(&assembly, function, rule, last);
        faults.into_iter().map(|fault| fault.kind).collect()
    }

    #[test]
    fn a_copy_is_a_straight_line() {
        let found = |lines: &str| found(Isa::Aarch64, Rule::Straight, &[], lines);
        assert_eq!(found("ldr q0, [x0]; str q0, [x1]; ret"), []);
        assert_eq!(found("cbz x0, 0x1008; str q0, [x1]; ret"), [Kind::Branch]);
        assert_eq!(found("bl 0x3000; ret"), [Kind::Call]);
        assert_eq!(found("blr x8; ret"), [Kind::Table]);
        assert_eq!(found("br x8"), [Kind::Table]);
        assert_eq!(found("bl 0x2000; ret"), [Kind::Panic]);
        assert_eq!(found("brk #0x1; ret"), [Kind::Panic]);
        assert_eq!(found("b 0x3000"), [Kind::Call]);
        assert_eq!(found("b 0x1004; ret"), [Kind::Jump]);
        assert_eq!(found("ret; str q0, [x1]; ret"), [Kind::Jump]);
    }

    #[test]
    fn a_loop_has_one_branch_back() {
        let found = |lines: &str| found(Isa::Aarch64, Rule::Loop, &[], lines);
        assert_eq!(
            found("ldr q0, [x0], #16; subs x2, x2, #1; b.ne 0x1000; ret"),
            []
        );
        assert_eq!(found("cbz x2, 0x1008; b.ne 0x1000; ret"), [Kind::Branch]);
        assert_eq!(found("b.ne 0x1000; b.ne 0x1000; ret"), [Kind::Branch]);
    }

    #[test]
    fn who_asks_calls_lines_only() {
        let found = |lines: &str| found(Isa::X86_64, Rule::Asks, &[], lines);
        assert_eq!(found("cmp al, 0x2; jne 0x100c; jmp 0x4000; jmp 0x4000"), []);
        assert_eq!(found("jne 0x1008; call 0x4000; ret"), []);
        assert_eq!(found("jne 0x1008; jne 0x1008; ret"), [Kind::Branch]);
        assert_eq!(found("jmp 0x3000"), [Kind::Call]);
        assert_eq!(found("jmp rdx"), [Kind::Table]);
        assert_eq!(found("call 0x2000; ret"), [Kind::Panic]);
    }

    #[test]
    fn an_id_is_found_without_a_table() {
        let found = |lines: &str| found(Isa::X86_64, Rule::NoTable, &[], lines);
        assert_eq!(found("jne 0x1008; jb 0x1008; call 0x3000; ret"), []);
        assert_eq!(found("jne 0x1008; jmp rax; ret"), [Kind::Table]);
        assert_eq!(
            found("jne 0x1008; call qword ptr [rdi + 0x8]; ret"),
            [Kind::Table]
        );
        assert_eq!(found("jne 0x1008; call 0x2000; ret"), [Kind::Panic]);
    }

    #[test]
    fn an_index_is_clamped() {
        let arm = |lines: &str| found(Isa::Aarch64, Rule::Straight, &[31], lines);
        assert_eq!(arm("and w1, w1, #0x1f; ldr q0, [x0, x1]; ret"), []);
        assert_eq!(arm("ubfiz w1, w1, #5, #5; ldr q0, [x0, x1]; ret"), []);
        assert_eq!(arm("cmp w1, #0x1f; ldr q0, [x0, x1]; ret"), [Kind::NoClamp]);
        assert_eq!(arm("and w1, w1, #0x3f; ret"), [Kind::NoClamp]);
        let x86 = |lines: &str| found(Isa::X86_64, Rule::Straight, &[15], lines);
        assert_eq!(x86("and esi, 0xf; ret"), []);
        assert_eq!(x86("and esi, eax; ret"), [Kind::NoClamp]);
    }
}
