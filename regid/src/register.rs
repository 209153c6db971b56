//! Names, IDs and places of registers. Every fact is the library's: the banks of its layouts, their
//! IDs, their bounds, and its reasons why an ID names nothing.

use sve_state::layout::{
    Bank, BankType, Bounds, COPROC_MASK, COPROC_SHIFT, InImage, Layout, Reason, Register,
    RegisterError, ViewOf,
};
use sve_state::{Vq, VqError, fpsimd, sve};

/// A slice of a register of one of the layouts.
#[derive(Clone, Copy)]
pub(crate) struct Slice {
    /// The 64-bit ID that ONE_REG takes.
    pub(crate) id: u64,
    /// The name of the layout that the register belongs to.
    pub(crate) layout: &'static str,
    /// The register's bank.
    pub(crate) bank: Bank,
    number: u16,
    index: u16,
    /// Where it is, or is shown, in `sve_state`: a row of that layout's table of bounds.
    row: Option<usize>,
}

impl Slice {
    fn nowhere<B: BankType>(register: Register<B>) -> Self {
        Self {
            id: register.id(),
            layout: B::Layout::NAME,
            bank: B::BANK,
            number: register.number(),
            index: register.slice(),
            row: None,
        }
    }

    fn in_image<B: InImage>(register: Register<B>) -> Self {
        Self {
            row: Some(register.index()),
            ..Self::nowhere(register)
        }
    }

    fn view<B: ViewOf>(register: Register<B>) -> Self {
        Self {
            row: Some(B::Target::FIRST + usize::from(register.number())),
            ..Self::nowhere(register)
        }
    }

    /// The register's name.
    pub(crate) fn name(&self) -> String {
        if self.bank.numbered {
            format!("{}{}", self.bank.name, self.number)
        } else {
            self.bank.name.to_owned()
        }
    }

    /// The slice's index, where registers of its bank have several.
    pub(crate) fn index(&self) -> Option<u16> {
        (self.bank.slices > 1).then_some(self.index)
    }

    /// Where the slice lies in `sve_state`, if it does.
    pub(crate) fn place(&self, vq: Vq) -> Result<Option<Bounds>, VqError> {
        let table = sve::Layout::bounds(vq)?;
        let (width, slice) = (self.bank.width.at(vq.get()), self.bank.slice_bytes);
        Ok(self
            .row
            .map(|row| Bounds::of_slice(table[row].start, width, slice, self.index)))
    }
}

/// The register slice that an ID names, or why it names none.
pub(crate) fn decode(id: u64) -> Result<Slice, String> {
    let in_sve = match sve::Reg::decode(id) {
        Ok(sve::Reg::Z(z)) => return Ok(Slice::in_image(z)),
        Ok(sve::Reg::P(p)) => return Ok(Slice::in_image(p)),
        Ok(sve::Reg::FFR(ffr)) => return Ok(Slice::in_image(ffr)),
        Ok(sve::Reg::VLS(vls)) => return Ok(Slice::nowhere(vls)),
        Err(error) => error,
    };
    // The layouts differ in the coprocessor: any other reason holds for both.
    let Reason::Coprocessor { expected: sve } = in_sve.reason else {
        return Err(in_sve.to_string());
    };
    let in_fpsimd = match fpsimd::Reg::decode(id) {
        Ok(fpsimd::Reg::V(v)) => return Ok(Slice::view(v)),
        Ok(fpsimd::Reg::FPSR(fpsr)) => return Ok(Slice::nowhere(fpsr)),
        Ok(fpsimd::Reg::FPCR(fpcr)) => return Ok(Slice::nowhere(fpcr)),
        Err(error) => error,
    };
    Err(match in_fpsimd.reason {
        Reason::Coprocessor { expected: fpsimd } => format!(
            "register ID {id:#018x}: coprocessor {:#x} in bits 27:16, where {} is {sve:#x} and {} \
             is {fpsimd:#x}",
            (id & COPROC_MASK) >> COPROC_SHIFT,
            sve::Layout::NAME,
            fpsimd::Layout::NAME,
        ),
        // CORE has more registers than the layout describes.
        Reason::NoRegister => format!("{in_fpsimd} (of {})", names(fpsimd::Layout::BANKS)),
        _ => in_fpsimd.to_string(),
    })
}

/// The register slice of this name: `Z3`, `ffr`, `P0:1`.
pub(crate) fn named(text: &str) -> Result<Slice, String> {
    let (name, index) = text.split_once(':').unwrap_or((text, "0"));
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &name[letters.len()..];
    let found = BANKS
        .iter()
        .find(|(bank, _)| bank.name.eq_ignore_ascii_case(letters));
    let Some((bank, encode)) = found else {
        let all = names(&BANKS.map(|(bank, _)| bank));
        return Err(format!("{text}: no register's name; allowed are {all}"));
    };
    if bank.numbered == number.is_empty() {
        let allowed = names(&[*bank]);
        return Err(format!("{text}: no register's name; allowed are {allowed}"));
    }
    let parse = |digits: &str| {
        let parsed = digits.parse::<u32>();
        parsed.map_err(|why| format!("{text}: {digits:?} is no number: {why}"))
    };
    let number = if bank.numbered { parse(number)? } else { 0 };
    let id = encode(number, parse(index)?).map_err(|why| format!("{text}: {why}"))?;
    decode(id)
}

/// The number that a person wrote.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let parsed = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => {
            // As logs have it that print with %llx.
            let hex = u64::from_str_radix(&digits, 16);
            if let Some(slice) = hex.ok().and_then(|id| decode(id).ok()) {
                return Err(format!(
                    "{text}: decimal as it stands, and in hex the ID of {}: write 0x{digits}",
                    slice.name()
                ));
            }
            digits.parse()
        }
    };
    parsed.map_err(|why| format!("{text}: no 64-bit number, hex (0x…) or decimal: {why}"))
}

/// From a number and a slice to an ID.
type Encode = fn(u32, u32) -> Result<u64, RegisterError>;

const BANKS: [(Bank, Encode); 7] = [
    bank::<sve::bank::Z>(),
    bank::<sve::bank::P>(),
    bank::<sve::bank::FFR>(),
    bank::<sve::bank::VLS>(),
    bank::<fpsimd::bank::V>(),
    bank::<fpsimd::bank::FPSR>(),
    bank::<fpsimd::bank::FPCR>(),
];

const fn bank<B: BankType>() -> (Bank, Encode) {
    (B::BANK, |number, slice| {
        Register::<B>::with_slice(number, slice).map(Register::id)
    })
}

/// What the registers of these banks are called: `Z0 to Z31, FFR`.
fn names(banks: &[Bank]) -> String {
    let names = banks.iter().map(|bank| match bank.numbered {
        true => format!("{0}0 to {0}{1}", bank.name, bank.max_count - 1),
        false => bank.name.to_owned(),
    });
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{BANKS, Layout, fpsimd, sve};

    #[test]
    fn every_bank_of_both_layouts_has_names() {
        let banks = BANKS.map(|(bank, _)| bank);
        let layouts = [sve::Layout::BANKS, fpsimd::Layout::BANKS].concat();
        assert_eq!(banks.as_slice(), layouts);
    }
}
