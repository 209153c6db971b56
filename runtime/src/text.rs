//! The texts of errors. One routine fills in the placeholders, because a `write!` for each would be a tenth of the code
//! that this crate adds to a VMM. It uses none of the folders.
//!
//! In a text, `%` and a letter take the next value of their kind:
//!
//! | | |
//! | --- | --- |
//! | `%d` | a number |
//! | `%x` | the same in hexadecimal; `%4`, `%6`, `%a` and `%g` with zeros, to 4, 6, 10 and 18 characters |
//! | `%i` | a register ID as the register's name and the ID: `Z3 (0x6080000000150060)` |
//! | `%n` | a register ID as the name |
//! | `%v` | a set of vector lengths |
//! | `%s` | the name of a bank, each time the same |

use core::fmt::{self, Display};

/// Shows a register ID as the register's name, which `registers` knows.
type Name = fn(u64, &mut fmt::Formatter<'_>) -> fmt::Result;

/// Writes a text with these numbers and sets, and without registers.
pub(crate) fn write(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    numbers: &[u64],
    sets: &[&dyn Display],
) -> fmt::Result {
    write_named(f, text, numbers, sets, "")
}

/// The same, with the name of a bank.
#[inline(never)]
pub(crate) fn write_named(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    numbers: &[u64],
    sets: &[&dyn Display],
    bank: &str,
) -> fmt::Result {
    write_with(f, text, numbers, sets, bank, |_, _| Ok(()))
}

/// The same, with registers.
#[inline(never)]
pub(crate) fn write_with(
    f: &mut fmt::Formatter<'_>,
    mut text: &str,
    numbers: &[u64],
    sets: &[&dyn Display],
    bank: &str,
    name: Name,
) -> fmt::Result {
    let (mut numbers, mut sets) = (numbers.iter(), sets.iter());
    while let Some(at) = text.bytes().position(|byte| byte == b'%') {
        f.write_str(text.get(..at).unwrap_or_default())?;
        let kind = text.as_bytes().get(at.wrapping_add(1));
        text = text.get(at.wrapping_add(2)..).unwrap_or_default();
        match kind {
            Some(b'v') => sets.next().map_or(Ok(()), |set| set.fmt(f))?,
            Some(b's') => f.write_str(bank)?,
            kind => number(f, kind, *numbers.next().unwrap_or(&0), name)?,
        }
    }
    f.write_str(text)
}

fn number(f: &mut fmt::Formatter<'_>, kind: Option<&u8>, number: u64, name: Name) -> fmt::Result {
    // The base, and how many digits there are at least.
    let (base, least): (u64, usize) = match kind {
        Some(b'd') => (10, 1),
        Some(b'n') => return name(number, f),
        Some(b'i') => {
            name(number, f)?;
            return write(f, " (%g)", &[number], &[]);
        }
        Some(b'4') => (16, 2),
        Some(b'6') => (16, 4),
        Some(b'a') => (16, 8),
        Some(b'g') => (16, 16),
        _ => (16, 1),
    };
    f.write_str(if base == 16 { "0x" } else { "" })?;
    let (mut digits, mut start, mut rest) = ([0; 20], 20_usize, number);
    for digit in digits.iter_mut().rev() {
        if rest == 0 && start <= 20 - least {
            break;
        }
        // Below 16.
        #[allow(clippy::cast_possible_truncation)]
        let value = (rest % base) as usize & 15;
        *digit = b"0123456789abcdef"[value];
        (rest, start) = (rest / base, start.wrapping_sub(1));
    }
    let digits = digits.get(start..).unwrap_or_default();
    f.write_str(core::str::from_utf8(digits).unwrap_or_default())
}
