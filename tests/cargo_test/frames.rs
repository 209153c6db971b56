//! Every record of `frames/frames.tar.xz`, which Linux and qemu-user wrote: signal frames, register sets of
//! ptrace and core files. Those of SVE and V are read with the registers that their thread had, and frames and
//! register sets are written back byte for byte; register sets of ZA, ZT, TLS and FPMR are only counted.
//!
//! `frames/README.md` says where they come from, what their names mean and what the registers held.
//! Their numbers are in little-endian order, so other machines pass them over.
#![cfg(target_endian = "little")]

use std::collections::BTreeMap;
use std::io::Read as _;

use anyhow::{Result, anyhow};
use object::LittleEndian;
use object::read::elf::{ElfFile64, ProgramHeader as _};
use sve_state::regset::{FpsimdState, NT_ARM_SSVE, NT_ARM_SVE, NT_PRFPREG, Payload, Regset};
use sve_state::signal::{self, Frame};
use sve_state::vcpu::Status;
use sve_state::{SveState, Vq};
use sve_state_harness::threads::{self, EVEN, ODD, equal, same};
use tar::Archive;

const ARCHIVE: &[u8] = include_bytes!("../frames/frames.tar.xz");

type Image = SveState<Box<[u8]>>;

/// A file of the archive.
struct Record {
    /// With its folder.
    path: String,
    bytes: Vec<u8>,
}

impl Record {
    fn folder(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the last part of its name but one is this, which tells how the thread stopped, for example.
    fn is(&self, part: &str) -> bool {
        self.name().split('-').any(|found| found == part)
    }

    /// The vector lengths outside streaming mode and inside it, in quadwords, or 0 where the machine lacks
    /// one.
    fn vqs(&self) -> [u32; 2] {
        let of = |prefix: &str| {
            let mut parts = self.name().split('-');
            parts.find_map(|part| part.strip_prefix(prefix)?.parse().ok())
        };
        [of("vq").unwrap(), of("svq").unwrap()]
    }

    fn streaming(&self) -> bool {
        self.name().contains("-sm")
    }

    /// Whether FFR exists in streaming mode, as it does with FEAT_SME_FA64.
    fn has_fa64(&self) -> bool {
        !self.folder().starts_with("nofa64") && !self.folder().starts_with("smeonly")
    }

    /// V registers as a record has them, in an image, for threads that were interrupted too early.
    fn not_loaded(vregs: &[u8], vq: u32) -> Image {
        let mut image = SveState::zeroed(Vq::new(vq).unwrap()).unwrap();
        let z = image.as_bytes_mut().chunks_exact_mut(16 * vq as usize);
        z.zip(vregs[..512].chunks_exact(16))
            .for_each(|(z, v)| z[..16].copy_from_slice(v));
        image
    }

    /// What the thread loaded, at a vector length.
    fn loaded(&self, vq: u32, seed: usize, streaming: bool) -> Image {
        let mut image = SveState::zeroed(Vq::new(vq).unwrap()).unwrap();
        threads::load(image.as_bytes_mut(), Vq::new(vq).unwrap(), seed);
        if streaming && !self.has_fa64() {
            image.as_bytes_mut()[544 * vq as usize..].fill(0);
        }
        image
    }
}

/// All files of the archive.
fn archive() -> Vec<Record> {
    let mut tar = Vec::new();
    lzma_rs::xz_decompress(&mut &ARCHIVE[..], &mut tar).unwrap();
    let mut records = Vec::new();
    for entry in Archive::new(&tar[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let path = path.trim_start_matches("./").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if entry.header().entry_type().is_file() {
            records.push(Record { path, bytes });
        }
    }
    records
}

/// Runs a check on each record whose name starts with this, and returns how many there are.
fn each(start: &str, check: impl Fn(&Record) -> Result<()>) -> usize {
    let mut records = archive();
    records.retain(|record| record.name().starts_with(start));
    let mut failed = BTreeMap::<_, Vec<_>>::new();
    for record in &records {
        if let Err(error) = check(record) {
            failed
                .entry(error.to_string())
                .or_default()
                .push(&record.path);
        }
    }
    let count: usize = failed.values().map(Vec::len).sum();
    assert!(
        failed.is_empty(),
        "{count} of {}: {failed:#?}",
        records.len()
    );
    records.len()
}

/// Two threads got their signal before they had loaded anything.
const NOTHING_LOADED: [&str; 2] = [
    "smeonly-7.2/frame-vq0-svq4-n-ffr-udf-a0",
    "smeonly-7.3/frame-vq0-svq4-n-ffr-udf-a0",
];

fn frame(record: &Record) -> Result<()> {
    let [vq, svq] = record.vqs();
    // A system call ends streaming mode, after which nothing is left of its registers. It also gives up what
    // is above V, but not in qemu-user.
    let (in_streaming, kill) = (record.streaming(), record.is("kill"));
    let streaming = in_streaming && !kill;
    let live = streaming || vq > 0 && (!kill || record.folder().starts_with("user"));
    let vq = if streaming { svq } else { vq };
    let mut image = record.loaded(vq.max(1), 5, streaming);
    let mut status = ODD;
    if in_streaming && kill {
        image.as_bytes_mut().fill(0);
        status.fpsr = 0x0800_009f;
    }
    if !live {
        let v = record.loaded(vq.max(1), 5, false);
        let all_zero = in_streaming && kill;
        image.as_bytes_mut().fill(0);
        if !all_zero {
            FpsimdState::from_state(&v, status).copy_to(&mut image);
        }
    }
    let bytes = &record.bytes[..];
    if NOTHING_LOADED.contains(&&record.path[..]) {
        image = Record::not_loaded(&bytes[16..], 1);
    }

    let needed = signal::frame_bytes(&bytes[..4096])?;
    same("bytes", needed, bytes.len())?;
    let frame = Frame::parse(bytes)?;
    let found = frame
        .sve
        .map(|sve| (sve.vq, sve.streaming, sve.state.is_some()));
    let expected = (vq > 0).then(|| (image.vq(), streaming, live));
    same("sve_context", found, expected)?;
    if let Some(state) = frame.sve.and_then(|sve| sve.state) {
        equal("sve_context", state.as_bytes(), image.as_bytes())?;
    }
    let mut read = record.loaded(vq.max(1), 6, false);
    same("FPSR, FPCR", frame.copy_to(&mut read), status)?;
    equal("registers", read.as_bytes(), image.as_bytes())?;

    // Written over with zeros, and then as it was, byte for byte, with every other record included.
    let mut written = record.bytes.clone();
    read.as_bytes_mut().fill(0);
    signal::write(&mut written, &read, Status::default())?;
    let zeros = Frame::parse(&written)?;
    same("status", zeros.copy_to(&mut read), Status::default())?;
    same(
        "zeros",
        read.as_bytes().iter().any(|byte| *byte != 0),
        false,
    )?;
    signal::write(&mut written, &image, status)?;
    equal("written", &written, bytes)
}

#[test]
fn frames_are_read_and_written_back() {
    assert_eq!(each("frame-", frame), 524);
}

/// A whole frame is written over memory that is not zero, and reads the same. Where the kernel has no further
/// records, the frame is the kernel's, with `datap` and null records, so that writing it over the kernel's
/// changes nothing but padding, which the kernel leaves as it was.
#[test]
fn whole_frames_are_the_kernels() {
    let frames = each("frame-", |record| {
        let frame = Frame::parse(&record.bytes)?;
        let mut written = vec![0xee; frame.size()];
        let size = frame.write(0x1000, &mut written)?;
        same("size", size, written.len())?;
        same("frame", Frame::parse(&written), Ok(frame))?;
        same("bytes", signal::frame_bytes(&written[..4096]), Ok(size))
    });
    assert_eq!(frames, 524);
    // The addresses of `__reserved`, which follow from `datap` from VQ 7 on.
    let mut extra = 0;
    let mut records = archive();
    records
        .retain(|record| record.folder().ends_with("-6.1") && record.name().starts_with("frame-"));
    records.retain(|record| !record.is("segv"));
    for record in &records {
        let frame = Frame::parse(&record.bytes).unwrap();
        let datap = u64::from_le_bytes(record.bytes[536..544].try_into().unwrap());
        let address = match frame.size() {
            4096 => 0x1000,
            _ => datap - 576,
        };
        extra += usize::from(frame.size() > 4096);
        let mut written = record.bytes.clone();
        assert_eq!(frame.write(address, &mut written), Ok(record.bytes.len()));
        let (start, null) = match frame.size() {
            4096 => (528, 0..0),
            _ => (576, 568..576),
        };
        let sve = frame.sve.map_or(0, |sve| sve.size());
        let registers = frame.sve.and_then(|sve| sve.state);
        let padding = registers.map_or(sve, |state| 16 + state.as_bytes().len());
        let mut kernels = record.bytes.clone();
        for padding in [
            null,
            start + padding..start + sve,
            start + sve + 8..start + sve + 16,
        ] {
            kernels[padding].fill(0);
        }
        assert!(written == kernels, "{}", record.path);
    }
    assert_eq!((records.len(), extra), (36, 20));
}

/// The registers of a set: SVE registers, V only, or none because the thread is in the other mode.
enum Expected {
    Sve(Image, Status),
    V(Image, Status),
    None,
}

fn regset(bytes: &[u8], note: u32, vq: u32, expected: &Expected) -> Result<()> {
    let regset = match note {
        NT_ARM_SVE => Regset::parse(bytes),
        _ => Regset::parse_streaming(bytes),
    };
    let regset = regset?;
    let vqs = (u32::from(regset.vq().get()), regset.max_vq());
    same("vl, max_vl", vqs, (vq, Vq::ARCH_MAX))?;
    let payload = match expected {
        Expected::Sve(image, status) => Payload::Sve {
            state: image.by_ref(),
            status: *status,
        },
        Expected::V(image, status) => Payload::Fpsimd(FpsimdState::from_state(image, *status)),
        Expected::None => Payload::None,
    };
    same("payload", regset.payload(), payload)?;

    let mut written = vec![0xee; regset.size()];
    regset.write(&mut written)?;
    let mut kernels = bytes[..written.len()].to_vec();
    match payload {
        // Some kernels say 8 where others say 16.
        Payload::None => kernels[..4].copy_from_slice(&16_u32.to_ne_bytes()),
        // In the padding is gdb's copy of FPSR and FPCR.
        Payload::Sve { state, .. } => {
            let padding = 16 + state.as_bytes().len()..kernels.len() - 16;
            kernels[padding.clone()].copy_from_slice(&written[padding]);
        }
        Payload::Fpsimd(_) => {}
    }
    equal("written", &written, &kernels)
}

/// What a thread's register sets have to hold.
fn expected(record: &Record, note: u32, vq: u32, seed: usize, streaming: bool) -> Expected {
    let status = if seed % 2 == 1 { ODD } else { EVEN };
    match (note == NT_ARM_SSVE) == streaming {
        true => Expected::Sve(record.loaded(vq, seed, streaming), status),
        false => Expected::None,
    }
}

#[test]
fn register_sets_are_read_and_written_back() {
    let sve = each("regset-SVE-", |record| {
        let [vq, _] = record.vqs();
        let expected = match record.is("kill") {
            true => Expected::V(record.loaded(vq, 7, false), ODD),
            false => expected(record, NT_ARM_SVE, vq, 7, record.streaming()),
        };
        regset(&record.bytes, NT_ARM_SVE, vq, &expected)
    });
    let streaming = each("regset-SSVE-", |record| {
        let [_, vq] = record.vqs();
        let expected = expected(record, NT_ARM_SSVE, vq, 7, record.streaming());
        regset(&record.bytes, NT_ARM_SSVE, vq, &expected)
    });
    let fpsimd = each("regset-FPREG-", |record| {
        let vqs = record.vqs();
        let vq = vqs[usize::from(record.streaming())].max(1);
        fpsimd(&record.bytes, &record.loaded(vq, 7, false), ODD)
    });
    assert_eq!([sve, streaming, fpsimd], [164, 152, 186]);
}

fn fpsimd(bytes: &[u8], image: &Image, status: Status) -> Result<()> {
    let found = FpsimdState::parse(bytes)?;
    same("V", found, FpsimdState::from_state(image, status))?;
    let mut written = [0xee; 528];
    found.write(&mut written)?;
    equal("written", &written, bytes)
}

/// The notes of a core file: type and content.
fn notes(file: &[u8]) -> Vec<(u32, &[u8])> {
    let (file, order) = (ElfFile64::parse(file).unwrap(), LittleEndian);
    let mut found = Vec::new();
    for segment in file.elf_program_headers() {
        let Some(mut notes) = segment.notes(order, file.data()).unwrap() else {
            continue;
        };
        while let Some(note) = notes.next().unwrap() {
            found.push((note.n_type(order).0, note.desc()));
        }
    }
    found
}

#[test]
fn core_files_are_read() {
    let files = each("core-", |record| {
        let [vq, svq] = record.vqs();
        let mut thread = [0; 3];
        for (note, content) in notes(&record.bytes) {
            let kinds = [NT_PRFPREG, NT_ARM_SVE, NT_ARM_SSVE];
            let Some(kind) = kinds.iter().position(|kind| *kind == note) else {
                continue;
            };
            let (n, second) = (thread[kind], thread[kind] == 1);
            thread[kind] += 1;
            // A second thread has its own vector length. One with a longer one was meant to go into streaming
            // mode, but got nowhere on kernels without SME.
            let longer = second && record.name().ends_with("-t1-vq4");
            let nowhere = longer && svq == 0;
            let streaming = if second {
                longer && !nowhere
            } else {
                record.streaming()
            };
            let own = match (note, second) {
                (NT_PRFPREG, _) if streaming => svq,
                (NT_ARM_SSVE, _) => svq,
                (_, true) if longer => 4,
                (_, true) => 1,
                (_, false) => vq,
            };
            let (seed, status) = if second { (10, EVEN) } else { (9, ODD) };
            let vregs = if note == NT_PRFPREG { 0 } else { 16 };
            let image = match nowhere {
                true => Record::not_loaded(&content[vregs..], own),
                false => record.loaded(own.max(1), seed, streaming),
            };
            let check = match note {
                NT_PRFPREG => fpsimd(content, &image, status),
                _ if nowhere => regset(content, note, own, &Expected::V(image, status)),
                _ => regset(
                    content,
                    note,
                    own,
                    &expected(record, note, own, seed, streaming),
                ),
            };
            check.map_err(|error| anyhow!("note {note:#x} of thread {n}: {error}"))?;
        }
        let [fpsimd, sve, ssve] = thread;
        let both = [vq > 0, svq > 0].map(|there| if there { fpsimd } else { 0 });
        same("threads", fpsimd > 0, true)?;
        same("notes", [sve, ssve], both)
    });
    assert_eq!(files, 128);
}

/// Only those above are left out, because they are of registers that the crate does not have.
#[test]
fn the_archive_is_whole() {
    let mut kinds = BTreeMap::new();
    for record in archive() {
        let parts = record.name().split("-vq").next().unwrap_or_default();
        *kinds.entry(parts.to_owned()).or_insert(0_usize) += 1;
    }
    let expected = [
        ("core", 128),
        ("frame", 524),
        ("regset-FPMR", 169),
        ("regset-FPREG", 186),
        ("regset-SSVE", 152),
        ("regset-SVE", 164),
        ("regset-TLS", 186),
        ("regset-ZA", 152),
        ("regset-ZT", 152),
    ];
    assert_eq!(expected.iter().map(|(_, n)| n).sum::<usize>(), 1813);
    // Those that are parsed.
    let other = ["FPMR", "TLS", "ZA", "ZT"].map(|name| format!("regset-{name}"));
    let parsed = expected
        .iter()
        .filter(|(kind, _)| !other.contains(&(*kind).to_owned()));
    assert_eq!(parsed.map(|(_, n)| n).sum::<usize>(), 1154);
    assert_eq!(kinds, expected.map(|(kind, n)| (kind.to_owned(), n)).into());
}
