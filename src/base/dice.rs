//! Numbers that look drawn by chance and are the same at every run: for made-up callers and made-up errors, never for secrets.

/// A small generator (xorshift64*, Vigna 2016).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same seed brings the same numbers.
    pub fn new(seed: u64) -> Dice {
        // The generator stays at 0 for ever.
        Dice(seed.wrapping_add(0x9e37_79b9_7f4a_7c15).max(1))
    }

    /// From 0 to 1, 1 excluded.
    pub fn chance(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// One of so many, counted from 0; 0 where there is none.
    pub fn roll(&mut self, sides: usize) -> usize {
        (self.chance() * sides as f64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_comes_up_and_the_same_ones_again() {
        let row = |seed| {
            let mut dice = Dice::new(seed);
            (0..600).map(|_| dice.roll(6)).collect::<Vec<_>>()
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
        assert!((0..6).all(|side| (60..140).contains(&row(7).iter().filter(|n| **n == side).count())));
        assert_eq!(Dice::new(1).roll(0), 0);
    }
}
