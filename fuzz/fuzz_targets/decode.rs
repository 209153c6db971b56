//! Any 64 bits as a register ID, in three layouts, against ranges written out here: an ID names its
//! register and is the ID of that register, and anything else gets a reason.
#![no_main]

use std::fmt::Display;

use libfuzzer_sys::fuzz_target;
use sve_state::layout::{BankType, DecodeError, Register};
use sve_state::{fpsimd, sve};

sve_state::register_layout! {
    /// The layout proposed for SME, in which registers differ only in the size field, and the
    /// number of some grows with VQ.
    mod sme {
        arch: arm64, coproc: 0x17, slices: 32, vq: 1..=16;
        bank ZA[16 * vq] at 0x000 step 32: slice 2048 bits, width 128 * vq bits;
        bank ZT0 at 0x600: 512 bits;
    }
}

/// A bank of a layout: its coprocessor, the size field of its IDs, the first value of the low 16
/// bits, how many registers and slices it has, and the distance between registers.
struct Bank {
    name: &'static str,
    coprocessor: u64,
    size: u64,
    base: u64,
    count: u64,
    slices: u64,
    step: u64,
}

const fn bank(name: &'static str, ids: [u64; 3], count: u64, [slices, step]: [u64; 2]) -> Bank {
    let [coprocessor, size, base] = ids;
    Bank {
        name,
        coprocessor,
        size,
        base,
        count,
        slices,
        step,
    }
}

const SVE: [Bank; 4] = [
    bank("Z", [0x15, 8, 0], 32, [32, 32]),
    bank("P", [0x15, 5, 0x400], 16, [32, 32]),
    bank("FFR", [0x15, 5, 0x600], 1, [32, 32]),
    bank("VLS", [0x15, 6, 0xffff], 1, [1, 1]),
];
const FPSIMD: [Bank; 3] = [
    bank("V", [0x10, 4, 0x54], 32, [1, 4]),
    bank("FPSR", [0x10, 2, 0xd4], 1, [1, 1]),
    bank("FPCR", [0x10, 2, 0xd5], 1, [1, 1]),
];
const SME: [Bank; 2] = [
    bank("ZA", [0x17, 8, 0], 256, [32, 32]),
    bank("ZT0", [0x17, 6, 0x600], 1, [1, 1]),
];

fuzz_target!(|input: &[u8]| {
    for bytes in input.chunks(8) {
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(bytes);
        let any = u64::from_le_bytes(eight);
        // The input as it is, and with most of what makes it an ID of one of these.
        let arm64 = any & 0x00ff_0000_0fff_ffff | 0x60 << 56;
        let nearly = any & 0x00f0_0000_0000_ffff | 0x60 << 56;
        for id in [
            any,
            arm64,
            nearly | 0x15 << 16,
            nearly | 0x10 << 16,
            nearly | 0x17 << 16,
        ] {
            check(id, &SVE, sve::Reg::decode(id).map(|reg| (reg.id(), reg)));
            check(
                id,
                &FPSIMD,
                fpsimd::Reg::decode(id).map(|reg| (reg.id(), reg)),
            );
            check(id, &SME, sme::Reg::decode(id).map(|reg| (reg.id(), reg)));
        }
        // The same bits as numbers.
        let (number, slice) = ((any >> 32) as u32, any as u32);
        for (number, slice) in [(number, slice), (number % 512, slice % 64)] {
            by_number::<sve::bank::Z>(&SVE[0], number, slice);
            by_number::<sve::bank::P>(&SVE[1], number, slice);
            by_number::<sve::bank::FFR>(&SVE[2], number, slice);
            by_number::<sve::bank::VLS>(&SVE[3], number, slice);
            by_number::<fpsimd::bank::V>(&FPSIMD[0], number, slice);
            by_number::<sme::bank::ZA>(&SME[0], number, slice);
        }
    }
});

fn check(id: u64, banks: &[Bank], found: Result<(u64, impl Display), DecodeError>) {
    let expected = banks.iter().find_map(|bank| bank.name_of(id));
    match found {
        Ok((again, register)) => {
            assert_eq!(again, id, "{register}");
            assert_eq!(Some(register.to_string()), expected, "{id:#x}");
        }
        Err(error) => {
            assert_eq!(expected, None, "{error}");
            assert_eq!(error.id().0, id);
            let text = error.to_string();
            assert!(
                text.starts_with(&format!("register ID {id:#018x}: ")),
                "{text}"
            );
        }
    }
}

fn by_number<B: BankType>(bank: &Bank, number: u32, slice: u32) {
    let there = u64::from(number) < bank.count && u64::from(slice) < bank.slices;
    match Register::<B>::with_slice(number, slice) {
        Ok(register) => {
            assert!(there, "{register}");
            assert_eq!(
                register.id(),
                bank.id(number.into(), slice.into()),
                "{register}"
            );
        }
        Err(error) => assert!(!there, "{error}"),
    }
}

impl Bank {
    fn id(&self, number: u64, slice: u64) -> u64 {
        let low = self.base + number * self.step + slice;
        0x60 << 56 | self.size << 52 | self.coprocessor << 16 | low
    }

    /// The name, such as `Z3 slice 1`, if the ID is one of the bank's.
    fn name_of(&self, id: u64) -> Option<String> {
        let low = id.checked_sub(self.id(0, 0))?;
        let (number, slice) = (low / self.step, low % self.step);
        if number >= self.count || slice >= self.slices {
            return None;
        }
        let number = if self.count > 1 {
            number.to_string()
        } else {
            String::new()
        };
        let slice = if slice > 0 {
            format!(" slice {slice}")
        } else {
            String::new()
        };
        Some(format!("{}{number}{slice}", self.name))
    }
}
