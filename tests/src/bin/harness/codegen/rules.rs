//! What a function's instructions may do, by what the function is for.
//!
//! A kernel that moves one slice is a straight line. The two that move a bank's slices, `expand` and
//! `pack`, have the one loop that there is, on a count that is the layout's constant: 49 slices at
//! 16 vector lengths in a straight line would be 200 KB of code. An operation finds its kernel by
//! arithmetic and goes there. Decoding an ID from outside has one branch, to where the error is
//! found out, and no address depends on more of the ID than a mask has left of it.

use std::fmt;

use super::assembly::{Assembly, Flow, Function, Instruction};
use super::untrusted::Untrusted;

/// What a function has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// No control flow but the return at the end.
    Straight,
    /// At most the check at the entry and the branch back.
    CountedLoop,
    /// Straight, and ends in the kernel.
    Dispatch,
    /// One branch, to the error; the table, of this many bytes, is reached by arithmetic.
    Decode { table: u64 },
}

/// How a function breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// The instruction, if it is one.
    address: Option<u64>,
    at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Branch,
    Jump,
    Call,
    Panic,
    NoReturn,
    NoDispatch,
    /// More branches on the way than there may be, or fewer.
    Branches,
    /// An address that an ID from outside steers further than the table reaches.
    Address,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Branch => "a conditional branch",
            Self::Jump => "a jump",
            Self::Call => "a call",
            Self::Panic => "a panic path",
            Self::NoReturn => "no return at the end",
            Self::NoDispatch => "not exactly one jump to a kernel",
            Self::Branches => "not exactly one branch between an ID and its register",
            Self::Address => "an address from an ID that no mask keeps within the table",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            return write!(f, "{}", self.kind);
        }
        write!(f, "{}: {}", self.kind, self.at)
    }
}

impl Fault {
    fn at(kind: Kind, instruction: &Instruction) -> Self {
        let Instruction {
            address,
            mnemonic,
            operands,
            ..
        } = instruction;
        Self {
            kind,
            address: Some(*address),
            at: format!("{address:#x} {mnemonic} {operands}"),
        }
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            address: None,
            at: String::new(),
        }
    }
}

/// Everything that is wrong with a function.
pub(crate) fn faults(assembly: &Assembly, function: &Function, rule: Rule) -> Vec<Fault> {
    match rule {
        Rule::Straight => straight(assembly, function),
        Rule::CountedLoop => counted_loop(assembly, function),
        Rule::Dispatch => dispatch(assembly, function),
        Rule::Decode { table } => decode(assembly, function, table),
    }
}

fn straight(assembly: &Assembly, function: &Function) -> Vec<Fault> {
    let mut faults = departures(assembly, function);
    faults.extend(no_return(function));
    faults
}

/// Every instruction from which control goes elsewhere; the return at the end is none.
fn departures(assembly: &Assembly, function: &Function) -> Vec<Fault> {
    let end = function.instructions.len();
    let fault = |(i, instruction): (usize, &Instruction)| {
        let kind = match instruction.flow {
            Flow::Next => return None,
            Flow::Return if i + 1 == end => return None,
            Flow::Branch(_) => Kind::Branch,
            Flow::Call(to) | Flow::Jump(to) if assembly.name(to).contains("panic") => Kind::Panic,
            Flow::Jump(to) if inside(function, to) => Kind::Jump,
            // A jump to another function is a call in the last place.
            Flow::Call(_) | Flow::CallIndirect | Flow::Jump(_) | Flow::JumpIndirect => Kind::Call,
            Flow::Return => Kind::Jump,
            Flow::Trap => Kind::Panic,
        };
        let mut fault = Fault::at(kind, instruction);
        if let Flow::Call(to) | Flow::Jump(to) = instruction.flow {
            fault.at += &format!(" ({})", assembly.name(to));
        }
        Some(fault)
    };
    let instructions = function.instructions.iter().enumerate();
    instructions.filter_map(fault).collect()
}

fn inside(function: &Function, address: u64) -> bool {
    function.instructions.iter().any(|i| i.address == address)
}

fn no_return(function: &Function) -> Option<Fault> {
    let last = function.instructions.last().map(|i| i.flow);
    (last != Some(Flow::Return)).then(|| Fault::of(Kind::NoReturn))
}

fn counted_loop(assembly: &Assembly, function: &Function) -> Vec<Fault> {
    let (mut back, mut forth) = (1, 1);
    let mut faults = departures(assembly, function);
    let mut branches = function.instructions.iter().filter_map(|i| match i.flow {
        Flow::Branch(to) => Some(to <= i.address),
        _ => None,
    });
    faults.retain(|fault| {
        if fault.kind != Kind::Branch {
            return true;
        }
        let allowed = match branches.next() {
            Some(true) => &mut back,
            _ => &mut forth,
        };
        let exceeded = *allowed == 0;
        *allowed = 0;
        exceeded
    });
    faults.extend(no_return(function));
    faults
}

/// The body of a function's last loop, from the branch's target to the branch. (Where a compiler moves
/// several at a time, the last one moves those that are left, one at a time.)
pub(crate) fn loop_body(function: &Function) -> Option<&[Instruction]> {
    let instructions = &function.instructions;
    let (end, start) =
        instructions
            .iter()
            .enumerate()
            .rev()
            .find_map(|(i, branch)| match branch.flow {
                Flow::Branch(to) if to <= branch.address => Some((i, to)),
                _ => None,
            })?;
    let start = instructions.iter().position(|i| i.address == start)?;
    instructions.get(start..=end)
}

fn dispatch(assembly: &Assembly, function: &Function) -> Vec<Fault> {
    let indirect = |i: &&Instruction| matches!(i.flow, Flow::JumpIndirect | Flow::CallIndirect);
    let dispatches = function
        .instructions
        .iter()
        .filter(indirect)
        .map(|i| i.address);
    let dispatches: Vec<_> = dispatches.collect();
    if dispatches.len() != 1 {
        return vec![Fault::of(Kind::NoDispatch)];
    }
    let mut faults = departures(assembly, function);
    faults.retain(|fault| fault.address != dispatches.first().copied());
    faults
}

/// Follows every way from the entry until it returns, calls or leaves the function.
fn decode(assembly: &Assembly, function: &Function, table: u64) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut returns = 0;
    let mut ways = vec![Way {
        next: 0,
        branches: 0,
        untrusted: Untrusted::first_argument(assembly.isa, table),
    }];
    while let Some(mut way) = ways.pop() {
        let at = |address| {
            function
                .instructions
                .iter()
                .position(|i| i.address == address)
        };
        while let Some(instruction) = function.instructions.get(way.next) {
            if !way.untrusted.step(instruction) {
                faults.push(Fault::at(Kind::Address, instruction));
                break;
            }
            way.next += 1;
            match instruction.flow {
                Flow::Next => {}
                Flow::Branch(to) => {
                    way.branches += 1;
                    if way.branches > 1 {
                        faults.push(Fault::at(Kind::Branches, instruction));
                        break;
                    }
                    ways.extend(at(to).map(|next| Way {
                        next,
                        ..way.clone()
                    }));
                }
                Flow::Jump(to) if inside(function, to) => way.next = at(to).unwrap_or(usize::MAX),
                Flow::JumpIndirect => {
                    faults.push(Fault::at(Kind::Jump, instruction));
                    break;
                }
                Flow::Call(to) | Flow::Jump(to) if assembly.name(to).contains("panic") => {
                    faults.push(Fault::at(Kind::Panic, instruction));
                    break;
                }
                Flow::Trap => {
                    faults.push(Fault::at(Kind::Panic, instruction));
                    break;
                }
                // To the error: no valid ID goes there.
                Flow::Call(_) | Flow::CallIndirect | Flow::Jump(_) => break,
                Flow::Return => {
                    returns += 1;
                    if way.branches != 1 {
                        faults.push(Fault::at(Kind::Branches, instruction));
                    }
                    break;
                }
            }
        }
    }
    if returns != 1 && faults.is_empty() {
        faults.push(Fault::of(Kind::NoReturn));
    }
    faults
}

#[derive(Clone)]
struct Way {
    /// Index of the next instruction.
    next: usize,
    branches: usize,
    untrusted: Untrusted,
}

#[cfg(test)]
mod tests {
    use super::{Kind, Rule, faults, loop_body};
    use crate::codegen::assembly::{Assembly, Isa};

    /// What is wrong with a function at 0x1000, its instructions 4 bytes each; at 0x2000 and 0x3000
    /// are functions that it may call.
    fn found(isa: Isa, rule: Rule, lines: &str) -> Vec<Kind> {
        let assembly = assembly(isa, lines);
        let function = assembly.function(0x1000).expect("the function");
        let faults = faults(&assembly, function, rule);
        faults.into_iter().map(|fault| fault.kind).collect()
    }

    fn assembly(isa: Isa, lines: &str) -> Assembly {
        let mut text = "0000000000001000 <f>:\n".to_owned();
        for (i, line) in lines.split("; ").enumerate() {
            let line = line.replacen(' ', "\t", 1);
            text += &format!("    {:x}:      \t{line}\n", 0x1000 + 4 * i);
        }
        text += "0000000000002000 <core::panicking::panic_bounds_check>:\n    2000: \tret\n";
        text += "0000000000003000 <search>:\n    3000: \tret\n";
        Assembly::parse(isa, &text)
    }

    #[test]
    fn a_kernel_is_a_straight_line() {
        let found = |lines: &str| found(Isa::Aarch64, Rule::Straight, lines);
        assert_eq!(found("ldr q0, [x0]; str q0, [x1]; ret"), []);
        assert_eq!(found("cbz x0, 0x1008; str q0, [x1]; ret"), [Kind::Branch]);
        assert_eq!(found("bl 0x3000; ret"), [Kind::Call]);
        assert_eq!(found("blr x8; ret"), [Kind::Call]);
        assert_eq!(found("bl 0x2000; ret"), [Kind::Panic]);
        assert_eq!(found("brk #0x1; ret"), [Kind::Panic]);
        assert_eq!(found("b 0x3000"), [Kind::Call, Kind::NoReturn]);
        assert_eq!(found("ret; str q0, [x1]; ret"), [Kind::Jump]);
    }

    #[test]
    fn a_kernel_of_a_bank_has_one_loop() {
        let found = |lines: &str| found(Isa::Aarch64, Rule::CountedLoop, lines);
        let once = "cbz x2, 0x1010; ldr q0, [x0], #16; subs x2, x2, #1; b.ne 0x1004; ret";
        assert_eq!(found(once), []);
        let more =
            "cbz x2, 0x1014; cbz x3, 0x1014; ldr q0, [x0]; subs x2, x2, #1; b.ne 0x1008; ret";
        assert_eq!(found(more), [Kind::Branch]);
        let twice = "cbz x2, 0x1010; ldr q0, [x0]; b.ne 0x1004; b.ne 0x1004; ret";
        assert_eq!(found(twice), [Kind::Branch]);
        assert_eq!(found("cbz x2, 0x1008; bl 0x3000; ret"), [Kind::Call]);

        let assembly = assembly(Isa::Aarch64, once);
        let body = loop_body(assembly.function(0x1000).expect("the function"));
        let body = body.expect("a loop").iter().map(|i| i.mnemonic.as_str());
        assert!(body.eq(["ldr", "subs", "b.ne"]));
    }

    #[test]
    fn an_operation_goes_to_its_kernel_and_nowhere_else() {
        let found = |lines: &str| found(Isa::X86_64, Rule::Dispatch, lines);
        assert_eq!(found("mov rdx, qword ptr [rdi]; jmp rdx"), []);
        assert_eq!(
            found("push rbx; call qword ptr [rdi + 0x8]; pop rbx; ret"),
            []
        );
        assert_eq!(found("mov rax, rdi; ret"), [Kind::NoDispatch]);
        assert_eq!(found("call rdx; jmp rdx"), [Kind::NoDispatch]);
        assert_eq!(found("je 0x1008; jmp rdx; ret"), [Kind::Branch]);
        assert_eq!(found("call 0x2000; jmp rdx"), [Kind::Panic]);
    }

    #[test]
    fn decoding_has_one_branch_and_a_masked_index() {
        let rule = Rule::Decode { table: 1024 };
        let arm = |lines: &str| found(Isa::Aarch64, rule, lines);
        let masked =
            "ubfx x9, x0, #5, #6; adrp x10, 0x8000; add x9, x10, x9, lsl #4; ldr x10, [x9]";
        let compared = "sub x10, x0, x10; cmp x10, x11; b.hs 0x1024; str x10, [x1]";
        let ends = "ret; bl 0x3000; ret";
        let all = |first: &str| format!("{first}; {compared}; {ends}");
        assert_eq!(arm(&all(masked)), []);
        // A mask of one bit more, and none at all.
        let wider = masked.replace("#6", "#7");
        assert_eq!(arm(&all(&wider)), [Kind::Address]);
        assert_eq!(
            arm("cmp x0, #64; b.hs 0x1014; ldr x9, [x2, x0, lsl #3]; str x9, [x1]; ret; b 0x3000"),
            [Kind::Address]
        );
        // No check, two, and one that panics.
        assert_eq!(arm(&format!("{masked}; ret")), [Kind::Branches]);
        assert_eq!(
            arm("cbz x0, 0x100c; cbz x1, 0x100c; ret; b 0x3000"),
            [Kind::Branches]
        );
        assert_eq!(arm("cbz x0, 0x1008; ret; bl 0x2000"), [Kind::Panic]);

        let x86 = |lines: &str| found(Isa::X86_64, rule, lines);
        let masked = "mov eax, edi; shr eax, 0x5; and eax, 0x3f; shl eax, 0x4; \
            mov rcx, qword ptr [rax + rdx]; sub rdi, rcx; cmp rdi, 0x20; jae 0x1024; ret; jmp 0x3000";
        assert_eq!(x86(masked), []);
        assert_eq!(x86(&masked.replace("0x3f", "0x7f")), [Kind::Address]);
        assert_eq!(
            x86(&masked.replace("[rax + rdx]", "[2*rax + rdx]")),
            [Kind::Address]
        );
        assert_eq!(
            x86(&masked.replace("and eax, 0x3f", "nop")),
            [Kind::Address]
        );
    }
}
