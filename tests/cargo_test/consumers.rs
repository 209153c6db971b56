//! The three VMMs on the shim: they save, restore, and read what they wrote before.

use std::cell::RefCell;

use sve_state::shim::Vcpu as Shim;
use sve_state::vcpu::Initialized;
use sve_state::{Errno, Vls, Vq, reg_size};
use sve_state_harness::consumers::list::{self, Registers};
use sve_state_harness::consumers::object::{self, ExtendedReg, State, Vcpu};
use sve_state_harness::consumers::trait_v::{self, VcpuAArch64};
use sve_state_harness::consumers::{Fd, ShimFd, ZA0};

const VLS: u64 = 0x6060_0000_0015_ffff;
const FPSR: u64 = 0x6020_0000_0010_00d4;
const FPCR: u64 = 0x6020_0000_0010_00d5;

type Error = list::Error<Errno>;

fn initialized(sve: bool) -> ShimFd {
    let mut vcpu = Shim::new(Vls::ARCHITECTURAL).unwrap();
    if sve {
        vcpu.init_with_sve()
    } else {
        vcpu.init_without_sve()
    }
    .unwrap();
    ShimFd {
        vcpu: RefCell::new(vcpu),
        za0: RefCell::default(),
    }
}

/// A vCPU at this VQ, or without SVE at 0, with values in its registers.
fn filled(max: u32) -> ShimFd {
    let fd = settled(max);
    for (n, id) in (0..).zip(fd.list().unwrap()).filter(|(_, id)| *id != VLS) {
        let bytes = (0..fd.get(id).unwrap().len()).map(|k| (k * 7 + n * 31 + 1).to_le_bytes()[0]);
        fd.set(id, &bytes.collect::<Vec<_>>()).unwrap();
    }
    fd
}

/// The same without values, as in a VMM that finalizes its vCPU itself.
fn settled(max: u32) -> ShimFd {
    let fd = initialized(max > 0);
    let vls = (max > 0).then(|| Vls::up_to(Vq::new(max).unwrap()));
    Initialized::new(&fd).finalize_if_sve(vls).unwrap();
    fd
}

#[test]
fn a_list_is_saved_and_restored_in_both_versions() {
    for max in 0..=16 {
        let fd = filled(max);
        let registers = list::save(&fd).unwrap();
        let packed = list::serialize(&list::pack(&registers)).unwrap();
        let old = list::serialize_as_version_1(&registers).unwrap();
        assert!(packed.len() < old.len() || max == 0 || max == 16);
        for bytes in [packed, old] {
            let read = list::unpack(list::deserialize(&bytes).unwrap());
            assert_eq!(read, registers, "VQ {max}");
            let target = initialized(max > 0);
            list::restore(&target, &read).unwrap();
            assert_eq!(list::save(&target).unwrap(), registers);
        }
    }
}

/// A kernel with a coprocessor that is not known here, whose register is saved and restored with the others.
#[test]
fn a_register_of_coprocessor_0x17_travels_in_the_list() {
    let fd = filled(2);
    fd.za0.replace(Some((0..=255).collect()));
    let registers = list::save(&fd).unwrap();
    assert_eq!(registers.last().unwrap().0, ZA0);
    for state in [
        list::pack(&registers),
        list::State {
            registers,
            sve: None,
        },
    ] {
        let bytes = list::serialize(&state).unwrap();
        let read = list::unpack(list::deserialize(&bytes).unwrap());
        let target = initialized(true);
        target.za0.replace(Some(vec![0; 256]));
        list::restore(&target, &read).unwrap();
        assert_eq!(list::save(&target).unwrap(), list::save(&fd).unwrap());
    }
}

/// A list that a test or an editor made is saved as it is, and refused where it would be restored.
#[test]
fn a_list_that_is_no_vcpus_is_not_packed() {
    let mut registers = list::save(&filled(2)).unwrap();
    registers.truncate(3);
    let state = list::pack(&registers);
    assert!(state.sve.is_none());
    let bytes = list::serialize(&state).unwrap();
    let read = list::unpack(list::deserialize(&bytes).unwrap());
    assert_eq!(read, registers);
    let refused: Error = list::restore(&initialized(true), &read).unwrap_err();
    assert!(matches!(refused, Error::Sve(_)), "{refused}");
}

/// What a VMM without the crate would restore, and the guest find.
#[test]
fn a_list_that_is_wrong_is_refused_by_name() {
    let registers = list::save(&filled(2)).unwrap();
    let z3 = registers
        .iter()
        .position(|(id, _)| *id == 0x6080_0000_0015_0060)
        .unwrap();
    let refused = |change: fn(&mut Registers, usize), text: &str| {
        let mut wrong = registers.clone();
        change(&mut wrong, z3);
        let error: Error = list::restore(&initialized(true), &wrong).unwrap_err();
        let text = format!("SVE state: {text}");
        assert!(error.to_string().starts_with(&text), "{error}");
    };
    refused(
        |list, z3| drop(list.remove(z3)),
        "no Z3 (0x6080000000150060)",
    );
    refused(
        |list, z3| list.push(list[z3].clone()),
        "Z3 (0x6080000000150060) more than once",
    );
    refused(
        |list, z3| list[z3].1.truncate(32),
        "32 bytes for Z3 (0x6080000000150060)",
    );
    refused(
        |list, z3| list[z3].1[32] = 1,
        "Z3 (0x6080000000150060): byte 32 is not zero",
    );
}

/// The lines between these marks, without comments.
fn lines(source: &str, mark: &str) -> usize {
    let (mut lines, mut within) = (0, false);
    let (start, end) = (format!("// ({mark}"), format!("// {mark})"));
    for line in source.lines().map(str::trim) {
        if line == start || line == end {
            within = line == start;
        } else {
            lines += usize::from(within && !line.starts_with("//"));
        }
    }
    assert!(!within && lines > 0, "{mark}");
    lines
}

/// The lines by hand are those that were added to the VMMs' sources of August 2026 so that their vCPUs with
/// SVE were saved and restored with FPSR and FPCR, without a crate.
#[test]
fn the_crate_takes_fewer_lines_than_by_hand() {
    const BY_HAND: [usize; 2] = [23, 47];
    let list = include_str!("../suites/consumers/list.rs");
    let (list, pack) = (lines(list, "+"), lines(list, "pack"));
    let object = lines(include_str!("../suites/consumers/object.rs"), "+");
    let trait_v = lines(include_str!("../suites/consumers/trait_v.rs"), "+");
    println!("list {list}, to pack it {pack}, object {object}, trait with V {trait_v}");
    // The page has these numbers.
    let page = include_str!("../../runtime/src/pages/adoption.md");
    for row in [
        format!("| lines with the crate | {list}, and {pack} to pack it | {object} | {trait_v} |"),
        format!("| lines by hand | | {} | {} |", BY_HAND[0], BY_HAND[1]),
    ] {
        assert!(page.lines().any(|line| line == row), "{row}");
    }
    assert!(list <= 20 && pack <= 20, "{list}, {pack}");
    assert!(object < BY_HAND[0], "{object}");
    assert!(trait_v < BY_HAND[1], "{trait_v}");
}

fn boxed(fd: ShimFd) -> Box<dyn Vcpu> {
    Box::new(object::KvmVcpu { fd })
}

#[test]
fn a_trait_object_is_saved_and_restored_with_sve_and_without() {
    for max in 0..=16 {
        let source = boxed(filled(max));
        let json = serde_json::to_string(&source.state().unwrap()).unwrap();
        if max == 2 {
            assert!(json.len() <= 1_900, "{}", json.len());
        }
        let state: State = serde_json::from_str(&json).unwrap();
        let target = object::KvmVcpu {
            fd: initialized(max > 0),
        };
        target.set_state(&state).unwrap();
        let arrived = list::save(&target.fd).unwrap();
        assert_eq!(arrived, list::save(&filled(max)).unwrap());
        let again = serde_json::to_string(&target.state().unwrap()).unwrap();
        assert_eq!(again, json);
    }
}

/// V, FPSR and FPCR were in the struct, or VLS and the registers of SVE in the lists, with FPSR and FPCR zero.
#[test]
fn a_trait_object_reads_what_it_wrote_before() {
    for max in 0..=16 {
        let mut saved = list::save(&filled(max)).unwrap();
        let mut old = State::default();
        if max == 0 {
            let v = saved.iter().take(32);
            let v = v.map(|(_, bytes)| u128::from_ne_bytes(bytes[..].try_into().unwrap()));
            old.core_regs.vregs = v.collect::<Vec<_>>().try_into().unwrap();
            let status = [FPSR, FPCR].map(|id| {
                let (_, bytes) = saved.iter().find(|(found, _)| *found == id).unwrap();
                u32::from_ne_bytes(bytes[..].try_into().unwrap())
            });
            [old.core_regs.fpsr, old.core_regs.fpcr] = status;
        } else {
            let wide = saved.iter().filter(|(id, _)| reg_size(*id) > 8).cloned();
            let wide = wide.map(|(id, data)| ExtendedReg { id, data });
            (old.pre_finalize_regs, old.extended_regs) = wide.partition(|reg| reg.id == VLS);
            let status = saved.iter_mut().filter(|(id, _)| [FPSR, FPCR].contains(id));
            for (id, bytes) in status {
                assert!(bytes.iter().any(|byte| *byte != 0), "{id:#x}");
                bytes.fill(0);
            }
        }
        let json = serde_json::to_string(&old).unwrap();
        let json = json.replace(",\"sve\":null", "");
        assert!(!json.contains("sve"));
        let target = object::KvmVcpu {
            fd: initialized(max > 0),
        };
        target
            .set_state(&serde_json::from_str(&json).unwrap())
            .unwrap();
        assert_eq!(list::save(&target.fd).unwrap(), saved, "VQ {max}");
    }
}

#[test]
fn a_trait_with_v_saves_and_restores_all_of_a_vcpu() {
    for max in 0..=16 {
        let source = trait_v::KvmVcpu { fd: filled(max) };
        let json = serde_json::to_string(&source.snapshot().unwrap()).unwrap();
        let target = trait_v::KvmVcpu { fd: settled(max) };
        target
            .restore(&serde_json::from_str(&json).unwrap())
            .unwrap();
        let saved = list::save(&source.fd).unwrap();
        assert_eq!(list::save(&target.fd).unwrap(), saved, "VQ {max}");
        // V, as gdb asks for it.
        for n in 0..32 {
            let (_, bytes) = &saved[usize::from(n) + if max > 0 { 3 } else { 0 }];
            let v = u128::from_le_bytes(bytes[..16].try_into().unwrap());
            assert_eq!(target.get_vector_reg(n), Ok(v));
        }
        let einval = trait_v::Error::new(22);
        assert_eq!(target.get_vector_reg(32), Err(einval));
        assert_eq!(target.set_vector_reg(32, 0), Err(einval));
    }
    // Another vector length is refused and named; before finalization the errno is KVM's.
    let source = trait_v::KvmVcpu { fd: filled(2) };
    let target = trait_v::KvmVcpu { fd: settled(4) };
    let error = target.restore(&source.snapshot().unwrap()).unwrap_err();
    let text =
        "a snapshot with vector lengths (VQ) {1-2} and a vCPU with vector lengths (VQ) {1-4}";
    assert!(
        error.root_cause().to_string().starts_with(text),
        "{error:#}"
    );
    let target = trait_v::KvmVcpu {
        fd: initialized(true),
    };
    assert_eq!(target.get_vector_reg(3), Err(trait_v::Error::new(1)));
}

/// Without SVE, V is in the struct, and there was no snapshot beside it.
#[test]
fn a_trait_with_v_reads_what_it_wrote_before() {
    let source = trait_v::KvmVcpu { fd: filled(0) };
    let mut saved = source.snapshot().unwrap();
    let data = saved.hypervisor_data.as_object_mut().unwrap();
    assert!(data.remove("sve").is_some());
    let target = trait_v::KvmVcpu { fd: settled(0) };
    target.restore(&saved).unwrap();
    let (arrived, sent) = (
        list::save(&target.fd).unwrap(),
        list::save(&source.fd).unwrap(),
    );
    assert_eq!(arrived[..32], sent[..32]);
}
