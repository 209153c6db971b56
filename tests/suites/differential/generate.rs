//! Random operations on one vCPU, which are the same each time for the same seed.

use std::fmt;
use std::str::FromStr;

use fastrand::Rng;

use crate::conformance::Op;
use crate::conformance::ids::{self, FPCR, FPSR, VLS, registers, v, with_size};
use crate::lengths::Lengths;

/// `KVM_ARM_VCPU_SVE`.
pub(super) const SVE: u32 = 4;
/// The largest number of operations between the stages of a vCPU's life, and after the last.
const BETWEEN: usize = 8;
const AFTER: usize = 150;

/// What determines all operations on one vCPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Where the random numbers start.
    pub seed: u64,
    /// The vector length, in quadwords, that it is meant to have.
    pub vq: u32,
}

impl Life {
    /// The operations, on a host with these vector lengths.
    pub fn operations(self, lengths: Lengths) -> Vec<Op> {
        let mut generator = Generator {
            rng: Rng::with_seed(self.seed),
            sve: true,
            lengths,
            registers: registers(16, 0).into_iter().map(|(id, ..)| id).collect(),
        };
        generator.life(self.vq)
    }
}

/// `SEED:VQ`
impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seed, self.vq)
    }
}

impl FromStr for Life {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: not SEED:VQ, two numbers, of which VQ is 1 to 16");
        let (seed, vq) = text.split_once(':').ok_or_else(wrong)?;
        let vq = vq.parse().ok().filter(|vq| (1..=16).contains(vq));
        Ok(Self {
            seed: seed.parse().map_err(|_| wrong())?,
            vq: vq.ok_or_else(wrong)?,
        })
    }
}

/// Whether the shim answers for an ID. KVM also serves registers that the shim does not keep, for
/// which it says `ENOENT`, so a comparison would say nothing.
pub(super) fn is_claimed(id: u64) -> bool {
    // Judged before the coprocessor is.
    if id >> 56 != 0x60 || id >> 32 & 0xf_ffff != 0 {
        return true;
    }
    match id >> 16 & 0xfff {
        // CORE, of which the shim keeps the last part. All bits but size and architecture are the
        // offset.
        0x10 => id & 0xf000_ffff >= 0x54,
        // Cache sizes, system registers, and two kinds of firmware registers.
        0x11 | 0x13 | 0x14 | 0x16 => false,
        _ => true,
    }
}

struct Generator {
    rng: Rng,
    /// Whether the vCPU is to have SVE.
    sve: bool,
    /// What the host has.
    lengths: Lengths,
    /// Z, P and FFR.
    registers: Vec<u64>,
}

impl Generator {
    /// A vCPU that is brought up in the right order, with other things done on the way, or in no
    /// order, and at the end everything is read.
    fn life(&mut self, vq: u32) -> Vec<Op> {
        let mut ops = Vec::new();
        self.sve = self.rng.u8(..8) > 0;
        if self.rng.u8(..16) > 0 {
            self.some(&mut ops, BETWEEN / 2);
            ops.push(Op::Init { sve: self.sve });
            self.some(&mut ops, BETWEEN);
            ops.push(Op::Set(VLS, self.lengths.up_to(vq).vls()));
            ops.push(Op::Finalize(SVE));
        }
        self.some(&mut ops, AFTER);
        ops.extend((0..32).map(v).map(Op::Get));
        ops.extend(self.registers.iter().copied().map(Op::Get));
        ops.extend([VLS, FPSR, FPCR].map(Op::Get));
        ops.push(Op::List);
        ops
    }

    fn some(&mut self, ops: &mut Vec<Op>, at_most: usize) {
        for _ in 0..self.rng.usize(..=at_most) {
            ops.push(self.operation());
        }
    }

    fn operation(&mut self) -> Op {
        match self.rng.u8(..64) {
            0 => Op::Init {
                // Now and then with other features than the first time.
                sve: self.sve ^ (self.rng.u8(..4) == 0),
            },
            1 => Op::Finalize(self.one_of(&[SVE, SVE, 0, 1, 3, 5, 31])),
            2 => Op::List,
            3..33 => Op::Get(self.id()),
            _ => {
                let id = self.id();
                Op::Set(id, self.data(id))
            }
        }
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.rng.usize(..values.len())]
    }

    /// An ID that the shim answers for, which is valid, nearly so, or arbitrary.
    fn id(&mut self) -> u64 {
        loop {
            let id = match self.rng.u8(..16) {
                0..9 => self.valid(),
                9 => self.register() + self.rng.u64(1..32),
                10 => with_size(self.valid(), self.rng.u64(..16)),
                11 => self.valid().wrapping_add_signed(self.rng.i64(-64..=64)),
                12 | 13 => self.valid() ^ 1 << self.rng.u32(..64) ^ 1 << self.rng.u32(..16),
                14 => {
                    let coprocessor = self.one_of(&[0x10, 0x15, 0x17]);
                    let low = self.rng.u64(..0x1_0000);
                    with_size(0x60 << 56 | coprocessor << 16 | low, self.rng.u64(..16))
                }
                _ => self.rng.u64(..),
            };
            if is_claimed(id) {
                return id;
            }
        }
    }

    fn valid(&mut self) -> u64 {
        match self.rng.u8(..16) {
            0 => VLS,
            1 => self.one_of(&[FPSR, FPCR]),
            2 | 3 => v(self.rng.u64(..32)),
            _ => self.register(),
        }
    }

    fn register(&mut self) -> u64 {
        self.registers[self.rng.usize(..self.registers.len())]
    }

    fn data(&mut self, id: u64) -> Vec<u8> {
        if id == VLS && self.rng.u8(..8) > 0 {
            // A set that the vCPU can have or, with a bit flipped, mostly cannot.
            let longest = self.rng.u32(1..=16);
            let mut value = self.lengths.up_to(longest).vls();
            let bits = self.one_of(&[0, 0, 16, 512]);
            if bits > 0 {
                let bit = self.rng.usize(..bits);
                value[bit / 8] ^= 1 << (bit % 8);
            }
            return value;
        }
        let mut data = vec![0; ids::size(id)];
        self.rng.fill(&mut data);
        data
    }
}
