//! A snapshot in serde formats: a byte string, or a string of base64 in a format for people. A format for
//! people reads both, lists of numbers, and elements of XML. It has to, because inside `flatten` and tagged enums
//! every format claims to be for people. Base64 is read where bytes are expected, too: some formats have no
//! strings.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{
    Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::ser::{Serialize, Serializer};

use super::base64;
use super::{MAX_BYTES, Snapshot, check_version};

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

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Snapshot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of an SVE snapshot")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Snapshot, E> {
        // A snapshot is no base64: it has zeros.
        let decoded = base64::decode(bytes);
        let bytes = decoded.as_deref().unwrap_or(bytes);
        Snapshot::from_bytes(bytes).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Snapshot, E> {
        let bytes = base64::decode(text.as_bytes())
            .map_err(|error| E::custom(format_args!("no base64 of an SVE snapshot: {error}")))?;
        Snapshot::from_bytes(&bytes).map_err(E::custom)
    }

    /// An element of XML: a map with its text, and nothing else.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Snapshot, A::Error> {
        // As quick-xml calls it.
        if let Some("$text") = map.next_key::<String>()?.as_deref() {
            let snapshot = map.next_value()?;
            if map.next_key::<IgnoredAny>()?.is_none() {
                return Ok(snapshot);
            }
        }
        Err(A::Error::invalid_type(Unexpected::Map, &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Snapshot, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            if bytes.len() == MAX_BYTES {
                check_version(&bytes).map_err(A::Error::custom)?;
                return Err(A::Error::invalid_length(MAX_BYTES + 1, &self));
            }
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}
