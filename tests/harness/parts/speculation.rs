//! Whether a processor that guesses wrongly reads past an image, by the experiment in
//! `programs/speculation_probe.rs`. A result counts only if a read that does so is seen in the same
//! run.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::context::Context;
use crate::report::{Counted, count};

/// In how many of a hundred trials a planted read must be seen.
const SEEN: usize = 10;

/// In how many more trials a line may be found loaded than without any read, because other programs
/// load lines too: one of a hundred, and five standard deviations of the difference of two counts.
fn noise(control: usize, trials: usize) -> usize {
    trials / 100 + 5 * (2 * control).isqrt()
}

/// One line of the probe.
struct Found {
    planted: bool,
    name: String,
    hits: usize,
    control: usize,
    trials: usize,
}

pub(crate) fn run(cx: &Context) -> Result<Counted> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the experiment is for x86-64 only"
    );
    let name = "speculation_probe";
    cx.run(cx.cargo(&["build --release -p sve-state-harness --bin", name]))?;
    let output = cx.run(Command::new(cx.target.join("release").join(name)))?;
    let found = output.lines().map(parse).collect::<Option<Vec<_>>>();
    judge(&found.context("a line that is none of the probe's")?)
}

fn parse(line: &str) -> Option<Found> {
    let mut fields = line.split('\t');
    let planted = fields.next()? == "planted";
    let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
    Some(Found {
        planted,
        name: field("name")?.to_owned(),
        hits: field("hits")?.parse().ok()?,
        control: field("control")?.parse().ok()?,
        trials: field("trials")?.parse().ok()?,
    })
}

fn judge(found: &[Found]) -> Result<Counted> {
    let (planted, gets): (Vec<_>, Vec<_>) = found.iter().partition(|found| found.planted);
    let [planted] = planted[..] else {
        anyhow::bail!("{} planted reads, and not one", planted.len());
    };
    ensure!(!gets.is_empty(), "no GET was tried");
    for Found {
        name,
        hits,
        control,
        trials,
        ..
    } in &gets
    {
        ensure!(
            hits.saturating_sub(*control) <= noise(*control, *trials),
            "GET of slice 31 of {name}: the line past the image was loaded in {hits} of {trials} \
             trials, and for slice 0 in {control}"
        );
    }
    let Found {
        name, hits, trials, ..
    } = planted;
    // Seeing nothing says something only where something can be seen.
    let seen = hits.saturating_sub(planted.control);
    if seen * 100 < SEEN * trials {
        return Ok(vec![format!(
            "NOT COMPARED: a read past {name} was seen in {seen} of {trials} trials only, so that \
             this machine shows nothing"
        )]);
    }
    let loaded: usize = gets.iter().map(|get| get.hits).sum();
    let all: usize = gets.iter().map(|get| get.trials).sum();
    Ok(vec![format!(
        "{} past the image, guessed: loaded in {loaded} of {all} trials; a planted read in {hits} of {trials}",
        count(gets.len(), "GET")
    )])
}

#[cfg(test)]
mod tests {
    use super::{judge, parse};

    #[test]
    fn a_line_that_was_loaded_is_refused_if_the_machine_shows_any() {
        // Of 1000 trials: those of the planted read and its control, those of a GET and its control.
        for ([planted, aside, hits, control], verdict) in [
            ([1000, 0, 0, 0], "passed"),
            ([1000, 0, 10, 0], "passed"),
            ([1000, 0, 11, 0], "refused"),
            // As it was seen on a busy machine.
            ([1000, 0, 84, 65], "passed"),
            ([1000, 0, 165, 65], "refused"),
            ([99, 0, 0, 0], "NOT COMPARED"),
            ([99, 0, 1000, 0], "refused"),
            ([300, 300, 0, 0], "NOT COMPARED"),
        ] {
            let lines = [
                format!("planted\tname=a check\thits={planted}\tcontrol={aside}\ttrials=1000"),
                format!("get\tname=Z0\thits={hits}\tcontrol={control}\ttrials=1000"),
            ];
            let found: Vec<_> = lines.iter().map(|line| parse(line).unwrap()).collect();
            let said = judge(&found).map_or("refused".to_owned(), |counted| counted.concat());
            let start = if verdict == "passed" {
                "1 GET past"
            } else {
                verdict
            };
            assert!(said.starts_with(start), "{planted} {hits}: {said}");
            assert!(judge(&found[..1]).is_err(), "no GET");
        }
        assert!(judge(&[]).is_err());
    }
}
