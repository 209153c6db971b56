//! `live` on the processor that runs this, at each vector length that it has, compared with the kernel's way to
//! the same registers, the frame of a signal. `cargo harness arm64` runs this on an emulated processor, which has
//! all vector lengths.

#![cfg(all(target_arch = "aarch64", target_os = "linux"))]
// Calls assembly, and handles signals.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::{mem, ptr, slice};

use sve_state::signal::{self, Frame, RESERVED_BYTES, RESERVED_OFFSET};
use sve_state::vcpu::Status;
use sve_state::{SveState, Vq, live, sve};

core::arch::global_asm!(
    ".arch_extension sve",
    // Loads by x0's first function and stops, then saves by its second one and stops.
    ".globl live_test_probe",
    "live_test_probe:",
    "stp x29, x30, [sp, #-32]!",
    "str x19, [sp, #16]",
    "mov x19, x0",
    "ldp x0, x1, [x19, #16]",
    "ldr x3, [x19]",
    "blr x3",
    "udf #0",
    "ldp x0, x1, [x19, #32]",
    "ldr x3, [x19, #8]",
    "blr x3",
    "udf #0",
    "ldr x19, [sp, #16]",
    "ldp x29, x30, [sp], #32",
    "ret",
    // A turn: each byte of Z grows by 1, and P is reversed.
    ".globl live_test_turn",
    "live_test_turn:",
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
    r"add z\n\().b, z\n\().b, #1",
    ".endr",
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    r"rev p\n\().b, p\n\().b",
    ".endr",
    "ret",
    // The registers that a function keeps for its caller, across a call of `enter` with x0 to x3.
    ".globl live_test_kept",
    "live_test_kept:",
    "stp x29, x30, [sp, #-96]!",
    "stp d8, d9, [sp, #16]",
    "stp d10, d11, [sp, #32]",
    "stp d12, d13, [sp, #48]",
    "stp d14, d15, [sp, #64]",
    "str x19, [sp, #80]",
    "mov x19, x4",
    "ldp d8, d9, [x19]",
    "ldp d10, d11, [x19, #16]",
    "ldp d12, d13, [x19, #32]",
    "ldp d14, d15, [x19, #48]",
    "bl {enter}",
    "stp d8, d9, [x19, #64]",
    "stp d10, d11, [x19, #80]",
    "stp d12, d13, [x19, #96]",
    "stp d14, d15, [x19, #112]",
    "mrs x0, fpcr",
    "ldr x19, [sp, #80]",
    "ldp d14, d15, [sp, #64]",
    "ldp d12, d13, [sp, #48]",
    "ldp d10, d11, [sp, #32]",
    "ldp d8, d9, [sp, #16]",
    "ldp x29, x30, [sp], #96",
    "ret",
    enter = sym live::enter,
);

type Function = unsafe extern "C" fn(*mut c_void);

// SAFETY: they are defined above.
unsafe extern "C" {
    fn live_test_probe(_: *mut c_void);
    fn live_test_turn(_: *mut c_void);
    fn live_test_kept(
        image: *mut u8,
        status: *mut Status,
        _: Function,
        argument: *mut c_void,
        d: *mut [u64; 16],
    ) -> u64;
}

/// What `live_test_probe` is given.
#[repr(C)]
struct Probe {
    load: usize,
    save: usize,
    from: *const u8,
    from_status: *const Status,
    to: *mut u8,
    to_status: *mut Status,
}

type State = (SveState<Vec<u8>>, Status);

/// What the handler has seen at each stop, and what it gives the thread instead at the first.
#[derive(Default)]
struct Stops {
    seen: Vec<State>,
    instead: Option<State>,
}

thread_local! {
    static STOPS: RefCell<Stops> = RefCell::default();
}

extern "C" fn handler(_: c_int, _: *mut c_void, context: *mut c_void) {
    let start = context.cast::<u8>().wrapping_add(RESERVED_OFFSET);
    // SAFETY: the kernel has put a `struct ucontext` there.
    let reserved = unsafe { slice::from_raw_parts(start, RESERVED_BYTES) };
    let bytes = signal::frame_bytes(reserved).expect("the kernel's frame");
    // SAFETY: so many the kernel says there are; `reserved` is not used any more.
    let frame = unsafe { slice::from_raw_parts_mut(start, bytes) };
    STOPS.with_borrow_mut(|stops| {
        // SAFETY: SVE has been used before.
        let mut state = zeroed(vq(unsafe { live::rdvl() }));
        let status = Frame::parse(frame).expect("a frame").copy_to(&mut state);
        stops.seen.push((state, status));
        if let Some((state, status)) = stops.instead.take() {
            signal::write(frame, &state, status).expect("a frame");
        }
    });
    // SAFETY: as above; after the `udf`.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.pc += 4 };
}

fn vq(vl: usize) -> Vq {
    Vq::new(u32::try_from(vl / 16).unwrap()).unwrap()
}

fn zeroed(vq: Vq) -> SveState<Vec<u8>> {
    SveState::new(vq, vec![0; 546 * usize::from(vq.get())]).unwrap()
}

/// Calls `act` at each vector length that the processor has, in this thread.
fn at_each_length(act: impl Fn(Vq, &mut Random)) {
    const HWCAP_SVE: u64 = 1 << 22;
    const PR_SVE_SET_VL: c_int = 50;
    // SAFETY: it takes a number.
    if unsafe { libc::getauxval(libc::AT_HWCAP) } & HWCAP_SVE == 0 {
        eprintln!("NOT TESTED: this processor has no SVE");
        return;
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut lengths = 0;
    for vq in Vq::architectural() {
        // SAFETY: an option that takes a number; the compiler's code has no SVE in it.
        let set = unsafe { libc::prctl(PR_SVE_SET_VL, vq.vl_bytes()) };
        // SAFETY: there is SVE.
        if set >= 0 && unsafe { live::rdvl() } == vq.vl_bytes() {
            act(vq, &mut random);
            lengths += 1;
        }
    }
    println!("{lengths} vector lengths");
    assert!(lengths > 0);
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// All registers, each with values of its own. FFR has ones, then zeros, FPCR has bits that every processor
    /// keeps, and FPSR those of exceptions.
    fn state(&mut self, vq: Vq) -> State {
        let mut state = zeroed(vq);
        state
            .as_bytes_mut()
            .fill_with(|| self.next().to_le_bytes()[3]);
        let ones = self.next() as usize % (vq.vl_bytes() + 1);
        for (n, byte) in state.register_mut(sve::FFR).iter_mut().enumerate() {
            *byte = (0..8).map(|bit| u8::from(8 * n + bit < ones) << bit).sum();
        }
        let status = Status {
            fpsr: self.next() as u32 & 0x0800_009f,
            fpcr: self.next() as u32 & 0x07c0_0000,
        };
        (state, status)
    }
}

/// Enters with these registers, and loads and saves in there by two functions. Returns what was seen at the two
/// stops, what was saved, and what `enter` left.
fn probe(
    entered: State,
    functions: [usize; 2],
    from: &State,
    instead: &State,
) -> ([State; 2], State, State) {
    // SAFETY: zeros are a value of it.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    let function: extern "C" fn(c_int, *mut c_void, *mut c_void) = handler;
    action.sa_sigaction = function as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: both pointers are what it says.
    assert_eq!(
        unsafe { libc::sigaction(libc::SIGILL, &action, ptr::null_mut()) },
        0
    );
    STOPS.set(Stops {
        seen: Vec::new(),
        instead: Some(instead.clone()),
    });
    let (mut entered, mut to) = (entered, (zeroed(from.0.vq()), Status::default()));
    to.0.as_bytes_mut().fill(0xee);
    let [load, save] = functions;
    let mut probe = Probe {
        load,
        save,
        from: from.0.as_bytes().as_ptr(),
        from_status: &from.1,
        to: to.0.as_bytes_mut().as_mut_ptr(),
        to_status: &mut to.1,
    };
    let image = entered.0.as_bytes_mut().as_mut_ptr();
    let argument = ptr::from_mut(&mut probe).cast();
    // SAFETY: images of the present vector length; the function keeps x19 and the stack, and calls functions of
    // `live` at a place where no register of SVE has to be kept.
    unsafe { live::enter(image, &mut entered.1, live_test_probe, argument) };
    let seen = STOPS.take().seen.try_into().expect("two stops");
    (seen, to, entered)
}

/// The registers that a frame has are those of the image, each in its place, and the other way round.
#[test]
fn load_and_save_put_each_register_in_its_place() {
    at_each_length(|vq, random| {
        let [entered, from, instead] = [(); 3].map(|()| random.state(vq));
        let functions = [
            live::load as *const () as usize,
            live::save as *const () as usize,
        ];
        let ([loaded, later], saved, left) = probe(entered, functions, &from, &instead);
        assert_eq!(loaded, from, "VQ {vq}");
        assert_eq!(saved, instead, "VQ {vq}");
        assert_eq!(later, instead, "save changes no register, VQ {vq}");
        assert_eq!(left, instead, "VQ {vq}");
    });
}

#[test]
fn enter_loads_each_register() {
    at_each_length(|vq, random| {
        let [entered, from, instead] = [(); 3].map(|()| random.state(vq));
        // Nothing is loaded in there.
        let functions = [
            live::rdvl as *const () as usize,
            live::save as *const () as usize,
        ];
        let ([loaded, _], ..) = probe(entered.clone(), functions, &from, &instead);
        assert_eq!(loaded, entered, "VQ {vq}");
    });
}

#[test]
fn without_ffr_it_is_neither_loaded_nor_saved() {
    at_each_length(|vq, random| {
        let [entered, from, instead] = [(); 3].map(|()| random.state(vq));
        let functions = [
            live::load_without_ffr as *const () as usize,
            live::save_without_ffr as *const () as usize,
        ];
        let ffr = entered.0.register(sve::FFR).to_vec();
        let ([loaded, later], saved, _) = probe(entered, functions, &from, &instead);
        let (mut from, mut expected) = (from, instead.clone());
        from.0.register_mut(sve::FFR).copy_from_slice(&ffr);
        assert_eq!(loaded, from, "VQ {vq}");
        expected.0.register_mut(sve::FFR).fill(0xee);
        assert_eq!(saved, expected, "VQ {vq}");
        assert_eq!(later, instead, "VQ {vq}");
    });
}

#[test]
fn clear_leaves_nothing() {
    at_each_length(|vq, random| {
        let [entered, from, instead] = [(); 3].map(|()| random.state(vq));
        let functions = [
            live::clear as *const () as usize,
            live::save as *const () as usize,
        ];
        let ([cleared, _], ..) = probe(entered, functions, &from, &instead);
        assert_eq!(cleared, (zeroed(vq), Status::default()), "VQ {vq}");
    });
}

/// Two register files take turns, a million switches in all, and each goes on from what it had.
#[test]
fn a_million_switches_mix_nothing() {
    at_each_length(|vq, random| {
        let before = [(); 2].map(|()| random.state(vq));
        let mut now = before.clone();
        let mut turns = [0; 2];
        for _ in 0..62_500 {
            let who = (random.next() >> 40) as usize % 2;
            turns[who] += 1;
            let (state, status) = &mut now[who];
            let image = state.as_bytes_mut().as_mut_ptr();
            // SAFETY: an image of this vector length; the function changes Z and P only.
            unsafe { live::enter(image, status, live_test_turn, ptr::null_mut()) };
        }
        for who in 0..2 {
            let (mut expected, status) = before[who].clone();
            for z in sve::Z::all() {
                for byte in expected.register_mut(z) {
                    *byte = byte.wrapping_add((turns[who] % 256) as u8);
                }
            }
            for p in sve::P::all().filter(|_| turns[who] % 2 == 1) {
                let p = expected.register_mut(p);
                p.reverse();
                p.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
            }
            assert_eq!(now[who], (expected, status), "VQ {vq}, {turns:?} turns");
        }
    });
}

/// d8 to d15 and FPCR are the caller's again after `enter`.
#[test]
fn enter_keeps_what_the_compiler_keeps() {
    at_each_length(|vq, random| {
        let mut entered = random.state(vq);
        entered.1.fpcr = 0x0180_0000;
        let mut d = [(); 16].map(|()| random.next());
        let image = entered.0.as_bytes_mut().as_mut_ptr();
        let (turn, none) = (live_test_turn as Function, ptr::null_mut());
        // SAFETY: an image of this vector length, and 16 numbers.
        let fpcr = unsafe { live_test_kept(image, &mut entered.1, turn, none, &mut d) };
        assert_eq!((&d[8..], fpcr), (&d[..8], 0), "VQ {vq}");
    });
}

/// The machine code of each function, read where it lies, has so many instructions, of which only the last goes
/// elsewhere and none has to do with the stack.
#[test]
fn the_functions_are_straight_lines_without_a_stack() {
    const RET: u32 = 0xd65f_03c0;
    // Z and P, FFR by way of P0, FPSR and FPCR, and the address of Z31.
    let (moves, save_ffr, load_ffr, status) = (32 + 16, 3, 3, 4);
    for (name, function, instructions) in [
        (
            "save",
            live::save as *const () as usize,
            1 + moves + save_ffr + status,
        ),
        (
            "save_without_ffr",
            live::save_without_ffr as *const () as usize,
            1 + moves + status,
        ),
        (
            "load",
            live::load as *const () as usize,
            1 + moves + load_ffr + status,
        ),
        (
            "load_without_ffr",
            live::load_without_ffr as *const () as usize,
            1 + moves + status,
        ),
        ("clear", live::clear as *const () as usize, moves + 1 + 2),
        ("rdvl", live::rdvl as *const () as usize, 1),
    ] {
        let code = ptr::with_exposed_provenance::<u32>(function);
        // SAFETY: a function of this many instructions and two more, which can be read.
        let code = unsafe { slice::from_raw_parts(code, instructions + 2) };
        let (first, rest) = (code[0], &code[1..]);
        assert_eq!(first, 0xd503_245f, "{name} starts with `bti c`");
        assert_eq!(rest[instructions], RET, "{name}");
        for word in &rest[..instructions] {
            let known = |(mask, value): &(u32, u32)| word & mask == *value;
            assert!(KNOWN.iter().any(known), "{name}: {word:#010x}");
            let base = word >> if word & ADDVL.0 == ADDVL.1 { 16 } else { 5 };
            let has_base = MEMORY.iter().any(known) || known(&ADDVL);
            assert!(
                !has_base || base & 31 != 31,
                "{name}: {word:#010x} is of the stack"
            );
        }
    }
}

/// ADDVL, as a mask and the bits that remain under it.
const ADDVL: (u32, u32) = (0xffe0_f800, 0x0420_5000);
/// LDR and STR of Z and P; STR and LDR of 32 bits.
const MEMORY: [(u32, u32); 3] = [
    (0x9fc0_a000, 0x8580_0000),
    (0xffc0_0000, 0xb900_0000),
    (0xffc0_0000, 0xb940_0000),
];
/// Everything that may be in a function, by the architecture's encodings, none of which is a branch.
const KNOWN: [(u32, u32); 11] = [
    ADDVL,
    MEMORY[0],
    MEMORY[1],
    MEMORY[2],
    (0xffff_ffff, 0x2519_f000), // RDFFR P0.B
    (0xffff_ffff, 0x2528_9000), // WRFFR P0.B
    (0xffff_fff0, 0x2518_e400), // PFALSE
    (0xffff_ffe0, 0x2538_c000), // DUP Zd.B, #0
    (0xffff_ffff, 0x04bf_5020), // RDVL X0, #1
    (0xffdf_ffe0, 0xd51b_4400), // MSR and MRS, FPCR
    (0xffdf_ffe0, 0xd51b_4420), // and FPSR
];
