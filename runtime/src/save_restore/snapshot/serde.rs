//! A snapshot in serde formats: a byte string or, in a format for people, a string of base64. From a human-readable
//! format, byte strings, base64, lists of numbers and XML elements are all read, because inside `flatten` and tagged
//! enums every format claims to be human-readable. Base64 is read where bytes are expected, too, because some formats
//! have no strings.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use super::base64::{self, NotBase64};
use super::{MAX_BYTES, Snapshot, SnapshotError, check_version};

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.to_bytes();
        if serializer.is_human_readable() {
            return serializer.serialize_str(&base64::encode(&bytes));
        }
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_any(Bytes);
        }
        // Asks for owned bytes, because some formats have none to lend: CBOR from a reader, or in pieces.
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// Why what was read is no snapshot.
enum Refused {
    Text(NotBase64),
    Snapshot(SnapshotError),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => {
                f.write_str("not the base64 of an SVE snapshot: ")?;
                error.fmt(f)
            }
            Self::Snapshot(error) => error.fmt(f),
        }
    }
}

/// The format's error, made by one routine because each format has it anew.
#[cold]
#[inline(never)]
fn refused<E: Error>(error: Refused) -> E {
    E::custom(error)
}

/// Reads what a format gave as bytes or as text, which is base64.
#[inline(never)]
fn read(found: &[u8], text: bool) -> Result<Snapshot, Refused> {
    let snapshot = match base64::decode(found) {
        Ok(bytes) => Snapshot::from_bytes(&bytes),
        Err(error) if text => return Err(Refused::Text(error)),
        // A snapshot is no base64, because it has zeros.
        Err(_) => Snapshot::from_bytes(found),
    };
    snapshot.map_err(Refused::Snapshot)
}

/// The bytes of a list, which may be those of a text.
const MAX_TEXT: usize = MAX_BYTES.div_ceil(3) * 4;

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Snapshot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of an SVE snapshot")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Snapshot, E> {
        read(bytes, false).map_err(refused)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Snapshot, E> {
        read(text.as_bytes(), true).map_err(refused)
    }

    /// An element of XML, which is a map with its text and nothing else.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Snapshot, A::Error> {
        let mut found = None;
        // As quick-xml calls it. One call in a loop, because each has the format's whole reader of keys.
        while let Some(key) = map.next_key::<String>()? {
            if key != "$text" || found.is_some() {
                found = None;
                break;
            }
            found = Some(map.next_value()?);
        }
        found.ok_or_else(|| A::Error::invalid_type(Unexpected::Map, &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Snapshot, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            if bytes.len() == MAX_TEXT {
                check_version(&bytes).map_err(|error| refused(Refused::Snapshot(error)))?;
                return Err(A::Error::invalid_length(MAX_TEXT + 1, &self));
            }
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}
