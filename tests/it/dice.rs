//! Garbage that is the same for the same seed.

/// xorshift64*.
pub(crate) struct Dice(u64);

impl Dice {
    /// Any seed but 0.
    pub(crate) fn new(seed: u64) -> Dice {
        assert_ne!(seed, 0, "only zeros would follow");
        Dice(seed)
    }

    /// From 0 to `sides` - 1; 0 where there are none.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides.max(1)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.roll(256) as u8
    }

    /// Fewer than `most` bytes.
    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.roll(most)).map(|_| self.byte()).collect()
    }
}
