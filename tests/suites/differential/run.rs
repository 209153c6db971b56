//! The same operations on a vCPU of each of two hosts, until an answer differs.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use fastrand::Rng;
use sve_state::vcpu::{Refusal, Request, Stage};

use super::generate::{Life, SVE};
use super::round_trip::round_trip;
use super::shrink::shrink;
use crate::conformance::{Answer, Host, Op};
use crate::lengths::Lengths;

/// After this many vCPUs with a difference, the rest is not tried.
const ENOUGH: usize = 3;

/// The two hosts, in the order in which their answers are shown.
pub type Hosts<'a> = [&'a mut dyn Host; 2];

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The least number of operations, on as many vCPUs as it takes.
    pub operations: usize,
    /// What determines everything.
    pub seed: u64,
    /// One vector length only, in quadwords.
    pub vq: Option<u32>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many vCPUs there were, of each host.
    pub vcpus: usize,
    /// How many operations were compared at each VQ, where 0 is vCPUs without SVE or not
    /// initialized.
    pub operations: BTreeMap<u32, usize>,
    /// How often each kind of answer was given, an errno or `success`.
    pub answers: BTreeMap<String, usize>,
    /// How many states were moved to a new vCPU.
    pub round_trips: usize,
    /// The differences, each in words, and shrunk.
    pub differences: Vec<String>,
}

/// Some of the operations on one vCPU, which are what is left of a failing sequence.
///
/// As text this is `SEED:VQ:0,5,9`, which ends with the numbers of the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    life: Life,
    kept: Vec<usize>,
}

impl Replay {
    /// The vector length.
    pub fn vq(&self) -> u32 {
        self.life.vq
    }

    fn operations(&self, lengths: Lengths) -> Result<Vec<Op>, String> {
        let all = self.life.operations(lengths);
        let number = |k: &usize| {
            let op = all.get(*k).cloned();
            op.ok_or_else(|| format!("operation {k}: the last one is {}", all.len() - 1))
        };
        self.kept.iter().map(number).collect()
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept: Vec<_> = self.kept.iter().map(usize::to_string).collect();
        write!(f, "{}:{}", self.life, kept.join(","))
    }
}

impl FromStr for Replay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: not SEED:VQ:N,N,..., as a difference is reported");
        let (life, kept) = text.rsplit_once(':').ok_or_else(wrong)?;
        let kept = kept.split(',').map(str::parse).collect::<Result<_, _>>();
        Ok(Self {
            life: life.parse()?,
            kept: kept.map_err(|_| wrong())?,
        })
    }
}

/// Runs vCPU after vCPU, and tells `progress` how many operations have been compared.
pub fn run(
    hosts: &mut Hosts<'_>,
    options: Options,
    progress: &mut dyn FnMut(usize),
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut seeds = Rng::with_seed(options.seed);
    let mut done = 0;
    let lengths = hosts[0].lengths();
    for vq in lengths.vqs().cycle() {
        if done >= options.operations || outcome.differences.len() >= ENOUGH {
            break;
        }
        let life = Life {
            seed: seeds.u64(..),
            vq: options.vq.unwrap_or(vq),
        };
        let operations = life.operations(lengths);
        let before = done;
        let (stage, vq) = (Stage::Created, 0);
        let mut vcpu = Followed { stage, vq };
        let answers = perform(hosts, &operations, |op, [answer, _]| {
            done += 1;
            if let Err(why) = vcpu.follow(op, answer, lengths) {
                outcome.differences.push(format!("{life}: {why}"));
            }
            *outcome.operations.entry(vcpu.vq).or_default() += 1;
            *outcome.answers.entry(kind(answer)).or_default() += 1;
        })?;
        outcome.vcpus += 1;
        if differs(&answers) {
            let failing: Vec<usize> = (0..done - before).collect();
            outcome.differences.push(shrunk(hosts, life, &failing)?);
        } else {
            for host in hosts.iter_mut() {
                match round_trip(&mut **host, &operations, &answers) {
                    Ok(moved) => outcome.round_trips += usize::from(moved),
                    Err(why) => {
                        let name = host.name();
                        let what = format!("{life} there and back on {name}: {why}");
                        outcome.differences.push(what);
                    }
                }
            }
        }
        progress(done);
    }
    Ok(outcome)
}

/// Repeats what a difference was shrunk to, and returns the difference in words if it is still
/// there.
pub fn replay(hosts: &mut Hosts<'_>, replay: &Replay) -> Result<(usize, Option<String>), String> {
    let operations = replay.operations(hosts[0].lengths())?;
    let answers = perform(hosts, &operations, |_, _| ())?;
    let text = differs(&answers).then(|| describe(hosts, replay, &operations, &answers));
    Ok((answers.len(), text))
}

/// The answers of both vCPUs, up to the first that differ.
fn perform(
    hosts: &mut Hosts<'_>,
    operations: &[Op],
    mut each: impl FnMut(&Op, &[Answer; 2]),
) -> Result<Vec<[Answer; 2]>, String> {
    let mut vcpus = Vec::new();
    for host in hosts.iter_mut() {
        let vcpu = host.create();
        vcpus.push(vcpu.map_err(|why| format!("{}: no vCPU: {why}", host.name()))?);
    }
    let mut answers = Vec::new();
    for op in operations {
        let pair = [0, 1].map(|k: usize| vcpus[k].perform(op));
        each(op, &pair);
        answers.push(pair);
        if differs(&answers) {
            break;
        }
    }
    Ok(answers)
}

fn differs(answers: &[[Answer; 2]]) -> bool {
    answers
        .last()
        .is_some_and(|[first, second]| first != second)
}

fn shrunk(hosts: &mut Hosts<'_>, life: Life, failing: &[usize]) -> Result<String, String> {
    let with = |kept: &[usize]| Replay {
        life,
        kept: kept.to_vec(),
    };
    let kept = shrink(failing, |kept| {
        let operations = with(kept).operations(hosts[0].lengths());
        let answers = operations.and_then(|operations| perform(hosts, &operations, |_, _| ()));
        answers.is_ok_and(|answers| differs(&answers))
    });
    let shrunk = with(&kept);
    match replay(hosts, &shrunk)? {
        (_, Some(text)) => Ok(text),
        (_, None) => Err(format!("{shrunk}: a difference that does not repeat")),
    }
}

fn describe(
    hosts: &Hosts<'_>,
    replay: &Replay,
    operations: &[Op],
    answers: &[[Answer; 2]],
) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for (op, answers) in operations.iter().zip(answers) {
        let _ = writeln!(text, "{op}");
        for (host, answer) in hosts.iter().zip(answers) {
            let _ = writeln!(text, "    {:8} {answer}", host.name());
        }
    }
    let command = hosts[1].command();
    let _ = write!(text, "    repeat:  {command} --replay {replay}");
    text
}

fn kind(answer: &Answer) -> String {
    match answer {
        Answer::Errno(_) | Answer::Scribbled(..) => answer.to_string(),
        Answer::Done | Answer::Bytes(_) | Answer::Ids(_) => "success".to_owned(),
    }
}

/// How far a vCPU has come, as its answers tell, and its vector length; 0: none.
struct Followed {
    stage: Stage,
    vq: u32,
}

impl Followed {
    /// Takes the answer into account, or says which one the stage would have given.
    fn follow(&mut self, op: &Op, answer: &Answer, host: Lengths) -> Result<(), String> {
        let request = match op {
            Op::Init { sve: false } => Request::InitWithoutSve,
            Op::Init { sve: true } | Op::Init32 => Request::InitWithSve,
            Op::Finalize(SVE) => Request::Finalize,
            Op::Finalize(_) => Request::Other,
            Op::Get(id) => Request::get(*id),
            Op::Set(id, _) => Request::set(*id),
            Op::List => Request::List,
        };
        if let Some(errno) = self.stage.refuses(request).map(Refusal::errno) {
            let stage = self.stage;
            return match *answer == Answer::Errno(errno.0) {
                true => Ok(()),
                false => Err(format!("{op}: {answer}; a vCPU {stage} answers {errno}")),
            };
        }
        if *answer == Answer::Done {
            self.stage = self.stage.after(request);
            match (request, op) {
                (Request::SetVls, Op::Set(_, vls)) => {
                    self.vq = Lengths::from_vls(vls).map_or(0, Lengths::max);
                }
                (Request::InitWithSve, _) if self.stage == Stage::BeforeFinalization => {
                    self.vq = host.max();
                }
                _ => {}
            }
        }
        Ok(())
    }
}
