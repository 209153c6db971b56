//! What `cargo harness speculation` runs on x86-64, to find out whether a processor that guesses wrongly
//! reads past an image. The cache tells: a line past the image is flushed, a slice that would lie there is
//! asked for, and a load of the line is timed.
//!
//! A GET of such a slice is right to answer with zeros or an error, but may not load the line on the way.
//! So that a quiet result means something, a read that does load it, after a bounds check that is guessed,
//! is tried in the same run.

#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_imports))]
// To flush, and to time a load.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
fn main() {
    probe::all();
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    eprintln!("speculation_probe: for x86-64 only");
    std::process::exit(2);
}

#[cfg(target_arch = "x86_64")]
mod probe {
    use std::arch::x86_64::{__rdtscp, _mm_clflush, _mm_lfence, _mm_mfence};
    use std::hint::black_box;

    use sve_state::shim::Vcpu;
    use sve_state::{OneReg, Vls, Vq, sve};

    const TRIALS: usize = 2000;
    /// How often a slice that exists is asked for before one that does not. The same instructions ask for
    /// both, so that only the number tells them apart, and it is not always as often, so that nothing can
    /// be learnt from the count.
    fn trainings(seed: &mut u64) -> usize {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        20 + (*seed >> 40) as usize % 32
    }
    /// Room for slice 31 of every register after an image of VQ 1.
    const ROOM: usize = 64 * 1024;
    /// The image of VQ 1.
    const IMAGE: usize = 546;

    /// Flushes the cache line of a byte, and waits until it is gone.
    fn flush(byte: *const u8) {
        // SAFETY: no memory is changed; every x86-64 processor has these instructions.
        unsafe { _mm_clflush(byte) };
        // SAFETY: likewise.
        unsafe { _mm_mfence() };
        // SAFETY: likewise.
        unsafe { _mm_lfence() };
    }

    /// How many cycles a load of this byte takes.
    fn time(byte: *const u8) -> u64 {
        let mut aux = 0;
        // SAFETY: no memory is changed.
        unsafe { _mm_mfence() };
        // SAFETY: it writes `aux`, which is there.
        let start = unsafe { __rdtscp(&mut aux) };
        // SAFETY: no memory is changed.
        unsafe { _mm_lfence() };
        // SAFETY: the caller's byte is in a buffer of its own.
        black_box(unsafe { byte.read_volatile() });
        // SAFETY: as above.
        let end = unsafe { __rdtscp(&mut aux) };
        end.wrapping_sub(start)
    }

    /// Half way between a load that the cache answers and one that it does not.
    fn threshold(byte: *const u8) -> u64 {
        let median = |mut times: Vec<u64>| {
            times.sort_unstable();
            times[times.len() / 2]
        };
        let missed = median((0..501).map(|_| (flush(byte), time(byte)).1).collect());
        let hit = median((0..501).map(|_| (time(byte), time(byte)).1).collect());
        hit + missed.saturating_sub(hit) / 2
    }

    #[inline(never)]
    fn ask<V: OneReg>(vcpu: &V, id: u64, slice: &mut [u8; 256]) -> bool {
        vcpu.get_one_reg(black_box(id), slice).is_ok()
    }

    /// A read as nobody should write it, where the check is a branch and the index makes the address.
    #[inline(never)]
    fn planted(buffer: &[u8], limit: &usize, index: usize) -> u8 {
        if index < *limit {
            buffer[index * 256]
        } else {
            0
        }
    }

    /// In how many trials a line was found loaded after a read of slice 31, and after one of slice 0. They
    /// take turns, so that what other programs load is in both numbers.
    fn report(kind: &str, name: &str, line: *const u8, limit: u64, mut read: impl FnMut(usize)) {
        let [mut hits, mut control] = [0; 2];
        for _ in 0..TRIALS {
            read(31);
            hits += usize::from(time(line) < limit);
            read(0);
            control += usize::from(time(line) < limit);
        }
        println!("{kind}\tname={name}\thits={hits}\tcontrol={control}\ttrials={TRIALS}");
    }

    pub(super) fn all() {
        // Leaked, so that lines past an image may be looked at while the image is lent out.
        let room = vec![1_u8; ROOM].leak();
        let start = room.as_ptr();
        let limit = threshold(start.wrapping_add(ROOM / 2));

        let line = start.wrapping_add(31 * 256);
        let bound = Box::new(1_usize);
        let mut aside = 0;
        let mut seed = 0x9e37_79b9_7f4a_7c15;
        let read = |last: usize| {
            flush(line);
            let trainings = trainings(&mut seed);
            for n in 0..=trainings {
                // The bound comes late, so that there is time to guess.
                flush((&raw const *bound).cast());
                let index = last & usize::from(n == trainings).wrapping_neg();
                aside ^= planted(room, black_box(&bound), black_box(index));
            }
        };
        report("planted", "a bounds check", line, limit, read);
        black_box(aside);

        let registers = [
            ("Z0", sve::Z0.id(), 0, 256),
            ("Z31", sve::Z31.id(), 31 * 16, 256),
            ("P0", sve::P0.id(), 512, 32),
            ("P15", sve::P15.id(), 512 + 30, 32),
            ("FFR", sve::FFR.id(), 544, 32),
        ];
        for rfc in [true, false] {
            for (name, id, offset, slice) in registers {
                let room = vec![1_u8; ROOM].leak();
                let line = room.as_ptr().wrapping_add(offset + 31 * slice);
                let host = Vls::up_to(Vq::MIN);
                let image = &mut room[..IMAGE];
                let vcpu = Vcpu::with_memory(host, image).expect("as large as the image of VQ 1");
                let mut vcpu = if rfc { vcpu.rfc() } else { vcpu };
                vcpu.init_with_sve().expect("a host with SVE");
                if !rfc {
                    vcpu.finalize(sve_state::KVM_ARM_VCPU_SVE)
                        .expect("initialized");
                }
                let (mut buffer, mut seed) = ([0; 256], 0x9e37_79b9_7f4a_7c15);
                let get = |last: usize| {
                    flush(line);
                    let trainings = trainings(&mut seed);
                    for n in 0..=trainings {
                        let slice = last & usize::from(n == trainings).wrapping_neg();
                        ask(&vcpu, id + slice as u64, &mut buffer);
                    }
                };
                let rules = if rfc { "RFC" } else { "mainline" };
                report("get", &format!("{name}, {rules}"), line, limit, get);
            }
        }
    }
}
