//! What `ours` is compared with does the same work: all but `plain` give the right bytes, for every register
//! at every VQ, and `plain` writes as many.
//!
//! The right bytes are built from a list of registers by joining and padding, without any offset.

use sve_state::{Errno, Vls, Vq};
use sve_state_benches::by_hand::{self, State};
use sve_state_benches::plain::Slices;
use sve_state_benches::rfc;

/// Z0 to Z31, P0 to P15 and FFR, each with its ID, as wide as the vector length makes it and with no zero
/// byte.
fn registers(vq: usize) -> Vec<(u64, Vec<u8>)> {
    let z = (0..32).map(|n| (0x6080_0000_0015_0000 + n * 0x20, 16 * vq));
    let p = (0..17).map(|n| (0x6050_0000_0015_0400 + n * 0x20, 2 * vq));
    let mut bytes = (1..=251_u8).cycle();
    let registers = z.chain(p);
    registers
        .map(|(id, width)| (id, bytes.by_ref().take(width).collect()))
        .collect()
}

fn image(vq: usize) -> Vec<u8> {
    let registers = registers(vq).into_iter();
    registers.flat_map(|(_, register)| register).collect()
}

/// A register as a slice, with zeros past its end.
fn slice(id: u64, register: &[u8]) -> Vec<u8> {
    let mut slice = register.to_vec();
    slice.resize(if id >> 52 == 0x608 { 256 } else { 32 }, 0);
    slice
}

fn state(vq: usize) -> State {
    State {
        image: image(vq),
        vq,
    }
}

type Get = fn(&State, u64, &mut [u8; 256]) -> bool;
type Set = fn(&mut State, u64, &[u8; 256]) -> bool;
const BY_ID: [(&str, Get, Set); 2] = [
    ("by_hand", State::get, State::set),
    ("rfc", rfc::get_id, rfc::set_id),
];

#[test]
fn every_register_is_read_and_written() {
    for (name, get, set) in BY_ID {
        for vq in 1..=16 {
            let registers = registers(vq);
            for (at, (id, register)) in registers.iter().enumerate() {
                let mut buffer = [0xff; 256];
                assert!(get(&state(vq), *id, &mut buffer));
                let expected = slice(*id, register);
                let (got, untouched) = buffer.split_at(expected.len());
                assert_eq!(got, expected, "{name}: GET of {id:#x} at VQ {vq}");
                assert!(untouched.iter().all(|byte| *byte == 0xff));

                let mut state = state(vq);
                assert!(set(&mut state, *id, &[0xff; 256]));
                let mut expected = registers.clone();
                expected[at].1.fill(0xff);
                let expected: Vec<u8> = expected.into_iter().flat_map(|(_, r)| r).collect();
                assert!(state.image == expected, "{name}: SET of {id:#x} at VQ {vq}");
            }
        }
    }
}

#[test]
fn typed_registers_are_those_of_the_ids() {
    let mut state = state(3);
    let (mut by_id, mut z, mut p, mut v) = ([0; 256], [0; 256], [0; 32], [0; 16]);
    for (at, id) in by_hand::ids().enumerate() {
        assert!(state.get(id, &mut by_id));
        if at < 32 {
            state.get_z(at, &mut z);
            state.get_v(at, &mut v);
            assert_eq!((z, state.z(at)), (by_id, by_id));
            assert_eq!(v, by_id[..16]);
            state.set_v(at, &[0xee; 16]);
            state.get_z(at, &mut z);
            assert_eq!((&z[..16], &z[16..]), (&[0xee; 16][..], &by_id[16..]));
        } else {
            state.get_p(at - 32, &mut p);
            assert_eq!(p, by_id[..32]);
        }
    }
}

/// IDs near every edge, and one bit away from a valid one.
fn near() -> impl Iterator<Item = u64> {
    let valid = [
        0x6080_0000_0015_0000, // Z0
        0x6080_0000_0015_03ff, // Z31, slice 31
        0x6050_0000_0015_0400, // P0
        0x6050_0000_0015_05ff, // P15, slice 31
        0x6050_0000_0015_061f, // FFR, slice 31
    ];
    let near = valid.into_iter().flat_map(|id| [id - 1, id, id + 1]);
    near.flat_map(|id| (0..64).map(move |bit| id ^ 1 << bit).chain([id]))
}

#[test]
fn what_names_no_register_is_refused() {
    for id in near() {
        let (high, low) = (id >> 16, id & 0xffff);
        let z = high == 0x6080_0000_0015 && low < 0x400;
        let p = high == 0x6050_0000_0015 && (0x400..0x620).contains(&low);
        let mut slice = [0xff; 256];
        assert_eq!(rfc::get_id(&state(2), id, &mut slice), z || p, "{id:#x}");
        // A slice other than the first holds nothing of the register.
        assert!(id & 31 == 0 || !(z || p) || slice[..32] == [0; 32]);
        let slice_0 = (z || p) && id & 31 == 0;
        assert_eq!(state(2).get(id, &mut slice), slice_0, "{id:#x}");
        assert_eq!(state(2).set(id, &slice), slice_0, "{id:#x}");
    }
}

#[test]
fn a_vcpu_is_saved_and_restored() {
    let vq = 3;
    let vls = Vls::up_to(Vq::new(3).expect("a VQ")).to_bytes();
    let status = [0x1234, 0x5678];
    let words = status.map(u32::to_ne_bytes);
    let slices = registers(vq).into_iter().map(|(id, r)| (id, slice(id, &r)));
    let mut list = vec![
        (0x6020_0000_0010_00d4, words[0].to_vec()),
        (0x6020_0000_0010_00d5, words[1].to_vec()),
        (0x6060_0000_0015_ffff, vls.to_vec()),
    ];
    list.extend(slices);

    let mut vcpu = by_hand::Vcpu {
        state: state(vq),
        vls,
        status,
    };
    let mut saved = vec![0; 0];
    for (id, bytes) in list[2..].iter().chain(&list[..2]) {
        let mut data = vec![0xff; bytes.len()];
        vcpu.get_one_reg(*id, &mut data).expect("a register");
        assert_eq!(data, *bytes);
        saved.extend(data);
    }
    assert_eq!(
        vcpu.get_one_reg(0x6080_0000_0015_0400, &mut [0; 256]),
        Err(Errno::ENOENT)
    );
    assert_eq!(vcpu.set_one_reg(list[2].0, &vls), Err(Errno::EPERM));
    for (id, bytes) in list.iter().filter(|(id, _)| *id != list[2].0) {
        let zeros = vec![0; bytes.len()];
        vcpu.set_one_reg(*id, &zeros).expect("a register");
    }
    assert_eq!(
        (&vcpu.state.image, vcpu.status),
        (&vec![0; 546 * vq], [0; 2])
    );

    // On the shim, which is itself compared with Linux.
    let host = Vls::up_to(Vq::new(3).expect("a VQ"));
    let mut shim = sve_state::shim::Vcpu::new(host).expect("a host");
    shim.init_with_sve().expect("a vCPU with SVE");
    shim.finalize(4).expect("an initialized vCPU");
    by_hand::restore(&mut shim, &saved).expect("its registers");
    assert!(shim.sve_state().expect("a finalized vCPU").as_bytes() == image(vq));
    assert!(by_hand::save(&shim).expect("its registers") == saved);

    let snapshot = by_hand::Snapshot {
        vls,
        status,
        image: image(vq),
    };
    assert!(snapshot.registers() == list);
    assert_eq!(
        by_hand::Snapshot::from_registers(&list),
        Some(snapshot.clone())
    );
    let mut bytes = snapshot.to_bytes();
    assert_eq!(by_hand::Snapshot::from_bytes(&bytes), Some(snapshot));
    bytes[100] ^= 1;
    assert_eq!(by_hand::Snapshot::from_bytes(&bytes), None);
}

#[test]
fn plain_writes_as_many_bytes() {
    for vq in 1..=16 {
        let mut slices = Slices::<256>::new(vq);
        slices.set_any(7, &[0; 256]);
        let mut slice = [0xff; 256];
        slices.get(7, &mut slice);
        assert_eq!(slice, slices.value(7));
        let written = slice.iter().filter(|byte| **byte == 0).count();
        assert_eq!((written, slice.contains(&0xff)), (16 * vq, false));
    }
    let mut slices = Slices::<32>::new(8);
    slices.set::<16>(7, &[0; 32]);
    assert_eq!(
        slices.value(7).iter().filter(|byte| **byte == 0).count(),
        16
    );
}
