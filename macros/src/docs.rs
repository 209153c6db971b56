//! Writes the documentation of a register's constant: its ID, and where it lies in the image as a formula of
//! VQ.

use std::fmt::{self, Display};

use quote::ToTokens;

use crate::ast::Place;
use crate::valid::{Bank, Layout, PerVq};

/// An offset in the image, `fixed + linear * VQ + square * VQ²`. The square is needed because both the number
/// of registers and their width may grow with VQ.
#[derive(Clone, Copy, Default)]
pub(crate) struct Offset([u64; 3]);

impl Offset {
    /// The offset of a register whose bank starts at this offset.
    fn register(self, bank: &Bank, number: u16) -> Self {
        let Self([fixed, linear, square]) = self;
        let (number, width) = (u64::from(number), bank.width);
        Self([
            fixed + number * u64::from(width.fixed),
            linear + number * u64::from(width.per_vq),
            square,
        ])
    }

    /// Adds the size of this bank, which gives the offset where the next one starts.
    pub(crate) fn pass(&mut self, bank: &Bank) {
        let [count, width] = [bank.count, bank.width]
            .map(|PerVq { fixed, per_vq }| [u64::from(fixed), u64::from(per_vq)]);
        self.0[0] += count[0] * width[0];
        self.0[1] += count[0] * width[1] + count[1] * width[0];
        self.0[2] += count[1] * width[1];
    }
}

/// `256·VQ² + 16·VQ + 4`, without the terms that are zero.
impl Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([fixed, linear, square]) = *self;
        let terms: Vec<_> = [(square, "VQ²"), (linear, "VQ"), (fixed, "")]
            .into_iter()
            .filter(|&(factor, _)| factor > 0)
            .map(|(factor, power)| match (factor, power) {
                (_, "") => factor.to_string(),
                (1, _) => power.to_owned(),
                _ => format!("{factor}·{power}"),
            })
            .collect();
        match terms.as_slice() {
            [] => f.write_str("0"),
            terms => f.write_str(&terms.join(" + ")),
        }
    }
}

/// The text that documentation and editors show for a constant whose bank starts at `start` in the image.
pub(crate) fn constant(layout: &Layout, bank: &Bank, number: u16, start: Offset) -> String {
    let name = bank.register(number);
    let id = hex(layout.prefix | bank.id((number, 0)));
    let place = place(bank, number, start);
    let since = since(layout, bank, number);
    format!("`{name}`: ID `{id}`; {place}.{since}")
}

/// `16·VQ bytes at offset 48·VQ of the image`.
fn place(bank: &Bank, number: u16, start: Offset) -> String {
    let PerVq { fixed, per_vq } = bank.width;
    let width = Offset([fixed.into(), per_vq.into(), 0]);
    match &bank.ast.place {
        Place::Image => {
            let offset = start.register(bank, number);
            format!("{width} bytes at offset {offset} of the image")
        }
        Place::View(shown) => {
            let shown = shown.to_token_stream().to_string().replace(' ', "");
            // A view of a single register shows a single register, so neither has a number.
            let number = bank.ast.count.as_ref().map(|_| number.to_string());
            let number = number.unwrap_or_default();
            format!("{width} bytes, the low ones of `{shown}{number}`")
        }
        Place::Nowhere => format!("{width} bytes, with no place in the image"),
    }
}

/// ` From VQ 4.`, for a register that smaller VQs do not have.
fn since(layout: &Layout, bank: &Bank, number: u16) -> String {
    let mut vqs = layout.vqs.min..=layout.vqs.max;
    match vqs.find(|&vq| bank.count.at(vq) > number.into()) {
        Some(vq) if vq > layout.vqs.min => format!(" From VQ {vq}."),
        _ => String::new(),
    }
}

/// `Z0 to Z31`.
pub(crate) fn range(bank: &Bank) -> String {
    match bank.max_count {
        1 => format!("{} only", bank.register(0)),
        n => format!("{} to {}", bank.register(0), bank.register(n - 1)),
    }
}

/// An ID as the kernel's documentation writes it: `0x6080_0000_0015_0000`.
pub(crate) fn hex(id: u64) -> String {
    let quarter = |shift: u32| id >> shift & 0xffff;
    format!(
        "0x{:04x}_{:04x}_{:04x}_{:04x}",
        quarter(48),
        quarter(32),
        quarter(16),
        quarter(0)
    )
}
