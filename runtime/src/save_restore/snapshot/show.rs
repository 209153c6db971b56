//! Shows a snapshot's registers to people and tools. `Debug` does not show them, because what it shows gets
//! into logs, and registers may hold a guest's keys.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::Snapshot;
use crate::lengths::vls::Vls;
use crate::registers::linux::RegId;
use crate::{registers, sve};

impl Snapshot {
    /// Each register of the image, as its ID and its bytes: Z0 to Z31, P0 to P15 and FFR, as wide as the
    /// vector length makes them, or without SVE V0 to V31. The bytes are little-endian, and [`RegId`] shows
    /// an ID as the register's name; FPSR and FPCR are [`status`](Self::status). This is for looking at them,
    /// whereas [`registers`](Self::registers) gives slices, as KVM and
    /// [`with_registers`](Self::with_registers) take them.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        registers::all(self.has_sve(), self.state.vq()).map(|(id, bounds)| {
            let end = bounds.start.wrapping_add(bounds.copy);
            let bytes = self.state.as_bytes().get(bounds.start..end);
            (id, bytes.unwrap_or_default())
        })
    }

    /// The registers' values as text, as gdb would show them: Z and V by quadwords (`p/x $z3.q.u`), P and FFR
    /// by bytes (`p/x $p3`). The last line names the registers that are zero.
    ///
    /// Show them only to somebody who asks, because they are a guest's and may be secret.
    ///
    /// ```
    /// # use sve_state::{Vls, Vq, SveState, sve, snapshot::Snapshot, vcpu::Status};
    /// # let vq = Vq::new(2)?;
    /// # let mut state = SveState::zeroed(vq)?;
    /// # let mut slice = [0; 256];
    /// # (slice[0], slice[16], slice[31]) = (1, 0xff, 0x80);
    /// # state.set(sve::Z3, &slice);
    /// # let snapshot = Snapshot::new(Vls::up_to(vq), state, Some(Status { fpsr: 0x10, fpcr: 0 }))?;
    /// assert_eq!(
    ///     snapshot.show().to_string(),
    ///     "\
    /// vls   {1-2}
    /// fpsr  0x10
    /// fpcr  0x0
    /// z3    {0x1, 0x800000000000000000000000000000ff}
    /// zero  z0-z2 z4-z31 p0-p15 ffr
    /// "
    /// );
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn show(&self) -> impl fmt::Display + '_ {
        Show(self)
    }
}

struct Show<'a>(&'a Snapshot);

impl fmt::Display for Show<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(snapshot) = self;
        match snapshot.vls {
            Vls::EMPTY => f.write_str("vls   none, without SVE\n")?,
            vls => writeln!(f, "vls   {vls}")?,
        }
        if let Some(status) = snapshot.status {
            writeln!(f, "fpsr  {:#x}\nfpcr  {:#x}", status.fpsr, status.fpcr)?;
        }
        // The zero registers that follow each other in a bank, by their names.
        let mut runs: Vec<(String, String)> = Vec::new();
        let mut before = None;
        for (id, bytes) in snapshot.iter() {
            let name = RegId(id).to_string().to_lowercase();
            let bank = name
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .to_owned();
            let zero = bytes.iter().all(|byte| *byte == 0);
            if !zero {
                writeln!(f, "{name:4}  {}", Elements { id, bytes })?;
                before = None;
                continue;
            }
            match runs.last_mut().filter(|_| before.as_ref() == Some(&bank)) {
                Some((_, last)) => *last = name,
                None => runs.push((name.clone(), name)),
            }
            before = Some(bank);
        }
        f.write_str("zero ")?;
        for (first, last) in &runs {
            match first == last {
                true => write!(f, " {first}")?,
                false => write!(f, " {first}-{last}")?,
            }
        }
        f.write_str(if runs.is_empty() { " none\n" } else { "\n" })
    }
}

/// `{0x1, 0x0 <repeats 15 times>}`
struct Elements<'a> {
    id: u64,
    bytes: &'a [u8],
}

/// If a value follows itself more often than this, gdb shows it once, with how often it repeats
/// (`set print repeats`).
const REPEATS: usize = 10;

impl fmt::Display for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let predicate = matches!(
            sve::Reg::decode(self.id),
            Ok(sve::Reg::P(_) | sve::Reg::FFR(_))
        );
        let elements = self.bytes.chunks(if predicate { 1 } else { 16 });
        let mut separator = "{";
        for run in elements.collect::<Vec<_>>().chunk_by(|a, b| a == b) {
            let value = run[0].iter().rev();
            let value = value.fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
            match run.len() {
                ..=REPEATS => {
                    for _ in run {
                        write!(f, "{separator}{value:#x}")?;
                        separator = ", ";
                    }
                }
                times => {
                    write!(f, "{separator}{value:#x} <repeats {times} times>")?;
                    separator = ", ";
                }
            }
        }
        f.write_str("}")
    }
}
