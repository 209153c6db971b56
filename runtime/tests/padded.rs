//! Snapshots from what `KVM_GET_REG_LIST` and `KVM_GET_ONE_REG` give, in whatever order it was kept.

#![cfg(feature = "snapshot")]

use sve_state::one_reg::reg_size;
use sve_state::shim::{Rules, Vcpu};
use sve_state::snapshot::{RegistersError, Snapshot};
use sve_state::vcpu::{Finalized, Initialised, Status};
use sve_state::{OneReg, Vls, Vq};

type Registers = Vec<(u64, Vec<u8>)>;

const VLS: u64 = 0x6060_0000_0015_ffff;
const FPSR: u64 = 0x6020_0000_0010_00d4;
const FPCR: u64 = 0x6020_0000_0010_00d5;

/// A vCPU's registers as a VMM has kept them, and its snapshot.
fn kept(max: u32) -> (Registers, Snapshot) {
    let mut vcpu = Vcpu::new(Vls::ARCHITECTURAL, Rules::Mainline).unwrap();
    vcpu.init(true).unwrap();
    let mut initialised = Initialised::new(&mut vcpu);
    let vls = Vls::up_to(Vq::new(max).unwrap());
    initialised.set_vls(vls).unwrap();
    initialised.finalize().unwrap();
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

/// Fisher and Yates, with Knuth's generator.
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
        assert_eq!(error, RegistersError::Missing { id });
        let text = format!("no {name} ({id:#x}) among the registers");
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), format!("RegistersError({text})"));
    }
    // Of several, the first.
    let (z0, _) = names()[0];
    assert_eq!(refused(Vec::new()), RegistersError::Missing { id: z0 });
}

#[test]
fn a_register_that_is_there_twice_is_named() {
    for (id, name) in names() {
        let (mut registers, _) = kept(2);
        let again = registers[at(&registers, id)].clone();
        registers.insert(0, again);
        let error = refused(registers);
        assert_eq!(error, RegistersError::Duplicate { id });
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
                id,
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
    assert_eq!(slice, RegistersError::Slice { id });
    assert_eq!(
        slice.to_string(),
        "Z3 slice 1 (0x6080000000150061): KVM has slice 0 alone"
    );
    for (id, reason) in [
        // No register; Z3 of 64 bits.
        (0x6080_0000_0015_0700, "no register has 0x0700"),
        (0x6030_0000_0015_0060, "whose size is 2048 bits"),
        // FPSR of 64 bits.
        (0x6030_0000_0010_00d4, "whose size is 32 bits"),
        // Z3, but for one bit; and of RISC-V.
        (0x6080_0001_0015_0060, "bits 0x100000000 are set"),
        (0x8080_0000_0015_0060, "architecture 0x80"),
    ] {
        let error = with(id);
        assert!(matches!(error, RegistersError::Id(e) if e.id == id));
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
        // Twice, and of no size of theirs: they are not looked at.
        registers.insert(0, (id, vec![0xee; 3]));
        registers.push((id, vec![0xee; 5]));
    }
    assert_eq!(Snapshot::from_registers(registers), Ok(snapshot));
}

#[test]
fn what_a_slice_holds_past_the_vector_length_is_ignored() {
    let (mut registers, snapshot) = kept(2);
    for (id, bytes) in &mut registers {
        let width = match bytes.len() {
            256 => 32,
            32 => 4,
            _ => continue,
        };
        assert!(bytes[width..].iter().all(|b| *b == 0), "{id:#x}");
        bytes[width..].fill(0xee);
    }
    assert_eq!(Snapshot::from_registers(registers), Ok(snapshot));
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
}
