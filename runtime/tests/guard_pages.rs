//! Copies at the very edge of memory: image and slices end where a page ends that is followed by one that
//! cannot be touched, or start after such a page. A single byte read or written past what an operation may
//! touch ends the test with SIGSEGV.
//!
//! On arm64 these are the NEON copies, and on x86-64 those that the processor has.

#![cfg(target_os = "linux")]
// For the mapping only.
#![allow(unsafe_code)]

use std::io::Error;
use std::os::fd::AsRawFd;
use std::ptr;
use std::slice;

use sve_state::image::Image;
use sve_state::layout::{BankType, ByteArray, InImage, Layout, Register, ViewOf};
use sve_state::{Vq, fpsimd, register_layout, sve};

/// Memory between two pages that cannot be touched.
struct Guarded {
    /// Where the first of these pages starts.
    mapping: *mut libc::c_void,
    /// The size of a page.
    page: usize,
    /// The size of what lies between them, which is whole pages.
    size: usize,
}

impl Guarded {
    /// At least this many bytes.
    fn new(bytes: usize) -> Self {
        // SAFETY: a question without arguments in memory.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).expect("a page has a size");
        let size = bytes.next_multiple_of(page);
        let (flags, length) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, size + 2 * page);
        // SAFETY: a new mapping, wherever the kernel finds room.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
        assert_ne!(mapping, libc::MAP_FAILED, "{}", Error::last_os_error());
        let (inside, access) = (
            mapping.wrapping_byte_add(page),
            libc::PROT_READ | libc::PROT_WRITE,
        );
        // SAFETY: pages of the mapping that was just made, to which nothing refers yet.
        let result = unsafe { libc::mprotect(inside, size, access) };
        assert_eq!(result, 0, "{}", Error::last_os_error());
        Self {
            mapping,
            page,
            size,
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        let start = self.mapping.wrapping_byte_add(self.page).cast();
        // SAFETY: `size` bytes of the mapping can be read and written, are zero at first, and live
        // as long as `self`, which is borrowed for as long as they are.
        unsafe { slice::from_raw_parts_mut(start, self.size) }
    }

    /// `bytes` bytes at one end.
    fn at(&mut self, edge: Edge, bytes: usize) -> &mut [u8] {
        let rest = self.size - bytes;
        match edge {
            Edge::Start => &mut self.bytes()[..bytes],
            Edge::End => &mut self.bytes()[rest..],
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, to which nothing refers any longer.
        unsafe { libc::munmap(self.mapping, self.size + 2 * self.page) };
    }
}

#[derive(Clone, Copy, Debug)]
enum Edge {
    Start,
    End,
}

/// An edge for the image, and one for the slices.
const EDGES: [(Edge, Edge); 4] = [
    (Edge::Start, Edge::Start),
    (Edge::Start, Edge::End),
    (Edge::End, Edge::Start),
    (Edge::End, Edge::End),
];

/// The size of the largest image here, and of all slices of `sve`: 49 of 256 and 32 bytes.
const LARGEST: usize = 8736;

/// A pattern that is never zero, and that differs in the three places after each.
static PATTERN: [u8; LARGEST + 3] = {
    let (mut pattern, mut byte) = ([0; LARGEST + 3], 1);
    let mut k = 0;
    while k < pattern.len() {
        pattern[k] = byte;
        byte = if byte == 0xff { 1 } else { byte + 1 };
        k += 1;
    }
    pattern
};

/// Fills with bytes that differ between the seeds 1 to 3.
fn fill(bytes: &mut [u8], seed: usize) {
    bytes.copy_from_slice(&PATTERN[seed..][..bytes.len()]);
}

fn vqs() -> impl Iterator<Item = (usize, Vq)> {
    (1_u16..=16).map(|vq| (vq.into(), Vq::new(vq.into()).expect("1 to 16")))
}

/// GET and SET of every register of a bank at every VQ, in slices 0, 1, 2 and the last one, with image and
/// slice at every edge. `before` is the size of the image before the bank, and `width` that of a register,
/// both in bytes for each VQ.
///
/// Returns how many registers there were at the largest VQ.
fn check_bank<B: InImage>(before: usize, width: usize) -> u32 {
    check_registers::<B>(before, width, |_| usize::MAX)
}

/// The same for a bank that has `count` registers at a VQ: a GET of any other gives zeros, and a SET of it
/// changes nothing.
fn check_registers<B: InImage>(before: usize, width: usize, count: fn(usize) -> usize) -> u32 {
    let (mut memory, mut buffer) = (Guarded::new(LARGEST), Guarded::new(B::Slice::BYTES));
    let slices = Register::<B>::BANK.slices.into();
    for (v, vq) in vqs() {
        let size = <B::Layout as Layout>::image_bytes(vq).expect("a VQ of the layout");
        for (image_at, slice_at) in EDGES {
            for n in 0..Register::<B>::BANK.max_count.into() {
                for i in [0, 1, 2, slices - 1].into_iter().filter(|i| *i < slices) {
                    let image = memory.at(image_at, size);
                    let slice = buffer.at(slice_at, B::Slice::BYTES);
                    let skipped = (i as usize * slice.len()).min(width * v);
                    let (start, copied) = if (n as usize) < count(v) {
                        let copied = (width * v - skipped).min(slice.len());
                        (before * v + n as usize * width * v + skipped, copied)
                    } else {
                        (0, 0)
                    };
                    let register = Register::<B>::with_slice(n, i).expect("one of the bank");
                    let what = || format!("{register} at VQ {vq}, {image_at:?}, {slice_at:?}");

                    fill(image, 1);
                    fill(slice, 2);
                    let mut expected = image[start..][..copied].to_vec();
                    expected.resize(slice.len(), 0);
                    let array = B::Slice::first_chunk_mut(slice).expect("of its size");
                    let view = Image::<B::Layout, _>::new(vq, &*image).expect("of its size");
                    view.get_into(register, array);
                    assert_eq!(*slice, expected, "GET of {}", what());

                    fill(slice, 3);
                    let mut expected = image.to_vec();
                    expected[start..][..copied].copy_from_slice(&slice[..copied]);
                    let array = B::Slice::first_chunk(slice).expect("of its size");
                    let mut view = Image::<B::Layout, _>::new(vq, &mut *image).expect("likewise");
                    view.set(register, array);
                    assert_eq!(*image, expected, "SET of {}", what());
                }
            }
        }
    }
    Register::<B>::BANK.max_count.into()
}

/// The registers of a view, which lie at the start of registers that have `width` bytes for each VQ and
/// are the first in their image.
fn check_view<V: ViewOf>(width: usize) -> u32 {
    type Shown<V> = <<V as ViewOf>::Target as BankType>::Layout;
    let (mut memory, mut buffer) = (Guarded::new(LARGEST), Guarded::new(V::Value::BYTES));
    for (v, vq) in vqs() {
        let size = Shown::<V>::image_bytes(vq).expect("a VQ of the layout");
        for (image_at, value_at) in EDGES {
            for n in 0..Register::<V>::BANK.max_count.into() {
                let image = memory.at(image_at, size);
                let value = buffer.at(value_at, V::Value::BYTES);
                let range = n as usize * width * v..n as usize * width * v + value.len();
                let register = Register::<V>::new(n).expect("one of the view");
                let what = || format!("{register} at VQ {vq}, {image_at:?}, {value_at:?}");

                fill(image, 1);
                let view = Image::<Shown<V>, _>::new(vq, &*image).expect("of its size");
                let found = view.get_view(register);
                assert_eq!(found.as_ref(), &image[range.clone()], "GET of {}", what());

                fill(value, 3);
                let mut expected = image.to_vec();
                expected[range].copy_from_slice(value);
                let array = V::Value::first_chunk(value).expect("of its size");
                let mut view = Image::<Shown<V>, _>::new(vq, &mut *image).expect("of its size");
                view.set_view(register, array);
                assert_eq!(*image, expected, "SET of {}", what());
            }
        }
    }
    Register::<V>::BANK.max_count.into()
}

#[test]
fn sve_touches_nothing_but_image_and_slice() {
    let z = check_bank::<sve::bank::Z>(0, 16);
    let p = check_bank::<sve::bank::P>(512, 2);
    let ffr = check_bank::<sve::bank::FFR>(544, 2);
    assert_eq!((z, p, ffr), (32, 16, 1));
    assert_eq!(check_view::<fpsimd::bank::V>(16), 32);
}

// Each register is all of its image, so that there is nothing of the image on either side of it, whereas
// in `sve` a byte too many of Z would still be one of P.
register_layout! {
    mod z {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank Z at 0: slice 2048 bits, width 128 * vq bits;
    }
    mod p {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank P at 0: slice 256 bits, width 16 * vq bits;
    }
    /// Registers of every size from 1 to 16 bytes, in slices that are no larger.
    mod bytes {
        arch: arm64, coproc: 0x15, slices: 4, vq: 1..=16;
        bank B at 0: slice 128 bits, width 8 * vq bits;
    }
    /// Slices of 256 bytes, with half a vector in them at odd VQs.
    mod halves {
        arch: arm64, coproc: 0x15, slices: 4, vq: 1..=16;
        bank H at 0: slice 2048 bits, width 64 * vq bits;
    }
    /// As many registers as VQ says, in one slice each and in several.
    mod rows {
        arch: arm64, coproc: 0x15, slices: 1, vq: 1..=16;
        bank R[1 * vq] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
    mod columns {
        arch: arm64, coproc: 0x15, slices: 32, vq: 1..=16;
        bank C[1 * vq] at 0 step 32: slice 128 bits, width 24 * vq bits;
    }
    /// Several slices, the last of them only partly used.
    mod parts {
        arch: arm64, coproc: 0x15, slices: 8, vq: 1..=16;
        bank S at 0: slice 256 bits, width 56 * vq bits;
    }
    mod views {
        arch: arm64, coproc: 0x10, vq: 1..=16;
        view V at 0x54: 128 bits, low bits of z::Z;
        view W at 0x60: 16 bits, low bits of p::P;
    }
}

#[test]
fn a_register_alone_in_its_image_is_all_that_is_touched() {
    check_bank::<z::bank::Z>(0, 16);
    check_bank::<p::bank::P>(0, 2);
    check_bank::<bytes::bank::B>(0, 1);
    check_bank::<parts::bank::S>(0, 7);
    check_bank::<halves::bank::H>(0, 8);
    check_registers::<rows::bank::R>(0, 16, |v| v);
    check_registers::<columns::bank::C>(0, 3, |v| v);
    check_view::<views::bank::V>(16);
    check_view::<views::bank::W>(2);
}

/// Asks the kernel, which answers EFAULT where a program would die.
#[test]
fn the_pages_around_cannot_be_touched() {
    let mut memory = Guarded::new(1);
    let inside = memory.bytes().as_mut_ptr();
    let (before, behind) = (inside.wrapping_sub(1), inside.wrapping_add(memory.size));
    let zero = std::fs::File::open("/dev/zero").expect("every Linux has it");
    let zero = zero.as_raw_fd();
    for byte in [before, behind] {
        // SAFETY: the kernel writes a byte where it can be written, and nothing refers to it.
        let read = unsafe { libc::read(zero, byte.cast(), 1) };
        let errno = Error::last_os_error().raw_os_error();
        assert_eq!((read, errno), (-1, Some(libc::EFAULT)));
    }
    for byte in [inside, behind.wrapping_sub(1)] {
        // SAFETY: likewise; this one is of the mapping.
        let read = unsafe { libc::read(zero, byte.cast(), 1) };
        assert_eq!(read, 1, "{}", Error::last_os_error());
    }
}

/// The registers of the processor itself, loaded from such images and saved to them by assembly.
#[cfg(target_arch = "aarch64")]
mod live {
    use std::ffi::{c_int, c_void};
    use std::ptr;

    use sve_state::live;

    use super::{EDGES, Guarded, LARGEST, fill, vqs};

    core::arch::global_asm!(".globl live_test_nothing", "live_test_nothing: ret");

    // SAFETY: it is defined above.
    unsafe extern "C" {
        fn live_test_nothing(_: *mut c_void);
    }

    #[test]
    fn live_touches_an_image_and_nothing_beside_it() {
        const PR_SVE_SET_VL: c_int = 50;
        let (mut memory, mut words) = (Guarded::new(LARGEST), Guarded::new(8));
        for (v, vq) in vqs() {
            // SAFETY: an option that takes a number; it fails where there is no SVE.
            let set = unsafe { libc::prctl(PR_SVE_SET_VL, vq.vl_bytes()) };
            // SAFETY: there is SVE.
            if set < 0 || unsafe { live::rdvl() } != vq.vl_bytes() {
                continue;
            }
            for (image_at, status_at) in EDGES {
                let image = memory.at(image_at, 546 * v);
                fill(image, 1);
                image[544 * v..].fill(0); // FFR: ones, then zeros
                let status = words.at(status_at, 8).as_mut_ptr().cast();
                let expected = image.to_vec();
                let (start, nothing) = (image.as_mut_ptr(), ptr::null_mut());
                // SAFETY: an image of the present vector length, and two words; the function does nothing.
                unsafe { live::enter(start, status, live_test_nothing, nothing) };
                assert_eq!(*image, expected, "VQ {vq}, {image_at:?}, {status_at:?}");
                // SAFETY: likewise; it changes memory only.
                unsafe { live::save(start, status) };
            }
        }
    }
}
