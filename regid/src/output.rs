//! How answers are printed: as text for people, as tab-separated values, or as JSON.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use sve_state::{Errno, Vq, VqError};

use crate::register::Slice;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// Tab-separated values under a line of column names
    Tsv,
    /// One array of objects
    Json,
}

/// Names of registers and errnos, in text.
pub(crate) const NAME: Style = Style::new().bold();
/// For what is not as it should be, in text.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// For words that only guide the eye, in text.
pub(crate) const QUIET: Style = Style::new().dimmed();

/// A line about an ID. Sizes are in bytes unless a name says otherwise.
#[derive(Serialize)]
pub(crate) struct Line {
    id: String,
    name: Option<String>,
    slice: Option<u16>,
    layout: Option<&'static str>,
    size_bits: Option<u32>,
    start_bytes: Option<usize>,
    copy_bytes: Option<usize>,
    flush_bytes: Option<usize>,
    error: Option<String>,
    /// What every vCPU answers to GET and SET of it, if no vCPU has it.
    errno: Option<String>,
}

impl Line {
    /// For a register slice, with its place if a vector length is given.
    pub(crate) fn of(slice: &Slice, vq: Option<Vq>) -> Result<Self, VqError> {
        let place = vq.map(|vq| slice.place(vq)).transpose()?.flatten();
        Ok(Self {
            id: format!("{:#018x}", slice.id),
            name: Some(slice.name()),
            slice: slice.index(),
            layout: Some(slice.layout),
            size_bits: Some(8 * slice.bank.slice_bytes),
            start_bytes: place.map(|place| place.start),
            copy_bytes: place.map(|place| place.copy),
            flush_bytes: place.map(|place| place.flush),
            error: None,
            // The first slice holds the whole register at every vector length that SVE has.
            errno: slice
                .index()
                .and_then(|index| (index > 0).then(|| Errno::ENOENT.to_string())),
        })
    }

    /// For an ID that names nothing, with the reason.
    pub(crate) fn error(id: u64, why: String) -> Self {
        Self {
            id: format!("{id:#018x}"),
            name: None,
            slice: None,
            layout: None,
            size_bits: None,
            start_bytes: None,
            copy_bytes: None,
            flush_bytes: None,
            error: Some(why),
            errno: None,
        }
    }

    pub(crate) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        let id = &self.id;
        if let Some(why) = &self.error {
            let why = why.trim_start_matches(&format!("register ID {id}: "));
            return writeln!(out, "{id}  {BAD}no register{BAD:#}  {why}");
        }
        let cell = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let name = cell(self.name.clone());
        let slice = cell(self.slice.map(|slice| format!("slice {slice}")));
        let bits = cell(self.size_bits.map(|bits| bits.to_string()));
        let layout = self.layout.unwrap_or("-");
        write!(
            out,
            "{id}  {NAME}{name:4}{NAME:#}  {slice:8}  {bits:>4} bits  {layout}"
        )?;
        if let (Some(start), Some(copy), Some(flush)) =
            (self.start_bytes, self.copy_bytes, self.flush_bytes)
        {
            write!(
                out,
                "{:pad$}  {QUIET}start{QUIET:#} {start:4}  {QUIET}copy{QUIET:#} {copy:3}  \
                 {QUIET}flush{QUIET:#} {flush:3}",
                "",
                pad = 6_usize.saturating_sub(layout.len())
            )?;
        }
        if let Some(errno) = &self.errno {
            write!(out, "  {QUIET}every vCPU answers{QUIET:#} {errno}")?;
        }
        writeln!(out)
    }
}

/// Prints records in the format that was asked for; `text` prints them for people.
pub(crate) fn print<R: Serialize, W: Write>(
    format: Format,
    records: &[R],
    out: &mut W,
    text: impl FnOnce(&[R], &mut W) -> io::Result<()>,
) -> io::Result<()> {
    match format {
        Format::Text => text(records, out),
        Format::Tsv => {
            let mut tsv = csv::WriterBuilder::new().delimiter(b'\t').from_writer(out);
            let written = records.iter().try_for_each(|record| tsv.serialize(record));
            // `From` would hide that a pipe is broken.
            written.map_err(|why| match why.into_kind() {
                csv::ErrorKind::Io(why) => why,
                kind => io::Error::other(format!("{kind:?}")),
            })?;
            tsv.flush()
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, records)?;
            writeln!(out)
        }
    }
}
