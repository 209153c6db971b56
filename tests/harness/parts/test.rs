//! `cargo test`, as a person runs it.

use anyhow::Result;

use crate::context::Context;
use crate::report::{self, Counted};

/// The whole workspace's tests, as `cargo test` runs them.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    let mut test = cx.cargo(&["test --workspace"]);
    // Then `tests/ui` fails under a compiler whose messages it does not know, and does not pass for having compared
    // none of them.
    let (tests, _) = report::tests(cx, test.env("CI", "1"))?;
    Ok(vec![tests])
}
