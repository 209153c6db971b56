//! What `cargo harness codegen` disassembles and counts: the operations of `sve-state` as a user's
//! code calls them, plain copies to measure by, and functions with a fault planted in them.
//!
//! `codegen_probe list` prints where in memory each function is; names would not do, because the
//! compiler merges functions that are alike. `codegen_probe run` calls the operations, and is meant to
//! run under callgrind. The lines of both are for the harness.

use std::hint::black_box;
use std::process::ExitCode;

use sve_state::layout::{Layout, Register};
use sve_state::{SveState, Vq, fpsimd, sve};

/// The operations, each in a function of its own.
mod access {
    use sve_state::layout::DecodeError;
    use sve_state::{SveState, Vq, fpsimd, sve};

    pub(super) type State<'a> = SveState<&'a mut [u8]>;

    macro_rules! operations {
        ($($register:ty, $bytes:literal: $get:ident $get_value:ident $set:ident;)*) => {$(
            #[inline(never)]
            pub(super) fn $get(state: &State, register: $register, slice: &mut [u8; $bytes]) {
                state.get_into(register, slice);
            }
            #[inline(never)]
            pub(super) fn $get_value(state: &State, register: $register) -> [u8; $bytes] {
                state.get(register)
            }
            #[inline(never)]
            pub(super) fn $set(state: &mut State, register: $register, slice: &[u8; $bytes]) {
                state.set(register, slice);
            }
        )*};
    }

    operations! {
        sve::Z, 256: get_z get_z_value set_z;
        sve::P, 32: get_p get_p_value set_p;
        sve::FFR, 32: get_ffr get_ffr_value set_ffr;
    }

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

    /// All registers of a bank, in a loop of the user's.
    #[inline(never)]
    pub(super) fn get_all_z(state: &State, slices: &mut [[u8; 256]; 32]) {
        for (register, slice) in sve::Z::all().zip(slices) {
            state.get_into(register, slice);
        }
    }

    #[inline(never)]
    pub(super) fn set_all_z(state: &mut State, slices: &[[u8; 256]; 32]) {
        for (register, slice) in sve::Z::all().zip(slices) {
            state.set(register, slice);
        }
    }

    #[inline(never)]
    pub(super) fn decode(id: u64, register: &mut Result<sve::Reg, DecodeError>) {
        *register = sve::Reg::decode(id);
    }

    /// From an ID on, as a VMM's dispatch of ONE_REG does it.
    #[inline(never)]
    pub(super) fn get_by_id(state: &State, id: u64, slice: &mut [u8; 256]) -> Option<()> {
        let p = slice.first_chunk_mut::<32>()?;
        match sve::Reg::decode(id).ok()? {
            sve::Reg::Z(z) => state.get_into(z, slice),
            sve::Reg::P(register) => state.get_into(register, p),
            sve::Reg::FFR(register) => state.get_into(register, p),
            sve::Reg::VLS(_) => return None,
        }
        Some(())
    }

    #[inline(never)]
    pub(super) fn set_by_id(state: &mut State, id: u64, slice: &[u8; 256]) -> Option<()> {
        let p = slice.first_chunk::<32>()?;
        match sve::Reg::decode(id).ok()? {
            sve::Reg::Z(z) => state.set(z, slice),
            sve::Reg::P(register) => state.set(register, p),
            sve::Reg::FFR(register) => state.set(register, p),
            sve::Reg::VLS(_) => return None,
        }
        Some(())
    }

    const VQ_2: Vq = match Vq::new(2) {
        Ok(vq) => vq,
        Err(_) => panic!("VQ 2"),
    };

    /// At a vector length that the compiler knows, on memory whose size it knows.
    #[inline(never)]
    pub(super) fn get_z_vq_2(memory: &[u8; 1092], register: sve::Z, slice: &mut [u8; 256]) {
        if let Ok(state) = SveState::new(VQ_2, &memory[..]) {
            state.get_into(register, slice);
        }
    }

    #[inline(never)]
    pub(super) fn set_z_vq_2(memory: &mut [u8; 1092], register: sve::Z, slice: &[u8; 256]) {
        if let Ok(mut state) = SveState::new(VQ_2, &mut memory[..]) {
            state.set(register, slice);
        }
    }
}

/// Copies of as many bytes as an operation writes, which nothing that does not branch can beat.
mod plain {
    #[inline(never)]
    pub(super) fn copy<const N: usize>(from: &[u8; N], to: &mut [u8; N]) {
        *to = *from;
    }
}

/// What the harness must refuse, each for one reason.
mod planted {
    use super::access::State;
    use sve_state::sve;

    /// A copy with a branch.
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

    /// A copy that calls.
    #[inline(never)]
    pub(super) fn call(from: &[u8; 64], to: &mut [u8; 64]) {
        *to = *from;
        callee(to);
        to[0] ^= 1;
    }

    /// A copy that can panic.
    #[inline(never)]
    pub(super) fn panic(from: &[u8; 64], to: &mut [u8; 64]) {
        to[from[0] as usize] = from[1];
    }

    /// A copy that is found in a table of functions.
    #[inline(never)]
    pub(super) fn table(copies: &[fn(&mut [u8; 64]); 4], vq: usize, to: &mut [u8; 64]) {
        copies[vq % 4](to);
        to[0] ^= 1;
    }

    /// A GET that looks at its register first.
    #[inline(never)]
    pub(super) fn access(state: &State, register: sve::Z, slice: &mut [u8; 256]) {
        if register.number() != 3 {
            state.get_into(register, slice);
        }
    }

    /// A GET whose index is checked, and not clamped.
    #[inline(never)]
    pub(super) fn index(image: &[u8; 8736], number: usize, slice: &mut [u8; 256]) {
        if let Some(from) = image
            .get(number.wrapping_mul(256)..)
            .and_then(<[u8]>::first_chunk)
        {
            *slice = *from;
        }
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
            println!("copy\tname={}\taddress={:p}", $n, plain::copy::<$n> as *const ());
        )* };
    }
    println!("anchor\taddress={:p}", anchor as *const ());
    functions!("access", access:
        get_z get_z_value get_z3 get_z_vq_2 get_all_z get_p get_p_value get_ffr get_ffr_value get_v
        set_z set_z3 set_z_vq_2 set_all_z set_p set_ffr set_v decode get_by_id set_by_id);
    functions!("planted", planted: branch call panic table access index);
    copies!(16 32 64 256);
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
        let last = u32::from(Register::<B>::BANK.max_count) - 1;
        let slice = u32::from(Register::<B>::BANK.slices) - 1;
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
        // On x86-64, the first copy asks the processor, unless the build is for AVX2.
        let mut first = SveState::new(Vq::MIN, &mut image[..546]).expect("as large as the image");
        first.set(sve::Z0, &[0; 256]);
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
            ($bank:ty: $($get:ident)*, $($value:ident)*, $($set:ident)*) => {
                for register in registers::<$bank>() {
                    let slice = slices.first_chunk_mut().expect("long enough");
                    $(
                        access::$set(black_box(&mut state), black_box(register), black_box(slice));
                        case(stringify!($set), vq, register, contents);
                    )*
                    $(
                        access::$get(black_box(&state), black_box(register), black_box(slice));
                        case(stringify!($get), vq, register, contents);
                    )*
                    $(
                        black_box(access::$value(black_box(&state), black_box(register)));
                        case(stringify!($value), vq, register, contents);
                    )*
                }
            };
        }
        each!(sve::bank::Z: get_z get_z3, get_z_value, set_z set_z3);
        each!(sve::bank::P: get_p, get_p_value, set_p);
        each!(sve::bank::FFR: get_ffr, get_ffr_value, set_ffr);
        each!(fpsimd::bank::V: get_v,, set_v);

        let z = slices.first_chunk_mut::<8192>().expect("long enough");
        let z = z
            .as_chunks_mut::<256>()
            .0
            .first_chunk_mut()
            .expect("32 of them");
        access::set_all_z(black_box(&mut state), black_box(z));
        case("set_all_z", vq, "all", contents);
        access::get_all_z(black_box(&state), black_box(z));
        case("get_all_z", vq, "all", contents);
        for id in sve::Layout::ids(vq).expect("of the layout") {
            let slice = slices.first_chunk_mut().expect("long enough");
            access::set_by_id(black_box(&mut state), black_box(id), black_box(slice));
            case("set_by_id", vq, sve::Reg::decode(id), contents);
            access::get_by_id(black_box(&state), black_box(id), black_box(slice));
            case("get_by_id", vq, sve::Reg::decode(id), contents);
        }

        let (from, mut to) = ([u8::from(contents == "random"); 64], [0; 64]);
        planted::branch(black_box(&from), black_box(&mut to));
        case("planted", vq, "none", contents);

        if vq.get() == 2 {
            let mut memory = [0x5a; 1092];
            for register in registers::<sve::bank::Z>() {
                let slice = slices.first_chunk_mut().expect("long enough");
                access::set_z_vq_2(
                    black_box(&mut memory),
                    black_box(register),
                    black_box(slice),
                );
                case("set_z_vq_2", vq, register, contents);
                access::get_z_vq_2(black_box(&memory), black_box(register), black_box(slice));
                case("get_z_vq_2", vq, register, contents);
            }
        }
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
