//! The checks of the source: formatting, clippy and the documentation, without a warning; and no unsafe
//! code where none is to be.

mod unsafe_code;

use anyhow::Result;

use crate::context::Context;
use crate::report::Counted;

pub(crate) fn run(cx: &Context) -> Result<Counted> {
    let unsafe_code = unsafe_code::check(cx)?;
    let fmt = ["fmt", "--all", "--check", "--", "--color", "never"];
    cx.run(cx.cargo(&fmt))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features"];
    let mut command = cx.cargo(&clippy);
    command.args(["--", "-D", "warnings"]);
    cx.run(command)?;
    let mut doc = cx.cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    cx.run(doc)?;
    let warnings = vec!["rustfmt, clippy, rustdoc: no warnings".to_owned()];
    Ok([warnings, unsafe_code].concat())
}
