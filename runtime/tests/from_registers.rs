//! Snapshots from what `KVM_GET_REG_LIST` and `KVM_GET_ONE_REG` give, in whatever order it was kept.

#![cfg(feature = "snapshot")]

use std::cell::Cell;

use sve_state::shim::Vcpu;
use sve_state::snapshot::{Allow, RegistersError, Snapshot};
use sve_state::vcpu::{Finalized, Initialized, Status};
use sve_state::{OneReg, RegId, Vls, Vq, reg_size};

type Registers = Vec<(u64, Vec<u8>)>;

const VLS: u64 = 0x6060_0000_0015_ffff;
const FPSR: u64 = 0x6020_0000_0010_00d4;
const FPCR: u64 = 0x6020_0000_0010_00d5;

/// A vCPU's registers as a VMM has kept them, and its snapshot.
fn kept(max: u32) -> (Registers, Snapshot) {
    let mut vcpu = Vcpu::new(Vls::ARCHITECTURAL).unwrap();
    vcpu.init_with_sve().unwrap();
    let mut initialized = Initialized::new(&mut vcpu);
    let vls = Vls::up_to(Vq::new(max).unwrap());
    initialized.set_vls(vls).unwrap();
    initialized.finalize().unwrap();
    let mut state = vcpu.sve_state_mut().unwrap();
    for (k, byte) in state.as_bytes_mut().iter_mut().enumerate() {
        *byte = u8::try_from((k * 7 + 3) % 251).unwrap();
    }
    let mut finalized = Finalized::new(&mut vcpu).unwrap();
    let (fpsr, fpcr) = (0x0800_009f, 0x02c0_0000);
    finalized.set_status(Status { fpsr, fpcr }).unwrap();
    let snapshot = finalized.snapshot().unwrap();

    let ids = vcpu.reg_list().unwrap();
    let registers: Registers = ids
        .map(|id| {
            let mut bytes = vec![0; reg_size(id)];
            vcpu.get_one_reg(id, &mut bytes).unwrap();
            (id, bytes)
        })
        .collect();
    assert_eq!(registers.len(), 52);
    (registers, snapshot)
}

/// IDs and names, written down from `KVM_REG_ARM64_SVE_*` once more.
fn names() -> Vec<(u64, String)> {
    let z = (0..32).map(|n| (0x6080_0000_0015_0000 + 32 * n, format!("Z{n}")));
    let p = (0..16).map(|n| (0x6050_0000_0015_0400 + 32 * n, format!("P{n}")));
    let others = [
        (0x6050_0000_0015_0600, "FFR"),
        (VLS, "VLS"),
        (FPSR, "FPSR"),
        (FPCR, "FPCR"),
    ];
    let others = others.map(|(id, name)| (id, name.to_owned()));
    z.chain(p).chain(others).collect()
}

fn at(registers: &Registers, id: u64) -> usize {
    registers.iter().position(|(i, _)| *i == id).unwrap()
}

fn refused(registers: Registers) -> RegistersError {
    Snapshot::from_registers(registers).unwrap_err()
}

/// The shuffle of Fisher and Yates, with Knuth's generator.
fn shuffle(registers: &mut Registers, seed: u64) {
    let mut random = seed;
    for last in (1..registers.len()).rev() {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(random >> 33).unwrap() % (last + 1);
        registers.swap(last, other);
    }
}

#[test]
fn every_order_gives_the_vcpus_snapshot() {
    for max in 1..=16 {
        let (mut registers, snapshot) = kept(max);
        let read = |registers: &Registers| Snapshot::from_registers(registers.clone());
        assert_eq!(read(&registers), Ok(snapshot.clone()), "VQ {max}");
        registers.reverse();
        assert_eq!(read(&registers), Ok(snapshot.clone()), "VQ {max}, reversed");
        for seed in 0..20 {
            shuffle(&mut registers, seed);
            assert_eq!(read(&registers), Ok(snapshot.clone()), "VQ {max}, {seed}");
        }
    }
}

#[test]
fn a_missing_register_is_named() {
    for (id, name) in names() {
        let (mut registers, _) = kept(2);
        registers.remove(at(&registers, id));
        let error = refused(registers);
        assert_eq!(error, RegistersError::Missing { id: RegId(id) });
        let text = format!("no {name} ({id:#x}) among the registers");
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), format!("RegistersError({text})"));
    }
    // Of several, the first.
    let (p0, z0) = (0x6050_0000_0015_0400, 0x6080_0000_0015_0000);
    let only_p0 = vec![(p0, vec![0; 32])];
    assert_eq!(refused(only_p0), RegistersError::Missing { id: RegId(z0) });
}

/// What is left of a vCPU without SVE whose V were dropped: FPSR, FPCR, X0 and CPACR_EL1.
#[test]
fn where_there_is_no_vector_neither_kind_is_guessed() {
    let others = [
        (0x6020_0000_0010_00d4, 4),
        (0x6020_0000_0010_00d5, 4),
        (0x6030_0000_0010_0000, 8),
        (0x6030_0000_0013_c082, 8),
    ];
    let others = others.map(|(id, size)| (id, vec![0; size])).to_vec();
    for registers in [Vec::new(), others] {
        let error = refused(registers);
        assert_eq!(error, RegistersError::NoVectors);
        let text = "neither Z nor V among the registers: of a vCPU with SVE there must be Z0 to Z31, P0 \
                    to P15, FFR and VLS, of one without SVE V0 to V31";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_register_that_is_there_twice_is_named() {
    for (id, name) in names() {
        let (mut registers, _) = kept(2);
        let again = registers[at(&registers, id)].clone();
        registers.insert(0, again);
        let error = refused(registers);
        assert_eq!(error, RegistersError::Duplicate { id: RegId(id) });
        assert_eq!(
            error.to_string(),
            format!("{name} ({id:#x}) more than once")
        );
    }
}

#[test]
fn a_value_of_another_size_is_refused_with_both_sizes() {
    for (id, name) in names() {
        let (registers, _) = kept(2);
        let expected = registers[at(&registers, id)].1.len();
        for found in [0, 1, expected - 1, expected + 1, 2 * expected] {
            let mut registers = registers.clone();
            let at = at(&registers, id);
            registers[at].1.resize(found, 0);
            let error = refused(registers);
            let size = RegistersError::Size {
                id: RegId(id),
                expected,
                found,
            };
            assert_eq!(error, size);
            let text = format!("{found} bytes for {name} ({id:#x}), which takes {expected}");
            assert_eq!(error.to_string(), text);
        }
    }
}

#[test]
fn ids_that_no_snapshot_has_are_refused() {
    let (registers, _) = kept(2);
    let with = |id: u64| refused([registers.clone(), vec![(id, vec![0; reg_size(id)])]].concat());

    let slice = with(0x6080_0000_0015_0061);
    let id = 0x6080_0000_0015_0061;
    assert_eq!(slice, RegistersError::Slice { id: RegId(id) });
    assert_eq!(
        slice.to_string(),
        "Z3 slice 1 (0x6080000000150061): KVM has only slice 0"
    );
    for (id, reason) in [
        // First no register, then Z3 of 64 bits.
        (0x6080_0000_0015_0700, "no register has 0x0700"),
        (0x6030_0000_0015_0060, "whose size is 2048 bits"),
        // FPSR of 64 bits.
        (0x6030_0000_0010_00d4, "whose size is 32 bits"),
        // Z3 with one bit more, and an ID of RISC-V.
        (0x6080_0001_0015_0060, "bits 0x100000000 are set"),
        (0x8080_0000_0015_0060, "architecture 0x80"),
    ] {
        let error = with(id);
        assert!(matches!(error, RegistersError::Id(e) if e.id() == RegId(id)));
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn the_other_registers_of_a_vcpu_are_ignored() {
    let (mut registers, snapshot) = kept(2);
    for id in [
        0x6030_0000_0010_0000, // X0
        0x6040_0000_0010_0054, // V0
        0x6030_0000_0013_c080, // SCTLR_EL1
        0x6030_0000_0014_0000, // PSCI's version, of the firmware registers
    ] {
        // Twice, and in a size that is not theirs, because they are not looked at.
        registers.insert(0, (id, vec![0xee; 3]));
        registers.push((id, vec![0xee; 5]));
    }
    assert_eq!(Snapshot::from_registers(registers), Ok(snapshot));
}

/// A GET pads with zeros, so what is not zero belongs to a register that is longer than VLS says.
#[test]
fn what_a_slice_holds_past_the_vector_length_is_named() {
    for max in 1..=16_usize {
        let (registers, snapshot) = kept(u32::try_from(max).unwrap());
        let vls = snapshot.vls();
        for (id, name) in names() {
            let at = at(&registers, id);
            let (size, width) = match registers[at].1.len() {
                256 => (256, 16 * max),
                32 => (32, 2 * max),
                _ => continue,
            };
            // The first byte past the register and the last of the slice, where the register ends before the
            // slice does.
            for past in [width, size - 1].into_iter().filter(|past| *past >= width) {
                if past == size {
                    continue;
                }
                let mut registers = registers.clone();
                assert_eq!(registers[at].1[past], 0);
                registers[at].1[past] = 0x80;
                let error = refused(registers.clone());
                let expected = RegistersError::PastVls {
                    id: RegId(id),
                    at: past,
                    vls,
                };
                assert_eq!(error, expected);
                let text = format!(
                    "{name} ({id:#x}): byte {past} is not zero, and vector lengths (VQ) {vls} end \
                     before it"
                );
                assert_eq!(error.to_string(), text);
                let allow = Allow {
                    past_vls: true,
                    ..Allow::default()
                };
                let read = Snapshot::from_registers_allowing(allow, registers);
                assert_eq!(read, Ok(snapshot.clone()));
            }
        }
    }
}

/// As it could really happen: the registers of one vCPU with the VLS of another.
#[test]
fn a_vls_that_is_too_small_for_the_registers_is_refused() {
    let (mut registers, _) = kept(4);
    let at = at(&registers, VLS);
    registers[at].1 = Vls::up_to(Vq::new(2).unwrap()).to_bytes().to_vec();
    let text = refused(registers).to_string();
    let expected =
        "Z0 (0x6080000000150000): byte 32 is not zero, and vector lengths (VQ) {1-2} end";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn without_fpsr_and_fpcr_there_is_no_status() {
    let (mut registers, snapshot) = kept(2);
    registers.retain(|(id, _)| ![FPSR, FPCR].contains(id));
    let read = Snapshot::from_registers(registers).unwrap();
    assert_eq!(read.status(), None);
    assert_eq!(read.state(), snapshot.state());
}

#[test]
fn vector_lengths_that_no_vcpu_has_are_refused() {
    let (registers, _) = kept(2);
    let with = |vls: Vls| {
        let mut registers = registers.clone();
        let at = at(&registers, VLS);
        registers[at].1 = vls.to_bytes().to_vec();
        refused(registers).to_string()
    };
    let empty = with(Vls::EMPTY);
    assert!(empty.starts_with("VLS: no vector length"), "{empty}");
    let large = with(Vls::up_to(Vq::new(17).unwrap()));
    assert!(
        large.starts_with("VLS: ") && large.contains("17"),
        "{large}"
    );
    let gap = with([2].map(|n| Vq::new(n).unwrap()).into_iter().collect());
    assert!(
        gap.starts_with("VLS: vector lengths (VQ) {2}: missing are {1}"),
        "{gap}"
    );
}

/// By `KVM_REG_ARM_COPROC_SHIFT` and the `KVM_REG_ARM64_*` and `KVM_REG_ARM_*` below it in the kernel's
/// headers, these are there; SME's is proposed, and the rest are unknown.
#[test]
fn a_coprocessor_that_is_not_known_is_named() {
    let allow = Allow {
        coprocessors: true,
        ..Allow::default()
    };
    let (registers, snapshot) = kept(2);
    for coprocessor in 0..0x1000_u64 {
        // One that names nothing in CORE or SVE.
        let id = 0x6030_0000_0000_0010 | coprocessor << 16;
        let with = [registers.clone(), vec![(id, vec![1; 8])]].concat();
        let strict = Snapshot::from_registers(with.clone());
        let allowed = Snapshot::from_registers_allowing(allow, with);
        match coprocessor {
            0x10 | 0x11 | 0x13 | 0x14 | 0x16 => {
                assert_eq!(strict, Ok(snapshot.clone()), "{coprocessor:#x}");
            }
            0x15 => {
                assert!(matches!(strict, Err(RegistersError::Id(_))));
                assert_eq!(allowed, strict);
                continue;
            }
            _ => {
                assert_eq!(strict, Err(RegistersError::Coprocessor { id: RegId(id) }));
            }
        }
        assert_eq!(allowed, Ok(snapshot.clone()), "{coprocessor:#x}");
        // In an edit, nothing would be lost.
        let edited = snapshot.with_registers([(id, vec![1; 8])]);
        assert_eq!(edited, Ok(snapshot.clone()), "{coprocessor:#x}");
    }
    let id = 0x6080_0000_0017_0000;
    let text = RegistersError::Coprocessor { id: RegId(id) }.to_string();
    assert_eq!(
        text,
        "register ID 0x6080000000170000: coprocessor 0x17 in bits 27:16 is not known here (known \
         are 0x10, 0x11, 0x13 to 0x16), and what it holds would be lost"
    );
}

/// A value that, if it is fickle, has half as many bytes when it is asked again.
struct Value {
    bytes: Vec<u8>,
    fickle: bool,
    asked: Cell<usize>,
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        let asked = self.asked.replace(self.asked.get() + 1);
        let half = usize::from(self.fickle && asked > 0);
        &self.bytes[..self.bytes.len() >> half]
    }
}

/// The value that is taken is the one that was checked.
#[test]
fn a_value_is_asked_once() {
    let (registers, snapshot) = kept(2);
    let list = registers.into_iter().map(|(id, bytes)| {
        let (fickle, asked) = (true, Cell::new(0));
        let value = Value {
            bytes,
            fickle,
            asked,
        };
        (id, value)
    });
    assert_eq!(Snapshot::from_registers(list), Ok(snapshot));
}

/// A value that counts how many are alive.
struct Alive<'a>(Vec<u8>, &'a Cell<usize>);

impl AsRef<[u8]> for Alive<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

/// However long a list is, no value is held longer than until the next one.
#[test]
fn a_list_without_an_end_takes_no_memory() {
    let (registers, snapshot) = kept(2);
    let (alive, most) = (Cell::new(0), Cell::new(0));
    let count = |(id, bytes)| {
        alive.set(alive.get() + 1);
        most.set(most.get().max(alive.get()));
        (id, Alive(bytes, &alive))
    };
    // V may be listed any number of times, since Z is there.
    let v = (0..10_000_u16).map(|n| (v_id(u64::from(n % 32)), vec![0; usize::from(16 + n % 2)]));
    let list = registers.iter().cloned().chain(v);
    assert_eq!(Snapshot::from_registers(list.map(count)), Ok(snapshot));
    assert_eq!(most.get(), 1);
    assert_eq!(alive.get(), 0);
    // The first value of another size is the last that is asked for.
    let (id, _) = names()[0];
    let error = Snapshot::from_registers((0..).map(|_| count((id, vec![0; 255]))));
    assert!(matches!(
        error,
        Err(RegistersError::Size { found: 255, .. })
    ));
}

/// The registers that a vCPU without SVE lists and a snapshot has, 34 in all, and its snapshot.
fn kept_without_sve() -> (Registers, Snapshot) {
    let mut vcpu = Vcpu::new(Vls::ARCHITECTURAL).unwrap();
    vcpu.init_without_sve().unwrap();
    let ids: Vec<u64> = vcpu.reg_list().unwrap().collect();
    assert_eq!(ids.len(), 34);
    let mut registers = Registers::new();
    for (n, id) in (0..).zip(ids) {
        let bytes = (0..reg_size(id)).map(|k| u8::try_from((k * 7 + n * 31 + 3) % 251).unwrap());
        let bytes: Vec<u8> = bytes.collect();
        vcpu.set_one_reg(id, &bytes).unwrap();
        registers.push((id, bytes));
    }
    let snapshot = Finalized::without_sve(vcpu).snapshot().unwrap();
    (registers, snapshot)
}

fn v_id(n: u64) -> u64 {
    0x6040_0000_0010_0054 + 4 * n
}

#[test]
fn registers_without_sve_make_their_snapshot_in_every_order() {
    let (mut registers, snapshot) = kept_without_sve();
    assert_eq!(snapshot.vls(), Vls::EMPTY);
    let read = |registers: &Registers| Snapshot::from_registers(registers.clone());
    assert_eq!(read(&registers), Ok(snapshot.clone()));
    for seed in 0..20 {
        shuffle(&mut registers, seed);
        assert_eq!(read(&registers), Ok(snapshot.clone()), "{seed}");
    }
    registers.push((0x6030_0000_0013_c080, vec![0; 8]));
    assert_eq!(read(&registers), Ok(snapshot.clone()));
    registers.retain(|(id, _)| ![FPSR, FPCR].contains(id));
    let without_status = read(&registers).unwrap();
    assert_eq!(without_status.status(), None);
    assert_eq!(without_status.state(), snapshot.state());
    // V is in the host's byte order, but the image is not.
    let value = u128::from_ne_bytes(registers[at(&registers, v_id(5))].1[..].try_into().unwrap());
    assert_eq!(
        snapshot.state().as_bytes()[16 * 5..][..16],
        value.to_le_bytes()
    );
}

#[test]
fn registers_without_sve_are_as_strict() {
    for n in 0..32 {
        let id = v_id(n);
        let (registers, _) = kept_without_sve();
        let place = at(&registers, id);

        let mut gap = registers.clone();
        gap.remove(place);
        let error = refused(gap);
        assert_eq!(error, RegistersError::Missing { id: RegId(id) });
        let text = format!("no V{n} ({id:#x}) among the registers");
        assert_eq!(error.to_string(), text);

        let mut twice = registers.clone();
        twice.push(registers[place].clone());
        assert_eq!(refused(twice), RegistersError::Duplicate { id: RegId(id) });

        for found in [0, 15, 17] {
            let mut other = registers.clone();
            other[place].1.resize(found, 0);
            let expected = 16;
            let size = RegistersError::Size {
                id: RegId(id),
                expected,
                found,
            };
            assert_eq!(refused(other), size);
        }
    }
    // If anything of SVE is listed, it is the list of a vCPU with SVE.
    let (mut mixed, _) = kept_without_sve();
    mixed.push((VLS, Vls::ARCHITECTURAL.to_bytes().to_vec()));
    let (z0, _) = names()[0];
    assert_eq!(refused(mixed), RegistersError::Missing { id: RegId(z0) });
}

/// Out of a snapshot comes what KVM would list of a vCPU restored from it, in order, and it goes back in.
#[test]
fn registers_are_the_exact_inverse() {
    let with = (1..=16).map(kept);
    for (registers, snapshot) in with.chain([kept_without_sve()]) {
        // With SVE the shim lists no V, as KVM does not, and `kept` has VLS where KVM has it.
        let out: Registers = snapshot.registers().collect();
        assert_eq!(out, registers);
        // A list is therefore allocated only once.
        let n = registers.len();
        assert_eq!(snapshot.registers().size_hint(), (n, Some(n)));
        assert_eq!(Snapshot::from_registers(out), Ok(snapshot.clone()));
        let (vls, state) = (snapshot.vls(), snapshot.state().clone());
        let without = Snapshot::new(vls, state, None).unwrap();
        let out: Registers = without.registers().collect();
        let listed = registers
            .iter()
            .filter(|(id, _)| ![FPSR, FPCR].contains(id));
        assert!(out.iter().eq(listed));
        let hint = without.registers().size_hint();
        assert_eq!(hint, (n - 2, Some(n - 2)));
        assert_eq!(Snapshot::from_registers(out), Ok(without));
    }
}

/// Of all IDs in the two coprocessors, a snapshot keeps those of its registers and no other.
#[test]
fn what_a_snapshot_keeps() {
    let (with, without) = (kept(2).0, kept_without_sve().0);
    let mut ids: Vec<u64> = with.iter().chain(&without).map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50 + 32 + 2);
    let mut kept = Vec::new();
    for size in 0..16 {
        for (coprocessor, low) in (0..=0xffff).flat_map(|low| [(0x10, low), (0x15, low)]) {
            let id = 0x6000_0000_0000_0000 | size << 52 | coprocessor << 16 | low;
            kept.extend(Snapshot::keeps(id).then_some(id));
        }
    }
    kept.sort_unstable();
    assert_eq!(kept, ids);
    // X0, SCTLR_EL1 and PSCI's version; then Z3 of another architecture, and Z3 with a stray bit.
    for id in [
        0x6030_0000_0010_0000,
        0x6030_0000_0013_c080,
        0x6030_0000_0014_0000,
        0x8080_0000_0015_0060,
        0x6080_0001_0015_0060,
    ] {
        assert!(!Snapshot::keeps(id), "{id:#x}");
    }
}

/// A register that is missing has the default's value, and one that is there has its own.
#[test]
fn what_is_missing_is_filled_on_request_only() {
    for (registers, snapshot) in [kept(2), kept_without_sve()] {
        let n = registers.len();
        let zeros: Registers = registers
            .iter()
            .map(|(id, bytes)| match *id {
                VLS => (*id, bytes.clone()),
                _ => (*id, vec![0; bytes.len()]),
            })
            .collect();
        let default = Snapshot::from_registers(zeros.clone()).unwrap();
        let allow = Allow {
            missing: Some(&default),
            ..Allow::default()
        };
        for k in 0..n {
            let mut gap = registers.clone();
            gap.remove(k);
            let strict = Snapshot::from_registers(gap.clone());
            assert!(matches!(strict, Err(RegistersError::Missing { .. })), "{k}");
            let mut expected = registers.clone();
            expected[k] = zeros[k].clone();
            let filled = Snapshot::from_registers_allowing(allow, gap);
            assert_eq!(filled, Snapshot::from_registers(expected.clone()));
            // The other way round: this snapshot with one register replaced.
            let replaced = snapshot.with_registers([zeros[k].clone()]);
            assert_eq!(replaced, Snapshot::from_registers(expected));
        }
        assert_eq!(snapshot.with_registers(NONE), Ok(snapshot.clone()));
        // What is there is checked no less strictly.
        let id = registers[0].0;
        let twice = [registers[0].clone(), registers[0].clone()];
        let error = snapshot.with_registers(twice).unwrap_err();
        assert_eq!(error, RegistersError::Duplicate { id: RegId(id) });
        let size = snapshot.with_registers([(id, vec![0; 3])]).unwrap_err();
        assert!(
            matches!(size, RegistersError::Size { found: 3, .. }),
            "{size}"
        );
    }
    // A register that is longer than the default's VLS, and a VLS that is too small for its registers.
    let (registers, snapshot) = kept(2);
    let mut long = registers[at(&registers, names()[5].0)].clone();
    long.1[40] = 1;
    let error = snapshot.with_registers([long]).unwrap_err();
    let text =
        "Z5 (0x60800000001500a0): byte 40 is not zero, and vector lengths (VQ) {1-2} end before it";
    assert_eq!(error.to_string(), text);
    let small = (VLS, Vls::up_to(Vq::new(1).unwrap()).to_bytes());
    let error = snapshot.with_registers([small]).unwrap_err();
    assert!(
        matches!(error, RegistersError::PastVls { at: 16, .. }),
        "{error}"
    );
    // A list with SVE does not go with a default without it.
    let (v, without) = kept_without_sve();
    let (z3, _) = names()[3];
    let error = without.with_registers([(z3, vec![0; 256])]).unwrap_err();
    assert_eq!(error, RegistersError::OtherKind { id: RegId(z3) });
    assert_eq!(
        error.to_string(),
        "Z3 (0x6080000000150060) among the registers: the snapshot that has what is missing is of a vCPU \
         without SVE"
    );
    // Nor does the list of a vCPU without SVE go with a default that has it.
    let allow = Allow {
        missing: Some(&snapshot),
        ..Allow::default()
    };
    let error = Snapshot::from_registers_allowing(allow, v).unwrap_err();
    assert_eq!(error, RegistersError::OtherKind { id: RegId(v_id(0)) });
    assert_eq!(
        error.to_string(),
        "V0 (0x6040000000100054) and nothing of SVE among the registers: the snapshot that has what is \
         missing is of a vCPU with SVE"
    );
}

const NONE: [(u64, Vec<u8>); 0] = [];

/// Edited by name, V is the low part of Z, as on a vCPU; but where Z is there too, Z counts.
#[test]
fn a_v_register_is_written_to_the_low_part_of_z() {
    let (registers, snapshot) = kept(2);
    for n in 0..32 {
        let value = 0x0123_4567_89ab_cdef_u128.rotate_left(n);
        let v = (v_id(n.into()), value.to_ne_bytes().to_vec());
        let edited = snapshot.with_registers([v.clone()]).unwrap();
        let start = 32 * n as usize;
        let mut expected = snapshot.state().as_bytes().to_vec();
        expected[start..][..16].copy_from_slice(&value.to_le_bytes());
        assert_eq!(edited.state().as_bytes(), expected);
        let z = registers[at(&registers, names()[n as usize].0)].clone();
        assert_eq!(snapshot.with_registers([v, z]), Ok(snapshot.clone()));
        let short = (v_id(n.into()), vec![0; 15]);
        let error = snapshot.with_registers([short]).unwrap_err();
        assert!(matches!(error, RegistersError::Size { found: 15, .. }));
    }
    // Beside other registers of SVE, and with a snapshot for what is missing.
    let value = 1_u128 << 100 | 7;
    let v5 = (v_id(5), value.to_ne_bytes().to_vec());
    let list = [v5, vls(2), registers[at(&registers, names()[7].0)].clone()];
    let mut expected = snapshot.state().as_bytes().to_vec();
    expected[32 * 5..][..16].copy_from_slice(&value.to_le_bytes());
    let allow = Allow {
        missing: Some(&snapshot),
        ..Allow::default()
    };
    for edited in [
        snapshot.with_registers(list.clone()),
        Snapshot::from_registers_allowing(allow, list),
    ] {
        assert_eq!(edited.unwrap().state().as_bytes(), expected);
    }
    // A mistake in V matters only where V is used: V3 is not, because Z3 is listed, whether V5 is listed or not.
    let z3 = registers[at(&registers, names()[3].0)].clone();
    for rest in [vec![], vec![(v_id(5), vec![5; 16])]] {
        let list = [vec![(v_id(3), vec![0; 8]), z3.clone()], rest].concat();
        assert!(Snapshot::from_registers_allowing(allow, list.clone()).is_ok());
        // The error is that of the V that is used.
        let list = [list, vec![(v_id(7), vec![0; 9]), (v_id(7), vec![0; 7])]].concat();
        let error = Snapshot::from_registers_allowing(allow, list).unwrap_err();
        let (id, expected, found) = (RegId(v_id(7)), 16, 9);
        assert_eq!(
            error,
            RegistersError::Size {
                id,
                expected,
                found
            }
        );
    }
    let z = registers[at(&registers, names()[31].0)].clone();
    for v in [
        vec![(v_id(31), vec![0; 15])],
        vec![(v_id(31), vec![0; 16]); 2],
    ] {
        assert!(snapshot.with_registers(v.clone()).is_err());
        let edited = snapshot.with_registers([v, vec![z.clone()]].concat());
        assert_eq!(edited, Ok(snapshot.clone()));
    }
}

fn vls(max: u32) -> (u64, Vec<u8>) {
    let vls = Vls::up_to(Vq::new(max).unwrap());
    (VLS, vls.to_bytes().to_vec())
}

#[test]
fn with_another_vls_registers_get_the_length_that_it_says() {
    let (_, snapshot) = kept(2);
    let longer = snapshot.with_registers([vls(4)]).unwrap();
    assert_eq!(longer.vls(), Vls::up_to(Vq::new(4).unwrap()));
    for ((id, long), (_, short)) in longer.iter().zip(snapshot.iter()) {
        let (low, above) = long.split_at(short.len());
        assert_eq!(low, short, "{id:#x}");
        assert!(above.iter().all(|byte| *byte == 0), "{id:#x}");
    }
    let allow = Allow {
        missing: Some(&snapshot),
        past_vls: true,
        ..Allow::default()
    };
    let shorter = Snapshot::from_registers_allowing(allow, [vls(1)]).unwrap();
    for ((id, short), (_, long)) in shorter.iter().zip(snapshot.iter()) {
        assert_eq!(short, &long[..long.len() / 2], "{id:#x}");
    }
    // Z is short enough, but P is not.
    let z = names()
        .into_iter()
        .take(32)
        .map(|(id, _)| (id, vec![0; 256]));
    let list: Registers = z.chain([vls(1)]).collect();
    let error = snapshot.with_registers(list).unwrap_err();
    let (id, vls) = (names()[32].0, Vls::up_to(Vq::MIN));
    assert_eq!(
        error,
        RegistersError::PastVls {
            id: RegId(id),
            at: 2,
            vls
        }
    );
    // No processor has only VQ 2.
    let mut only_2 = vec![0; 64];
    only_2[0] = 2;
    let error = snapshot.with_registers([(VLS, only_2)]).unwrap_err();
    assert!(matches!(error, RegistersError::Vls(_)), "{error}");
}

#[test]
fn a_damaged_id_is_refused_in_an_edit_too() {
    let (_, snapshot) = kept(2);
    let (z3, _) = names()[3];
    let slice = snapshot.with_registers([(z3 + 1, vec![0; 256])]);
    assert_eq!(slice, Err(RegistersError::Slice { id: RegId(z3 + 1) }));
    let size = z3 ^ 1 << 52;
    let error = snapshot.with_registers([(size, vec![0; 256])]).unwrap_err();
    assert!(matches!(error, RegistersError::Id(_)), "{error}");
}

/// SME's ZA0, as proposed, in coprocessor 0x17, and X0: wherever they are in the list, they are given back in
/// order, and a restore passes them over. A damaged ID is an error all the same, and then nothing is written.
#[test]
fn the_rest_of_a_list_is_given_back() {
    let others =
        [0x6080_0000_0017_0000, 0x6030_0000_0010_0000].map(|id| (id, vec![1; reg_size(id)]));
    for (kept, snapshot) in [kept(3), kept_without_sve()] {
        for at in 0..=kept.len() {
            let mut list = kept.clone();
            list.splice(at..at, others.clone());
            let (split, rest) = Snapshot::split_registers(list.clone()).unwrap();
            assert_eq!((&split, rest.as_slice()), (&snapshot, &others[..]));
            let back: Registers = split.registers().chain(rest).collect();
            assert_eq!(back, [kept.clone(), others.to_vec()].concat());
            let strict = Snapshot::from_registers(list.clone()).unwrap_err();
            assert_eq!(
                strict,
                RegistersError::Coprocessor {
                    id: RegId(others[0].0)
                }
            );

            let mut target = Vcpu::new(Vls::ARCHITECTURAL).unwrap();
            if snapshot.has_sve() {
                target.init_with_sve()
            } else {
                target.init_without_sve()
            }
            .unwrap();
            let restored = Initialized::new(&mut target).restore_registers(list.clone());
            assert_eq!(restored.unwrap().snapshot().unwrap(), snapshot);
        }
        let damaged = (0x6080_0000_0015_0020 | 1 << 40, vec![0; 256]);
        let list = [kept, vec![damaged.clone()]].concat();
        let error = Snapshot::split_registers(list.clone()).unwrap_err();
        assert!(matches!(error, RegistersError::Id(_)), "{error}");
        let mut target = Vcpu::new(Vls::ARCHITECTURAL).unwrap();
        if snapshot.has_sve() {
            target.init_with_sve()
        } else {
            target.init_without_sve()
        }
        .unwrap();
        let before = Finalized::from_vcpu(&mut target).unwrap().status();
        let refused = Initialized::new(&mut target).restore_registers(list);
        assert!(refused.unwrap_err().to_string().contains("bits 51:28"));
        assert_eq!(Finalized::from_vcpu(&mut target).unwrap().status(), before);
    }
}
