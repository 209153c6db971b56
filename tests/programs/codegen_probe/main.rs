//! What `cargo harness codegen` reads as assembly and counts under callgrind: each operation on a slice by itself,
//! in a loop over all registers of a vCPU, and in a loop over a list of registers of several vCPUs; the same loops
//! around nothing; and faults that must be refused, in the same loops.

use std::array;
use std::hint::black_box;

use sve_state::{SveState, Vq, fpsimd, sve};

type State = SveState<Vec<u8>>;
/// How many vCPUs there are, and their VQs where these are mixed.
const VCPUS: usize = 8;
const MIXED: [u32; VCPUS] = [1, 2, 4, 16, 3, 8, 1, 5];
/// How many registers the list has.
const LIST: u32 = 512;

/// An operation. The harness finds its functions through this table and not by their names, because the compiler
/// merges those that are alike.
#[repr(C)]
pub struct Functions<R, S, V> {
    alone: fn(&mut State, R, &mut S) -> V,
    all: fn(&mut State, &mut S),
    list: fn(&mut [State; VCPUS], &[(u8, R)], &mut S),
}

macro_rules! operations {
    ($($name:ident($register:ty, $slice:ty) -> $value:ty, |$state:pat_param, $r:pat_param, $s:pat_param| $body:expr;)*) => {
        $(
            pub mod $name {
                use super::*;

                pub static FUNCTIONS: Functions<$register, $slice, $value> = Functions { alone, all, list };

                #[inline(always)]
                fn operation($state: &mut State, $r: $register, $s: &mut $slice) -> $value {
                    $body
                }

                fn alone(state: &mut State, register: $register, slice: &mut $slice) -> $value {
                    operation(state, register, slice)
                }

                fn all(state: &mut State, slice: &mut $slice) {
                    for register in <$register>::all() {
                        black_box(&operation(state, register, slice));
                        black_box(&mut *slice);
                    }
                }

                fn list(vcpus: &mut [State; VCPUS], list: &[(u8, $register)], slice: &mut $slice) {
                    for &(vcpu, register) in list {
                        let state = &mut vcpus[usize::from(vcpu) % VCPUS];
                        black_box(&operation(state, register, slice));
                        black_box(&mut *slice);
                    }
                }
            }
        )*

        fn main() {
            // On x86-64, the first copy asks the processor.
            let state = State::new(Vq::MIN, vec![0; 546]).expect("as large as the image");
            black_box(state.get(black_box(sve::Z0)));
            $(
                let registers: Vec<_> = <$register>::all().collect();
                execute(stringify!($name), black_box(&$name::FUNCTIONS), &registers, [0; size_of::<$slice>()]);
            )*
        }
    };
}

operations! {
    none_z(sve::Z, [u8; 256]) -> (), |_, _, _| ();
    none_p(sve::P, [u8; 32]) -> (), |_, _, _| ();
    none_ffr(sve::FFR, [u8; 32]) -> (), |_, _, _| ();
    none_v(fpsimd::V, [u8; 16]) -> (), |_, _, _| ();

    get_z(sve::Z, [u8; 256]) -> (), |state, register, slice| state.get_into(register, slice);
    value_z(sve::Z, [u8; 256]) -> [u8; 256], |state, register, _| state.get(register);
    set_z(sve::Z, [u8; 256]) -> (), |state, register, slice| state.set(register, slice);
    get_p(sve::P, [u8; 32]) -> (), |state, register, slice| state.get_into(register, slice);
    value_p(sve::P, [u8; 32]) -> [u8; 32], |state, register, _| state.get(register);
    set_p(sve::P, [u8; 32]) -> (), |state, register, slice| state.set(register, slice);
    get_ffr(sve::FFR, [u8; 32]) -> (), |state, register, slice| state.get_into(register, slice);
    value_ffr(sve::FFR, [u8; 32]) -> [u8; 32], |state, register, _| state.get(register);
    set_ffr(sve::FFR, [u8; 32]) -> (), |state, register, slice| state.set(register, slice);
    value_v(fpsimd::V, [u8; 16]) -> [u8; 16], |state, register, _| state.get_view(register);
    set_v(fpsimd::V, [u8; 16]) -> (), |state, register, slice| state.set_view(register, slice);

    // From an ID on, as a VMM's dispatch of ONE_REG does it.
    get_id(sve::Z, [u8; 256]) -> Option<()>, |state, register, slice| {
        let p = slice.first_chunk_mut()?;
        match sve::Reg::decode(black_box(register.id())).ok()? {
            sve::Reg::Z(register) => state.get_into(register, slice),
            sve::Reg::P(register) => state.get_into(register, p),
            sve::Reg::FFR(register) => state.get_into(register, p),
            sve::Reg::VLS(_) => return None,
        }
        Some(())
    };
    set_id(sve::Z, [u8; 256]) -> Option<()>, |state, register, slice| {
        let p = slice.first_chunk()?;
        match sve::Reg::decode(black_box(register.id())).ok()? {
            sve::Reg::Z(register) => state.set(register, slice),
            sve::Reg::P(register) => state.set(register, p),
            sve::Reg::FFR(register) => state.set(register, p),
            sve::Reg::VLS(_) => return None,
        }
        Some(())
    };

    // A branch on the width.
    branch_p(sve::P, [u8; 32]) -> (), |state, register, slice| {
        if state.vq().get() < 4 {
            black_box(());
        }
        state.get_into(register, slice);
    };
    // A plain copy of a slice, with which others are compared. In a build for size it is a call of `memcpy`.
    plain_z(Slice, [u8; 256]) -> (), |_, Slice(from), slice| *slice = *from;
    // A subtraction that can overflow, and panics where overflow is checked.
    overflow_p(sve::P, [u8; 32]) -> (), |state, register, slice| {
        slice[0] = (state.vq().get() * 16 - register.number()) as u8;
    };
    // A table of functions.
    table_z(sve::Z, [u8; 256]) -> (), |state, _, slice| TABLE[usize::from(state.vq().get() % 2)](slice);
    // An index that has been checked but not clamped.
    index_z(sve::Z, [u8; 256]) -> (), |state, register, slice| {
        slice[0] = *state.as_bytes().get(usize::from(register.number()) * 32).unwrap_or(&0);
    };
}

/// Takes the place of a register.
#[derive(Clone, Copy)]
pub struct Slice(&'static [u8; 256]);

impl Slice {
    fn all() -> impl Iterator<Item = Self> {
        static SLICES: [[u8; 256]; 32] = [[0x5a; 256]; 32];
        black_box(&SLICES).iter().map(Self)
    }
}

static TABLE: [fn(&mut [u8; 256]); 2] = [|slice| slice[0] = 1, |slice| slice[255] = 1];

/// Runs both loops with mixed VQs, then at each VQ, and prints a line that says of which loop the next counts are.
fn execute<R: Copy, S, V>(
    name: &str,
    functions: &Functions<R, S, V>,
    registers: &[R],
    mut slice: S,
) {
    // In an order that no processor could learn (xorshift).
    let mut random = 0x9e37_79b9_u32;
    let accesses = (0..LIST).map(|_| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        (
            (random >> 8) as u8,
            registers[(random >> 16) as usize % registers.len()],
        )
    });
    let accesses: Vec<(u8, R)> = accesses.collect();
    for (shape, copies) in [("all", VCPUS * registers.len()), ("list", accesses.len())] {
        println!("loop\t{name}\t{shape}\t{copies}");
        for case in 0..=16 {
            let mut vcpus = array::from_fn(|n| {
                let vq = Vq::new(if case == 0 { MIXED[n] } else { case }).expect("1 to 16");
                let bytes = (0..vq.get() * 546).map(|byte| (byte % 251) as u8);
                State::new(vq, bytes.collect()).expect("as large as the image")
            });
            measured(&mut || match shape {
                "all" => vcpus
                    .iter_mut()
                    .for_each(|state| (functions.all)(state, &mut slice)),
                _ => (functions.list)(&mut vcpus, &accesses, &mut slice),
            });
        }
    }
}

/// Callgrind counts within this function. It is not generic, because newer compilers mangle the parameters into the
/// name, by which callgrind is told to count.
#[inline(never)]
fn measured(run: &mut dyn FnMut()) {
    run();
    // Not its last instruction, which would be a jump.
    black_box(());
}
