//! `cargo test`, as a person runs it.

use anyhow::Result;

use crate::context::Context;
use crate::report::{self, Counted};

/// The whole workspace's tests, as `cargo test` runs them.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    let mut test = cx.cargo(&["test --workspace"]);
    // `tests/ui` then fails under a compiler whose messages it does not know, rather than pass without having
    // compared any of them.
    let (tests, _) = report::tests(cx, test.env("CI", "1"))?;
    Ok(vec![tests])
}
