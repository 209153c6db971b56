//! Gives every ID there is to the decoders and to the shim, and compares their answers with those of a reference,
//! which is simple on purpose and shares nothing with them.
//!
//! An ID is made of one of 2^16 low halves, 16 size codes and 5 coprocessors, and each goes through GET and SET on a
//! vCPU of every vector length, generation of the rules, and stage.

mod decoders;
mod pair;
mod reference;
mod sweep;
mod vector_lengths;

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::parallel;
use decoders::decoders;
use sweep::Sweep;
use vector_lengths::vector_length_sets;

/// What is in bits 27:16: CORE, SVE, the two beside SVE, and none.
const COPROCESSORS: [u64; 5] = [0x10, 0x15, 0x14, 0x16, 0];
/// What is in bits 55:52: the logarithm of the size in bytes.
const SIZES: std::ops::Range<u64> = 0..16;

fn id(coprocessor: u64, size: u64, low: u16) -> u64 {
    0x60 << 56 | size << 52 | coprocessor << 16 | u64::from(low)
}

/// All IDs with these low halves.
fn ids(low_halves: &[u16]) -> impl Iterator<Item = u64> + '_ {
    let prefixes = COPROCESSORS
        .into_iter()
        .flat_map(|c| SIZES.map(move |s| (c, s)));
    prefixes.flat_map(|(c, s)| low_halves.iter().map(move |low| id(c, s, *low)))
}

/// Beyond this many, differences are counted and not shown.
const SHOWN: usize = 10;

/// Which generation of the rules a vCPU follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Mainline,
    Rfc,
}

/// How far a vCPU's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not initialized.
    Created,
    /// Initialized without SVE.
    WithoutSve,
    /// Initialized with SVE.
    BeforeFinalization,
    /// With SVE and its registers, which under the RFC's rules is from initialization on.
    Finalized,
}

/// The vCPUs there are, with what they answer to GET and SET of all IDs, worked out by hand.
const CONFIGURATIONS: [(Rules, Stage, Answers); 7] = [
    (Rules::Mainline, Stage::Created, NOT_INITIALIZED),
    // 32 V, FPSR, FPCR.
    (
        Rules::Mainline,
        Stage::WithoutSve,
        Answers([34, 34], 0, 0, 2 * (MAINLINE_SVE + 1065 - 34)),
    ),
    // VLS, FPSR and FPCR; 49 registers are refused.
    (
        Rules::Mainline,
        Stage::BeforeFinalization,
        Answers([3, 3], 2 * 49, 0, 2 * (MAINLINE_SVE + 1065 - 2)),
    ),
    // 32 Z, 16 P and FFR; VLS, which can no longer be written; FPSR and FPCR.
    (
        Rules::Mainline,
        Stage::Finalized,
        Answers([49 + 1 + 2, 49 + 2], 1, 0, 2 * (MAINLINE_SVE + 1065 - 2)),
    ),
    (Rules::Rfc, Stage::Created, NOT_INITIALIZED),
    // The whole of each V, two words at 3 places, and one word at 4.
    (
        Rules::Rfc,
        Stage::WithoutSve,
        Answers([32 * 8 + 2; 2], 0, 0, 2 * RFC_EINVAL),
    ),
    // All 32 slices of 49 registers too.
    (
        Rules::Rfc,
        Stage::Finalized,
        Answers([49 * 32 + 32 * 8 + 2; 2], 0, 0, 2 * RFC_EINVAL),
    ),
];

/// How many GETs and how many SETs are accepted, and how many of both are refused with EPERM, ENOEXEC and EINVAL. All
/// others are refused with ENOENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answers([u64; 2], u64, u64, u64);

/// 2^16 low halves, 16 sizes, 5 coprocessors, GET and SET.
const NOT_INITIALIZED: Answers = Answers([0, 0], 0, 2 * ((5 * 16) << 16), 0);
/// In the SVE space, all IDs but those of 32 slices of 49 registers and of VLS. In CORE, from the first word of V0
/// on, there are per size as many as there are words up to the last of `struct kvm_regs`, less the size in words,
/// which is 1065 in all, but for those that are registers.
const MAINLINE_SVE: u64 = (16 << 16) - 1569;
/// The same space without VLS. In CORE, what touches one of the 128 words of V, 2756 in all, but for the 256 that are
/// words of a single register.
const RFC_EINVAL: u64 = (16 << 16) - 1568 + 2756 - 256;

impl Answers {
    /// Whether these are the answers. Of the IDs in use, only what is accepted has been worked out.
    fn are(self, extent: Extent, accepted: [u64; 2], counts: &Counts) -> bool {
        let [eperm, enoexec, einval] = [1, 8, 22].map(|errno| counts.refused[errno]);
        let all = self == Self(accepted, eperm, enoexec, einval);
        all || extent == Extent::InUse && self.0 == accepted
    }
}

/// A vCPU to try all IDs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Configuration {
    vq: u16,
    rules: Rules,
    stage: Stage,
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// IDs given to each decoder.
    pub decoded: u64,
    /// How many of these name a register of `sve`, and how many one of `fpsimd`.
    pub named: [u64; 2],
    /// Configurations of a vCPU.
    pub configurations: usize,
    /// Calls of GET and SET, over all configurations.
    pub calls: u64,
    /// Of these, how many succeeded.
    pub accepted: u64,
    /// How many failed, by errno.
    pub refused: [u64; 32],
    /// Sets of vector lengths written to VLS.
    pub sets: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.accepted += other.accepted;
        for (sum, n) in self.refused.iter_mut().zip(other.refused) {
            *sum += n;
        }
    }
}

/// How much to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All 2^16 low halves of an ID, and all 2^16 sets of vector lengths.
    All,
    /// Of both, what is valid, what lies around it, and a few of the rest.
    InUse,
}

impl Extent {
    /// The low halves of IDs.
    pub fn low_halves(self) -> Vec<u16> {
        let in_use = |low: &u16| *low < 0x630 || *low >= 0xfffc || low.is_multiple_of(1021);
        let wanted = |low: &u16| self == Self::All || in_use(low);
        (0..=u16::MAX).filter(wanted).collect()
    }

    /// The sets of vector lengths, with these among them.
    fn sets(self, allowed: &[u16]) -> impl Iterator<Item = u16> {
        let wanted =
            move |set: &u16| self == Self::All || set.is_multiple_of(1021) || allowed.contains(set);
        (0..=u16::MAX).filter(wanted)
    }
}

/// Tries all IDs at these vector lengths, on as many threads as the machine has processors. `progress` is told how
/// many configurations are done, of how many.
pub fn run(
    extent: Extent,
    vqs: impl IntoIterator<Item = u16>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Counts, String> {
    let low_halves = extent.low_halves();
    let configurations: Vec<Configuration> = vqs
        .into_iter()
        .flat_map(|vq| CONFIGURATIONS.map(|(rules, stage, ..)| Configuration { vq, rules, stage }))
        .collect();
    let (decoded, named) = decoders(&low_halves)?;
    let mut total = Counts {
        decoded,
        named,
        configurations: configurations.len(),
        sets: vector_length_sets(extent)?,
        ..Counts::default()
    };
    let done = AtomicUsize::new(0);
    let swept = parallel::map(&configurations, |configuration| {
        let swept = Sweep::new(*configuration, extent).run();
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress(done, configurations.len());
        swept
    });
    let mut differences = Vec::new();
    for swept in swept {
        match swept {
            Ok(counts) => total.add(&counts),
            Err(difference) => differences.push(difference),
        }
    }
    if differences.is_empty() {
        return Ok(total);
    }
    let shown = differences.len().min(SHOWN);
    Err(format!(
        "differences in {} of {} configurations, the first of each:\n{}",
        differences.len(),
        configurations.len(),
        differences[..shown].join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::{CONFIGURATIONS, Counts, Extent};

    #[test]
    fn other_counts_than_those_worked_out_are_refused() {
        let (_, _, answers) = CONFIGURATIONS[3];
        let mut counts = Counts::default();
        counts.refused[1] = 1;
        counts.refused[22] = 2_096_140;
        assert!(answers.are(Extent::All, [52, 51], &counts));
        assert!(!answers.are(Extent::All, [52, 50], &counts));
        assert!(!answers.are(Extent::InUse, [52, 50], &counts));
        for errno in [1, 8, 22] {
            let mut other = counts.clone();
            other.refused[errno] += 1;
            assert!(!answers.are(Extent::All, [52, 51], &other), "{errno}");
            assert!(answers.are(Extent::InUse, [52, 51], &other), "{errno}");
        }
    }
}
