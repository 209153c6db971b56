//! The serde formats in which people save vCPUs, each with a way to write and two ways to read.

use std::fmt::Display;
use std::io::Read;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads from bytes as they arrive.
pub type FromReader<T> = fn(&mut dyn Read) -> Result<T, String>;

/// A format, for values of one type.
pub struct Format<T> {
    /// What people call it.
    pub name: &'static str,
    /// Whether a reader learns from the bytes what they hold, which `flatten` and most enums
    /// require.
    pub describes_itself: bool,
    /// There.
    pub encode: fn(&T) -> Result<Vec<u8>, String>,
    /// Reads from all bytes at once.
    pub from_slice: fn(&[u8]) -> Result<T, String>,
    /// Reads from bytes as they arrive, which not every format can do.
    pub from_reader: Option<FromReader<T>>,
}

impl<T> std::fmt::Debug for Format<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// With a limit, because without one a length from outside is allocated before it is looked at.
type Bincode = bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<65_536>,
>;

const BINCODE: Bincode = bincode::config::standard().with_limit::<65_536>();

/// All formats.
pub fn formats<T: Serialize + DeserializeOwned>() -> [Format<T>; 6] {
    [
        Format {
            name: "JSON",
            describes_itself: true,
            encode: |value| serde_json::to_vec(value).map_err(text),
            from_slice: |bytes| serde_json::from_slice(bytes).map_err(text),
            from_reader: Some(|reader| serde_json::from_reader(reader).map_err(text)),
        },
        Format {
            name: "CBOR",
            describes_itself: true,
            encode: |value| {
                let mut bytes = Vec::new();
                let written = ciborium::into_writer(value, &mut bytes).map_err(text);
                written.map(|()| bytes)
            },
            from_slice: |bytes| ciborium::from_reader(bytes).map_err(text),
            from_reader: Some(|reader| ciborium::from_reader(reader).map_err(text)),
        },
        Format {
            name: "MessagePack",
            describes_itself: true,
            encode: |value| rmp_serde::to_vec_named(value).map_err(text),
            from_slice: |bytes| rmp_serde::from_slice(bytes).map_err(text),
            from_reader: Some(|reader| rmp_serde::from_read(reader).map_err(text)),
        },
        Format {
            name: "bincode",
            describes_itself: false,
            encode: |value| bincode::serde::encode_to_vec(value, BINCODE).map_err(text),
            from_slice: |bytes| {
                let decoded = bincode::serde::decode_from_slice(bytes, BINCODE);
                decoded.map(|(value, _)| value).map_err(text)
            },
            from_reader: Some(|mut reader| {
                bincode::serde::decode_from_std_read(&mut reader, BINCODE).map_err(text)
            }),
        },
        Format {
            name: "bitcode",
            describes_itself: false,
            encode: |value| bitcode::serialize(value).map_err(text),
            from_slice: |bytes| bitcode::deserialize(bytes).map_err(text),
            from_reader: None,
        },
        Format {
            name: "postcard",
            describes_itself: false,
            encode: |value| postcard::to_stdvec(value).map_err(text),
            from_slice: |bytes| postcard::from_bytes(bytes).map_err(text),
            from_reader: Some(|reader| {
                let mut scratch = vec![0; 65_536];
                let read = postcard::from_io((reader, &mut scratch));
                read.map(|(value, _)| value).map_err(text)
            }),
        },
    ]
}

/// Bytes as a format's own bytes, whatever they are.
#[derive(Debug)]
pub struct Raw(pub Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

/// Never used: what it wrote is for others to read.
impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("raw bytes are not read"))
    }
}
