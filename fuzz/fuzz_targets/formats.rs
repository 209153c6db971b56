//! Any bytes in every serde format that `formats/` has: what is read as a snapshot is written and read again as
//! the same one, and a format's byte string is a snapshot exactly if its bytes are one, or its base64.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};
use sve_state::snapshot::Snapshot;
use sve_state_formats::{Raw, formats};

/// What a VMM puts around a snapshot.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    vcpu: Vcpu,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "version")]
enum Vcpu {
    V1 { sve: Snapshot },
    V2 { sve: Option<Snapshot>, pc: u64 },
}

// The first byte chooses the format, and the rest is the input.
fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else {
        return;
    };
    let which = usize::from(*which);
    read::<Snapshot>(which, bytes);
    read::<Flat>(which, bytes);
    write(which, bytes);
    // No fuzzer guesses a checksum.
    if let Some(end) = bytes.len().checked_sub(4) {
        let mut bytes = bytes.to_vec();
        let crc = crc32fast::hash(&bytes[..end]);
        bytes[end..].copy_from_slice(&crc.to_le_bytes());
        write(which, &bytes);
    }
});

fn read<T>(which: usize, bytes: &[u8])
where
    T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let formats = formats::<T>();
    let format = &formats[which % formats.len()];
    if let Ok(value) = (format.from_slice)(bytes) {
        // `flatten` is nothing for some.
        let Ok(again) = (format.encode)(&value) else {
            assert!(!format.describes_itself, "{format:?}");
            return;
        };
        assert_eq!(
            (format.from_slice)(&again).as_ref(),
            Ok(&value),
            "{format:?}"
        );
    }
    if let Some(from_reader) = format.from_reader {
        let _ = from_reader(&mut &bytes[..]);
    }
}

/// Writes the bytes as a byte string and, if they are a snapshot, that snapshot in a VMM's structs.
fn write(which: usize, bytes: &[u8]) {
    let (raw, snapshots) = (formats::<Raw>(), formats::<Snapshot>());
    // Or the base64 of one, as JSON has it.
    let text = || {
        let text = String::from_utf8(bytes.to_vec()).ok()?;
        let json = (formats::<String>()[0].encode)(&text).expect("a string");
        (snapshots[0].from_slice)(&json).ok()
    };
    let expected = Snapshot::from_bytes(bytes).ok().or_else(text);
    let which = which % raw.len();
    let (write, read) = (&raw[which], &snapshots[which]);
    let written = (write.encode)(&Raw(bytes.to_vec())).expect("bytes, in every format");
    assert_eq!((read.from_slice)(&written).ok(), expected, "{read:?}");
    if let Some(from_reader) = read.from_reader {
        assert_eq!(from_reader(&mut &written[..]).ok(), expected, "{read:?}");
    }
    let Some(sve) = expected else { return };
    let flat = Flat {
        id: 1,
        vcpu: Vcpu::V2 {
            sve: Some(sve),
            pc: 2,
        },
    };
    let flats = formats::<Flat>();
    if flats[which].describes_itself {
        let written = (flats[which].encode)(&flat).expect("it describes itself");
        assert_eq!((flats[which].from_slice)(&written), Ok(flat), "{read:?}");
    }
}
