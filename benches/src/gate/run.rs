//! The run that is judged: when it started and when it finished.
//!
//! Criterion keeps every benchmark's last result, whichever run it is of, and a run that is
//! filtered, fails or no longer has a benchmark leaves old ones lying. Nothing in them names their
//! run, so the gate notes the run itself: it starts the command that measures, and writes a file
//! among criterion's before and after. What was written between these two is of the run.

use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};

use super::results::written;

const STARTED: &str = "gate-started";
const FINISHED: &str = "gate-finished";

/// Runs the command that measures, with criterion's results going to `directory`. A run whose
/// command fails is not one to judge.
pub fn measure(directory: &Path, command: &[String]) -> Result<()> {
    // Cargo runs benchmarks in their package's folder.
    let directory = std::path::absolute(directory)?;
    let at = directory.display();
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {at}"))?;
    match fs::remove_file(directory.join(FINISHED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot write in {at}"));
        }
        _ => mark(&directory, STARTED)?,
    }
    let line = command.join(" ");
    let status = Command::new(&command[0])
        .args(&command[1..])
        .env("CRITERION_HOME", &directory)
        .status()
        .with_context(|| format!("cannot run `{line}`"))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    mark(&directory, FINISHED)
}

/// When the last run in `directory` started and finished.
pub fn last(directory: &Path) -> Result<RangeInclusive<SystemTime>> {
    let time = |name| written(&directory.join(name));
    time(STARTED)
        .and_then(|started| Ok(started..=time(FINISHED)?))
        .with_context(|| {
            format!(
                "{} holds no run that the gate started and saw finish; give the command that \
                 measures, as in `gate rules.toml -- cargo bench`",
                directory.display()
            )
        })
}

/// Leaves a file that was written now, by the clock that dates the results.
fn mark(directory: &Path, name: &str) -> Result<()> {
    let file = directory.join(name);
    // Contents, because an empty file that stays empty keeps its time.
    fs::write(&file, "The gate dates its run by when this was written.\n")
        .with_context(|| format!("cannot write {}", file.display()))
}
