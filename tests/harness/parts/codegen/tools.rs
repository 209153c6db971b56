//! The LLVM tools: of version 22, whose models the figures are from, or a later one.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::context::{Context, program};
use crate::machine::install::{self, LLVM, VALGRIND};

const VERSION: u32 = 22;

/// The programs' names.
pub(crate) struct Tools {
    pub(crate) objdump: String,
    pub(crate) mca: String,
    /// That of the model.
    pub(crate) version: String,
}

/// Finds the LLVM tools and valgrind, or installs them.
pub(crate) fn ensure(cx: &Context) -> Result<Tools> {
    install::ensure(cx, &[VALGRIND])?;
    let numbered = format!("-{VERSION}");
    // Without a number it may be any version.
    if let Some(tools) = [&numbered, ""].iter().find_map(|suffix| find(cx, suffix)) {
        return Ok(tools);
    }
    install::ensure(cx, &[LLVM])?;
    find(cx, &numbered).with_context(|| format!("llvm-mca{numbered} does not say its version"))
}

fn find(cx: &Context, suffix: &str) -> Option<Tools> {
    let [objdump, mca] = ["objdump", "mca"].map(|name| format!("llvm-{name}{suffix}"));
    let new_enough = |name: &str| {
        let mut command = Command::new(program(name)?);
        command.arg("--version");
        let said = cx.run_quietly(command).ok()?;
        let (version, major) = version(&said)?;
        (major >= VERSION).then(|| version.to_owned())
    };
    new_enough(&objdump)?;
    let version = new_enough(&mca)?;
    cx.step(&format!("{version}: {objdump}, {mca}"));
    Some(Tools {
        objdump,
        mca,
        version,
    })
}

/// `Debian LLVM version 22.1.8`: from `LLVM` on, and the first number.
fn version(text: &str) -> Option<(&str, u32)> {
    let version = text[text.find("LLVM version ")?..].lines().next()?.trim();
    let number = version.rsplit(' ').next()?;
    Some((version, number.split('.').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_read() {
        let version = super::version;
        assert_eq!(
            version("Debian LLVM version 22.1.8\n  Optimized build."),
            Some(("LLVM version 22.1.8", 22))
        );
        assert_eq!(
            version("LLVM (http://llvm.org/):\n  LLVM version 9.0"),
            Some(("LLVM version 9.0", 9))
        );
        assert_eq!(version("GNU objdump 2.40"), None);
    }
}
