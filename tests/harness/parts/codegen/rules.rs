//! What a copy's instructions may do, alone and in a loop: they do not branch, call or panic, and they clamp the
//! register's number. The loop may branch.
//!
//! Which branches are the loop's own, the assembly does not say. But they are where it is left: of the two ways that
//! they go, one never comes back. From a branch in its body, both do. And a loop has no more branches of its own than
//! the same loop around nothing.

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

/// The variable that is tested, and the module that is called, as they are mangled.
const ASKED: &str = "8DETECTED";
const COPIES: &str = "4copy";

/// All that is wrong with a function, or with a loop, of which `around` is the same around nothing. One that `asks`
/// may test once whether the processor has AVX2, and call a copy for either answer. A mask of each of `last`, the
/// largest numbers of a bank's registers, must be there.
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
            // A mask of so many bits, and a shift.
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

/// Whether a branch, on one of its ways, never comes back.
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
    use super::Kind::{self, *};
    use super::faults;
    use crate::parts::codegen::assembly::Assembly;

    /// What is wrong with a function of these instructions and labels, if the loop around nothing has `own` branches.
    fn kinds(own: usize, asks: bool, last: &[u64], code: &str) -> Vec<Kind> {
        let around = "jne .L1; ".repeat(own);
        let text = format!("_1f:; {code}; _1g:; {around}ret");
        let assembly = Assembly::parse(&text.replace("; ", "\n"));
        let [(_, function), (_, around)] = ["f", "g"].map(|name| assembly.of_path(&[name])[0]);
        let around = (own > 0).then_some(around);
        let faults = faults(function, around, asks, last);
        faults.into_iter().map(|fault| fault.0).collect()
    }

    #[test]
    fn a_copy_alone_is_a_straight_line() {
        let kinds = |code: &str| kinds(0, false, &[], code);
        assert_eq!(kinds("ldr q0, [x0]; b .L1; .L1:; str q0, [x1]; ret"), []);
        assert_eq!(kinds("cbz x0, .L1; str q0, [x1]; .L1:; ret"), [Branch]);
        assert_eq!(kinds("bl memcpy; ret"), [Call]);
        assert_eq!(kinds("b memcpy"), [Call]);
        assert_eq!(
            kinds("mov r12, qword ptr [rip + memcpy@GOTPCREL]; call r12"),
            [Call]
        );
        assert_eq!(
            kinds("rep movsb byte ptr es:[rdi], byte ptr [rsi]; ret"),
            [Call]
        );
        assert_eq!(kinds("blr x8; br x8; jmp rax"), [Indirect; 3]);
        assert_eq!(kinds("bl _4core9panicking5panic; brk #1"), [Panic; 2]);
    }

    #[test]
    fn a_loop_branches_only_where_it_is_left() {
        let kinds = |own, body: &str| {
            let code =
                format!("test rdx, rdx; je .L3; .L1:; {body}; cmp rsi, rdx; jne .L1; .L3:; ret");
            kinds(own, false, &[], &code)
        };
        assert_eq!(kinds(2, "mov rax, rbx"), []);
        assert_eq!(kinds(1, "mov rax, rbx"), [Branch]);
        // On the width, over some code or to another place that comes back.
        assert_eq!(kinds(9, "jb .L2; mov rax, rbx; .L2:"), [Branch]);
        assert_eq!(kinds(9, "jb .L1"), [Branch]);
        // Around the same again.
        assert_eq!(kinds(9, ".L2:; inc rcx; cmp rcx, 16; jne .L2"), [Branch]);
        assert_eq!(
            kinds(9, "jae .L2; jmp .L4; .L2:; call _5panic; ud2; .L4:"),
            [Panic; 2]
        );
        assert_eq!(
            kinds(2, "jae .L2; jmp .L4; .L2:; call _5panic; .L4:"),
            [Panic, Branch]
        );
    }

    #[test]
    fn who_asks_tests_once_and_calls_copies() {
        let code =
            "cmp byte ptr [rip + _8DETECTED], 2; jne .L1; jmp _4copy3yes; .L1:; jmp _4copy2no";
        assert_eq!(kinds(0, true, &[], code), []);
        assert_eq!(kinds(0, false, &[], code), [Branch, Call, Call]);
        assert_eq!(
            kinds(0, true, &[], &code.replace("8DETECTED", "5other")).len(),
            3
        );
        assert_eq!(kinds(0, true, &[], &format!("jb .L1; {code}")), [Branch]);
        assert_eq!(kinds(0, true, &[], &format!("call memcpy; {code}")), [Call]);
    }

    #[test]
    fn an_index_is_clamped() {
        let kinds = |code: &str| kinds(0, false, &[31], code);
        assert_eq!(kinds("and w1, w1, #0x1f; ret"), []);
        assert_eq!(kinds("and esi, 31; ret"), []);
        assert_eq!(kinds("ubfiz w1, w1, #5, #5; ret"), []);
        assert_eq!(
            kinds("cmp w1, #31; and esi, eax; and w1, w1, #0x3f; ret"),
            [Index]
        );
    }
}
