//! The vector lengths that hosts have, as sets, and what Linux lets a vCPU have of them, worked out here
//! without the help of `sve-state`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A set of vector lengths: bit `VQ - 1` for each.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Lengths(pub u16);

impl Lengths {
    /// A host without SVE.
    pub const NONE: Self = Self(0);
    /// All that the architecture has.
    pub const ALL: Self = Self(u16::MAX);
    /// What hosts have: 128 bits; those of Neoverse V1; of A64FX; all powers of two; and all.
    pub const HOSTS: [Self; 5] = [Self(0b1), Self(0b11), Self(0b1011), Self(0x808b), Self::ALL];

    /// The vector lengths, ascending.
    pub fn vqs(self) -> impl DoubleEndedIterator<Item = u32> + Clone {
        (1..=16).filter(move |vq| self.has(*vq))
    }

    /// Whether this one is among them.
    pub fn has(self, vq: u32) -> bool {
        (1..=16).contains(&vq) && self.0 >> (vq - 1) & 1 == 1
    }

    /// The largest; 0 if there is none.
    pub fn max(self) -> u32 {
        16 - self.0.leading_zeros()
    }

    /// Those up to `vq`.
    pub fn up_to(self, vq: u32) -> Self {
        self.vqs()
            .filter(|n| *n <= vq)
            .fold(Self::NONE, |set, n| Self(set.0 | 1 << (n - 1)))
    }

    /// Whether a vCPU of a host with these can have that set, which must be the host's own up to a maximum.
    pub fn allow(self, set: Self) -> bool {
        set != Self::NONE && set == self.up_to(set.max())
    }

    /// All sets there are, divided among these vector lengths: `vq` gets the sets whose maximum is at most `vq`
    /// and above the next smaller one of these, and the largest also gets the sets above it.
    pub fn sets_at(self, vq: u32) -> impl Iterator<Item = Self> {
        let first = 1 << self.up_to(vq - 1).max();
        let last = match vq == self.max() {
            true => u16::MAX,
            false => (1 << vq) - 1,
        };
        (first..=last).map(Self)
    }

    /// The pseudo-register VLS that states this set.
    pub fn vls(self) -> Vec<u8> {
        let mut value = vec![0; 64];
        value[..8].copy_from_slice(&u64::from(self.0).to_ne_bytes());
        value
    }

    /// The set that VLS states, if the architecture has all of it.
    pub fn from_vls(value: &[u8]) -> Option<Self> {
        let word = u64::from_ne_bytes(value.get(..8)?.try_into().ok()?);
        let set = Self(u16::try_from(word).ok()?);
        (set.vls() == value).then_some(set)
    }
}

/// `1,2,4`, or `none`.
impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vqs: Vec<_> = self.vqs().map(|vq| vq.to_string()).collect();
        f.write_str(match *self {
            Self::NONE => "none",
            Self::ALL => "1-16",
            _ => return f.write_str(&vqs.join(",")),
        })
    }
}

impl FromStr for Lengths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: not `none`, `1-16`, or numbers of 1 to 16, as `1,2,4`");
        let add = |set: Self, vq: &str| {
            let vq = vq.parse().ok().filter(|vq| (1..=16).contains(vq));
            vq.map(|vq: u32| Self(set.0 | 1 << (vq - 1)))
        };
        match text {
            "none" => Ok(Self::NONE),
            "1-16" => Ok(Self::ALL),
            _ => text.split(',').try_fold(Self::NONE, add).ok_or_else(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lengths;

    #[test]
    fn a_vcpu_has_its_hosts_up_to_a_maximum() {
        let a64fx = Lengths(0b1011);
        let allowed = (0..=u16::MAX).map(Lengths).filter(|set| a64fx.allow(*set));
        assert!(allowed.eq([Lengths(0b1), Lengths(0b11), a64fx]));
        let count = |host: Lengths| {
            (0..=u16::MAX)
                .filter(|set| host.allow(Lengths(*set)))
                .count()
        };
        assert_eq!(Lengths::HOSTS.map(count), [1, 2, 3, 5, 16]);
        assert_eq!(Lengths::HOSTS.map(Lengths::max), [1, 2, 4, 16, 16]);
    }

    #[test]
    fn the_parts_at_all_vector_lengths_are_all_sets_there_are() {
        for host in Lengths::HOSTS {
            let sets = host.vqs().flat_map(|vq| host.sets_at(vq));
            assert!(sets.eq((1..=u16::MAX).map(Lengths)), "{host}");
        }
    }

    #[test]
    fn texts_and_registers_are_read_back() {
        for set in [
            Lengths::NONE,
            Lengths(0b1011),
            Lengths(0x8000),
            Lengths::ALL,
        ] {
            assert_eq!(set.to_string().parse(), Ok(set));
            assert_eq!(Lengths::from_vls(&set.vls()), Some(set));
        }
        assert_eq!(Lengths(0b1011).to_string(), "1,2,4");
        for text in ["", "0", "17", "1,", "x", "1-4"] {
            assert!(text.parse::<Lengths>().is_err(), "{text}");
        }
        // VQ 17, and the last that the register has room for.
        for bit in [16, 511] {
            let mut value = Lengths::ALL.vls();
            value[bit / 8] |= 1 << (bit % 8);
            assert_eq!(Lengths::from_vls(&value), None);
        }
    }
}
