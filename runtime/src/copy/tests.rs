//! One suite for the copies of every instruction set, against loops over bytes.

#![allow(unsafe_code)]

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use super::{Line, clamp, isa, number_at_least, portable};

type Copy = Box<dyn Fn(*const u8, *mut u8, usize)>;

/// The copies of slices of one size, in one of the files.
struct Copies {
    name: String,
    /// The size of a slice, and the unit of registers' widths, in bytes.
    slice: usize,
    unit: usize,
    get: Copy,
    set: Copy,
}

/// The copies of this processor. Which of them are chosen is up to the build and, on x86-64, to the processor.
fn all() -> Vec<Copies> {
    macro_rules! copies {
        ($name:expr, $slice:expr, $unit:literal, $get:expr, $set:expr) => {
            Copies {
                name: format!("{}, slices of {}", $name, $slice),
                slice: $slice,
                unit: $unit,
                // SAFETY: each test passes pointers as the copies want them.
                get: Box::new(move |from, to, copy| unsafe { $get(from, to, copy) }),
                // SAFETY: likewise.
                set: Box::new(move |from, to, copy| unsafe { $set(from, to, copy) }),
            }
        };
    }
    macro_rules! file {
        ($name:literal, $file:ident) => {
            [
                copies!($name, 256, 16, $file::get_wide, $file::set_wide),
                copies!($name, 32, 2, $file::get_narrow, portable::set_narrow),
            ]
        };
    }
    let mut all = Vec::from(file!("portable", portable));
    all.extend(file!("chosen", isa));
    all.extend([1, 2, 4, 8, 16, 32, 64, 256].map(|slice| {
        let line = Line::Any(slice);
        copies!(
            "library",
            slice,
            1,
            |from, to, copy| super::get(line, from, to, copy),
            |from, to, copy| super::set(line, from, to, copy)
        )
    }));
    all
}

/// A pattern that is never zero, and that differs in the next place and for another seed.
fn pattern(seed: usize, n: usize) -> Vec<u8> {
    let byte = |i: usize| u8::try_from((i * 7 + seed * 31) % 251 + 1).expect("below 252");
    (0..n).map(byte).collect()
}

/// How much lies around the bytes in question, of which a GET of [`Line::Narrow`] reads up to 16 in front of a
/// register.
const AROUND: usize = 64;

/// Runs `act` with `source` and `target` in the middle of other bytes, at alignments that differ, and passes it
/// pointers to the first bytes of both. Returns the target, with what is around it.
fn run(source: &[u8], target: &[u8], act: impl Fn(*const u8, *mut u8)) -> Vec<u8> {
    let mut seen: Option<Vec<u8>> = None;
    for shift in 0..33 {
        let around = |bytes: &[u8], shift| {
            [&vec![0xee; AROUND + shift], bytes, &vec![0xee; AROUND][..]].concat()
        };
        let from = around(source, shift);
        let mut to = around(target, 32 - shift);
        let start = AROUND + 32 - shift;
        act(from[AROUND + shift..].as_ptr(), to[start..].as_mut_ptr());
        let found = to[start - AROUND..].to_vec();
        assert_eq!(*seen.get_or_insert(found.clone()), found, "shift {shift}");
    }
    seen.expect("several runs")
}

fn around(bytes: &[u8]) -> Vec<u8> {
    [&[0xee; AROUND], bytes, &[0xee; AROUND]].concat()
}

#[test]
fn a_copy_moves_what_a_loop_over_bytes_moves() {
    for Copies {
        name,
        slice,
        unit,
        get,
        set,
    } in all()
    {
        for copy in (0..=slice).step_by(unit) {
            let (register, whole) = (pattern(1, copy), pattern(2, slice));
            let mut expected = register.clone();
            expected.resize(slice, 0);
            let found = run(&register, &whole, |from, to| get(from, to, copy));
            assert_eq!(found, around(&expected), "get, {name}, {copy} bytes");

            let expected = &whole[..copy];
            let found = run(&whole, &register, |from, to| set(from, to, copy));
            assert_eq!(found, around(expected), "set, {name}, {copy} bytes");
        }
    }
}

#[test]
fn a_choice_is_that_of_an_if() {
    for number in [0, 1, 2, 15, 16, 17, 255, 256, usize::MAX] {
        for (enough, less) in [(3, 5), (5, 3), (0, usize::MAX), (usize::MAX, 0)] {
            let chosen = |least| if number >= least { enough } else { less };
            assert_eq!(number_at_least::<1>(number, enough, less), chosen(1));
            assert_eq!(number_at_least::<16>(number, enough, less), chosen(16));
            assert_eq!(number_at_least::<256>(number, enough, less), chosen(256));
        }
    }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[test]
fn the_processor_has_what_the_standard_library_sees_too() {
    extern crate std;
    let expected = std::is_x86_feature_detected!("avx2");
    // Asked, then remembered.
    let found = [0; 2].map(|_| super::detect::detected());
    assert_eq!(found, [expected; 2]);
}

#[test]
fn a_clamped_index_is_in_range() {
    for last in [0, 1, 15, 31, 254, u16::MAX] {
        let largest = u32::from(last);
        for index in [0, largest / 2, largest] {
            assert_eq!(clamp(index, last), index);
        }
        for index in [largest + 1, u32::MAX] {
            assert!(clamp(index, last) <= largest);
        }
    }
}
