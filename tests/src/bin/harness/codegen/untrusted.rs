//! How far an ID from outside can steer an address: for each register, how many bits of it follow
//! from the ID. A mask makes them fewer; a branch does not, because a processor may guess it wrongly.

use std::collections::BTreeMap;

use super::assembly::{Instruction, Isa};

/// What is known of the registers at a point of a function.
#[derive(Clone)]
pub(crate) struct Untrusted {
    isa: Isa,
    /// Bits that follow from the ID, up to 64, by the register's full name; of others none do.
    bits: BTreeMap<String, u32>,
    /// What an address may depend on: as many bits as there are in the table's size.
    allowed: u32,
}

const ALL: u32 = u64::BITS;

impl Untrusted {
    /// At the entry of a function whose first argument is the ID, beside a table of that size in
    /// bytes.
    pub(crate) fn first_argument(isa: Isa, table: u64) -> Self {
        let register = match isa {
            Isa::Aarch64 => "x0",
            Isa::X86_64 => "rdi",
        };
        Self {
            isa,
            bits: BTreeMap::from([(register.to_owned(), ALL)]),
            allowed: table.ilog2(),
        }
    }

    /// Takes in an instruction. Whether its address, if it has one, stays within the table.
    pub(crate) fn step(&mut self, instruction: &Instruction) -> bool {
        let mnemonic = instruction.mnemonic.as_str();
        let operands = split(&instruction.operands);
        let address = operands.iter().find_map(|o| inside_brackets(o));
        let reached = address.map_or(0, |address| sum(&self.terms(address)));
        if reached > self.allowed && mnemonic != "lea" {
            return false;
        }
        let written = written(self.isa, mnemonic, &operands);
        let bits = self.result(mnemonic, &operands, written);
        for register in &operands[..written] {
            if let Some((name, width)) = register_of(self.isa, register) {
                // x86-64 leaves the rest of a register as it was where 8 or 16 bits are written.
                let kept = if width < 32 { self.register(&name) } else { 0 };
                self.bits.insert(name, bits.min(width).max(kept));
            }
        }
        true
    }

    /// How many bits of what is written follow from the ID.
    fn result(&self, mnemonic: &str, operands: &[&str], written: usize) -> u32 {
        let (targets, sources) = operands.split_at(written);
        let mut terms = self.terms(&sources.join(", "));
        // Where the first operand is read as well.
        let both = match self.isa {
            Isa::X86_64 => !mnemonic.starts_with("mov") && mnemonic != "lea",
            Isa::Aarch64 => ["movk", "bfi", "bfxil"].contains(&mnemonic),
        };
        if both {
            terms.extend(targets.iter().map(|target| self.operand(target)));
        }
        let largest = terms.iter().max().copied().unwrap_or(0);
        let constants: Vec<u64> = sources.iter().filter_map(|o| number(o)).collect();
        let bits = match (mnemonic, &constants[..]) {
            _ if largest == 0 => 0,
            ("xor", []) if targets == sources => 0,
            ("lea", _) => sources
                .first()
                .and_then(|o| inside_brackets(o))
                .map_or(u64::from(ALL), |o| sum(&self.terms(o)).into()),
            ("add", _) => sum(&terms).into(),
            ("and", [mask]) => u64::from(largest.min(ALL - mask.leading_zeros())),
            ("ubfx", [_, width]) => u64::from(largest).min(*width),
            ("ubfiz", [shift, width]) => u64::from(largest).min(*width) + shift,
            ("lsl" | "shl", [shift]) => u64::from(largest) + shift,
            ("and" | "or" | "orr" | "xor" | "eor" | "csel" | "lsr" | "shr", _) => largest.into(),
            _ if mnemonic.starts_with("mov") || mnemonic.starts_with("cmov") => largest.into(),
            // Whatever else there is may spread them.
            _ => ALL.into(),
        };
        u32::try_from(bits).map_or(ALL, |bits| bits.min(ALL))
    }

    fn register(&self, name: &str) -> u32 {
        self.bits.get(name).copied().unwrap_or(0)
    }

    /// An operand's bits. What is read from memory does not follow from the ID, once the address
    /// was right.
    fn operand(&self, operand: &str) -> u32 {
        let register = register_of(self.isa, operand);
        register.map_or(0, |(name, width)| self.register(&name).min(width))
    }

    /// The bits of each part of an address or of a list of operands: `rcx + 4*rdi + 0x8`,
    /// `x10, x9, lsl #4`.
    fn terms(&self, text: &str) -> Vec<u32> {
        let mut terms: Vec<u32> = Vec::new();
        for operand in split(text) {
            let words: Vec<_> = operand.split_whitespace().collect();
            match (words[..].first().copied(), terms.last_mut()) {
                (Some("lsl" | "uxtw"), Some(last)) => {
                    *last = shifted(*last, words.get(1).map_or(Some(0), |by| number(by)));
                    continue;
                }
                // Any other shift or extension.
                (Some(word), Some(last))
                    if ["lsr", "asr", "ror", "sxtw", "sxtx"].contains(&word) =>
                {
                    *last = shifted(*last, None);
                    continue;
                }
                _ => {}
            }
            if operand.contains('[') {
                terms.push(0);
                continue;
            }
            terms.extend(operand.split(['+', '-']).map(|part| {
                let (scale, register) = part.split_once('*').unwrap_or(("1", part));
                let shift = number(scale).map(|scale| scale.next_power_of_two().ilog2().into());
                shifted(self.operand(register.trim()), shift)
            }));
        }
        terms
    }
}

/// Two parts that follow from the ID carry into one bit more.
fn sum(terms: &[u32]) -> u32 {
    let untrusted = terms.iter().filter(|bits| **bits > 0).count();
    let largest = terms.iter().max().copied().unwrap_or(0);
    match untrusted {
        0 | 1 => largest,
        n => (largest + n.next_power_of_two().ilog2()).min(ALL),
    }
}

/// What an address is made of; `None` where the operand is none.
fn inside_brackets(operand: &str) -> Option<&str> {
    let (_, inner) = operand.split_once('[')?;
    Some(inner.split_once(']').map_or(inner, |(inner, _)| inner))
}

/// By how much, if it is known.
fn shifted(bits: u32, by: Option<u64>) -> u32 {
    match (bits, by.map(u32::try_from)) {
        (0, _) => 0,
        (bits, Some(Ok(by))) => bits.saturating_add(by).min(ALL),
        _ => ALL,
    }
}

/// At commas, but not inside brackets.
fn split(operands: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = operands.split(|c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ',' && depth == 0
    });
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// How many of the operands, from the first on, are registers that the instruction writes.
fn written(isa: Isa, mnemonic: &str, operands: &[&str]) -> usize {
    let registers = operands
        .iter()
        .take_while(|o| register_of(isa, o).is_some())
        .count();
    let none = [
        "cmp", "test", "tst", "cmn", "ccmp", "push", "b", "j", "call", "ret",
    ];
    let store = isa == Isa::Aarch64 && mnemonic.starts_with("st");
    if store || none.contains(&mnemonic) || mnemonic.starts_with("b.") || mnemonic.starts_with('j')
    {
        return 0;
    }
    registers.min(if mnemonic == "ldp" { 2 } else { 1 })
}

/// The full name of a general register, and how many of its bits the operand stands for.
fn register_of(isa: Isa, operand: &str) -> Option<(String, u32)> {
    match isa {
        Isa::Aarch64 => {
            let (width, number) = match operand.split_at_checked(1)? {
                ("x", number) => (64, number),
                ("w", number) => (32, number),
                _ => return None,
            };
            let number: u8 = number.parse().ok()?;
            Some((format!("x{number}"), width))
        }
        Isa::X86_64 => x86_64_register(operand),
    }
}

fn x86_64_register(operand: &str) -> Option<(String, u32)> {
    const OLD: [&str; 8] = ["ax", "bx", "cx", "dx", "si", "di", "bp", "sp"];
    if let Some(new) = operand
        .strip_prefix('r')
        .filter(|r| r.starts_with(|c: char| c.is_ascii_digit()))
    {
        let digits = new.trim_end_matches(['d', 'w', 'b']);
        let width = match &new[digits.len()..] {
            "" => 64,
            "d" => 32,
            "w" => 16,
            _ => 8,
        };
        return digits.parse::<u8>().ok().map(|n| (format!("r{n}"), width));
    }
    if let Some(old) = OLD.iter().find(|old| operand.ends_with(**old)) {
        let width = match operand.strip_suffix(old)? {
            "r" => 64,
            "e" => 32,
            "" => 16,
            _ => return None,
        };
        return Some((format!("r{old}"), width));
    }
    let byte = operand
        .strip_suffix('l')
        .or_else(|| operand.strip_suffix('h'))?;
    let old = OLD
        .iter()
        .find(|old| **old == byte || old.strip_suffix('x') == Some(byte))?;
    Some((format!("r{old}"), 8))
}

/// `0x3f`, `#0x3f`, `4`.
fn number(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches('#');
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
