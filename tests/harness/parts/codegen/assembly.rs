//! Disassembly, as `llvm-objdump` prints it: functions by address, and where each instruction may
//! go next.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

/// An instruction set's family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Isa {
    Aarch64,
    X86_64,
}

/// Where control goes after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Next,
    /// There, or to the next one.
    Branch(u64),
    Jump(u64),
    JumpIndirect,
    Call(u64),
    CallIndirect,
    Return,
    /// An instruction that stops the program.
    Trap,
}

/// One instruction.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) address: u64,
    pub(crate) mnemonic: String,
    /// Without comments; on x86-64 in Intel's order.
    pub(crate) operands: String,
    pub(crate) flow: Flow,
}

/// What stands between two symbols, without the padding at its end.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) instructions: Vec<Instruction>,
}

/// All functions of a program.
#[derive(Debug)]
pub(crate) struct Assembly {
    functions: BTreeMap<u64, Function>,
}

impl Assembly {
    /// Reads `llvm-objdump -d -C --no-show-raw-insn`; on x86-64 in Intel's syntax, and with `-R`.
    pub(crate) fn parse(isa: Isa, text: &str) -> Self {
        let pointers = pointers(text);
        let mut functions: BTreeMap<u64, Function> = BTreeMap::new();
        let mut current = None;
        for line in text.lines() {
            if let Some((address, name)) = header(line) {
                current = Some(address);
                functions.entry(address).or_insert_with(|| Function {
                    name: name.to_owned(),
                    instructions: Vec::new(),
                });
            } else if let Some(function) = current.and_then(|at| functions.get_mut(&at)) {
                let instruction = Instruction::parse(isa, line, &pointers);
                function.instructions.extend(instruction);
            }
        }
        for function in functions.values_mut() {
            let instructions = &mut function.instructions;
            while instructions.last().is_some_and(Instruction::is_padding) {
                instructions.pop();
            }
        }
        Self { functions }
    }

    /// The function that starts at an address.
    pub(crate) fn function(&self, address: u64) -> Result<&Function> {
        self.functions
            .get(&address)
            .with_context(|| format!("no function starts at {address:#x}"))
    }

    /// The functions whose name contains this.
    pub(crate) fn named(&self, name: &str) -> Vec<&Function> {
        let functions = self.functions.values();
        functions
            .filter(|function| function.name.contains(name))
            .collect()
    }

    /// The address of the only function whose name contains this.
    pub(crate) fn find(&self, name: &str) -> Result<u64> {
        let mut found = self.functions.iter().filter(|(_, f)| f.name.contains(name));
        let (address, _) = found
            .next()
            .with_context(|| format!("no function {name}"))?;
        anyhow::ensure!(found.next().is_none(), "several functions {name}");
        Ok(*address)
    }

    /// What a call goes to, as far as there is a symbol.
    pub(crate) fn name(&self, address: u64) -> &str {
        self.functions.get(&address).map_or("?", |f| &f.name)
    }
}

/// `0000000000030950 <name>:`
fn header(line: &str) -> Option<(u64, &str)> {
    let (address, name) = line.split_once(" <")?;
    let name = name.strip_suffix(">:")?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

/// Pointers that the loader sets: a position-independent x86-64 program calls through them.
/// `0000000000078410 R_X86_64_RELATIVE        *ABS*+0x29b80`
fn pointers(text: &str) -> BTreeMap<u64, u64> {
    let pointer = |line: &str| {
        let mut words = line.split_whitespace();
        let at = u64::from_str_radix(words.next()?, 16).ok()?;
        words.next().filter(|kind| kind.ends_with("_RELATIVE"))?;
        let to = words.next()?.strip_prefix("*ABS*+0x")?;
        Some((at, u64::from_str_radix(to, 16).ok()?))
    };
    text.lines().filter_map(pointer).collect()
}

impl Instruction {
    /// `   30963:`, then between tabs `mov` and `esi, 0x90`.
    fn parse(isa: Isa, line: &str, pointers: &BTreeMap<u64, u64>) -> Option<Self> {
        let (address, rest) = line.split_once(':')?;
        let address = u64::from_str_radix(address.trim(), 16).ok()?;
        let (mnemonic, rest) = match rest.trim().split_once('\t') {
            Some((mnemonic, rest)) => (mnemonic.trim(), rest),
            None => (rest.trim(), ""),
        };
        let comment = [" <", " //", " #"]
            .iter()
            .filter_map(|c| comment(rest, c))
            .min();
        let (operands, comment) = rest.split_at(comment.unwrap_or(rest.len()));
        let operands = operands.trim().to_owned();
        let pointer = || pointers.get(&hexadecimal(comment)?).copied();
        let flow = match isa {
            Isa::Aarch64 => aarch64(mnemonic, &operands),
            Isa::X86_64 => x86_64(mnemonic, &operands, pointer),
        };
        Some(Self {
            address,
            mnemonic: mnemonic.to_owned(),
            operands,
            flow,
        })
    }

    fn is_padding(&self) -> bool {
        ["nop", "int3", "udf"].contains(&self.mnemonic.as_str())
    }
}

/// Where a comment starts. (aarch64's immediates start with `#` too, x86-64's comments with `# `.)
fn comment(text: &str, start: &str) -> Option<usize> {
    let at = text.find(start)?;
    (start != " #" || text[at..].starts_with(" # ")).then_some(at)
}

/// The first number `0x…` of a text.
fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.split_once("0x")?.1;
    let end = digits.find(|c: char| !c.is_ascii_hexdigit());
    u64::from_str_radix(&digits[..end.unwrap_or(digits.len())], 16).ok()
}

/// The target of a direct branch: the last operand.
fn target(operands: &str) -> Option<u64> {
    let last = operands.rsplit(", ").next()?;
    hexadecimal(last.strip_prefix("0x").map(|_| last)?)
}

fn aarch64(mnemonic: &str, operands: &str) -> Flow {
    let target = target(operands).unwrap_or(0);
    match mnemonic {
        "b" => Flow::Jump(target),
        "bl" => Flow::Call(target),
        "brk" | "udf" | "hlt" | "svc" => Flow::Trap,
        _ if mnemonic.starts_with("ret") => Flow::Return,
        _ if mnemonic.starts_with("blr") => Flow::CallIndirect,
        "br" | "braa" | "brab" | "braaz" | "brabz" => Flow::JumpIndirect,
        _ if mnemonic.starts_with("b.") || mnemonic.starts_with("bc.") => Flow::Branch(target),
        // Compare or test, and branch.
        _ if mnemonic.starts_with("cb") || mnemonic.starts_with("tb") => match mnemonic {
            "tbl" | "tbx" => Flow::Next,
            _ => Flow::Branch(target),
        },
        _ => Flow::Next,
    }
}

fn x86_64(mnemonic: &str, operands: &str, pointer: impl Fn() -> Option<u64>) -> Flow {
    // Through a pointer at a fixed place: as good as direct.
    let fixed = operands.contains("[rip").then(|| pointer().unwrap_or(0));
    let target = target(operands).or(fixed);
    match mnemonic {
        "ret" => Flow::Return,
        "jmp" => target.map_or(Flow::JumpIndirect, Flow::Jump),
        "call" => target.map_or(Flow::CallIndirect, Flow::Call),
        "ud2" | "hlt" | "int3" | "int" | "syscall" => Flow::Trap,
        _ if mnemonic.starts_with('j') || mnemonic.starts_with("loop") => {
            Flow::Branch(target.unwrap_or(0))
        }
        _ => Flow::Next,
    }
}

#[cfg(test)]
mod tests {
    use super::{Assembly, Flow, Isa};

    /// A function at 0x1000 of these instructions, 4 bytes each.
    fn flows(isa: Isa, lines: &[&str]) -> Vec<Flow> {
        let mut text = "0000000000001000 <f>:\n".to_owned();
        for (i, line) in lines.iter().enumerate() {
            text += &format!("    {:x}:      \t{line}\n", 0x1000 + 4 * i);
        }
        text += "0000000000002040 R_X86_64_RELATIVE        *ABS*+0x1000\n";
        let assembly = Assembly::parse(isa, &text);
        let f = assembly.function(0x1000).expect("the function");
        f.instructions.iter().map(|i| i.flow).collect()
    }

    #[test]
    fn aarch64_instructions_are_told_apart() {
        let lines = [
            "b.ne\t0x1000 <f>",
            "cbz\tx2, 0x1010 <f+0x10>",
            "tbnz\tw0, #0x3, 0x1010 <f+0x10>",
            "bl\t0x1000 <f>",
            "b\t0x1000 <f>",
            "br\tx2",
            "blr\tx8",
            "brk\t#0x1",
            "bic\tw8, w0, #0xf",
            "mov\tw9, #0x1f               // =31",
            "csel\tx0, x1, x2, eq",
            "ret",
            "nop",
            "udf\t#0x0",
        ];
        let flows = flows(Isa::Aarch64, &lines);
        let expected = [
            Flow::Branch(0x1000),
            Flow::Branch(0x1010),
            Flow::Branch(0x1010),
            Flow::Call(0x1000),
            Flow::Jump(0x1000),
            Flow::JumpIndirect,
            Flow::CallIndirect,
            Flow::Trap,
            Flow::Next,
            Flow::Next,
            Flow::Next,
            Flow::Return,
        ];
        assert_eq!(flows, expected);
    }

    #[test]
    fn x86_64_instructions_are_told_apart() {
        let lines = [
            "jae\t0x1010 <f+0x10>",
            "jmp\t0x1000 <f>",
            "jmp\trax",
            "call\tqword ptr [rax + 0x8]",
            "call\tqword ptr [rip + 0x1028] # 0x2040 <g+0x40>",
            "cmovb\tr8d, esi",
            "ud2",
            "ret",
            "int3",
            "nop\tword ptr [rax + rax]",
        ];
        let flows = flows(Isa::X86_64, &lines);
        let expected = [
            Flow::Branch(0x1010),
            Flow::Jump(0x1000),
            Flow::JumpIndirect,
            Flow::CallIndirect,
            Flow::Call(0x1000),
            Flow::Next,
            Flow::Trap,
            Flow::Return,
        ];
        assert_eq!(flows, expected);
    }
}
