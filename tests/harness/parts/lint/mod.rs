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
    let doc = |arguments: &[&str]| {
        let mut doc = cx.cargo(&[&["doc", "--no-deps"], arguments].concat());
        doc.env("RUSTDOCFLAGS", "-D warnings");
        cx.run(doc)
    };
    doc(&["--workspace", "--all-features"])?;
    // A link to what a feature adds is broken without it.
    for features in ["", "alloc", "snapshot", "kvm"] {
        let some = ["--no-default-features", "--features", features];
        doc(&[&["-p", "sve-state"], &some[..]].concat())?;
    }
    let warnings = vec!["rustfmt, clippy, rustdoc: no warnings".to_owned()];
    Ok([warnings, unsafe_code].concat())
}
