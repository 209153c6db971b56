//! One suite for the lines of every instruction set, against loops over bytes.

#![allow(unsafe_code)]

use alloc::vec::Vec;
use alloc::{format, vec};

use super::portable::Portable;
use super::{Line, clamp, isa, lines};

/// An instruction set: its name, and its lines.
#[derive(Clone, Copy)]
struct Isa {
    name: &'static str,
    get: unsafe fn(Line, bool, *const u8, *mut u8, usize),
    set: unsafe fn(Line, bool, *const u8, *mut u8, usize),
    expand: unsafe fn(Line, *const u8, *mut u8, usize, usize),
    pack: unsafe fn(Line, *const u8, *mut u8, usize, usize),
}

/// Those of this processor. Which of them are chosen is up to the build, and, on x86-64, to the processor:
/// where the answer is no, the chosen ones are the portable ones.
fn isas() -> Vec<Isa> {
    let portable = Isa {
        name: "portable",
        get: lines::get::<Portable>,
        set: lines::set,
        expand: lines::expand::<Portable>,
        pack: lines::pack,
    };
    let chosen = Isa {
        name: "chosen",
        get: isa::get,
        set: isa::set,
        expand: isa::expand,
        pack: isa::pack,
    };
    #[allow(unused_mut)] // Not on every target is there a third.
    let mut isas = vec![portable, chosen];
    #[cfg(all(
        target_arch = "x86_64",
        target_feature = "sse2",
        not(sve_state_portable)
    ))]
    if super::avx2::detected() {
        isas.push(avx2::ISA);
    }
    isas
}

#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(sve_state_portable)
))]
mod avx2 {
    use super::super::isa::chosen::for_avx2;
    use super::{Isa, Line, Portable, lines};

    /// To be called only where the processor has it.
    pub(super) const ISA: Isa = Isa {
        name: "AVX2",
        get,
        set,
        expand: for_avx2::expand_run,
        pack: for_avx2::pack_run,
    };

    unsafe fn get(line: Line, there: bool, from: *const u8, to: *mut u8, copy: usize) {
        match line {
            // SAFETY: the caller's promise.
            Line::Wide => unsafe { for_avx2::get_wide(there, from, to, copy) },
            // SAFETY: the caller's promise.
            Line::Narrow => unsafe { for_avx2::get_narrow(there, from, to, copy) },
            // SAFETY: the caller's promise.
            Line::Any(_) => unsafe { lines::get::<Portable>(line, there, from, to, copy) },
        }
    }

    unsafe fn set(line: Line, there: bool, from: *const u8, to: *mut u8, copy: usize) {
        match line {
            // SAFETY: the caller's promise.
            Line::Wide => unsafe { for_avx2::set_wide(there, from, to, copy) },
            // SAFETY: the caller's promise.
            _ => unsafe { lines::set(line, there, from, to, copy) },
        }
    }
}

fn lines() -> impl Iterator<Item = (Line, Vec<usize>)> {
    let any = [1, 2, 4, 8, 16, 32, 64, 256].map(|slice| (Line::Any(slice), (1..=slice).collect()));
    let wide = (Line::Wide, (16..=256).step_by(16).collect());
    let narrow = (Line::Narrow, (2..=32).step_by(2).collect());
    [wide, narrow].into_iter().chain(any)
}

/// Never zero, and another one in the next place and for another seed.
fn pattern(seed: usize, n: usize) -> Vec<u8> {
    let byte = |i: usize| u8::try_from((i * 7 + seed * 31) % 251 + 1).expect("below 252");
    (0..n).map(byte).collect()
}

/// What lies around the bytes in question: [`Line::Narrow`] reads, and `pack` writes, up to 16 of it in
/// front of an end.
const AROUND: usize = 64;

/// Runs `act` with `source` and `target` in the middle of others, at alignments that differ; `act` gets
/// pointers to the first bytes of both. Gives the target, with what is around it.
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
fn a_line_moves_what_a_loop_over_bytes_moves() {
    for isa in isas() {
        for (line, copies) in lines() {
            let slice = line.slice();
            for copy in copies {
                let what = || format!("{} {line:?}, {copy} bytes", isa.name);
                let (register, whole) = (pattern(1, copy), pattern(2, slice));
                for there in [false, true] {
                    let own = if there { copy } else { 0 };
                    let mut expected = register[..own].to_vec();
                    expected.resize(slice, 0);
                    let found = run(&register, &whole, |from, to| {
                        // SAFETY: `copy` bytes with others around them, and a slice.
                        unsafe { (isa.get)(line, there, from, to, copy) };
                    });
                    assert_eq!(found, around(&expected), "get, {}", what());

                    let mut expected = register.clone();
                    expected[..own].copy_from_slice(&whole[..own]);
                    let found = run(&whole, &register, |from, to| {
                        // SAFETY: a slice, and `copy` bytes.
                        unsafe { (isa.set)(line, there, from, to, copy) };
                    });
                    assert_eq!(found, around(&expected), "set, {}", what());
                }
            }
        }
    }
}

#[test]
fn many_slices_are_moved_like_one() {
    for isa in isas() {
        for (line, copies) in lines() {
            let slice = line.slice();
            for copy in copies {
                for slices in [0, 1, 2, 5] {
                    let what = || format!("{} {line:?}, {slices} of {copy} bytes", isa.name);
                    let (image, all) = (pattern(1, copy * slices), pattern(2, slice * slices));
                    let (mut expanded, mut packed) = (Vec::new(), Vec::new());
                    for n in 0..slices {
                        expanded.extend(&image[n * copy..][..copy]);
                        expanded.resize((n + 1) * slice, 0);
                        packed.extend(&all[n * slice..][..copy]);
                    }
                    let found = run(&image, &all, |from, to| {
                        // SAFETY: as many registers with others around them, and slices.
                        unsafe { (isa.expand)(line, from, to, copy, slices) };
                    });
                    assert_eq!(found, around(&expanded), "expand, {}", what());

                    let mut found = run(&all, &image, |from, to| {
                        let (from, to) =
                            (from.wrapping_add(all.len()), to.wrapping_add(image.len()));
                        // SAFETY: as many slices and registers, with others around them.
                        unsafe { (isa.pack)(line, from, to, copy, slices) };
                    });
                    if line == Line::Narrow {
                        // These few are for whoever writes what is in front.
                        found[AROUND - 16..AROUND].fill(0xee);
                    }
                    assert_eq!(found, around(&packed), "pack, {}", what());
                }
            }
        }
    }
}

#[cfg(all(
    target_arch = "x86_64",
    target_feature = "sse2",
    not(sve_state_portable)
))]
#[test]
fn the_processor_has_what_the_standard_library_sees_too() {
    extern crate std;
    let expected = std::is_x86_feature_detected!("avx2");
    // Asked, then remembered.
    let found = [0; 2].map(|_| super::avx2::detected());
    assert_eq!(found, [expected; 2]);
    assert_eq!(super::avx2::known(), expected);
}

#[test]
fn a_clamped_index_is_in_range() {
    for last in [0, 1, 15, 31, 254, u32::MAX] {
        assert_eq!(clamp(0, last), 0);
        assert_eq!(clamp(last, last), last);
        assert_eq!(clamp(last / 2, last), last / 2);
        assert!(clamp(last.saturating_add(1), last) <= last);
        assert!(clamp(u32::MAX, last) <= last);
    }
}

/// So no store crosses a page, which would be slow.
#[test]
#[cfg(target_arch = "x86_64")]
fn memory_that_nobody_reads_is_aligned_as_the_largest_store() {
    assert_eq!(align_of::<lines::Nowhere>(), 32);
}
