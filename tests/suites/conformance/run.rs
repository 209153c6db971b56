//! Runs cases on vCPUs side by side, and reports where an answer is not the expected one.

use super::cases::{CASES, CASES_WITHOUT_SVE, Case};
use super::vcpu::{Answer, Host, Op, Vcpu};
use crate::lengths::Lengths;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many operations were performed and compared, counted once for all hosts.
    pub operations: usize,
    /// The differences, each in words.
    pub differences: Vec<String>,
}

/// A run of one case, with a vCPU of each host and what was found so far.
pub(super) struct Run<'a> {
    case: &'static str,
    /// The vector length to use, in quadwords, which has no meaning on a host without SVE.
    pub(super) vq: u32,
    /// All vector lengths that the hosts have.
    pub(super) lengths: Lengths,
    hosts: &'a mut [&'a mut dyn Host],
    vcpus: Vec<Box<dyn Vcpu>>,
    outcome: Outcome,
}

/// The cases for a host.
pub(super) fn cases(lengths: Lengths) -> &'static [Case] {
    match lengths {
        Lengths::NONE => CASES_WITHOUT_SVE,
        _ => CASES,
    }
}

/// Runs the cases, or the one that is named, on vCPUs of every host. All hosts have the same vector lengths,
/// of which `vq` is one; on hosts without SVE it is ignored.
pub fn run(hosts: &mut [&mut dyn Host], vq: u32, only: Option<&str>) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(lengths) = hosts.first().map(|host| host.lengths()) else {
        return outcome;
    };
    let wanted = |case: &&Case| only.is_none_or(|name| case.name == name);
    for case in cases(lengths).iter().filter(wanted) {
        let mut hosts: Vec<&mut dyn Host> = hosts.iter_mut().map(|h| &mut **h as _).collect();
        let mut run = Run {
            case: case.name,
            vq,
            lengths,
            hosts: &mut hosts,
            vcpus: Vec::new(),
            outcome: Outcome::default(),
        };
        run.fresh();
        (case.body)(&mut run);
        if run.outcome.operations == 0 {
            run.outcome
                .differences
                .push(format!("{}: no operation", case.name));
        }
        outcome.operations += run.outcome.operations;
        outcome.differences.append(&mut run.outcome.differences);
    }
    outcome
}

impl Run<'_> {
    /// Replaces the vCPU of each host by a new one.
    pub(super) fn fresh(&mut self) {
        self.vcpus.clear();
        for host in &mut *self.hosts {
            match host.create() {
                Ok(vcpu) => self.vcpus.push(vcpu),
                Err(why) => self.outcome.differences.push(format!(
                    "{}: {}: no vCPU: {why}",
                    self.case,
                    host.name()
                )),
            }
        }
    }

    /// VLS for a vCPU of the run's VQ: the host's vector lengths up to it.
    pub(super) fn vls(&self) -> Vec<u8> {
        self.lengths.up_to(self.vq).vls()
    }

    /// Whether all hosts' vCPUs can have guests of 32 bits.
    pub(super) fn has_32_bits(&self) -> bool {
        self.hosts.iter().all(|host| host.has_32_bits())
    }

    /// Performs an operation on every vCPU; each must give this answer.
    pub(super) fn expect(&mut self, op: Op, expected: Answer) {
        let answers: Vec<Answer> = self.vcpus.iter_mut().map(|v| v.perform(&op)).collect();
        self.outcome.operations += 1;
        if answers.iter().all(|answer| *answer == expected) {
            return;
        }
        let (case, vq, number) = (self.case, self.vq, self.outcome.operations);
        let mut text = format!("case {case}, VQ {vq}, operation {number}: {op}\n");
        text += &format!("    expected {expected}\n");
        for (host, answer) in self.hosts.iter().zip(&answers) {
            text += &format!("    {:8} {answer}\n", host.name());
        }
        // Of the last host, which is KVM where there is one.
        let command = self.hosts.last().map(|host| host.command());
        let command = command.unwrap_or_default();
        text += &format!("    repeat:  {command} --vq {vq} --case {case}");
        self.outcome.differences.push(text);
    }
}
