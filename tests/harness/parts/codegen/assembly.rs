//! Assembly as rustc writes it, for aarch64 and, in Intel's syntax, for x86-64: functions, and where each of their
//! instructions may go next.

use std::collections::BTreeMap;
use std::mem;

/// Where control goes after an instruction. The name is a label of the function, or another function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    /// There, or to the next one.
    Branch(String),
    Jump(String),
    Call(String),
    /// Through a register or a table.
    JumpIndirect,
    CallIndirect,
    Return,
    /// It stops the program.
    Trap,
}

#[derive(Clone, Debug)]
pub(super) struct Instruction {
    /// `mov esi, 144`
    pub(super) text: String,
    pub(super) flow: Flow,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Function {
    pub(super) instructions: Vec<Instruction>,
    /// The instruction that follows a label.
    pub(super) labels: BTreeMap<String, usize>,
    /// The symbols in the function's table.
    table: Vec<String>,
}

/// All functions of a program, by symbol.
pub(super) struct Assembly(BTreeMap<String, Function>);

impl Assembly {
    pub(super) fn parse(text: &str) -> Self {
        let mut functions = BTreeMap::new();
        let (mut symbol, mut function) = ("", Function::default());
        for code in text.lines().map(str::trim) {
            if let Some(label) = code.strip_suffix(':') {
                if label.starts_with(".L") {
                    let at = function.instructions.len();
                    function.labels.insert(label.to_owned(), at);
                } else {
                    functions.insert(symbol.to_owned(), mem::take(&mut function));
                    symbol = label;
                }
            } else if let Some((".quad" | ".xword", pointer)) = code.split_once('\t') {
                function.table.push(pointer.to_owned());
            } else if !code.is_empty() && !code.starts_with(['.', '/', '#']) {
                let instruction = Instruction::parse(code, &function.instructions);
                function.instructions.push(instruction);
            }
        }
        functions.insert(symbol.to_owned(), function);
        Self(functions)
    }

    /// The functions whose path has this in it, as the compiler mangles paths: `["get_z", "list"]` is `5get_z4list`.
    pub(super) fn of_path(&self, path: &[&str]) -> Vec<(&str, &Function)> {
        let mangled = path.iter().map(|name| format!("{}{name}", name.len()));
        let mangled = mangled.collect::<String>();
        let all = self.0.iter().map(|(symbol, f)| (symbol.as_str(), f));
        all.filter(|(symbol, _)| symbol.contains(&mangled))
            .collect()
    }

    /// The functions of a table of pointers. (The compiler merges those that are alike, so that not each has a name.)
    pub(super) fn table(&self, path: &[&str]) -> Vec<&Function> {
        let tables = self.of_path(path).into_iter();
        let pointers = tables.flat_map(|(_, table)| &table.table);
        pointers.filter_map(|symbol| self.0.get(symbol)).collect()
    }
}

impl Instruction {
    /// Reads an instruction, where `before` has those that come before it in its function.
    fn parse(code: &str, before: &[Self]) -> Self {
        let text = code.replace('\t', " ");
        let (mnemonic, operands) = text.split_once(' ').unwrap_or((&text, ""));
        let target = operands.rsplit(", ").next().unwrap_or("").to_owned();
        let call = || {
            // Or by way of a register that has been set to a pointer's.
            let register = format!("mov {target}, ");
            let mut set = before.iter().rev().map(|i| i.text.strip_prefix(&register));
            direct(&target).or_else(|| direct(set.find_map(|set| set)?))
        };
        let flow = match mnemonic {
            "ret" | "retaa" | "retab" => Flow::Return,
            "jmp" | "b" => direct(&target).map_or(Flow::JumpIndirect, Flow::Jump),
            "call" | "bl" => call().map_or(Flow::CallIndirect, Flow::Call),
            "br" => Flow::JumpIndirect,
            "blr" => Flow::CallIndirect,
            "ud2" | "int3" | "brk" | "udf" | "hlt" => Flow::Trap,
            // A loop over bytes that is a single instruction.
            _ if mnemonic.starts_with("rep") => Flow::Call(text.clone()),
            "cbz" | "cbnz" | "tbz" | "tbnz" => Flow::Branch(target),
            _ if mnemonic.starts_with("b.") || mnemonic.starts_with("bc.") => Flow::Branch(target),
            _ if mnemonic.starts_with('j') || mnemonic.starts_with("loop") => Flow::Branch(target),
            _ => Flow::Next,
        };
        Self { text, flow }
    }

    /// The last operand, if it is a number: `31`, `0x1f`, `#31` or `#0x1f`.
    pub(super) fn immediate(&self) -> Option<u64> {
        let operand = self.text.rsplit(", ").next()?;
        let digits = operand.strip_prefix('#').unwrap_or(operand);
        match digits.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        }
    }
}

/// The symbol or label that is jumped to, also through its place in the table of a position-independent program.
fn direct(target: &str) -> Option<String> {
    let place = target.strip_prefix("qword ptr [rip + ");
    let symbol = match place.and_then(|place| place.strip_suffix("@GOTPCREL]")) {
        Some(symbol) => symbol,
        None => target.strip_suffix("@PLT").unwrap_or(target),
    };
    // A register of x86-64 has two or three letters.
    let named = symbol.starts_with('.') || symbol.len() > 3;
    (named && !symbol.contains(' ')).then(|| symbol.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Assembly;

    #[test]
    fn instructions_are_told_apart() {
        for line in include_str!("flows.txt").lines() {
            let Some((code, flow)) = line.split_once(" => ") else {
                continue;
            };
            let text = format!("_ZN1a1b1fE:\n\t{code}\n\t# w10\n\t.cfi_endproc\n\t//APP\n");
            let assembly = Assembly::parse(&text);
            let (_, function) = assembly.of_path(&["b", "f"])[0];
            let flows = function.instructions.iter().map(|i| &i.flow);
            assert_eq!(
                format!("{:?}", flows.collect::<Vec<_>>()),
                format!("[{flow}]"),
                "{code}"
            );
        }
    }

    #[test]
    fn functions_are_found_by_path_and_in_tables() {
        let text = "\t.text\n_ZN1a3get1fE:\n\tcmp\teax, 0x1f\n.LBB0_1:\n\tret\n\
                    \t.data\n_ZN1a3set4LISTE:\n\t.quad\t_ZN1a3get1fE\n\t.quad\t_ZN1a3get1fE\n";
        let assembly = Assembly::parse(text);
        let [first, second] = assembly.table(&["set", "LIST"])[..] else {
            panic!("two functions")
        };
        let (_, function) = assembly.of_path(&["get", "f"])[0];
        for function in [first, second, function] {
            assert_eq!(function.instructions[0].immediate(), Some(31));
            assert_eq!(function.labels[".LBB0_1"], 1);
        }
        assert!(assembly.of_path(&["et", "f"]).is_empty());
    }
}
