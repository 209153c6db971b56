//! The initial RAM disk: a `newc` cpio archive (Linux `Documentation/driver-api/early-userspace/buffer-format.rst`).

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use cpio::newc::{self, Builder, ModeFileType};

/// Packs empty directories, and programs under the names that they have there.
pub(crate) fn initrd(directories: &[&str], programs: &[(&str, &Path)]) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    let named = |name: &str, kind| Builder::new(name).mode(0o755).set_mode_file_type(kind);
    for name in directories {
        let entry = named(name, ModeFileType::Directory);
        archive = entry.write(archive, 0).finish()?;
    }
    for (name, program) in programs {
        let contents = fs::read(program).with_context(|| program.display().to_string())?;
        let entry = named(name, ModeFileType::Regular);
        let mut entry = entry.write(archive, u32::try_from(contents.len())?);
        entry.write_all(&contents)?;
        archive = entry.finish()?;
    }
    Ok(newc::trailer(archive)?)
}
