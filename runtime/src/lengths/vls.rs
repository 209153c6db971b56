//! The set of vector lengths that a host or a vCPU has, as the pseudo-register VLS holds it.

use core::fmt;

use crate::lengths::vq::Vq;
use crate::text;

const WORDS: usize = 8;

/// A set of vector lengths, in which bit `vq - 1` of 512 says whether VQ `vq` is there.
///
/// This is the value of `KVM_REG_ARM64_SVE_VLS` (Linux `Documentation/virt/kvm/api.rst`), which is readable
/// once the vCPU is initialized and writable until it is finalized.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Vls {
    words: [u64; WORDS],
}

impl Vls {
    /// No vector length at all, as on a host without SVE.
    pub const EMPTY: Self = Self { words: [0; WORDS] };

    /// Every vector length that the architecture has: VQ 1 to 16.
    #[doc(hidden)]
    pub const ARCHITECTURAL: Self = Self {
        words: [0xffff, 0, 0, 0, 0, 0, 0, 0],
    };

    /// Every VQ from 1 to `max`.
    pub fn up_to(max: Vq) -> Self {
        let words = [u64::MAX; WORDS];
        Self { words }.narrowed_to(max)
    }

    /// This set and one more VQ, which is 1 to 512 because the caller has it from a [`Vq`].
    fn with(mut self, vq: u16) -> Self {
        let bit = usize::from(vq - 1);
        self.words[bit / 64] |= 1 << (bit % 64);
        self
    }

    /// Whether the set holds this VQ.
    pub fn contains(&self, vq: Vq) -> bool {
        self.has(vq.get())
    }

    fn has(&self, vq: u16) -> bool {
        let bit = usize::from(vq).wrapping_sub(1);
        let word = self.words.get(bit / 64);
        word.is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// Whether there is no vector length in the set.
    #[inline(never)]
    pub(crate) fn is_empty(&self) -> bool {
        self.is(&Self::EMPTY)
    }

    /// Whether the two are the same; out of line, because otherwise each place that asks would have the
    /// eight words.
    #[inline(never)]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self == other
    }

    /// The vector lengths in the set, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Vq> + '_ {
        (1..=u32::from(Vq::MAX.get()))
            .filter_map(|vq| Vq::new(vq).ok())
            .filter(|vq| self.contains(*vq))
    }

    /// The largest vector length in the set, which decides the size of every register.
    #[inline(never)] // A program has it once, and stays small.
    pub fn max(&self) -> Option<Vq> {
        let mut end = 64 * 8;
        for word in self.words.iter().rev() {
            if *word != 0 {
                return Vq::new(end - word.leading_zeros()).ok();
            }
            end -= 64;
        }
        None
    }

    /// Those of its vector lengths that are no larger than `max`. KVM lets a vCPU have only such a subset of
    /// the host's own set.
    #[inline(never)]
    pub fn narrowed_to(&self, max: Vq) -> Self {
        let mut words = self.words;
        for (i, word) in (0..).zip(&mut words) {
            // As many bits of this word as there are vector lengths up to `max`.
            let bits = u32::from(max.get()).saturating_sub(64 * i);
            *word &= 1_u64.checked_shl(bits).unwrap_or(0).wrapping_sub(1);
        }
        Self { words }
    }

    /// Those of its vector lengths that another set does not have.
    #[inline(never)]
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut words = self.words;
        for (word, other) in words.iter_mut().zip(other.words) {
            *word &= !other;
        }
        Self { words }
    }

    /// Whether a vCPU can have this set on a host with the vector lengths `host`. KVM accepts only the host's own set
    /// up to a maximum; the error says why it would answer `EINVAL`.
    pub fn check(&self, host: &Self) -> Result<(), VlsError> {
        let max = self.max().ok_or(VlsError::Empty)?;
        self.check_up_to(max, host)
    }

    /// Whether this set and a vCPU's are the same up to the smaller of their maxima. Up to its maximum, a
    /// vCPU's set is the host's own, even if it was narrowed.
    pub(crate) fn check_common(&self, vcpu: &Self) -> Result<(), VlsError> {
        let max = self.max().ok_or(VlsError::Empty)?;
        self.check_up_to(vcpu.max().map_or(max, |vcpu| max.min(vcpu)), vcpu)
    }

    fn check_up_to(&self, max: Vq, host: &Self) -> Result<(), VlsError> {
        if self.narrowed_to(max).is(&host.narrowed_to(max)) {
            return Ok(());
        }
        Err(VlsError::NotTheHosts {
            wanted: *self,
            host: *host,
        })
    }

    /// Whether a processor can have this set. By Arm's architecture it has every power of two below its
    /// largest vector length, which itself need not be one.
    #[cfg(feature = "snapshot")]
    pub(crate) fn check_powers(&self) -> Result<(), VlsError> {
        let Some(max) = self.max() else {
            return Ok(());
        };
        // VQ 1, 2, 4, 8 and 16; the largest itself is in the set.
        const POWERS: Vls = Vls::from_words([0x808b, 0, 0, 0, 0, 0, 0, 0]);
        let missing = POWERS.narrowed_to(max).without(self);
        if missing.is_empty() {
            Ok(())
        } else {
            Err(VlsError::Powers {
                vls: *self,
                missing,
            })
        }
    }

    /// [`check`](Self::check) for every one of these hosts. The error is the index of the first host that
    /// refuses the set, and why.
    pub fn check_all(&self, hosts: &[Self]) -> Result<(), (usize, VlsError)> {
        let mut hosts = hosts.iter().enumerate();
        hosts.try_for_each(|(index, host)| self.check(host).map_err(|why| (index, why)))
    }

    /// The largest set that a vCPU can have on every one of these hosts, so that it can move among all of
    /// them; it is empty if there is none.
    pub fn common(hosts: &[Self]) -> Self {
        let first = hosts.first().copied().unwrap_or_default();
        first
            .iter()
            .map(|max| first.narrowed_to(max))
            .rfind(|set| set.check_all(hosts).is_ok())
            .unwrap_or_default()
    }

    /// The set as numbers: bit `b` of word `w` is VQ `64 * w + b + 1`.
    pub const fn words(&self) -> &[u64; 8] {
        &self.words
    }

    /// The set that such numbers state.
    pub const fn from_words(words: [u64; 8]) -> Self {
        Self { words }
    }

    /// The register's value: eight 64-bit words in the host's byte order, as KVM reads and writes
    /// them.
    pub fn to_bytes(self) -> [u8; 8 * WORDS] {
        let mut bytes = [0; 8 * WORDS];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(self.words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// The set that a register value states.
    pub fn from_bytes(bytes: &[u8; 8 * WORDS]) -> Self {
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut ne = [0; 8];
            ne.copy_from_slice(bytes);
            *word = u64::from_ne_bytes(ne);
        }
        Self { words }
    }
}

/// Why a vCPU cannot have a set of vector lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VlsError {
    /// There is no vector length in the set.
    Empty,
    /// The set is not the host's own up to a maximum.
    NotTheHosts {
        /// The set asked for.
        wanted: Vls,
        /// What the host has, or what is left of it after narrowing.
        host: Vls,
    },
    /// No processor has this set.
    Powers {
        /// The set.
        vls: Vls,
        /// The powers of two below its largest vector length that are not in it.
        missing: Vls,
    },
}

impl fmt::Display for VlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, [first, second]) = match self {
            Self::Empty => (
                "no vector length: a vCPU with SVE has at least one",
                [&Vls::EMPTY; 2],
            ),
            Self::Powers { vls, missing } => (
                "vector lengths (VQ) %v: missing are %v, as a processor has every power of two below its largest",
                [vls, missing],
            ),
            Self::NotTheHosts { wanted, host } if host.is_empty() => (
                "vector lengths (VQ) %v without SVE, where there are none",
                [wanted; 2],
            ),
            Self::NotTheHosts { wanted, host } => (
                "vector lengths (VQ) %v where there are %v: ",
                [wanted, host],
            ),
        };
        text::write(f, text, &[], &[first, second])?;
        let (wanted, host) = match self {
            Self::NotTheHosts { wanted, host } if !host.is_empty() => (wanted, host),
            _ => return Ok(()),
        };
        let missing = wanted.without(host);
        let max = wanted.max().min(host.max()).unwrap_or(Vq::MIN);
        let allowed = host.narrowed_to(max);
        if !missing.is_empty() {
            text::write(f, "missing are %v", &[], &[&missing])?;
            if allowed.without(wanted).is_empty() {
                return Ok(());
            }
            f.write_str("; ")?;
        }
        let text = "up to %d, KVM takes all of %v and no less";
        text::write(f, text, &[max.get().into()], &[&allowed])
    }
}

impl core::error::Error for VlsError {}

impl FromIterator<Vq> for Vls {
    fn from_iter<I: IntoIterator<Item = Vq>>(vqs: I) -> Self {
        vqs.into_iter()
            .fold(Self::EMPTY, |set, vq| set.with(vq.get()))
    }
}

/// `{1,2,4}`, the VQs of the set; runs are shortened: `{1-16}`.
impl fmt::Display for Vls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut text, mut run) = ("{%d", 0);
        // One past the last VQ, where a run ends at the latest.
        for vq in 1..=Vq::MAX.get() + 1 {
            match (self.has(vq), run) {
                (true, 0) => run = vq,
                (false, 1..) => {
                    text::write(f, text, &[run.into()], &[])?;
                    if vq - 1 > run {
                        text::write(f, "-%d", &[(vq - 1).into()], &[])?;
                    }
                    (text, run) = (",%d", 0);
                }
                _ => {}
            }
        }
        f.write_str(if text.starts_with('{') { "{}" } else { "}" })
    }
}

impl fmt::Debug for Vls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
