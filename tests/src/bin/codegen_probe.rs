//! What `cargo harness codegen` disassembles and counts: the operations of `sve-state` as a user's
//! code calls them, plain copies to measure by, and functions with a fault planted in them.
//!
//! `codegen_probe list` prints where in memory each function is, and each of the layouts' kernels;
//! names would not do, because the compiler merges functions that are alike. `codegen_probe run`
//! calls the operations, and is meant to run under callgrind. The lines of both are for the harness.

use std::hint::black_box;
use std::process::ExitCode;

use sve_state::layout::{Entry, Layout, Register};
use sve_state::{SveState, Vq, fpsimd, sve};

/// The operations, each alone.
mod access {
    use sve_state::image::ImageError;
    use sve_state::layout::DecodeError;
    use sve_state::{SveState, fpsimd, sve};

    pub(super) type State<'a> = SveState<&'a mut [u8]>;

    macro_rules! get {
        ($name:ident, $register:ty, $bytes:literal) => {
            #[inline(never)]
            pub(super) fn $name(state: &State, register: $register, slice: &mut [u8; $bytes]) {
                state.get_into(register, slice);
            }
        };
    }
    macro_rules! set {
        ($name:ident, $register:ty, $bytes:literal) => {
            #[inline(never)]
            pub(super) fn $name(state: &mut State, register: $register, slice: &[u8; $bytes]) {
                state.set(register, slice);
            }
        };
    }

    get!(get_z, sve::Z, 256);
    get!(get_p, sve::P, 32);
    get!(get_ffr, sve::FFR, 32);
    set!(set_z, sve::Z, 256);
    set!(set_p, sve::P, 32);
    set!(set_ffr, sve::FFR, 32);

    /// A register that the compiler knows.
    #[inline(never)]
    pub(super) fn get_z3(state: &State, _: sve::Z, slice: &mut [u8; 256]) {
        state.get_into(sve::Z3, slice);
    }

    #[inline(never)]
    pub(super) fn set_z3(state: &mut State, _: sve::Z, slice: &[u8; 256]) {
        state.set(sve::Z3, slice);
    }

    #[inline(never)]
    pub(super) fn get_v(state: &State, register: fpsimd::V, value: &mut [u8; 16]) {
        *value = state.get_view(register);
    }

    #[inline(never)]
    pub(super) fn set_v(state: &mut State, register: fpsimd::V, value: &[u8; 16]) {
        state.set_view(register, value);
    }

    #[inline(never)]
    pub(super) fn expand(state: &State, slices: &mut [u8]) -> Result<(), ImageError> {
        state.expand(slices)
    }

    #[inline(never)]
    pub(super) fn pack(state: &mut State, slices: &[u8]) -> Result<(), ImageError> {
        state.pack(slices)
    }

    /// The ID is the first argument: the harness follows it from there.
    #[inline(never)]
    pub(super) fn decode(id: u64, register: &mut Result<sve::Reg, DecodeError>) {
        *register = sve::Reg::decode(id);
    }
}

/// Copies of as many bytes as an operation writes, which nothing can beat.
mod plain {
    #[inline(never)]
    pub(super) fn copy<const N: usize>(from: &[u8; N], to: &mut [u8; N]) {
        *to = *from;
    }

    /// Bytes with a gap behind them, so that many of them are many copies.
    #[repr(C)]
    pub(super) struct Apart<const N: usize> {
        bytes: [u8; N],
        _gap: [u8; 16],
    }

    #[inline(never)]
    pub(super) fn copies<const N: usize>(from: &[Apart<N>], to: &mut [Apart<N>]) {
        for (from, to) in from.iter().zip(to) {
            to.bytes = from.bytes;
        }
    }
}

/// What the harness must refuse, each for one reason.
mod planted {
    use super::access::State;
    use sve_state::sve;

    /// A kernel with a branch.
    #[inline(never)]
    pub(super) fn branch(from: &[u8; 64], to: &mut [u8; 64]) {
        if from[0] != 0 {
            *to = *from;
        }
    }

    #[inline(never)]
    fn callee(to: &mut [u8; 64]) {
        to[63] = to[0].wrapping_add(1);
    }

    /// A kernel that calls.
    #[inline(never)]
    pub(super) fn call(from: &[u8; 64], to: &mut [u8; 64]) {
        *to = *from;
        callee(to);
        to[0] ^= 1;
    }

    /// A kernel that can panic.
    #[inline(never)]
    pub(super) fn panic(from: &[u8; 64], to: &mut [u8; 64]) {
        to[from[0] as usize] = from[1];
    }

    /// A kernel of a bank with a branch in its loop.
    #[inline(never)]
    pub(super) fn branch_in_loop(from: &[[u8; 64]], to: &mut [[u8; 64]]) {
        for (from, to) in from.iter().zip(to) {
            if from[0] != 0 {
                *to = *from;
            }
        }
    }

    /// A kernel of a bank that calls.
    #[inline(never)]
    pub(super) fn call_in_loop(to: &mut [[u8; 64]]) {
        for to in to {
            callee(to);
        }
    }

    /// A GET that looks at its register before it dispatches.
    #[inline(never)]
    pub(super) fn access(state: &State, register: sve::Z, slice: &mut [u8; 256]) {
        if register.number() != 3 {
            state.get_into(register, slice);
        }
    }

    /// A GET without a dispatch.
    #[inline(never)]
    pub(super) fn dispatch(from: &[u8; 32], to: &mut [u8; 32]) {
        *to = *from;
    }

    #[cold]
    #[inline(never)]
    fn unknown(id: usize, number: &mut usize) {
        *number = id.rotate_left(7);
    }

    /// Decoding that uses the index as the ID has it, behind a check.
    #[inline(never)]
    pub(super) fn index(id: usize, number: &mut usize, table: &[usize; 1024]) {
        match table.get(id) {
            Some(found) => *number = *found,
            None => unknown(id, number),
        }
    }

    /// Decoding with a second check.
    #[inline(never)]
    pub(super) fn two_checks(id: usize, number: &mut usize, table: &[usize; 64]) {
        let found = table[id & 63];
        if found != id {
            return unknown(id, number);
        }
        if *number == 7 {
            return unknown(found, number);
        }
        *number = id;
    }
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("list") => list(),
        Some("run") => run::all(),
        _ => {
            eprintln!("usage: codegen_probe list|run, as `cargo harness codegen` does");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// A function whose symbol the harness looks up: by how much addresses in memory are larger than
/// those in the file.
#[inline(never)]
fn anchor() {
    black_box("the anchor");
}

fn list() {
    macro_rules! functions {
        ($kind:literal, $module:ident: $($name:ident)*) => { $(
            println!("{}\tname={}\taddress={:p}", $kind, stringify!($name), $module::$name as *const ());
        )* };
    }
    macro_rules! copies {
        ($($n:literal)*) => { $(
            println!("copy\tbytes={}\taddress={:p}", $n, plain::copy::<$n> as *const ());
            println!("copies\tbytes={}\taddress={:p}", $n, plain::copies::<$n> as *const ());
        )* };
    }
    println!("anchor\taddress={:p}", anchor as *const ());
    let entries = format!("{:?}", <sve::Layout as Layout>::IDS)
        .matches("Entry {")
        .count();
    println!("table\tbytes={}", entries * size_of::<Entry>());
    functions!("access", access:
        get_z get_p get_ffr get_z3 get_v set_z set_p set_ffr set_z3 set_v decode expand pack);
    functions!("planted", planted:
        branch call panic branch_in_loop call_in_loop access dispatch index two_checks);
    // What the layouts' kernels copy and fill.
    copies!(2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 32 48 64 80 96 112 128);
    copies!(144 160 176 192 208 224 240 256);
    list_kernels::<sve::Layout>();
    list_kernels::<fpsimd::Layout>();
}

/// Every kernel of a layout, as `Debug` shows it.
fn list_kernels<L: Layout>() {
    let of_vq = L::KERNELS.chunks(L::BANKS.len());
    for (vq, kernels) in (L::VQ_MIN..).zip(of_vq) {
        for (bank, isas) in L::BANKS.iter().zip(kernels) {
            for (isa, parts) in isas.iter().enumerate() {
                for (part, kernel) in parts.iter().enumerate() {
                    println!(
                        "kernel\tbank={}\tvq={vq}\tisa={isa}\tpart={part}\tkernel={kernel:?}",
                        bank.name
                    );
                }
            }
        }
    }
}

/// Every operation at every VQ, on several registers, with several contents.
mod run {
    use super::{Layout, Register, SveState, Vq, access, black_box, fpsimd, planted, sve};
    use sve_state::layout::BankType;

    /// Behind each case: callgrind notes what has been counted, and starts anew.
    #[inline(never)]
    fn case_done() {
        black_box("done");
    }

    fn case(operation: &str, vq: Vq, register: impl std::fmt::Debug, contents: &str) {
        case_done();
        println!(
            "case\toperation={operation}\tvq={vq}\tregister={register:?}\tcontents={contents}"
        );
    }

    /// Bytes without a pattern (xorshift).
    fn random(bytes: &mut [u8]) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[3];
        }
    }

    /// The first and the last register, one between, and the last one's last slice.
    fn registers<B: BankType>() -> [Register<B>; 4] {
        let last = u32::from(B::BANK.max_count) - 1;
        let slice = u32::from(B::BANK.slices) - 1;
        let register = |number, slice| Register::with_slice(number, slice).expect("of the bank");
        [
            register(0, 0),
            register(last / 2, 0),
            register(last, 0),
            register(last, slice),
        ]
    }

    pub(super) fn all() {
        let (mut image, mut slices) = ([0; 546 * 16], [0; 8736]);
        for contents in ["zeros", "random"] {
            for vq in (1..=16).map(|vq| Vq::new(vq).expect("1 to 16")) {
                if contents == "random" {
                    random(&mut image);
                    random(&mut slices);
                }
                let bytes = sve::Layout::image_bytes(vq).expect("of the layout");
                let state = SveState::new(vq, &mut image[..bytes]).expect("as large as the image");
                operations(state, &mut slices, contents);
            }
        }
        decode();
    }

    fn operations(mut state: access::State, slices: &mut [u8; 8736], contents: &str) {
        let vq = state.vq();
        macro_rules! each {
            ($bank:ty: $($get:ident $set:ident)*) => {
                for register in registers::<$bank>() { $(
                    let slice = slices.first_chunk_mut().expect("long enough");
                    access::$set(black_box(&mut state), black_box(register), black_box(slice));
                    case(stringify!($set), vq, register, contents);
                    access::$get(black_box(&state), black_box(register), black_box(slice));
                    case(stringify!($get), vq, register, contents);
                )* }
            };
        }
        each!(sve::bank::Z: get_z set_z get_z3 set_z3);
        each!(sve::bank::P: get_p set_p);
        each!(sve::bank::FFR: get_ffr set_ffr);
        each!(fpsimd::bank::V: get_v set_v);

        access::pack(black_box(&mut state), black_box(slices)).expect("all slices");
        case("pack", vq, "all", contents);
        access::expand(black_box(&state), black_box(slices)).expect("all slices");
        case("expand", vq, "all", contents);

        let (from, mut to) = ([u8::from(contents == "random"); 64], [0; 64]);
        planted::branch(black_box(&from), black_box(&mut to));
        case("planted", vq, "none", contents);
    }

    /// Every ID that a vCPU of the largest VQ enumerates, and the last slices.
    fn decode() {
        let last = [
            sve::Z::with_slice(31, 31).map(u64::from),
            sve::P::with_slice(15, 31).map(u64::from),
        ];
        let ids = sve::Layout::ids(Vq::ARCH_MAX).expect("of the layout");
        for id in ids.chain(last.map(|id| id.expect("of the bank"))) {
            let mut register = sve::Reg::decode(0);
            access::decode(black_box(id), black_box(&mut register));
            case(
                "decode",
                Vq::ARCH_MAX,
                register.expect("a valid ID"),
                "none",
            );
        }
    }
}
