//! Register IDs by the formulas of the kernel's headers, written here a second time on purpose:
//! the tests must not learn them from the crate that they test.

/// A slice of a Z register.
pub(crate) fn z(n: u64, i: u64) -> u64 {
    0x6080_0000_0015_0000 + (n << 5) + i
}

/// A slice of a P register.
pub(crate) fn p(n: u64, i: u64) -> u64 {
    0x6050_0000_0015_0400 + (n << 5) + i
}

/// A slice of FFR.
pub(crate) fn ffr(i: u64) -> u64 {
    0x6050_0000_0015_0600 + i
}

/// The vector-length set.
pub(crate) const VLS: u64 = 0x6060_0000_0015_ffff;

/// A V register inside CORE.
pub(crate) fn v(n: u64) -> u64 {
    0x6040_0000_0010_0054 + 4 * n
}

pub(crate) const FPSR: u64 = 0x6020_0000_0010_00d4;
pub(crate) const FPCR: u64 = 0x6020_0000_0010_00d5;

/// Slice `i` of the 49 registers, each with the bytes of its slices and its width in bytes.
pub(crate) fn registers(vq: u32, i: u64) -> Vec<(u64, usize, usize)> {
    let vq = vq as usize;
    let z = (0..32).map(|n| (z(n, i), 256, 16 * vq));
    let p = (0..16).map(|n| (p(n, i), 32, 2 * vq));
    z.chain(p).chain([(ffr(i), 32, 2 * vq)]).collect()
}

/// The same ID with another size code, in the size field.
pub(crate) fn with_size(id: u64, log2: u64) -> u64 {
    id & !(0xf << 52) | log2 << 52
}

/// The size in bytes that an ID states.
pub(crate) fn size(id: u64) -> usize {
    1 << (id >> 52 & 0xf)
}

/// Whether the suite looks at this ID in a register list: SVE, V, FPSR and FPCR.
pub(crate) fn is_ours(id: u64) -> bool {
    let coproc = id >> 16 & 0xfff;
    coproc == 0x15 || coproc == 0x10 && id & 0xffff >= 0x54
}
