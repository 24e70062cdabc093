//! Random numbers that are the same in each run.

/// The xorshift generator of Marsaglia, "Xorshift RNGs", with a multiplication at the end (Vigna,
/// "An experimental exploration of Marsaglia's xorshift generators, scrambled").
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    /// A word of two to twelve letters; short ones and some letters are frequent.
    pub(crate) fn word(&mut self) -> String {
        const LETTERS: &[u8] = b"eeeetttaaoiinnsshrdlucmfwygpbvk";
        let length = 2 + self.below(6) + self.below(6);
        (0..length).map(|_| char::from(LETTERS[self.below(LETTERS.len())])).collect()
    }
}
