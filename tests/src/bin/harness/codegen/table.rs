//! The table: a line for each operation, bank and instruction set, and for each run of vector
//! lengths at which the numbers are the same.

use std::collections::BTreeSet;
use std::fmt;

use super::model::{Cycles, PROCESSORS};

/// A line's numbers, and what they are of.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) operation: String,
    /// Banks.
    pub(crate) registers: String,
    /// Where it moves a register's first slice; nowhere if it is for slices past a register's end.
    pub(crate) vqs: BTreeSet<u16>,
    pub(crate) isa: &'static str,
    pub(crate) instructions: usize,
    pub(crate) branches: usize,
    /// The kernel's cycles, and the plain copy's.
    pub(crate) cycles: Option<(Cycles, Cycles)>,
}

impl Row {
    /// `get Z, VQ 2`
    pub(crate) fn name(&self) -> String {
        format!(
            "{} {}, {}",
            self.operation,
            self.registers,
            place(&self.vqs)
        )
    }

    /// All that is shown, but for the vector lengths.
    fn text(&self) -> (String, String) {
        let Self {
            operation,
            registers,
            isa,
            instructions,
            branches,
            ..
        } = self;
        let mut numbers = format!(" {isa:5} {instructions:6} {branches:6}");
        if let Some((kernel, plain)) = &self.cycles {
            for (kernel, plain) in kernel.iter().zip(plain) {
                let ratio = kernel / plain;
                numbers += &format!("  {kernel:6.2} {plain:6.2} {ratio:5.2}");
            }
        }
        (format!("{operation:7} {registers:9}"), numbers)
    }
}

/// Rows in the order in which they are shown.
#[derive(Default)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut processors = String::new();
        for (_, name) in PROCESSORS {
            processors += &format!("  {name:>6} {:>6} {:>5}", "copy", "ratio");
        }
        writeln!(
            f,
            "  {:7} {:9} {:5} {:5} {:>6} {:>6}{processors}",
            "", "registers", "VQ", "ISA", "instr.", "branch"
        )?;
        let mut lines: Vec<((String, String), BTreeSet<u16>)> = Vec::new();
        for row in &self.0 {
            let text = row.text();
            match lines.last_mut() {
                Some((last, vqs)) if *last == text => vqs.extend(&row.vqs),
                _ => lines.push((text, row.vqs.clone())),
            }
        }
        for ((name, numbers), vqs) in lines {
            let vqs = match vqs.is_empty() {
                true => "past".to_owned(),
                false => ranges(&vqs),
            };
            writeln!(f, "  {name} {vqs:5}{numbers}")?;
        }
        Ok(())
    }
}

/// `VQ 1-3`, `past the end`
pub(crate) fn place(vqs: &BTreeSet<u16>) -> String {
    match vqs.is_empty() {
        true => "past the end".to_owned(),
        false => format!("VQ {}", ranges(vqs)),
    }
}

/// `1-3,5`
fn ranges(numbers: &BTreeSet<u16>) -> String {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for &n in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == n => *last = n,
            _ => ranges.push((n, n)),
        }
    }
    let range = |(first, last): (u16, u16)| match last {
        _ if first == last => first.to_string(),
        _ => format!("{first}-{last}"),
    };
    ranges.into_iter().map(range).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn numbers_that_follow_each_other_are_a_range() {
        assert_eq!(ranges(&[1, 2, 3, 5, 16].into()), "1-3,5,16");
        assert_eq!(ranges(&[7].into()), "7");
    }
}
