//! G.722 at 64 kbit/s for a line of 8 kHz: the lower of its two sub-bands (ITU-T G.722 §3, blocks 1L to 4L), which holds
//! 0–4 kHz at 8000 samples a second and is just what is used here. The upper band is sent as silence and not decoded, so
//! there is no filter bank. The libraries tried either allocate for each frame (`ezk-g722`) or have no working 8-kHz mode
//! (`audio-codec` 0.4.13); the tables are the recommendation's.

/// Decision levels of the 6-bit quantizer (table 14, Q6), by magnitude.
const LEVELS: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1_023, 1_121, 1_219, 1_339,
    1_458, 1_612, 1_765, 1_980, 2_195, 2_557, 2_919,
];
/// Output of the 4-bit inverse quantizer (QM4), by the upper four bits of a code.
const STEPS_4: [i32; 16] =
    [0, -20_456, -12_896, -8_968, -6_288, -4_240, -2_584, -1_200, 20_456, 12_896, 8_968, 6_288, 4_240, 2_584, 1_200, 0];
/// Output of the 6-bit inverse quantizer (QM6), by the code.
const STEPS_6: [i32; 64] = [
    -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192, -10_232, -9_360, -8_576,
    -7_856, -7_192, -6_576, -6_000, -5_456, -4_944, -4_464, -4_008, -3_576, -3_168, -2_776, -2_400, -2_032, -1_688, -1_360,
    -1_040, -728, 24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9_360, 8_576, 7_856, 7_192, 6_576,
    6_000, 5_456, 4_944, 4_464, 4_008, 3_576, 3_168, 2_776, 2_400, 2_032, 1_688, 1_360, 1_040, 728, 432, 136, -432, -136,
];
/// Change of the logarithmic step (WL over RL42), by the upper four bits of a code.
const GROWTH: [i32; 16] = [-60, 3_042, 1_198, 538, 334, 172, 58, -30, 3_042, 1_198, 538, 334, 172, 58, -30, -60];
/// 2048 times 2^(n/32): from the logarithmic step to the step (ILB).
const ANTILOG: [i32; 32] = [
    2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656, 2_714, 2_774, 2_834, 2_896,
    2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520, 3_597, 3_676, 3_756, 3_838, 3_922, 4_008,
];
/// The upper band's smallest positive code: its step shrinks to nothing, and so does its sound.
const UPPER_SILENT: u8 = 0xc0;

/// Adaptive prediction and step size; the same on both sides of the line. One per direction of a leg.
#[derive(Debug, Clone)]
pub(super) struct LowBand {
    /// What the next sample is expected to be (SL).
    expected: i32,
    /// The zeros' part of that (SZL).
    from_zeros: i32,
    /// Logarithm of the step (NBL) and the step (DETL).
    log_step: i32,
    step: i32,
    /// The last two reconstructed samples, newest first (RLT), and partly reconstructed ones (PLT).
    rebuilt: [i32; 2],
    partly: [i32; 2],
    /// The last six differences, newest first (DLT), and their coefficients (BL).
    differences: [i32; 6],
    zeros: [i32; 6],
    /// Coefficients of the two poles (AL).
    poles: [i32; 2],
}

impl LowBand {
    /// As the recommendation begins (§3.6, reset).
    pub(super) fn new() -> LowBand {
        LowBand {
            expected: 0,
            from_zeros: 0,
            log_step: 0,
            step: 32,
            rebuilt: [0; 2],
            partly: [0; 2],
            differences: [0; 6],
            zeros: [0; 6],
            poles: [0; 2],
        }
    }

    /// One sample to one byte (64 kbit/s, mode 1).
    pub(super) fn encode(&mut self, sample: i16) -> u8 {
        let difference = saturated(i32::from(sample >> 1) - self.expected);
        let magnitude = if difference < 0 { -(difference + 1) } else { difference };
        // The first level above the magnitude; the last interval has none.
        let interval = LEVELS[1..].iter().take_while(|level| magnitude >= (**level * self.step) >> 12).count() + 1;
        let code = code_of(interval, difference < 0);
        self.adapt(code >> 2);
        UPPER_SILENT | code
    }

    /// One byte to one sample; whatever the byte.
    pub(super) fn decode(&mut self, byte: u8) -> i16 {
        let code = byte & 0x3f;
        let sample = self.expected + ((self.step * STEPS_6[usize::from(code)]) >> 15);
        self.adapt(code >> 2);
        let sample = sample.clamp(-16_384, 16_383) * 2;
        i16::try_from(sample).unwrap_or(0)
    }

    /// Blocks 2L (INVQAL), 3L and 4L, by the four bits that every rate has.
    fn adapt(&mut self, upper: u8) {
        let upper = usize::from(upper & 0x0f);
        let difference = (self.step * STEPS_4[upper]) >> 15;
        self.log_step = (((self.log_step * 127) >> 7) + GROWTH[upper]).clamp(0, 18_432);
        let mantissa = ANTILOG[(self.log_step >> 6 & 31).unsigned_abs() as usize];
        let shift = 8 - (self.log_step >> 11);
        self.step = (if shift < 0 { mantissa << -shift } else { mantissa >> shift }) << 2;
        self.predict(difference);
    }

    /// Block 4L: learns from the difference and expects the next sample.
    fn predict(&mut self, difference: i32) {
        let rebuilt = saturated(self.expected + difference);
        let partly = saturated(self.from_zeros + difference);
        self.adapt_poles(partly);
        self.adapt_zeros(difference);
        self.rebuilt = [rebuilt, self.rebuilt[0]];
        self.partly = [partly, self.partly[0]];
        self.differences.copy_within(0..5, 1);
        self.differences[0] = difference;

        let doubled = |x: i32| saturated(x + x);
        let from_poles =
            saturated(((self.poles[0] * doubled(self.rebuilt[0])) >> 15) + ((self.poles[1] * doubled(self.rebuilt[1])) >> 15));
        let zeros = self.zeros.iter().zip(&self.differences).map(|(b, d)| (b * doubled(*d)) >> 15).sum();
        self.from_zeros = saturated(zeros);
        self.expected = saturated(from_poles + self.from_zeros);
    }

    /// UPPOL1 and UPPOL2.
    fn adapt_poles(&mut self, partly: i32) {
        let same = |other: i32| (partly < 0) == (other < 0);
        let first = saturated(self.poles[0] << 2);
        let pull = if same(self.partly[0]) { -first } else { first }.min(32_767);
        let push = if same(self.partly[1]) { 128 } else { -128 };
        let second = (push + (pull >> 7) + ((self.poles[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        let step = if same(self.partly[0]) { 192 } else { -192 };
        let most = saturated(15_360 - second);
        self.poles = [saturated(step + ((self.poles[0] * 32_640) >> 15)).clamp(-most, most), second];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let gain = if difference == 0 { 0 } else { 128 };
        for (zero, past) in self.zeros.iter_mut().zip(&self.differences) {
            let step = if (difference < 0) == (*past < 0) { gain } else { -gain };
            *zero = saturated(step + ((*zero * 32_640) >> 15));
        }
    }
}

/// The code of an interval (tables ILP and ILN): 1–30 by magnitude.
fn code_of(interval: usize, negative: bool) -> u8 {
    let n = u8::try_from(interval.clamp(1, 30)).unwrap_or(30);
    match (negative, n) {
        (true, 1..=2) => 64 - n,
        (true, _) => 34 - n,
        (false, _) => 62 - n,
    }
}

fn saturated(x: i32) -> i32 {
    x.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_recommendation() {
        // ITU-T G.722 table 17: the intervals from the middle outwards.
        let positive: Vec<u8> = (1..=30).map(|n| code_of(n, false)).collect();
        let negative: Vec<u8> = (1..=30).map(|n| code_of(n, true)).collect();
        assert_eq!((positive[0], positive[1], positive[29]), (61, 60, 32));
        assert_eq!((negative[0], negative[1], negative[2], negative[29]), (63, 62, 31, 4));
        let mut all = [positive, negative].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 60, "each code once");
        // The four codes that no encoder makes mean the least step (§3.4.1).
        assert!((0..4).all(|code| !all.contains(&code)));
        assert!(positive_steps_fall());
    }

    fn positive_steps_fall() -> bool {
        (2..=30).all(|n| STEPS_6[usize::from(code_of(n, false))] > STEPS_6[usize::from(code_of(n - 1, false))])
    }

    #[test]
    fn any_bytes_stay_within_bounds() {
        let mut band = LowBand::new();
        let mut state = 7u32;
        for _ in 0..200_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            band.decode(state.to_be_bytes()[0]);
            assert!(band.step >= 32 && band.step <= 4_008 << 3, "{}", band.step);
        }
        for byte in 0..=255 {
            let mut band = LowBand::new();
            for _ in 0..5_000 {
                band.decode(byte);
            }
            assert!(band.step >= 32 && band.step <= 4_008 << 3, "{byte}: {}", band.step);
        }
    }

    #[test]
    fn the_upper_band_is_silent() {
        let mut band = LowBand::new();
        assert!((0..500).all(|i| band.encode((i * 97 % 20_000) as i16) >= UPPER_SILENT));
    }
}
