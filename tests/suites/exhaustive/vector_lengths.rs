//! Writes every set of vector lengths to VLS.

use super::pair::{Pair, VLS, vls};
use super::{Configuration, Extent, Rules, Stage};
use crate::conformance::Answer;

/// The hosts whose VLS is written, one with every vector length and one with the powers of two, and
/// the sets that a vCPU can have there, worked out by hand.
const HOSTS: [(u16, &[u16]); 2] = [
    (
        0xffff,
        &[
            0x1, 0x3, 0x7, 0xf, 0x1f, 0x3f, 0x7f, 0xff, 0x1ff, 0x3ff, 0x7ff, 0xfff, 0x1fff, 0x3fff,
            0x7fff, 0xffff,
        ],
    ),
    (0x808b, &[0x1, 0x3, 0xb, 0x8b, 0x808b]),
];

/// Writes sets of vector lengths to VLS, and returns how many were compared.
pub(super) fn vector_length_sets(extent: Extent) -> Result<u64, String> {
    let mut sets = 0;
    for (host, allowed) in HOSTS {
        let configuration = Configuration {
            vq: 16,
            rules: Rules::Mainline,
            stage: Stage::BeforeFinalization,
        };
        let mut pair = Pair::new(configuration, host)?;
        for wanted in extent.sets(allowed) {
            let set = pair.set(VLS, &vls(wanted));
            let accepted = set
                .map_err(|what| format!("{what}, of {wanted:#06x} where the host has {host:#06x}"))?
                .is_ok();
            let (found, expected) = (pair.found_vls(), pair.expected.vls);
            if accepted != allowed.contains(&wanted)
                || found != Answer::Bytes(vls(expected).to_vec())
            {
                return Err(format!(
                    "VLS after a SET to {wanted:#06x} on a host with {host:#06x}, which {}: \
                     expected {expected:#06x}, found {found}",
                    if accepted { "succeeded" } else { "failed" }
                ));
            }
            sets += 1;
        }
    }
    Ok(sets)
}
