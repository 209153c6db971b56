//! The cases: what Linux has answered since 5.2, operation by operation.
//!
//! A new case is a function here and its name in [`CASES`], in [`CASES_WITHOUT_SVE`], or in both. It gets a
//! new vCPU, and runs once at each vector length that its host has.

use super::ids::{self, FPCR, FPSR, VLS, ffr, p, registers, v, with_size, z};
use super::run::Run;
use super::vcpu::{Answer, Op};

const EPERM: Answer = Answer::Errno(1);
const ENOENT: Answer = Answer::Errno(2);
const ENOEXEC: Answer = Answer::Errno(8);
const EINVAL: Answer = Answer::Errno(22);

/// `KVM_ARM_VCPU_SVE`, the feature to finalize.
const SVE: u32 = 4;

/// A named sequence of operations.
#[derive(Debug)]
pub struct Case {
    /// What `cargo harness kvm --case` takes: the function's name.
    pub name: &'static str,
    pub(super) body: fn(&mut Run<'_>),
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => { &[$(Case { name: stringify!($name), body: $name }),*] };
}

/// The cases for a host with SVE.
pub const CASES: &[Case] = cases![
    before_init,
    before_finalization,
    finalization,
    vector_lengths,
    zero_at_first,
    slices,
    slices_past_the_first,
    ids_that_name_nothing,
    sizes,
    stray_bits,
    coprocessors,
    core_with_sve,
    core_without_sve,
    core_edges,
    without_sve,
    lists,
    init_again,
    guest_of_32_bits,
    every_set,
];

/// The cases for a host without SVE.
pub const CASES_WITHOUT_SVE: &[Case] = cases![host_without_sve, core_without_sve, without_sve];

/// A register's worth of bytes that differ by position and by seed, none of them zero.
fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let first = seed
        .to_le_bytes()
        .iter()
        .fold(0_u8, |a, b| a.wrapping_mul(31) ^ b);
    // 255 values, none of which is zero.
    (0..len)
        .map(|k| (usize::from(first) + 7 * k) % 255 + 1)
        .map(|byte| u8::try_from(byte).expect("at most 255"))
        .collect()
}

fn init(run: &mut Run<'_>, sve: bool) {
    run.expect(Op::Init { sve }, Answer::Done);
}

fn get(run: &mut Run<'_>, id: u64, answer: Answer) {
    run.expect(Op::Get(id), answer);
}

fn set(run: &mut Run<'_>, id: u64, data: Vec<u8>, answer: Answer) {
    run.expect(Op::Set(id, data), answer);
}

/// GET and SET are both refused with this answer.
fn refused(run: &mut Run<'_>, id: u64, answer: Answer) {
    get(run, id, answer.clone());
    set(run, id, pattern(ids::size(id), id), answer);
}

/// A finalized vCPU of the run's VQ.
fn finalized(run: &mut Run<'_>) {
    init(run, true);
    set(run, VLS, run.vls(), Answer::Done);
    run.expect(Op::Finalize(SVE), Answer::Done);
}

/// Gives each register a value of its own.
fn fill(run: &mut Run<'_>) {
    for (id, slice, _) in registers(run.vq, 0) {
        set(run, id, pattern(slice, id), Answer::Done);
    }
}

/// Every register reads as `fill` left it.
fn still_filled(run: &mut Run<'_>) {
    for (id, slice, width) in registers(run.vq, 0) {
        let mut expected = pattern(slice, id);
        expected[width..].fill(0);
        get(run, id, Answer::Bytes(expected));
    }
}

fn all_zero(run: &mut Run<'_>) {
    for (id, slice, _) in registers(run.vq, 0) {
        get(run, id, Answer::Bytes(vec![0; slice]));
    }
}

fn before_init(run: &mut Run<'_>) {
    let bad = z(0, 0) | 1 << 40;
    for id in [z(0, 0), z(0, 1), p(3, 0), ffr(0), VLS, v(0), FPSR, bad] {
        refused(run, id, ENOEXEC);
    }
    run.expect(Op::Finalize(SVE), ENOEXEC);
    run.expect(Op::List, ENOEXEC);
}

fn before_finalization(run: &mut Run<'_>) {
    init(run, true);
    set(run, VLS, run.vls(), Answer::Done);
    for (id, ..) in registers(run.vq, 0) {
        refused(run, id, EPERM);
    }
    // The ID is judged first.
    for (id, ..) in registers(run.vq, 1) {
        refused(run, id, ENOENT);
    }
    refused(run, with_size(z(0, 0), 5), EINVAL);
    refused(run, ffr(0) + 32, EINVAL);
    refused(run, v(0), EINVAL);
    run.expect(Op::List, EPERM);
}

fn finalization(run: &mut Run<'_>) {
    init(run, true);
    for feature in [0, 1, 3, 5, 31] {
        run.expect(Op::Finalize(feature), EINVAL);
    }
    // FPSR and FPCR exist before, and keep their values.
    status_registers(run);
    run.expect(Op::Finalize(SVE), Answer::Done);
    for (id, value) in STATUS {
        get(run, id, Answer::Bytes(value.to_ne_bytes().to_vec()));
    }
    run.expect(Op::Finalize(SVE), EPERM);
    run.expect(Op::Finalize(5), EINVAL);
    let host = run.lengths.vls();
    get(run, VLS, Answer::Bytes(host.clone()));
    set(run, VLS, host, EPERM);
    set(run, VLS, vec![0; 64], EPERM);
}

fn vector_lengths(run: &mut Run<'_>) {
    let vq = run.vq;
    let (mine, host) = (run.vls(), run.lengths.vls());
    init(run, true);
    get(run, VLS, Answer::Bytes(host.clone()));
    let with_bit = |bit: usize| {
        let mut value = mine.clone();
        value[bit / 8] ^= 1 << (bit % 8);
        value
    };
    set(run, VLS, vec![0; 64], EINVAL);
    // One more than the architecture has, and the last that the register has room for.
    set(run, VLS, with_bit(16), EINVAL);
    set(run, VLS, with_bit(511), EINVAL);
    for hole in 0..vq as usize - 1 {
        set(run, VLS, with_bit(hole), EINVAL);
    }
    get(run, VLS, Answer::Bytes(host.clone()));
    set(run, VLS, mine.clone(), Answer::Done);
    get(run, VLS, Answer::Bytes(mine.clone()));
    // A refused set leaves the last one in force, and a larger one is allowed again.
    set(run, VLS, vec![0; 64], EINVAL);
    get(run, VLS, Answer::Bytes(mine.clone()));
    set(run, VLS, host.clone(), Answer::Done);
    get(run, VLS, Answer::Bytes(host));
    set(run, VLS, mine.clone(), Answer::Done);
    run.expect(Op::Finalize(SVE), Answer::Done);
    get(run, VLS, Answer::Bytes(mine.clone()));
    set(run, VLS, mine.clone(), EPERM);
    get(run, VLS, Answer::Bytes(mine));
}

/// Of the sets of vector lengths that [`every_set`] goes through, one in so many is tried, because
/// `cargo test` is not optimised, and the sweep over all IDs has them all on the shim.
const ONE_IN: usize = if cfg!(debug_assertions) { 61 } else { 1 };

/// Every set of vector lengths that there is, a part of them at each VQ of the host.
fn every_set(run: &mut Run<'_>) {
    init(run, true);
    let lengths = run.lengths;
    let mut in_force = lengths;
    for wanted in lengths.sets_at(run.vq).step_by(ONE_IN) {
        let answer = if lengths.allow(wanted) {
            in_force = wanted;
            Answer::Done
        } else {
            EINVAL
        };
        set(run, VLS, wanted.vls(), answer);
    }
    get(run, VLS, Answer::Bytes(in_force.vls()));
}

fn zero_at_first(run: &mut Run<'_>) {
    finalized(run);
    all_zero(run);
}

fn slices(run: &mut Run<'_>) {
    finalized(run);
    fill(run);
    still_filled(run);
    // One register after another changes, and no other one with it.
    for (changed, slice, width) in registers(run.vq, 0) {
        set(run, changed, pattern(slice, !changed), Answer::Done);
        let mut expected = pattern(slice, !changed);
        expected[width..].fill(0);
        get(run, changed, Answer::Bytes(expected));
        set(run, changed, pattern(slice, changed), Answer::Done);
    }
    still_filled(run);
}

fn slices_past_the_first(run: &mut Run<'_>) {
    finalized(run);
    fill(run);
    for slice in 1..32 {
        for (id, ..) in registers(run.vq, slice) {
            refused(run, id, ENOENT);
        }
    }
    still_filled(run);
}

fn ids_that_name_nothing(run: &mut Run<'_>) {
    finalized(run);
    fill(run);
    // Z32, because the range check of the RFC ended one register late.
    for slice in 0..32 {
        refused(run, z(32, slice), EINVAL);
        refused(run, ffr(32 + slice), EINVAL);
    }
    for low in [0x400, 0x600, 0x61f, 0x620, 0x7ff, 0x1000, 0xfffe, 0xffff] {
        refused(run, z(0, 0) + low, EINVAL);
    }
    for low in [0, 0x3ff, 0x620, 0x800, 0xfffe, 0xffff] {
        refused(run, p(0, 0) - 0x400 + low, EINVAL);
    }
    still_filled(run);
}

fn sizes(run: &mut Run<'_>) {
    finalized(run);
    fill(run);
    for id in [z(0, 0), z(31, 0), p(0, 0), p(15, 0), ffr(0), VLS] {
        for log2 in (0..16).filter(|log2| with_size(id, *log2) != id) {
            refused(run, with_size(id, log2), EINVAL);
        }
    }
    still_filled(run);
}

fn stray_bits(run: &mut Run<'_>) {
    finalized(run);
    fill(run);
    for bit in (28..52).chain(56..64) {
        for id in [z(0, 0), p(0, 0), ffr(0), VLS] {
            refused(run, id ^ (1 << bit), EINVAL);
        }
        // In CORE, bits 31:28 are part of the offset, which they make too large.
        let answer = if bit < 32 { ENOENT } else { EINVAL };
        refused(run, FPSR ^ (1 << bit), answer);
    }
    still_filled(run);
}

fn coprocessors(run: &mut Run<'_>) {
    finalized(run);
    for coproc in [0x12_u64, 0x17, 0x18, 0xfff] {
        let id = z(0, 0) & !(0xfff << 16) | coproc << 16;
        refused(run, id, ENOENT);
        refused(run, with_size(id, 3), ENOENT);
    }
}

fn core_with_sve(run: &mut Run<'_>) {
    finalized(run);
    fill(run);
    for n in 0..32 {
        refused(run, v(n), EINVAL);
    }
    status_registers(run);
    still_filled(run);
}

const STATUS: [(u64, u32); 2] = [(FPSR, 0x0800_009f), (FPCR, 0x07c0_0000)];

fn status_registers(run: &mut Run<'_>) {
    for (id, value) in STATUS {
        get(run, id, Answer::Bytes(vec![0; 4]));
        set(run, id, value.to_ne_bytes().to_vec(), Answer::Done);
        get(run, id, Answer::Bytes(value.to_ne_bytes().to_vec()));
    }
}

fn core_without_sve(run: &mut Run<'_>) {
    init(run, false);
    for n in 0..32 {
        get(run, v(n), Answer::Bytes(vec![0; 16]));
        set(run, v(n), pattern(16, n), Answer::Done);
    }
    for n in 0..32 {
        get(run, v(n), Answer::Bytes(pattern(16, n)));
    }
    status_registers(run);
}

/// Parts of V registers, ranges across them, and the ends of `struct kvm_regs`.
fn core_edges(run: &mut Run<'_>) {
    for sve in [true, false] {
        run.fresh();
        if sve {
            finalized(run);
        } else {
            init(run, false);
        }
        for n in [0, 1, 30, 31] {
            for (word, log2) in [
                (0, 2),
                (1, 2),
                (3, 2),
                (0, 3),
                (2, 3),
                (3, 3),
                (2, 4),
                (0, 0),
            ] {
                refused(run, with_size(v(n) + word, log2), EINVAL);
            }
        }
        // 256 bits and more across V registers, where past the structure's end the offset decides.
        refused(run, with_size(v(0), 5), EINVAL);
        refused(run, with_size(v(0), 8), EINVAL);
        refused(run, with_size(v(31), 5), ENOENT);
        refused(run, with_size(v(31), 8), ENOENT);
        refused(run, with_size(FPSR, 3), EINVAL);
        refused(run, with_size(FPSR, 4), ENOENT);
        refused(run, FPCR + 1, EINVAL);
        refused(run, FPCR + 2, ENOENT);
        refused(run, FPCR + 0x100, ENOENT);
    }
}

fn without_sve(run: &mut Run<'_>) {
    init(run, false);
    for slice in [0, 1, 31] {
        for (id, ..) in registers(run.vq, slice) {
            refused(run, id, ENOENT);
        }
    }
    refused(run, VLS, ENOENT);
    // Judged before it matters whether there is SVE.
    refused(run, with_size(VLS, 8), EINVAL);
    refused(run, z(32, 0), EINVAL);
    run.expect(Op::Finalize(SVE), EINVAL);
}

/// SVE cannot be had, and asking for it leaves a vCPU as it was.
fn host_without_sve(run: &mut Run<'_>) {
    run.expect(Op::Init { sve: true }, EINVAL);
    refused(run, VLS, ENOEXEC);
    init(run, false);
    run.expect(Op::Init { sve: true }, EINVAL);
    let mut expected: Vec<u64> = (0..32).map(v).collect();
    expected.extend([FPSR, FPCR]);
    run.expect(Op::List, Answer::Ids(expected));
}

fn lists(run: &mut Run<'_>) {
    finalized(run);
    let mut expected = vec![FPSR, FPCR, VLS];
    expected.extend(registers(run.vq, 0).iter().map(|(id, ..)| id));
    run.expect(Op::List, Answer::Ids(expected));

    run.fresh();
    init(run, false);
    let mut expected: Vec<u64> = (0..32).map(v).collect();
    expected.extend([FPSR, FPCR]);
    run.expect(Op::List, Answer::Ids(expected));
}

/// SVE is accepted, and the vCPU has the registers of a guest of 64 bits: its Q0 is Z0, and V has no ID.
fn guest_of_32_bits(run: &mut Run<'_>) {
    let init = match run.has_32_bits() {
        true => Op::Init32,
        false => Op::Init { sve: true },
    };
    run.expect(init.clone(), Answer::Done);
    set(run, VLS, run.vls(), Answer::Done);
    refused(run, z(0, 0), EPERM);
    refused(run, v(0), EINVAL);
    run.expect(Op::Finalize(SVE), Answer::Done);
    fill(run);
    still_filled(run);
    for n in 0..32 {
        refused(run, v(n), EINVAL);
    }
    status_registers(run);
    let mut expected = vec![FPSR, FPCR, VLS];
    expected.extend(registers(run.vq, 0).iter().map(|(id, ..)| id));
    run.expect(Op::List, Answer::Ids(expected));
    run.expect(init, Answer::Done);
    all_zero(run);
}

fn init_again(run: &mut Run<'_>) {
    // Before finalization, a second initialization loses what was written to VLS.
    init(run, true);
    set(run, VLS, run.vls(), Answer::Done);
    init(run, true);
    get(run, VLS, Answer::Bytes(run.lengths.vls()));
    // After it, the vector lengths stay and the registers are cleared.
    set(run, VLS, run.vls(), Answer::Done);
    run.expect(Op::Finalize(SVE), Answer::Done);
    fill(run);
    for id in [FPSR, FPCR] {
        set(
            run,
            id,
            0x0800_0000_u32.to_ne_bytes().to_vec(),
            Answer::Done,
        );
    }
    init(run, true);
    get(run, VLS, Answer::Bytes(run.vls()));
    all_zero(run);
    for id in [FPSR, FPCR] {
        get(run, id, Answer::Bytes(vec![0; 4]));
    }
    run.expect(Op::Finalize(SVE), EPERM);
    // Other features than the first time are refused.
    run.expect(Op::Init { sve: false }, EINVAL);
    fill(run);
    still_filled(run);

    run.fresh();
    init(run, false);
    set(run, v(5), pattern(16, 5), Answer::Done);
    run.expect(Op::Init { sve: true }, EINVAL);
    get(run, v(5), Answer::Bytes(pattern(16, 5)));
    init(run, false);
    get(run, v(5), Answer::Bytes(vec![0; 16]));
}
