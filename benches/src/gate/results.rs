//! Criterion's results, read as criterion 0.8 writes them: under its directory, `new/` of a
//! benchmark holds who it is (`benchmark.json`) and what was measured (`estimates.json`).

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use walkdir::WalkDir;

/// The benchmarks in a directory of criterion's, and the run that is judged.
#[derive(Debug)]
pub struct Results {
    estimates: BTreeMap<String, PathBuf>,
    run: RangeInclusive<SystemTime>,
}

/// What keeps a benchmark from being judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no result.
    Missing,
    /// The result was written before or after the run.
    Stale,
    /// The result cannot be read, or is no time.
    Unreadable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no such benchmark in the results"),
            Self::Stale => f.write_str("not measured in this run: the result is of another one"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// `benchmark.json`, of which more fields exist.
#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

/// `estimates.json`, of which more fields exist. Times are in nanoseconds.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

impl Results {
    /// Finds every benchmark under `directory`. Those whose estimates were not written within
    /// `run` are stale.
    pub fn find(directory: &Path, run: RangeInclusive<SystemTime>) -> Result<Self> {
        let mut estimates = BTreeMap::new();
        for entry in WalkDir::new(directory) {
            let entry = entry?;
            let file = entry.path();
            if !file.ends_with("new/benchmark.json") {
                continue;
            }
            let id = json::<Benchmark>(file)?.full_id;
            let other = estimates.insert(id.clone(), file.with_file_name("estimates.json"));
            ensure!(
                other.is_none(),
                "two results of one benchmark, {id}: empty {} and run again",
                directory.display()
            );
        }
        Ok(Self { estimates, run })
    }

    /// The median time of a benchmark of this run, in nanoseconds: above 0.
    pub fn median(&self, id: &str) -> Result<f64, Problem> {
        let file = self.estimates.get(id).ok_or(Problem::Missing)?;
        let unreadable = |error: anyhow::Error| Problem::Unreadable(format!("{error:#}"));
        if !self.run.contains(&written(file).map_err(unreadable)?) {
            return Err(Problem::Stale);
        }
        let median = json::<Estimates>(file).map_err(unreadable)?.median;
        match median.point_estimate {
            ns if ns.is_finite() && ns > 0.0 => Ok(ns),
            ns => Err(Problem::Unreadable(format!(
                "{}: a median of {ns} ns, where a time is above 0",
                file.display()
            ))),
        }
    }
}

/// When a file was last written.
pub(super) fn written(file: &Path) -> Result<SystemTime> {
    fs::metadata(file)
        .and_then(|metadata| metadata.modified())
        .with_context(|| format!("cannot read {}", file.display()))
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not criterion's", file.display()))
}
