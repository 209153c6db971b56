//! `regid show`: the registers in a snapshot's file, as a person reads them.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use sve_state::RegId;
use sve_state::snapshot::Snapshot;

use crate::output::{self, Format};
use crate::{Answer, Failure, input};

/// A register with its bytes in hex, lowest first.
#[derive(Serialize)]
struct Value {
    id: String,
    name: String,
    bytes: String,
}

/// Prints what is in the file, or says why it is no snapshot.
pub(crate) fn run(file: &Path, format: Format, out: &mut impl Write) -> Answer {
    let refused = |why: String| Failure::Input(vec![format!("{}: {why}", file.display())]);
    let bytes = read(file).map_err(|why| refused(why.to_string()))?;
    let snapshot = match bytes.trim_ascii_start().first() {
        Some(b'"' | b'[') => serde_json::from_slice(&bytes).map_err(|why| why.to_string()),
        _ => Snapshot::from_bytes(&bytes).map_err(|why| why.to_string()),
    };
    let snapshot = snapshot.map_err(refused)?;
    let values: Vec<_> = snapshot.registers().map(value).collect();
    output::print(format, &values, out, |_, out| {
        write!(out, "{}", snapshot.show())
    })?;
    Ok(true)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return input::read(File::open(file)?);
    }
    input::read(io::stdin().lock())
}

fn value((id, bytes): (u64, Vec<u8>)) -> Value {
    Value {
        id: format!("{id:#018x}"),
        name: RegId(id).to_string(),
        bytes: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
