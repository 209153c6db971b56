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
    pub(crate) at: String,
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
            at: format!("{address:#x} {mnemonic} {operands}"),
        }
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
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
    let last = function.instructions.len() - 1;
    let fault = |(i, instruction): (usize, &Instruction)| {
        let kind = match instruction.flow {
            Flow::Next => return None,
            Flow::Return if i == last => return None,
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
    let indirect = |flow: Flow| matches!(flow, Flow::JumpIndirect | Flow::CallIndirect);
    let dispatches = function.instructions.iter().filter(|i| indirect(i.flow));
    let mut faults = Vec::new();
    if dispatches.count() != 1 {
        faults.push(Fault::of(Kind::NoDispatch));
    }
    let others = |i: &&Instruction| !indirect(i.flow);
    let rest = Function {
        name: function.name.clone(),
        instructions: function
            .instructions
            .iter()
            .filter(others)
            .cloned()
            .collect(),
    };
    faults.extend(departures(assembly, &rest));
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
