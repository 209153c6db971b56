//! What a copy's instructions may do, by themselves and in a loop: they do not branch, call or panic, and they clamp
//! the register's number. The loop may branch.
//!
//! The assembly does not say which branches are the loop's own, but they are where it is left: of the two ways that
//! such a branch goes, one never comes back, whereas both ways of a branch in the body do. A loop also has no more
//! branches of its own than the same loop around nothing.

use std::fmt;

use super::assembly::{Flow, Function};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Branch,
    Call,
    Indirect,
    Panic,
    Index,
}

/// How a function breaks the rules: the kind, and the instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) Kind, String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::Branch => "a conditional branch",
            Kind::Call => "a call",
            Kind::Indirect => "a jump or call through a register or a table",
            Kind::Panic => "a panic path",
            Kind::Index => "an index that no clamp holds",
        };
        write!(f, "{kind}: {}", self.1)
    }
}

/// The variable that is tested and the module that is called, as they are mangled.
const ASKED: &str = "8DETECTED";
const COPIES: &str = "4copy";

/// All that is wrong with a function, or with a loop, where `around` is the same loop around nothing. A function that
/// `asks` may test once whether the processor has AVX2, and call a copy for either answer. A mask must be there for
/// each of `last`, the largest numbers of a bank's registers.
pub(super) fn faults(
    function: &Function,
    around: Option<&Function>,
    asks: bool,
    last: &[u64],
) -> Vec<Fault> {
    let instructions = &function.instructions;
    let mut faults = Vec::new();
    let asks = asks && instructions.iter().any(|i| i.text.contains(ASKED));
    let (mut tests, mut calls) = if asks { (1, 2) } else { (0, 0) };
    // The compiler may have unrolled the loop around nothing to its end.
    let mut own = around.map_or(0, |around| branches(around).max(1));
    let may = |left: &mut usize| {
        left.checked_sub(1)
            .map(|one_less| *left = one_less)
            .is_some()
    };
    for (at, instruction) in instructions.iter().enumerate() {
        let kind = match &instruction.flow {
            Flow::Next | Flow::Return => continue,
            Flow::Branch(_) if leaves(function, at) && may(&mut own) => continue,
            Flow::Branch(_) if may(&mut tests) => continue,
            Flow::Branch(_) => Kind::Branch,
            Flow::Jump(to) if function.labels.contains_key(to) => continue,
            flow if panics(flow) => Kind::Panic,
            Flow::Jump(to) | Flow::Call(to) if to.contains(COPIES) && may(&mut calls) => continue,
            Flow::Jump(_) | Flow::Call(_) => Kind::Call,
            Flow::CallIndirect | Flow::JumpIndirect => Kind::Indirect,
            Flow::Trap => Kind::Panic,
        };
        faults.push(Fault(kind, instruction.text.clone()));
    }
    for last in last {
        let mask = |bits| (1_u64 << bits) - 1;
        let clamps = instructions.iter().any(|i| match i.text.split(' ').next() {
            Some("and") => i.immediate() == Some(*last),
            // A mask of `immediate` bits, and a shift.
            Some("ubfiz") => i.immediate().map(mask) == Some(*last),
            _ => false,
        });
        if !clamps {
            faults.push(Fault(Kind::Index, format!("of 0 to {last}")));
        }
    }
    faults
}

/// How many conditional branches there are.
pub(super) fn branches(function: &Function) -> usize {
    let branches = function.instructions.iter().map(|i| &i.flow);
    branches
        .filter(|flow| matches!(flow, Flow::Branch(_)))
        .count()
}

fn panics(flow: &Flow) -> bool {
    matches!(flow, Flow::Branch(to) | Flow::Jump(to) | Flow::Call(to) if to.contains("panic"))
}

/// Whether a branch never comes back on one of its two ways.
fn leaves(function: &Function, branch: usize) -> bool {
    let comes_back = |from: Option<usize>| {
        let (mut seen, mut open) = (
            vec![false; function.instructions.len()],
            Vec::from_iter(from),
        );
        while let Some(at) = open.pop() {
            if at == branch {
                return true;
            }
            if at < seen.len() && !seen[at] {
                seen[at] = true;
                let [next, target] = ways(function, at);
                open.extend(next.into_iter().chain(target));
            }
        }
        false
    };
    let [next, target] = ways(function, branch);
    !(comes_back(next) && comes_back(target))
}

/// Where an instruction goes in its function: to the next one, and to its target.
fn ways(function: &Function, at: usize) -> [Option<usize>; 2] {
    match &function.instructions[at].flow {
        Flow::Next => [Some(at + 1), None],
        // A function that never returns ends its path.
        flow @ Flow::Call(_) if panics(flow) => [None, None],
        Flow::Call(_) | Flow::CallIndirect => [Some(at + 1), None],
        Flow::Branch(to) => [Some(at + 1), function.labels.get(to).copied()],
        Flow::Jump(to) => [None, function.labels.get(to).copied()],
        Flow::JumpIndirect | Flow::Return | Flow::Trap => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::faults;
    use crate::parts::codegen::assembly::Assembly;

    #[test]
    fn what_breaks_the_rules_is_found_and_nothing_else() {
        for line in include_str!("rules.txt").lines() {
            let parts: Vec<_> = line.split(" | ").collect();
            let [how, code, expected] = parts[..] else {
                continue;
            };
            let (own, code) = match how.strip_prefix("loop ") {
                Some(own) => (
                    own.parse().expect(line),
                    format!(
                        "test rdx, rdx; je .L3; .L1:; {code}; cmp rsi, rdx; jne .L1; .L3:; ret"
                    ),
                ),
                None => (0, code.to_owned()),
            };
            let around = "jne .L1; ".repeat(own);
            let text = format!("_1f:; {code}; _1g:; {around}ret").replace("; ", "\n");
            let assembly = Assembly::parse(&text);
            let [(_, function), (_, around)] = ["f", "g"].map(|name| assembly.of_path(&[name])[0]);
            let around = (own > 0).then_some(around);
            let last: &[u64] = if how == "clamps" { &[31] } else { &[] };
            let found = faults(function, around, how == "asks", last);
            let kinds: Vec<_> = found.iter().map(|fault| fault.0).collect();
            assert_eq!(format!("{kinds:?}"), expected, "{line}");
        }
    }
}
