//! Gives every ID to one vCPU, for GET and SET.

use std::borrow::Cow;

use super::pair::{BUFFER, Pair, VLS, vls};
use super::{CONFIGURATIONS, COPROCESSORS, Configuration, Counts, Extent, Rules, SIZES, Stage, id};

/// All IDs on one configuration.
pub(super) struct Sweep {
    configuration: Configuration,
    extent: Extent,
    low_halves: Vec<u16>,
    /// The bytes that SETs write, from a place that depends on the ID.
    data: Vec<u8>,
}

impl Sweep {
    pub(super) fn new(configuration: Configuration, extent: Extent) -> Self {
        // The period is a prime, so that no two registers' bytes are in step, and no byte is zero.
        let data = (1..=251).cycle().take(BUFFER + 256).collect();
        Self {
            configuration,
            extent,
            low_halves: extent.low_halves(),
            data,
        }
    }

    /// What was counted, or the first difference.
    pub(super) fn run(&self) -> Result<Counts, String> {
        let Configuration { vq, rules, stage } = self.configuration;
        // A vCPU that is narrower than its host, where the rules have such a thing.
        let host = match (rules, stage) {
            (Rules::Mainline, Stage::BeforeFinalization | Stage::Finalized) => 16,
            _ => vq,
        };
        let mut pair = Pair::new(self.configuration, u16::MAX >> (16 - host))?;
        let (mut counts, mut gets, mut sets) = (Counts::default(), 0, 0);
        for coprocessor in COPROCESSORS {
            for size in SIZES {
                let mut before = pair.clone();
                let ids = || {
                    let lows = self.low_halves.iter();
                    lows.map(|low| id(coprocessor, size, *low))
                };
                let again = |difference| {
                    // Looks after each single ID, to name the one that made the difference.
                    let named = self.block(&mut before, ids(), 1);
                    named.err().unwrap_or(difference)
                };
                let both = self.block(&mut pair, ids(), usize::MAX);
                let [set, get] = both.map_err(again)?;
                sets += set.accepted;
                gets += get.accepted;
                counts.add(&set);
                counts.add(&get);
            }
        }
        let by_hand = CONFIGURATIONS
            .iter()
            .find(|(r, s, ..)| (*r, *s) == (rules, stage));
        let expected = by_hand.map(|(.., answers)| *answers);
        if !expected.is_some_and(|answers| answers.are(self.extent, [gets, sets], &counts)) {
            return Err(format!(
                "{:?}: {gets} IDs can be read and {sets} written, and by errno {:?} calls are refused, not {expected:?}",
                self.configuration, counts.refused
            ));
        }
        Ok(counts)
    }

    /// SET and then GET of some IDs, so that registers have values that can be told apart when they
    /// are read. After every so many calls, and at the end, nothing may have been written but by the
    /// calls that succeeded.
    fn block(
        &self,
        pair: &mut Pair,
        ids: impl Iterator<Item = u64> + Clone,
        look_after: usize,
    ) -> Result<[Counts; 2], String> {
        let mut counts = [Counts::default(), Counts::default()];
        let mut last = 0;
        for (k, id) in ids.clone().enumerate() {
            let answer = pair.set(id, &self.data(pair, id))?;
            note(&mut counts[0], answer);
            if (k + 1) % look_after == 0 {
                pair.same_state("SET", id)?;
            }
            last = id;
        }
        pair.same_state("the SETs up to that", last)?;
        for (k, id) in ids.enumerate() {
            let answer = pair.get(id)?;
            note(&mut counts[1], answer);
            if (k + 1) % look_after == 0 {
                pair.untouched("GET", id)?;
            }
            last = id;
        }
        pair.untouched("the GETs up to that", last)?;
        Ok(counts)
    }

    /// What to write, which for VLS is another set that the vCPU can have.
    fn data(&self, pair: &Pair, id: u64) -> Cow<'_, [u8]> {
        if id == VLS {
            let other = u16::MAX >> (15 - pair.expected.vq() % 16);
            return vls(other).to_vec().into();
        }
        let start = (id % 251) as usize;
        self.data[start..start + BUFFER].into()
    }
}

fn note(counts: &mut Counts, answer: Result<(), i32>) {
    counts.calls += 1;
    match answer {
        Ok(()) => counts.accepted += 1,
        Err(errno) => counts.refused[errno.unsigned_abs() as usize % 32] += 1,
    }
}
