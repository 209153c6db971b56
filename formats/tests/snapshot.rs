//! Snapshots there and back in every format, from slices and from readers, and inside what people put
//! around them.

use std::fmt::Debug;
use std::io::Read;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::Status;
use sve_state::{SveState, Vls, Vq};
use sve_state_formats::{Raw, formats};

/// Every VQ with a status and without, and a vCPU without SVE, which together have bytes of every
/// value.
fn snapshots() -> Vec<Snapshot> {
    let status = Some(Status {
        fpsr: 0x0800_009f,
        fpcr: 0x02c0_0000,
    });
    let vqs: Vec<Vq> = Vq::architectural().collect();
    let with = vqs
        .iter()
        .map(|vq| (Vls::up_to(*vq), *vq, 546 * usize::from(vq.get())));
    let all = with.chain([(Vls::EMPTY, Vq::MIN, 512)]);
    let made = all.flat_map(|(vls, vq, registers)| {
        let mut state = SveState::zeroed(vq).unwrap();
        let bytes = state.as_bytes_mut()[..registers].iter_mut();
        bytes
            .enumerate()
            .for_each(|(k, byte)| *byte = (k * 7 + 3).to_le_bytes()[0]);
        [status, None].map(|status| Snapshot::new(vls, state.clone(), status).unwrap())
    });
    made.collect()
}

/// Bytes as they come from a socket, a few at a time.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(7);
        self.0.read(&mut buffer[..n])
    }
}

/// Writes and reads a value in each format, and returns how many ways back there were.
fn there_and_back<T>(value: &T, only_those_that_describe_themselves: bool) -> usize
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let mut ways = 0;
    for format in formats::<T>() {
        if only_those_that_describe_themselves && !format.describes_itself {
            continue;
        }
        let bytes = (format.encode)(value).unwrap();
        assert_eq!(
            (format.from_slice)(&bytes).as_ref(),
            Ok(value),
            "{format:?}"
        );
        ways += 1;
        if let Some(from_reader) = format.from_reader {
            let read = from_reader(&mut Slowly(&bytes));
            assert_eq!(read.as_ref(), Ok(value), "{format:?}, from a reader");
            ways += 1;
        }
    }
    ways
}

/// Six formats, of which five have readers.
const WAYS: usize = 6 + 5;
/// JSON, CBOR and MessagePack, with readers.
const SELF_DESCRIBING: usize = 3 + 3;

#[test]
fn a_snapshot_itself() {
    for snapshot in snapshots() {
        assert_eq!(there_and_back(&snapshot, false), WAYS);
    }
}

/// A vCPU as a VMM saves it.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Plain {
    id: u32,
    sve: Option<Snapshot>,
    registers: Vec<(u64, u64)>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Rest {
    sve: Snapshot,
    pc: u64,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum External {
    Empty,
    Vcpu(Snapshot),
    Named { sve: Snapshot },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "version")]
enum Internal {
    V1 { pc: u64 },
    V2 { pc: u64, sve: Snapshot },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "version", content = "state")]
enum Adjacent {
    V1(u64),
    V2(Snapshot),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Untagged {
    Vcpu { sve: Snapshot },
    Nothing { pc: u64 },
}

#[test]
fn in_what_vmms_put_around_it() {
    for snapshot in snapshots() {
        let sve = || snapshot.clone();
        let plain = Plain {
            id: 3,
            sve: Some(sve()),
            registers: vec![(1, 2)],
        };
        assert_eq!(there_and_back(&plain, false), WAYS);
        for external in [External::Vcpu(sve()), External::Named { sve: sve() }] {
            assert_eq!(there_and_back(&external, false), WAYS);
        }
        let flat = Flat {
            id: 3,
            rest: Rest { sve: sve(), pc: 4 },
        };
        assert_eq!(there_and_back(&flat, true), SELF_DESCRIBING);
        let internal = Internal::V2 { pc: 4, sve: sve() };
        assert_eq!(there_and_back(&internal, true), SELF_DESCRIBING);
        let adjacent = Adjacent::V2(sve());
        assert_eq!(there_and_back(&adjacent, true), SELF_DESCRIBING);
        let untagged = Untagged::Vcpu { sve: sve() };
        assert_eq!(there_and_back(&untagged, true), SELF_DESCRIBING);
    }
}

/// What a format hands over is validated like bytes from anywhere, and the error has the reason
/// wherever the format has room for one.
#[test]
fn damage_is_refused_in_every_format() {
    for snapshot in snapshots() {
        let mut bytes = snapshot.to_bytes();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let raw = Raw(bytes);
        for (write, read) in formats::<Raw>().iter().zip(formats::<Snapshot>()) {
            let error = (read.from_slice)(&(write.encode)(&raw).unwrap()).unwrap_err();
            // These two have no words for it.
            let silent = ["bitcode", "postcard"].contains(&read.name);
            assert!(
                silent || error.contains("damaged snapshot"),
                "{read:?}: {error}"
            );
        }
    }
}

/// A byte string in pieces, whose length is nowhere stated (RFC 8949, 3.2.3), and a buffer too large
/// to be a snapshot.
#[test]
fn cbor_in_pieces_and_with_a_small_buffer() {
    for snapshot in snapshots() {
        let mut pieces = vec![0x5f];
        for piece in snapshot.to_bytes().chunks(100) {
            pieces.extend([0x58, u8::try_from(piece.len()).unwrap()]);
            pieces.extend(piece);
        }
        pieces.push(0xff);
        let read: Snapshot = ciborium::from_reader(&pieces[..]).unwrap();
        assert_eq!(read, snapshot);

        let mut whole = Vec::new();
        ciborium::into_writer(&snapshot, &mut whole).unwrap();
        for bytes in [&whole, &pieces] {
            let mut buffer = [0; 512];
            let read = ciborium::de::from_reader_with_buffer(&bytes[..], &mut buffer);
            assert_eq!(read.ok(), Some(snapshot.clone()));
        }
    }
}

/// Which formats read base64 and which a list of numbers, whatever they write, as the page of
/// snapshots says.
#[test]
fn base64_and_lists_are_read_by_these_formats() {
    for snapshot in snapshots() {
        let json = serde_json::to_string(&snapshot).unwrap();
        let base64: String = serde_json::from_str(&json).unwrap();
        // Numbers of two bytes each, so that no format takes the list for a byte string.
        let list: Vec<u16> = snapshot.to_bytes().into_iter().map(u16::from).collect();
        let writers = formats::<String>().into_iter().zip(formats::<Vec<u16>>());
        for ((text, numbers), read) in writers.zip(formats::<Snapshot>()) {
            let is_read = |bytes: Vec<u8>| (read.from_slice)(&bytes).as_ref() == Ok(&snapshot);
            let found = [
                is_read((text.encode)(&base64).unwrap()),
                is_read((numbers.encode)(&list).unwrap()),
            ];
            let expected = match read.name {
                "JSON" | "MessagePack" => [true, true],
                "CBOR" => [false, true],
                // To these a string is its bytes.
                "bincode" | "postcard" => [true, false],
                _ => [false, false],
            };
            assert_eq!(found, expected, "{read:?}");
        }
    }
}
