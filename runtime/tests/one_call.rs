//! From `KVM_ARM_VCPU_INIT` to a vCPU that is restored, or ready for its first boot, in one call and
//! for either kind of vCPU: the calls that it makes, what it refuses, and that it can be repeated
//! whatever failed.

#![cfg(feature = "snapshot")]

use std::collections::BTreeSet;

use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Finalized, Initialized, Stage, Status};
use sve_state::{Errno, FinalizeSve, OneReg, SveError, SveState, Vls, VlsError, fpsimd, gdb};

mod support;

use support::{Fd, Shim, VLS, init, initialized, registers_and_status, up_to, vq};

fn kept(fd: &Fd) -> Snapshot {
    Finalized::from_vcpu(fd).unwrap().snapshot().unwrap()
}

/// A snapshot with another value in each register, and without SVE where `max` is 0.
fn snapshot(max: u32, seed: usize) -> Snapshot {
    let mut state = SveState::zeroed(vq(max.max(1))).unwrap();
    let registers = if max == 0 { 512 } else { 546 * max as usize };
    for (k, byte) in state.as_bytes_mut()[..registers].iter_mut().enumerate() {
        *byte = u8::try_from((k * 7 + seed) % 251).unwrap();
    }
    let (fpsr, fpcr) = (0x0800_009f, 0x02c0_0000);
    let vls = if max == 0 { Vls::EMPTY } else { up_to(max) };
    Snapshot::new(vls, state, Some(Status { fpsr, fpcr })).unwrap()
}

/// The calls of a restore, none of which is a GET.
fn expected(sve: bool) -> Vec<(char, u64)> {
    let first = [('S', VLS), ('F', 0)].into_iter().filter(|_| sve);
    first
        .chain(registers_and_status(sve).into_iter().map(|id| ('S', id)))
        .collect()
}

#[test]
fn a_restore_is_these_calls_and_no_other_at_every_vq() {
    for max in 0..=16 {
        let moved = snapshot(max, 3);
        let fd = Fd::new(initialized(max > 0));
        let vcpu = Initialized::new(&fd).restore_snapshot(&moved).unwrap();
        assert_eq!(vcpu.vls(), moved.vls());
        assert_eq!(fd.calls.take(), expected(max > 0));
        assert_eq!(kept(&fd), moved);
    }
}

/// `KVM_ARM_VCPU_INIT` again keeps VLS and clears the registers.
#[test]
fn a_reboot_takes_the_vcpu_as_it_is() {
    for max in [0, 1, 2, 16] {
        let fd = Fd::new(initialized(max > 0));
        for seed in [1, 2, 3] {
            let moved = snapshot(max, seed);
            init(&mut fd.vcpu.borrow_mut(), max > 0);
            Initialized::new(&fd).restore_snapshot(&moved).unwrap();
            assert_eq!(kept(&fd), moved);
            init(&mut fd.vcpu.borrow_mut(), max > 0);
            let vls = (max > 0).then(|| up_to(max));
            for vls in [vls, None] {
                let settled = Initialized::new(&fd).finalize_if_sve(vls).unwrap();
                assert_eq!(settled.vls(), moved.vls());
            }
        }
    }
}

/// vCPUs that the snapshot is not for, and what the message says of each.
#[test]
fn what_is_not_for_this_vcpu_is_refused_with_the_reason() {
    let of = |vcpu: &Shim, snapshot: &Snapshot| {
        let fd = Fd::new(vcpu.clone());
        let error = Initialized::new(&fd).restore_snapshot(snapshot);
        let text = error.unwrap_err().to_string();
        // Nothing has changed, neither the registers, if there are any, nor VLS.
        let (before, after) = (vcpu.clone(), fd.vcpu.into_inner());
        for id in [
            registers_and_status(false),
            registers_and_status(true),
            vec![VLS],
        ]
        .concat()
        {
            let read = |vcpu: &Shim| {
                let mut data = [0; 256];
                vcpu.get_one_reg(id, &mut data).map(|()| data)
            };
            assert_eq!(read(&after), read(&before));
        }
        text
    };
    let mut narrow = initialized(true);
    narrow.set_one_reg(VLS, &up_to(2).to_bytes()).unwrap();
    narrow.finalize(4).unwrap();
    let mut small = Shim::new(up_to(2)).unwrap();
    small.init_with_sve().unwrap();
    let same = "they must be the same";
    let with = "on a host with SVE, initialize a new vCPU, of a new VM, with KVM_ARM_VCPU_SVE (Initialized::new)";
    let without =
        "initialize a new vCPU, of a new VM, without KVM_ARM_VCPU_SVE (Finalized::without_sve)";
    let cases = [
        (
            initialized(false),
            4,
            format!(
                "a snapshot with vector lengths (VQ) {{1-4}} and a vCPU without SVE: {same}; {with}"
            ),
        ),
        (
            initialized(true),
            0,
            format!(
                "a snapshot without SVE and a vCPU with vector lengths (VQ) {{1-16}}: {same}; {without}"
            ),
        ),
        (
            narrow.clone(),
            0,
            format!(
                "a snapshot without SVE and a vCPU with vector lengths (VQ) {{1-2}}: {same}; {without}"
            ),
        ),
        (
            narrow,
            4,
            format!(
                "a snapshot with vector lengths (VQ) {{1-4}} and a vCPU with vector lengths (VQ) \
                 {{1-2}}: {same}; where the host has them, write the snapshot's VLS before finalization, \
                 on a new vCPU if this one is finalized"
            ),
        ),
        (
            small,
            4,
            "vector lengths (VQ) {1-4} where the vCPU has {1-2}: the host lacks some of {3-4} \
             (KVM_SET_ONE_REG of VLS: EINVAL)"
                .to_owned(),
        ),
        (
            Shim::new(Vls::ARCHITECTURAL).unwrap(),
            4,
            "KVM_SET_ONE_REG of VLS: ENOEXEC: before KVM_ARM_VCPU_INIT a vCPU answers nothing else, \
             whatever the ID; KVM_ARM_VCPU_INIT first, with KVM_ARM_VCPU_SVE for SVE registers"
                .to_owned(),
        ),
    ];
    for (vcpu, max, expected) in cases {
        assert_eq!(of(&vcpu, &snapshot(max, 3)), expected);
    }
}

#[test]
fn a_first_boot_narrows_and_finalizes() {
    // Without SVE there is nothing to finalize, and no vector length.
    let stage = [0x6020_0000_0010_00d4, VLS, 0x6080_0000_0015_0000].map(|id| ('G', id));
    let find_out = |first| Vec::from_iter([first].into_iter().chain(stage));
    let cases = [(None, ('F', 0)), (Some(Vls::EMPTY), ('G', VLS))];
    for (vls, first) in cases {
        let fd = Fd::new(initialized(false));
        let vcpu = Initialized::new(&fd).finalize_if_sve(vls).unwrap();
        assert_eq!((vcpu.vls(), fd.calls.take()), (Vls::EMPTY, find_out(first)));
    }
    let fd = Fd::new(initialized(false));
    let error = Initialized::new(&fd)
        .finalize_if_sve(Some(up_to(2)))
        .unwrap_err();
    let without = error.to_string();
    assert!(
        without.starts_with("KVM_SET_ONE_REG of VLS: ENOENT: the vCPU was initialized without SVE"),
        "{without}"
    );

    let fd = Fd::new(initialized(true));
    let vcpu = Initialized::new(&fd).finalize_if_sve(None).unwrap();
    assert_eq!(vcpu.vls(), Vls::ARCHITECTURAL);
    assert_eq!(fd.calls.take(), [('F', 0), ('G', VLS)]);

    let fd = Fd::new(initialized(true));
    let fleet = Vls::common(&[Vls::ARCHITECTURAL, up_to(4), up_to(2)]);
    let vcpu = Initialized::new(&fd).finalize_if_sve(Some(fleet)).unwrap();
    assert_eq!((vcpu.vls(), vcpu.vq()), (up_to(2), vq(2)));
    assert_eq!(fd.calls.take(), [('S', VLS), ('F', 0)]);
    // It stays what it is.
    let error = Initialized::new(&fd).finalize_if_sve(Some(up_to(4)));
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("finalization fixes the vector lengths"),
        "{text}"
    );

    let fd = Fd::new(initialized(true));
    let none = Vls::common(&[up_to(2), Vls::EMPTY]);
    let error = Initialized::new(&fd)
        .finalize_if_sve(Some(none))
        .unwrap_err();
    assert_eq!(error, SveError::Vls(VlsError::Empty));
    assert_eq!(Stage::from_vcpu(&&fd), Some(Stage::BeforeFinalization));
    // A vCPU that was never initialized is of neither kind.
    let fd = Fd::new(Shim::new(Vls::ARCHITECTURAL).unwrap());
    for vls in [None, Some(Vls::EMPTY), Some(up_to(2))] {
        let error = Initialized::new(&fd).finalize_if_sve(vls).unwrap_err();
        assert_eq!(error.error(), Some(&Errno::ENOEXEC), "{error}");
    }
}

/// A vCPU of either kind; what fails for another reason than the kind is passed on.
#[test]
fn whether_a_vcpu_has_sve_is_found_out() {
    for sve in [false, true] {
        let fd = Fd::new(initialized(sve));
        if sve {
            fd.vcpu.borrow_mut().finalize(4).unwrap();
        }
        let vcpu = Finalized::from_vcpu(&fd).unwrap();
        assert_eq!(vcpu.vls() != Vls::EMPTY, sve);
        assert_eq!(fd.calls.take().len(), if sve { 1 } else { 4 });
        assert_eq!(vcpu.snapshot().unwrap().has_sve(), sve);
    }
    // The first GET fails with EFAULT; with SVE, the three that follow it say that SVE is not the
    // reason.
    let fd = Fd::new(initialized(true));
    fd.vcpu.borrow_mut().finalize(4).unwrap();
    fd.fail(0, Errno::EFAULT);
    let error = Finalized::from_vcpu(&fd).unwrap_err();
    assert_eq!(error.error(), Some(&Errno::EFAULT));
    // Before KVM_ARM_VCPU_INIT it is of neither kind.
    let fd = Fd::new(Shim::new(Vls::ARCHITECTURAL).unwrap());
    let error = Finalized::from_vcpu(&fd).unwrap_err();
    assert_eq!(error.error(), Some(&Errno::ENOEXEC));
}

/// A step of the table, on a vCPU of either kind. The calls that it needs before it are not counted.
type Step = fn(&Fd, bool, &Snapshot) -> Result<(), SveError<Errno>>;

const STEPS: [(&str, Step); 18] = [
    ("Initialized::vls", |fd, _, _| {
        Initialized::new(fd).vls().map(drop)
    }),
    ("Initialized::set_vls", |fd, _, to| {
        Initialized::new(fd).set_vls(to.vls())
    }),
    ("Initialized::finalize", |fd, _, _| {
        Initialized::new(fd).finalize().map(drop)
    }),
    ("Initialized::finalize_if_sve", |fd, _, to| {
        Initialized::new(fd)
            .finalize_if_sve(Some(to.vls()))
            .map(drop)
    }),
    ("Initialized::restore_snapshot", |fd, _, to| {
        Initialized::new(fd).restore_snapshot(to).map(drop)
    }),
    ("Initialized::restore_registers", |fd, _, to| {
        let _ = Initialized::new(fd).restore_registers(to.registers());
        Ok(())
    }),
    ("Finalized::from_vcpu", |fd, _, _| {
        Finalized::from_vcpu(fd).map(drop)
    }),
    ("Finalized::new", |fd, _, _| Finalized::new(fd).map(drop)),
    ("Finalized::snapshot", |fd, sve, _| {
        finalized(fd, sve)?.snapshot().map(drop)
    }),
    ("Finalized::restore_snapshot", |fd, sve, to| {
        finalized(fd, sve)?.restore_snapshot(to)
    }),
    ("Finalized::get", |fd, sve, _| {
        finalized(fd, sve)?.get(fpsimd::V3).map(drop)
    }),
    ("Finalized::set", |fd, sve, _| {
        finalized(fd, sve)?.set(fpsimd::V3, &[1; 16])
    }),
    ("Finalized::get_vector", |fd, sve, _| {
        finalized(fd, sve)?.get_vector(3).map(|_| ())
    }),
    ("Finalized::set_vector", |fd, sve, _| {
        finalized(fd, sve)?.set_vector(3, 1)
    }),
    ("Finalized::status", |fd, sve, _| {
        finalized(fd, sve)?.status().map(drop)
    }),
    ("Finalized::set_status", |fd, sve, _| {
        finalized(fd, sve)?.set_status(Status::default())
    }),
    ("gdb::read_vcpu", |fd, sve, _| {
        let _ = gdb::read_vcpu(&finalized(fd, sve)?, 37, &mut [0; 256]);
        Ok(())
    }),
    ("gdb::write_vcpu", |fd, sve, to| {
        let size = 16 * usize::from(to.state().vq().get());
        let _ = gdb::write_vcpu(&mut finalized(fd, sve)?, 37, &[1; 256][..size]);
        Ok(())
    }),
];

/// Wrapped, by calls that neither count nor fail.
fn finalized(fd: &Fd, sve: bool) -> Result<Finalized<&Fd>, SveError<Errno>> {
    let fault = fd.fault.take();
    if sve {
        let _ = fd.vcpu.borrow_mut().finalize_sve();
    }
    let vcpu = Finalized::from_vcpu(fd)?;
    fd.calls.take();
    fd.fault.set(fault);
    Ok(vcpu)
}

/// What a seccomp filter has to let through, whatever fails.
#[test]
fn the_ioctls_are_those_of_the_documentation() {
    let documentation = include_str!("../src/save_restore/vcpu.rs");
    for (name, step) in STEPS {
        let mut made = BTreeSet::new();
        for (sve, max) in [(false, 0), (true, 2), (true, 16), (false, 2), (true, 0)] {
            let to = snapshot(max, 1);
            let faults = (0..6).flat_map(|k| [1, 2, 22].map(|errno| Some((k, Errno(errno)))));
            for fault in [None].into_iter().chain(faults) {
                let fd = Fd::new(initialized(sve));
                if let Some((k, errno)) = fault {
                    fd.fail(k, errno);
                }
                let _ = step(&fd, sve, &to);
                made.extend(fd.calls.take().into_iter().map(|(kind, _)| match kind {
                    'G' => "KVM_GET_ONE_REG",
                    'S' => "KVM_SET_ONE_REG",
                    _ => "KVM_ARM_VCPU_FINALIZE",
                }));
            }
        }
        let row = format!("//! | `{name}` | {} |\n", Vec::from_iter(made).join(", "));
        assert!(
            // A method that exists without features is a link.
            documentation.replace(['[', ']'], "").contains(&row),
            "the table of `vcpu` lacks {row}"
        );
    }
    // `host_vls` makes a VM, so its calls are taken from its source, each of them in order.
    let source = include_str!("../src/kvm_api/kvm.rs");
    let (_, source) = source.split_once("pub fn host_vls").unwrap();
    let (source, _) = source.split_once("\n    }\n").unwrap();
    let calls = [
        ("kvm.check_extension(", "KVM_CHECK_EXTENSION"),
        // Including the size of what it maps for a vCPU.
        (
            "kvm.create_vm_with_ipa_size(",
            "KVM_CREATE_VM, KVM_GET_VCPU_MMAP_SIZE",
        ),
        ("vm.create_vcpu(", "KVM_CREATE_VCPU"),
        ("vm.get_preferred_target(", "KVM_ARM_PREFERRED_TARGET"),
        ("vcpu.vcpu_init(", "KVM_ARM_VCPU_INIT"),
        ("VcpuFd::get_one_reg(", "KVM_GET_ONE_REG"),
    ];
    let mut rest = source;
    for (call, _) in calls {
        let found = rest.split_once(call);
        rest = found.unwrap_or_else(|| panic!("{call} in {rest}")).1;
    }
    assert_eq!(source.matches(")?").count(), calls.len() - 1);
    let names = calls.map(|(_, ioctls)| ioctls).join(", ");
    let text = documentation.replace("\n//! ", " ");
    assert!(text.contains(&format!("{names}.")), "{names}");
    // Likewise for `vm_vls`, which asks the VM before anything else.
    let (_, source) = include_str!("../src/kvm_api/kvm.rs")
        .split_once("pub fn vm_vls")
        .unwrap();
    let (first, _) = source.split_once("host_vls(kvm)").unwrap();
    assert_eq!(first.matches("vm.").count(), 1);
    assert!(first.contains("vm.check_extension("));
}
