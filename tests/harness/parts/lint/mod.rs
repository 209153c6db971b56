//! The checks of the source: formatting, clippy and the documentation without a warning, no unsafe
//! code where none is to be, and no import that runs upwards.

mod folders;
mod surface;
mod unsafe_code;

use anyhow::Result;

use crate::context::Context;
use crate::report::Counted;

pub(crate) fn run(cx: &Context) -> Result<Counted> {
    let unsafe_code = unsafe_code::check(cx)?;
    let folders = folders::check(cx)?;
    cx.run(cx.cargo(&["fmt --all --check -- --color never"]))?;
    let clippy = "clippy --workspace --all-targets --all-features -- -D warnings";
    cx.run(cx.cargo(&[clippy]))?;
    let doc = |words: &str| {
        let mut doc = cx.cargo(&["doc --no-deps", words]);
        cx.run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    };
    doc("--workspace --all-features")?;
    // Without a feature, a link to what it adds is broken, and what only it uses is dead.
    for features in [
        "",
        "--features alloc",
        "--features snapshot",
        "--features kvm",
    ] {
        let package = format!("-p sve-state --no-default-features {features}");
        doc(package.trim())?;
        cx.run(cx.cargo(&["clippy", package.trim(), "-- -D warnings"]))?;
    }
    let warnings = vec!["rustfmt, clippy, rustdoc: no warnings".to_owned()];
    Ok([warnings, folders, surface::check(cx)?, unsafe_code].concat())
}
