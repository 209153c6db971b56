//! What the guest's program, `guest/pattern.s`, leaves in its registers, which is the same series
//! as there, worked out without SVE and without `sve-state`.

/// The Z registers, the P registers, and with FFR all of them.
pub(super) const Z: usize = 32;
pub(super) const ZP: usize = Z + 16;
pub(super) const ALL: usize = ZP + 1;

/// A register, by its place in the image, at a vector length of `vl` bytes.
fn register(number: usize, vl: usize) -> Vec<u8> {
    let lanes = 0..vl;
    match number {
        0..Z => lanes
            .map(|k| low(8 * number + k * (2 * number + 1)))
            .collect(),
        Z..ZP => {
            let p = number - Z;
            bits(lanes.map(|k| low(16 * p + k * (41 + 6 * p)) >= 0x80))
        }
        _ => bits(lanes.map(|k| k < vl - 3)),
    }
}

fn low(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

/// A predicate, which has a bit for each byte of a vector.
fn bits(lanes: impl Iterator<Item = bool>) -> Vec<u8> {
    let lanes: Vec<bool> = lanes.collect();
    let byte = |lanes: &[bool]| (0..).zip(lanes).map(|(i, lane)| u8::from(*lane) << i).sum();
    lanes.chunks(8).map(byte).collect()
}

/// All registers in the image's order, and where each lies in it.
pub(super) fn image(vq: u32) -> (Vec<u8>, Vec<std::ops::Range<usize>>) {
    let (mut image, mut places) = (Vec::new(), Vec::new());
    for number in 0..ALL {
        let start = image.len();
        image.extend(register(number, 16 * vq as usize));
        places.push(start..image.len());
    }
    (image, places)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALL, ZP, image, register};

    /// Otherwise two registers that changed places, or one that was left out, would pass.
    #[test]
    fn no_two_registers_are_alike_and_none_is_trivial() {
        for vq in 1..=16 {
            let (image, places) = image(vq);
            assert_eq!(image.len(), 546 * vq as usize);
            let registers: BTreeSet<_> = places.into_iter().map(|at| &image[at]).collect();
            assert_eq!(registers.len(), ALL);
            for register in registers {
                assert!(
                    !register.iter().all(|byte| *byte == 0)
                        && register != vec![0xff; register.len()]
                );
            }
        }
    }

    #[test]
    fn the_first_flag_that_is_off_is_the_last_but_two() {
        assert_eq!(register(ZP, 16), [0xff, 0x1f]);
    }
}
