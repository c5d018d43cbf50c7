//! Comfort noise (RFC 3389): what stands in for the background that a silent far end no longer sends.

use super::{FRAME_SAMPLES, Frame};

/// Makes noise frames at the level that the far end announced. The noise repeats only after 2^32 samples and is the same
/// in every run, so that a replay is exact.
#[derive(Debug, Clone)]
pub struct ComfortNoise {
    /// State of the xorshift generator, never 0.
    seed: u32,
    /// Amplitude that was told last, in samples.
    wanted: f32,
    /// Amplitude that is played; it glides to `wanted`, because a jump of the background is heard.
    played: f32,
    /// Last noise sample: the simple low pass that takes the hiss off.
    last: f32,
}

impl Default for ComfortNoise {
    fn default() -> ComfortNoise {
        ComfortNoise::new()
    }
}

impl ComfortNoise {
    /// Silent until a level is told.
    pub fn new() -> ComfortNoise {
        ComfortNoise { seed: 0x9E37_79B9, wanted: 0.0, played: 0.0, last: 0.0 }
    }

    /// Takes a comfort-noise payload: its first byte is the level in −dBov (RFC 3389 §3; the top bit is 0). Spectral
    /// coefficients behind it are not used. An empty payload changes nothing. Levels above −30 dBov are played at −30: no
    /// honest background is louder, and a hostile one should not hurt.
    pub fn told(&mut self, payload: &[u8]) {
        if let Some(&byte) = payload.first() {
            let level = f32::from(byte & 0x7F).max(30.0);
            self.wanted = 32_768.0 * 10f32.powf(-level / 20.0);
        }
    }

    /// The next 20 ms of noise.
    pub fn frame(&mut self) -> Frame {
        let mut out = Frame::SILENCE;
        let step = (self.wanted - self.played) / FRAME_SAMPLES as f32;
        for s in &mut out.samples {
            self.played += step;
            self.last = 0.5 * self.last + self.white();
            // White noise in −1..1 has an RMS of 1/√3 and the low pass multiplies its power by 4/3: 1.5 makes it one.
            *s = (self.last * self.played * 1.5) as i16;
        }
        out
    }

    /// Uniform in −1..1 (xorshift32, Marsaglia 2003).
    fn white(&mut self) -> f32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        self.seed as i32 as f32 / 2_147_483_648.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::rms_dbfs;
    use super::*;

    #[test]
    fn the_level_is_the_announced_one() {
        for level in [40u8, 50, 60] {
            let mut noise = ComfortNoise::new();
            noise.told(&[level, 1, 2, 3]);
            noise.frame();
            let samples: Vec<i16> = (0..50).flat_map(|_| noise.frame().samples).collect();
            let heard = rms_dbfs(&samples);
            assert!((heard + f32::from(level)).abs() < 1.5, "told -{level}, heard {heard}");
        }
    }

    #[test]
    fn nothing_told_is_silence_and_an_absurd_level_is_bounded() {
        let mut noise = ComfortNoise::new();
        noise.told(&[]);
        assert_eq!(noise.frame(), Frame::SILENCE);
        noise.told(&[0]);
        noise.frame();
        assert!(rms_dbfs(&noise.frame().samples) < -28.0);
    }
}
