//! The operations that are measured, and the implementations of each.
//!
//! There are seven cases, of 64 vCPUs each. In five of them all vCPUs have one vector length. In `mixed` they have
//! all 16 in turn, so that the processor cannot learn which one comes next, and `one` makes the same accesses to
//! the same vCPUs in an order that puts 64 of one vector length after one another. `mixed / one` is therefore
//! exactly what it costs that the next vector length is unknown.
//!
//! One register that the program knows is moved in two shapes of loop, because a compiler may make a branch in one
//! and not in the other. In the first, everything belongs to the closure; in the second, `OPERATION.list`, a
//! function gets a list of (vCPU, register) and a buffer from outside.
//!
//! All implementations of an operation start from the same thing, a register, an ID or a vCPU. For a single
//! register they leave the same bytes in the same place (`plain` only as many), and for a whole vCPU each leaves
//! what it would keep.
//!
//! A new operation goes into `registers`, `ids` or `vcpus`, and what it is compared with into [`by_hand`].

use std::hint::black_box;

use oorandom::Rand32;
use sve_state::layout::{BankType, Register};
use sve_state::snapshot::Snapshot;
use sve_state::sve::{Reg, bank};
use sve_state::vcpu::{Finalized, Status};
use sve_state::{KVM_ARM_VCPU_SVE, OneReg as _, SveState, Vls, Vq, fpsimd, shim};

use crate::gate::{Make, Operation, Rule};
use crate::plain::Slices;
use crate::{by_hand, rfc};

/// The cases: VQs, then one VQ after the other, then `mixed`.
pub const CASES: &[&str] = &["1", "2", "4", "8", "16", ONE, "mixed"];
const ONE: &str = "one";
/// How many vCPUs there are, and how many vector lengths where they are not all the same.
const VCPUS: u32 = 64;
const LENGTHS: usize = 16;
/// How many accesses there are before their order repeats, which is more than a branch predictor remembers.
const ORDER: usize = 32_768;
/// How many registers a pass moves, one at a time.
const REGISTERS: usize = 64;
/// How many vCPUs a pass moves.
const WHOLE: usize = 4;
/// How many places a buffer may have, and their distance in bytes. No two are aligned alike, because buffers in
/// users' programs are not.
const PLACES: usize = 16;
const APART: usize = 265;

type Ours = SveState<Vec<u8>>;
type Shim = shim::Vcpu<Box<[u8]>>;
type List = Vec<(u64, Vec<u8>)>;

/// How accesses follow one another.
#[derive(Clone, Copy)]
enum Shape {
    /// In a loop that has the vCPUs, the order and the buffers to itself.
    Own,
    /// In a function that gets them.
    List,
}

fn vqs(case: &str) -> impl Iterator<Item = Vq> {
    let one = case.parse().ok();
    let vqs = (0..VCPUS).map(move |n| one.unwrap_or(1 + n % 16));
    vqs.map(|vq| Vq::new(vq).expect("1 to 16"))
}

/// An image without a zero.
fn image(vq: Vq) -> Vec<u8> {
    let bytes = (1..=251).cycle();
    bytes.take(546 * usize::from(vq.get())).collect()
}

/// Passes of `count` accesses each, to vCPUs and registers in random order, with a buffer of `N` bytes.
fn each<T: 'static, R: Copy + 'static, const N: usize>(
    shape: Shape,
    count: usize,
    vcpu: fn(Vq) -> T,
    registers: impl Iterator<Item = R>,
    access: impl Fn(&mut T, R, &mut [u8; N]) + Copy + 'static,
) -> Make {
    let registers: Vec<_> = registers.collect();
    Box::new(move |case| {
        let mut vcpus: Vec<_> = vqs(case).map(vcpu).collect();
        let mut random = Rand32::new(2);
        let mut below = |end: usize| random.rand_u32() as usize % end;
        let mut order = Vec::with_capacity(ORDER);
        while order.len() < ORDER {
            // Each vCPU comes once, then each again in another order, so that what is counted has met all of them.
            let first = order.len();
            for vcpu in 0..vcpus.len() {
                order.push((vcpu, registers[below(registers.len())]));
                let other = first + below(vcpu + 1);
                order.swap(first + vcpu, other);
            }
        }
        if case == ONE {
            // So that each pass has a single vector length.
            for passes in order.chunks_mut(LENGTHS * count) {
                passes.sort_by_key(|(vcpu, _)| vcpu % LENGTHS);
            }
        }
        let mut buffers = vec![0x5a; PLACES * APART + N];
        let mut next = 0;
        Box::new(move |place| {
            let buffer = &mut buffers[place % PLACES * APART..];
            let buffer = buffer.first_chunk_mut().expect("room for all places");
            let accesses = &order[next..next + count];
            match shape {
                Shape::Own => {
                    for (vcpu, register) in accesses {
                        access(&mut vcpus[*vcpu], *register, buffer);
                        black_box(&mut *buffer);
                    }
                }
                Shape::List => over_list(accesses, &mut vcpus, buffer, access),
            }
            next = (next + count) % ORDER;
        })
    })
}

/// Accesses in a function of their own.
#[inline(never)]
fn over_list<T, R: Copy, const N: usize>(
    accesses: &[(usize, R)],
    vcpus: &mut [T],
    buffer: &mut [u8; N],
    access: impl Fn(&mut T, R, &mut [u8; N]),
) {
    for (vcpu, register) in accesses {
        access(&mut vcpus[*vcpu], *register, buffer);
    }
}

/// The loop, with nothing in it.
fn empty(shape: Shape, count: usize) -> Make {
    each(shape, count, |_| (), 0..32, |(), _, _: &mut [u8; 0]| ())
}

fn typed<B: BankType, const N: usize>(
    shape: Shape,
    access: impl Fn(&mut Ours, Register<B>, &mut [u8; N]) + Copy + 'static,
) -> Make {
    each(shape, REGISTERS, ours, Register::<B>::all(), access)
}

fn by_hand<const N: usize>(
    shape: Shape,
    numbers: std::ops::Range<usize>,
    access: impl Fn(&mut by_hand::State, usize, &mut [u8; N]) + Copy + 'static,
) -> Make {
    each(shape, REGISTERS, state, numbers, access)
}

fn plain<const SLICE: usize>(
    shape: Shape,
    access: impl Fn(&mut Slices<SLICE>, usize, &mut [u8; SLICE]) + Copy + 'static,
) -> Make {
    each(
        shape,
        REGISTERS,
        |vq| Slices::new(vq.get().into()),
        0..32,
        access,
    )
}

/// One implementation for each VQ, and another for all cases that have several.
fn by_case(makes: [Make; 6]) -> Make {
    Box::new(move |case| {
        let at = CASES.iter().position(|each| *each == case);
        makes[at.expect("a case").min(5)](case)
    })
}

fn from_id<T: 'static>(
    vcpu: fn(Vq) -> T,
    access: impl Fn(&mut T, u64, &mut [u8; 256]) + Copy + 'static,
) -> Make {
    each(Shape::Own, REGISTERS, vcpu, by_hand::ids(), access)
}

/// For whole vCPUs, where each operation returns a value, which is dropped.
fn gives<T: 'static, V: 'static>(vcpu: fn(Vq) -> T, give: fn(&mut T) -> V) -> Make {
    let registers = std::iter::once(());
    each(
        Shape::Own,
        WHOLE,
        vcpu,
        registers,
        move |vcpu, (), _: &mut [u8; 0]| {
            black_box(&give(vcpu));
        },
    )
}

fn ours(vq: Vq) -> Ours {
    SveState::new(vq, image(vq)).expect("an image of its size")
}

fn state(vq: Vq) -> by_hand::State {
    let (image, vq) = (image(vq), vq.get().into());
    by_hand::State { image, vq }
}

fn shim(vq: Vq) -> Shim {
    let mut vcpu = shim::Vcpu::new(Vls::up_to(vq)).expect("a host");
    vcpu.init_with_sve().expect("a host with SVE");
    vcpu.finalize(KVM_ARM_VCPU_SVE)
        .expect("an initialized vCPU");
    let mut state = vcpu.sve_state_mut().expect("a finalized vCPU");
    state.as_bytes_mut().copy_from_slice(&image(vq));
    vcpu
}

fn emulator(vq: Vq) -> by_hand::Vcpu {
    by_hand::Vcpu {
        state: state(vq),
        vls: Vls::up_to(vq).to_bytes(),
        status: [0; 2],
    }
}

fn snapshot(vq: Vq) -> Snapshot {
    let (vls, status) = (Vls::up_to(vq), Status::default());
    let state = SveState::new(vq, image(vq).into()).expect("an image of its size");
    Snapshot::new(vls, state, Some(status)).expect("VLS with the image's VQ")
}

fn own_snapshot(vq: Vq) -> by_hand::Snapshot {
    by_hand::Snapshot {
        vls: Vls::up_to(vq).to_bytes(),
        status: [0; 2],
        image: image(vq),
    }
}

fn list(vq: Vq) -> List {
    own_snapshot(vq).registers()
}

fn get_id(vcpu: &Ours, id: u64, slice: &mut [u8; 256]) -> bool {
    let (predicate, _) = slice.split_first_chunk_mut().expect("256 are more than 32");
    match Reg::decode(id) {
        Ok(Reg::Z(z)) => vcpu.get_into(z, slice),
        Ok(Reg::P(p)) => vcpu.get_into(p, predicate),
        Ok(Reg::FFR(ffr)) => vcpu.get_into(ffr, predicate),
        Ok(Reg::VLS(_)) | Err(_) => return false,
    }
    true
}

fn set_id(vcpu: &mut Ours, id: u64, slice: &[u8; 256]) -> bool {
    let (predicate, _) = slice.split_first_chunk().expect("256 are more than 32");
    match Reg::decode(id) {
        Ok(Reg::Z(z)) => vcpu.set(z, slice),
        Ok(Reg::P(p)) => vcpu.set(p, predicate),
        Ok(Reg::FFR(ffr)) => vcpu.set(ffr, predicate),
        Ok(Reg::VLS(_)) | Err(_) => return false,
    }
    true
}

/// The bytes that an ID says ONE_REG moves.
fn sized(id: u64, slice: &mut [u8; 256]) -> &mut [u8] {
    &mut slice[..if id >> 52 & 15 == 8 { 256 } else { 32 }]
}

fn operation<const N: usize>(
    name: &'static str,
    ours: Make,
    others: [(&'static str, Make); N],
) -> Operation {
    Operation {
        name: name.to_owned(),
        repeat: REGISTERS,
        rule: Rule::Same,
        ours,
        others: others.into(),
        empty: empty(Shape::Own, REGISTERS),
    }
}

/// One register, which the program knows.
fn registers(shape: Shape) -> Vec<Operation> {
    let one = |name: &str, ours, by_hand, plain: Option<Make>| {
        let others = [("by_hand", by_hand)].into_iter();
        Operation {
            name: match shape {
                Shape::Own => name.to_owned(),
                Shape::List => format!("{name}.list"),
            },
            repeat: REGISTERS,
            rule: Rule::Straight,
            ours,
            others: others.chain(plain.map(|plain| ("plain", plain))).collect(),
            empty: empty(shape, REGISTERS),
        }
    };
    vec![
        one(
            "get_z",
            typed::<bank::Z, 256>(shape, |s, z, slice| s.get_into(z, slice)),
            by_hand(shape, 0..32, |s, n, slice| s.get_z(n, slice)),
            Some(plain(shape, |s, n, slice: &mut [u8; 256]| s.get(n, slice))),
        ),
        one(
            "value_z",
            typed::<bank::Z, 256>(shape, |s, z, _| _ = black_box(&s.get(z))),
            by_hand(shape, 0..32, |s, n, _: &mut [u8; 256]| {
                _ = black_box(&s.z(n));
            }),
            Some(plain(shape, |s, n, _: &mut [u8; 256]| {
                _ = black_box(&s.value(n));
            })),
        ),
        one(
            "set_z",
            typed::<bank::Z, 256>(shape, |s, z, slice| s.set(z, slice)),
            by_hand(shape, 0..32, |s, n, slice| s.set_z(n, slice)),
            Some(by_case([
                plain(shape, |s, n, slice: &mut [u8; 256]| s.set::<16>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 256]| s.set::<32>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 256]| s.set::<64>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 256]| s.set::<128>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 256]| s.set::<256>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 256]| s.set_any(n, slice)),
            ])),
        ),
        one(
            "get_p",
            typed::<bank::P, 32>(shape, |s, p, slice| s.get_into(p, slice)),
            by_hand(shape, 0..16, |s, n, slice| s.get_p(n, slice)),
            Some(plain(shape, |s, n, slice: &mut [u8; 32]| s.get(n, slice))),
        ),
        one(
            "value_p",
            typed::<bank::P, 32>(shape, |s, p, _| _ = black_box(&s.get(p))),
            by_hand(shape, 0..16, |s, n, _: &mut [u8; 32]| {
                _ = black_box(&s.p(n));
            }),
            Some(plain(shape, |s, n, _: &mut [u8; 32]| {
                _ = black_box(&s.value(n));
            })),
        ),
        one(
            "set_p",
            typed::<bank::P, 32>(shape, |s, p, slice| s.set(p, slice)),
            by_hand(shape, 0..16, |s, n, slice| s.set_p(n, slice)),
            Some(by_case([
                plain(shape, |s, n, slice: &mut [u8; 32]| s.set::<2>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 32]| s.set::<4>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 32]| s.set::<8>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 32]| s.set::<16>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 32]| s.set::<32>(n, slice)),
                plain(shape, |s, n, slice: &mut [u8; 32]| s.set_any(n, slice)),
            ])),
        ),
        one(
            "get_ffr",
            typed::<bank::FFR, 32>(shape, |s, ffr, slice| s.get_into(ffr, slice)),
            by_hand(shape, 16..17, |s, n, slice| s.get_p(n, slice)),
            None,
        ),
        one(
            "set_ffr",
            typed::<bank::FFR, 32>(shape, |s, ffr, slice| s.set(ffr, slice)),
            by_hand(shape, 16..17, |s, n, slice| s.set_p(n, slice)),
            None,
        ),
        one(
            "get_v",
            typed::<fpsimd::bank::V, 16>(shape, |s, v, value| *value = s.get_view(v)),
            by_hand(shape, 0..32, |s, n, value| s.get_v(n, value)),
            None,
        ),
        one(
            "set_v",
            typed::<fpsimd::bank::V, 16>(shape, |s, v, value| s.set_view(v, value)),
            by_hand(shape, 0..32, |s, n, value| s.set_v(n, value)),
            None,
        ),
    ]
}

/// One register, by an ID that comes at run time.
fn ids() -> Vec<Operation> {
    vec![
        operation(
            "decode",
            from_id(|_| (), |_, id, _| _ = black_box(Reg::decode(id))),
            [
                (
                    "by_hand",
                    from_id(|_| (), |_, id, _| _ = black_box(by_hand::decode(id))),
                ),
                (
                    "rfc",
                    from_id(|_| (), |_, id, _| _ = black_box(rfc::decode(id))),
                ),
            ],
        ),
        operation(
            "get_id",
            from_id(ours, |s, id, slice| {
                _ = black_box(get_id(s, id, slice));
            }),
            [
                (
                    "by_hand",
                    from_id(state, |s, id, slice| {
                        _ = black_box(s.get(id, slice));
                    }),
                ),
                (
                    "rfc",
                    from_id(state, |s, id, slice| {
                        black_box(rfc::get_id(s, id, slice));
                    }),
                ),
            ],
        ),
        operation(
            "set_id",
            from_id(ours, |s, id, slice| {
                _ = black_box(set_id(s, id, slice));
            }),
            [
                (
                    "by_hand",
                    from_id(state, |s, id, slice| {
                        _ = black_box(s.set(id, slice));
                    }),
                ),
                (
                    "rfc",
                    from_id(state, |s, id, slice| {
                        black_box(rfc::set_id(s, id, slice));
                    }),
                ),
            ],
        ),
        operation(
            "shim_get",
            from_id(shim, |v, id, slice| {
                v.get_one_reg(id, sized(id, slice)).expect("a register");
            }),
            [(
                "by_hand",
                from_id(emulator, |v, id, slice| {
                    v.get_one_reg(id, sized(id, slice)).expect("a register");
                }),
            )],
        ),
        operation(
            "shim_set",
            from_id(shim, |v, id, slice| {
                v.set_one_reg(id, sized(id, slice)).expect("a register");
            }),
            [(
                "by_hand",
                from_id(emulator, |v, id, slice| {
                    v.set_one_reg(id, sized(id, slice)).expect("a register");
                }),
            )],
        ),
    ]
}

/// All registers of a vCPU.
fn vcpus() -> Vec<Operation> {
    let all = |name: &str, ours, by_hand| Operation {
        name: name.to_owned(),
        repeat: WHOLE,
        rule: Rule::None,
        ours,
        others: vec![("by_hand", by_hand)],
        empty: empty(Shape::Own, WHOLE),
    };
    vec![
        all(
            "capture",
            gives(shim, |v| {
                let vcpu = Finalized::from_vcpu(&mut *v);
                vcpu.and_then(|v| v.snapshot()).expect("its registers")
            }),
            gives(shim, |v| by_hand::save(v).expect("its registers")),
        ),
        all(
            "restore",
            gives(
                |vq| (shim(vq), snapshot(vq)),
                |(v, snapshot)| {
                    let vcpu = Finalized::from_vcpu(v);
                    let done = vcpu.and_then(|mut vcpu| vcpu.restore_snapshot(snapshot));
                    done.expect("of its vector lengths");
                },
            ),
            gives(
                |vq| {
                    (
                        shim(vq),
                        by_hand::save(&shim(vq)).expect("a finalized vCPU"),
                    )
                },
                |(v, saved)| by_hand::restore(v, saved).expect("of its vector lengths"),
            ),
        ),
        all(
            "to_bytes",
            gives(snapshot, |s| s.to_bytes()),
            gives(own_snapshot, |s| s.to_bytes()),
        ),
        all(
            "from_bytes",
            gives(
                |vq| snapshot(vq).to_bytes(),
                |bytes| Snapshot::from_bytes(bytes).expect("a snapshot"),
            ),
            gives(
                |vq| own_snapshot(vq).to_bytes(),
                |bytes| by_hand::Snapshot::from_bytes(bytes).expect("a snapshot"),
            ),
        ),
        all(
            "registers",
            gives(snapshot, |s| s.registers().collect::<List>()),
            gives(own_snapshot, |s| s.registers()),
        ),
        all(
            "from_registers",
            gives(list, |list| {
                let list = list.iter().map(|(id, bytes)| (*id, bytes));
                Snapshot::from_registers(list).expect("all registers")
            }),
            gives(list, |list| {
                by_hand::Snapshot::from_registers(list).expect("all registers")
            }),
        ),
    ]
}

/// All of them.
pub fn all() -> Vec<Operation> {
    let operations = [
        registers(Shape::Own),
        registers(Shape::List),
        ids(),
        vcpus(),
    ];
    operations.into_iter().flatten().collect()
}
