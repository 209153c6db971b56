//! What `ours` is compared with does the same work: every implementation but `limit` gives the right
//! bytes, for every register at every VQ.
//!
//! What is right is built from a list of registers, by joining and padding, without any offset.

use sve_state::Vq;
use sve_state::layout::{InImage, Register};
use sve_state::sve::{self, bank};
use sve_state_benches::bytewise::{Bytewise, BytewiseImages};
use sve_state_benches::limit::{Limit, LimitImages};
use sve_state_benches::naive::{self, Naive, NaiveBounds, NaiveImages};
use sve_state_benches::ours::{OurImages, Ours, OursById};
use sve_state_benches::{Images, Registers, SLICES_BYTES, Vcpu};

/// The image of a vCPU, to look at.
trait Image: Vcpu {
    fn image(&self) -> &[u8];
}

impl Image for naive::Vcpu {
    fn image(&self) -> &[u8] {
        &self.image
    }
}

impl Image for sve_state::SveState<Vec<u8>> {
    fn image(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Z0 to Z31, P0 to P15, FFR: each as wide as the vector length makes it, no byte of it zero, no
/// two alike.
fn registers(vq: Vq) -> Vec<Vec<u8>> {
    let vl = usize::from(vq.get()) * 16;
    let widths = [vl; 32].into_iter().chain([vl / 8; 17]);
    let mut bytes = (1..=251_u8).cycle();
    widths
        .map(|width| bytes.by_ref().take(width).collect())
        .collect()
}

/// A register as a slice: zeros past its end.
fn slice(register: &[u8], number: usize) -> Vec<u8> {
    let mut slice = register.to_vec();
    slice.resize(if number < 32 { 256 } else { 32 }, 0);
    slice
}

/// Holds an implementation against registers `first` to `first + count` of the image.
fn check<I: Registers<Vcpu: Image>>(first: usize, count: u16) {
    for vq in Vq::architectural() {
        let registers = registers(vq);
        let image = registers.concat();
        for n in 0..count {
            let (at, name) = (first + usize::from(n), I::NAME);
            let expected = slice(&registers[at], at);
            let mut vcpu = I::Vcpu::new(vq, image.clone());
            let mut buffer = I::slice();
            buffer.as_mut().fill(0xff);
            assert!(I::get(&vcpu, I::register(n), &mut buffer));
            let (got, untouched) = buffer.as_ref().split_at(expected.len());
            assert_eq!(got, expected, "{name}: GET {at} at VQ {vq}");
            assert!(untouched.iter().all(|byte| *byte == 0xff));

            buffer.as_mut().fill(0xff);
            assert!(I::set(&mut vcpu, I::register(n), &buffer));
            let mut expected = registers.clone();
            expected[at].fill(0xff);
            assert_eq!(
                vcpu.image(),
                expected.concat(),
                "{name}: SET {at} at VQ {vq}"
            );
        }
    }
}

fn check_bank<B: InImage<Layout = sve::Layout>>(first: usize) {
    let count = Register::<B>::BANK.max_count;
    check::<Ours<B>>(first, count);
    check::<OursById<B>>(first, count);
    check::<Naive<B>>(first, count);
    check::<NaiveBounds<B>>(first, count);
    check::<Bytewise<B>>(first, count);
}

#[test]
fn every_implementation_gets_and_sets_every_register() {
    check_bank::<bank::Z>(0);
    check_bank::<bank::P>(32);
    check_bank::<bank::FFR>(48);
}

fn check_images<I: Images<Vcpu: Image>>() {
    for vq in Vq::architectural() {
        let registers = registers(vq);
        let image = registers.concat();
        let slices = registers.iter().enumerate();
        let expected: Vec<u8> = slices.flat_map(|(n, r)| slice(r, n)).collect();

        let mut slices = [0xff; SLICES_BYTES];
        I::expand(&I::Vcpu::new(vq, image.clone()), &mut slices);
        assert!(slices[..] == expected, "{}: expand at VQ {vq}", I::NAME);

        // What is past a register's end does not come along.
        let mut padded = expected.clone();
        padded
            .iter_mut()
            .filter(|byte| **byte == 0)
            .for_each(|byte| *byte = 0xff);
        slices.copy_from_slice(&padded);
        let mut vcpu = I::Vcpu::new(vq, vec![0; image.len()]);
        I::pack(&mut vcpu, &slices);
        assert!(vcpu.image() == image, "{}: pack at VQ {vq}", I::NAME);
    }
}

#[test]
fn every_implementation_expands_and_packs() {
    check_images::<OurImages>();
    check_images::<NaiveImages>();
    check_images::<BytewiseImages>();
}

/// IDs near every edge, and one bit away from a valid one.
fn ids() -> Vec<u64> {
    let valid = [
        0x6080_0000_0015_0000, // Z0
        0x6080_0000_0015_03ff, // Z31, slice 31
        0x6050_0000_0015_0400, // P0
        0x6050_0000_0015_05ff, // P15, slice 31
        0x6050_0000_0015_061f, // FFR, slice 31
    ];
    let near = valid.into_iter().flat_map(|id| [id - 1, id, id + 1]);
    near.flat_map(|id| (0..64).map(move |bit| id ^ 1 << bit).chain([id]))
        .collect()
}

/// Whether an ID names a register slice with bytes to move, from the fields that the kernel's
/// documentation lists.
fn named(id: u64) -> bool {
    let (z, p) = (0x6080_0000_0015, 0x6050_0000_0015);
    let (high, low) = (id >> 16, id & 0xffff);
    high == z && low < 0x400 || high == p && (0x400..0x620).contains(&low)
}

#[test]
fn every_implementation_refuses_what_names_no_register() {
    let vq = Vq::new(2).expect("a VQ");
    fn answers<I: Registers<Register = u64>>(vq: Vq, id: u64) -> [bool; 2] {
        let mut vcpu = I::Vcpu::new(vq, registers(vq).concat());
        let mut slice = I::slice();
        let got = I::get(&vcpu, id, &mut slice);
        [got, I::set(&mut vcpu, id, &slice)]
    }
    for id in ids() {
        let expected = [named(id); 2];
        assert_eq!(answers::<OursById<bank::Z>>(vq, id), expected, "{id:#x}");
        assert_eq!(answers::<Naive<bank::Z>>(vq, id), expected, "{id:#x}");
        assert_eq!(answers::<Bytewise<bank::Z>>(vq, id), expected, "{id:#x}");
    }
}

#[test]
fn a_slice_past_the_registers_end_is_zero() {
    let vq = Vq::new(2).expect("a VQ");
    let vcpu = naive::Vcpu::new(vq, registers(vq).concat());
    for id in [0x6080_0000_0015_03ff, 0x6050_0000_0015_061f] {
        let mut slice = [0xff; 256];
        assert!(Naive::<bank::Z>::get(&vcpu, id, &mut slice));
        assert_eq!(slice[..32], [0; 32], "{id:#x}");
        slice.fill(0xff);
        assert!(Bytewise::<bank::Z>::get(&vcpu, id, &mut slice));
        assert_eq!(slice[..32], [0; 32], "{id:#x}");
    }
}

/// How many bytes a GET and a SET write.
fn written<I: Registers>(vq: Vq) -> [usize; 2] {
    let changed = |slice: &I::Slice, to: u8| {
        let bytes = slice.as_ref().iter();
        bytes.filter(|byte| **byte == to).count()
    };
    let mut vcpu = I::Vcpu::new(vq, Vec::new());
    let mut slice = I::slice();
    I::get(&vcpu, I::register(7), &mut slice);
    let got = slice.as_ref().len() - changed(&slice, 0);
    slice.as_mut().fill(0xff);
    I::set(&mut vcpu, I::register(7), &slice);
    I::get(&vcpu, I::register(7), &mut slice);
    [got, changed(&slice, 0xff)]
}

#[test]
fn the_limit_writes_as_many_bytes_as_the_operation() {
    let vq = |vq| Vq::new(vq).expect("a VQ");
    assert_eq!(written::<Limit<bank::Z, 1>>(vq(1)), [256, 16]);
    assert_eq!(written::<Limit<bank::Z, 16>>(vq(16)), [256, 256]);
    assert_eq!(written::<Limit<bank::P, 1>>(vq(1)), [32, 2]);
    assert_eq!(written::<Limit<bank::P, 8>>(vq(8)), [32, 16]);

    let mut vcpu = <LimitImages<3> as Images>::Vcpu::new([0x5a; SLICES_BYTES]);
    let mut slices = [0xff; SLICES_BYTES];
    LimitImages::<3>::pack(&mut vcpu, &slices);
    let packed = vcpu.iter().filter(|byte| **byte == 0xff).count();
    slices.fill(0);
    LimitImages::<3>::expand(&vcpu, &mut slices);
    assert!(slices.iter().all(|byte| *byte != 0));
    assert_eq!((packed, slices.len()), (546 * 3, 8736));
}
