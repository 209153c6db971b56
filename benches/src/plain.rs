//! A plain copy of as many bytes as an operation writes. It knows nothing of registers, so the bytes are not
//! the right ones, and where all vCPUs have one vector length their number is a constant.

/// A slice for each of 32 registers.
#[derive(Debug)]
pub struct Slices<const SLICE: usize> {
    slices: Vec<[u8; SLICE]>,
    vq: usize,
}

impl<const SLICE: usize> Slices<SLICE> {
    /// Bytes that are not zero.
    pub fn new(vq: usize) -> Self {
        let slices = vec![[0x5a; SLICE]; 32];
        Self { slices, vq }
    }

    /// A whole slice, as a GET writes it.
    #[inline]
    pub fn get(&self, register: usize, slice: &mut [u8; SLICE]) {
        *slice = self.slices[register % 32];
    }

    /// The same, by value.
    #[inline]
    pub fn value(&self, register: usize) -> [u8; SLICE] {
        self.slices[register % 32]
    }

    /// The first bytes of a slice, as a SET writes them.
    #[inline]
    pub fn set<const WIDTH: usize>(&mut self, register: usize, slice: &[u8; SLICE]) {
        self.slices[register % 32][..WIDTH].copy_from_slice(&slice[..WIDTH]);
    }

    /// The same, where only the vCPU knows how many they are.
    #[inline]
    pub fn set_any(&mut self, register: usize, slice: &[u8; SLICE]) {
        let width = self.vq * SLICE / 16;
        self.slices[register % 32][..width].copy_from_slice(&slice[..width]);
    }
}
