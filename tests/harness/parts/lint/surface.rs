//! How much of `sve-state` a user meets, so that an item is added to the documentation only on purpose.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::context::Context;
use crate::report::{Counted, count};

/// As many as there are, so that one more takes a change of this line.
const MOST: usize = 368;

pub(crate) fn check(cx: &Context) -> Result<Counted> {
    let rustdoc = "rustdoc -p sve-state --all-features -- -Z unstable-options --output-format json";
    // The JSON is a nightly compiler's, and the variable makes every compiler write it.
    cx.run(cx.cargo(&[rustdoc]).env("RUSTC_BOOTSTRAP", "1"))?;
    let path = cx.target.join("doc/sve_state.json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let documentation: Value = serde_json::from_str(&text)?;
    let items = documentation["index"].as_object().context("no index")?;
    let found = items.values().filter(|item| counts(item)).count();
    ensure!(
        found <= MOST,
        "{found} items of sve-state are documented, and {MOST} are allowed: hide one, or raise the number"
    );
    Ok(vec![count(found, "documented item")])
}

/// What a user may name, without implementations, second names, and the registers that a layout lists.
fn counts(item: &Value) -> bool {
    let kind = |kind| !item["inner"][kind].is_null();
    let named = item["visibility"] == "public" || kind("variant");
    let register = |name: &str| {
        let number = name.trim_start_matches(['Z', 'P', 'V']);
        number.len() + 1 == name.len() && number.parse::<u8>().is_ok()
    };
    named && !kind("impl") && !kind("use") && !item["name"].as_str().is_some_and(register)
}
