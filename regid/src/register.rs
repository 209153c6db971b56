//! Names, IDs and places of registers. Every fact comes from the library: the banks of its layouts,
//! their IDs and bounds, and its reasons why an ID names nothing.

use std::str::FromStr;

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
    pub(crate) bank: Bank,
    number: u16,
    index: u16,
    /// The index, in a row of `sve::BOUNDS`, of the bounds of its slice 0, if it has a place there. A
    /// view has the index of the register that it shows.
    row: Option<usize>,
}

impl Slice {
    fn nowhere<B: BankType>(register: Register<B>) -> Self {
        Self {
            id: register.id(),
            layout: B::Layout::NAME,
            bank: *Register::<B>::BANK,
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
            row: Register::<B::Target>::new(register.number().into())
                .ok()
                .map(Register::index),
            ..Self::nowhere(register)
        }
    }

    pub(crate) fn name(&self) -> String {
        if self.bank.numbered {
            format!("{}{}", self.bank.name, self.number)
        } else {
            self.bank.name.to_owned()
        }
    }

    /// The slice's index, where registers of its bank have more than one.
    pub(crate) fn index(&self) -> Option<u16> {
        (self.bank.slices > 1).then_some(self.index)
    }

    /// Where the slice lies in `sve_state`, if it does.
    pub(crate) fn place(&self, vq: Vq) -> Result<Option<Bounds>, VqError> {
        let Some(row) = self.row else { return Ok(None) };
        // Refuses a VQ that the table does not have.
        sve::Layout::image_bytes(vq)?;
        let slice_0 = sve::BOUNDS[usize::from(vq.get() - sve::Layout::VQ_MIN)][row];
        let width = self.bank.width.at(vq.get()) as usize;
        let slice = self.bank.slice_bytes as usize;
        Ok(Some(Bounds::of_slice(
            slice_0.start,
            width,
            slice,
            self.index,
        )))
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
    // The layouts differ only in the coprocessor, so any other reason holds for both.
    let Reason::Coprocessor { expected: sve } = in_sve.reason() else {
        return Err(in_sve.to_string());
    };
    let in_fpsimd = match fpsimd::Reg::decode(id) {
        Ok(fpsimd::Reg::V(v)) => return Ok(Slice::view(v)),
        Ok(fpsimd::Reg::FPSR(fpsr)) => return Ok(Slice::nowhere(fpsr)),
        Ok(fpsimd::Reg::FPCR(fpcr)) => return Ok(Slice::nowhere(fpcr)),
        Err(error) => error,
    };
    Err(match in_fpsimd.reason() {
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

/// The register slice of this name, such as `Z3`, `ffr` or `P0:1`, or the reason why it is none. The
/// reason does not repeat the text, which the caller has.
pub(crate) fn named(text: &str) -> Result<Slice, String> {
    let (name, index) = text.split_once(':').unwrap_or((text, "0"));
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &name[letters.len()..];
    let found = BANKS
        .iter()
        .find(|(bank, _)| bank.name.eq_ignore_ascii_case(letters));
    let Some((bank, encode)) = found else {
        if let Ok(Some(_)) = id(text) {
            return Err(format!("an ID and not a name, for `regid decode {text}`"));
        }
        return Err(no_name(&BANKS.map(|(bank, _)| bank)));
    };
    let number = match bank.numbered {
        true => decimal(number),
        false => number.is_empty().then_some(0),
    };
    let number = number.ok_or_else(|| no_name(&[*bank]))?;
    let index = decimal(index).ok_or_else(|| no_slice(bank))?;
    let id = encode(number, index).map_err(|why| match why {
        RegisterError::Number { .. } => no_name(&[*bank]),
        RegisterError::Slice { .. } => no_slice(bank),
        why => why.to_string(),
    })?;
    decode(id)
}

fn no_name(banks: &[Bank]) -> String {
    format!("not a register's name; allowed are {}", names(banks))
}

fn no_slice(bank: &Bank) -> String {
    match bank.slices - 1 {
        0 => "no such slice; slice 0 is the only one".to_owned(),
        last => format!("no such slice; slices are 0 to {last}"),
    }
}

/// A number made of digits only, where Rust's `parse` would accept a sign.
fn decimal<N: FromStr>(digits: &str) -> Option<N> {
    let parsed = digits.parse().ok();
    parsed.filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()))
}

/// Likewise in hex.
fn hexadecimal(digits: &str) -> Option<u64> {
    let parsed = u64::from_str_radix(digits, 16).ok();
    parsed.filter(|_| digits.starts_with(|c: char| c.is_ascii_hexdigit()))
}

/// The ID that was written, or why it is none.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    id(text)?.ok_or_else(|| {
        if named(text).is_ok() {
            return format!("a name and not an ID, for `regid encode {text}`");
        }
        format!(
            "not an ID; an ID is a 64-bit number: 0x and up to 16 hex digits, such as {:#018x}, or decimal",
            sve::Z3.id()
        )
    })
}

/// The same, but `None` where the text is no ID and there is no more to say about it.
fn id(text: &str) -> Result<Option<u64>, String> {
    let digits = text.replace('_', "");
    let parsed = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => hexadecimal(hex),
        None => {
            // As in logs that print an ID with %llx.
            let slice = hexadecimal(&digits).and_then(|id| decode(id).ok());
            if let Some(slice) = slice {
                return Err(format!(
                    "without 0x an ID is decimal, and this is in hex the ID of {}: write 0x{digits}",
                    slice.name()
                ));
            }
            decimal(&digits)
        }
    };
    Ok(parsed)
}

/// From a register's number and a slice to an ID.
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
    (*Register::<B>::BANK, |number, slice| {
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
