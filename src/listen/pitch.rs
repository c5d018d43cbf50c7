//! How periodic the last 40 ms are, and with which period: the larynx of a voice gives 60 to 400 pulses a second, and unlike a note's
//! their pitch never stands still.

use super::lines::summit;
use crate::audio::{FRAME_SAMPLES, Frame};

/// Samples looked at, at 4 kHz: 40 ms.
const WINDOW: usize = 160;
/// Periods looked for, samples at 4 kHz: 400 down to 60 Hz.
const LAGS: std::ops::Range<usize> = 10..67;
/// Samples that a frame has at 4 kHz.
const STEP: usize = FRAME_SAMPLES / 2;
/// Of the lags that are nearly as good as the best one, the shortest is the period; the others are its multiples.
const NEARLY: f32 = 0.9;

/// What the last 40 ms are like.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Pitch {
    /// How well the sound repeats itself, 0–1; above 0.6 where a voice is.
    pub(super) strength: f32,
    /// Period, samples at 4 kHz (of a high voice it may be two periods: one lies between two samples); 0 = none.
    pub(super) period: f32,
}

/// The last 40 ms below 1 kHz, where a voice is strongest and dishes are weak.
pub(super) struct PitchTracker {
    samples: [f32; WINDOW],
    /// The last samples of the frame before, for the low pass.
    before: [i16; 3],
}

impl PitchTracker {
    pub(super) fn new() -> PitchTracker {
        PitchTracker { samples: [0.0; WINDOW], before: [0; 3] }
    }

    /// Takes the next frame; every frame. Means of four samples, every second of them: −3 dB at 0.9 kHz.
    pub(super) fn push(&mut self, frame: &Frame) {
        self.samples.copy_within(STEP.., 0);
        let mut padded = [0; FRAME_SAMPLES + 3];
        padded[..3].copy_from_slice(&self.before);
        padded[3..].copy_from_slice(&frame.samples);
        for (to, four) in self.samples[WINDOW - STEP..].iter_mut().zip(padded[1..].windows(4).step_by(2)) {
            *to = four.iter().map(|&s| f32::from(s)).sum::<f32>() * 0.25;
        }
        self.before.copy_from_slice(&padded[FRAME_SAMPLES..]);
    }

    /// Normalised cross-correlation of the newest part with what came a period before (as in RAPT, Talkin 1995).
    pub(super) fn measure(&self) -> Pitch {
        let mean = self.samples.iter().sum::<f32>() / WINDOW as f32;
        let centred = self.samples.map(|s| s - mean);
        let most = LAGS.end;
        let newest = &centred[most..];
        let power = newest.iter().map(|s| s * s).sum::<f32>();
        let mut found = [0.0f32; LAGS.end + 1];
        let mut best = 0.0f32;
        for (lag, slot) in found.iter_mut().enumerate().skip(LAGS.start - 1) {
            let earlier = &centred[most - lag..WINDOW - lag];
            let (mut cross, mut theirs) = (0.0, 0.0);
            for (a, b) in newest.iter().zip(earlier) {
                cross += a * b;
                theirs += b * b;
            }
            // One step of 16 bit in each sample stands under the root, so that silence has no period.
            *slot = cross / (power * theirs).max(newest.len() as f32).sqrt();
            if LAGS.contains(&lag) {
                best = best.max(*slot);
            }
        }
        let first = LAGS
            .into_iter()
            .find(|&lag| found[lag] >= NEARLY * best && found[lag] >= found[lag - 1] && found[lag] >= found[lag + 1]);
        let Some(lag) = first.filter(|_| best > 0.0) else { return Pitch { strength: best.max(0.0), period: 0.0 } };
        let shift = summit([found[lag - 1], found[lag], found[lag + 1]]);
        Pitch { strength: found[lag].min(1.0), period: lag as f32 + shift }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_of(sample: impl Fn(f32) -> f32) -> Pitch {
        let mut tracker = PitchTracker::new();
        for i in 0..5 {
            let mut frame = Frame::SILENCE;
            for (k, s) in frame.samples.iter_mut().enumerate() {
                *s = sample((i * FRAME_SAMPLES + k) as f32 / 8_000.0) as i16;
            }
            tracker.push(&frame);
        }
        tracker.measure()
    }

    #[test]
    fn a_periodic_sound_has_its_period_and_noise_has_none() {
        for hertz in [80.0f32, 123.0, 217.0, 350.0] {
            let pitch = last_of(|t| (1..5u8).map(|h| (t * hertz * f32::from(h) * std::f32::consts::TAU).sin() * 900.0).sum());
            let periods = pitch.period * hertz / 4_000.0;
            assert!(pitch.strength > 0.9 && periods > 0.9, "{hertz}: {pitch:?}");
            assert!((periods / periods.round() - 1.0).abs() < 0.01, "{hertz}: {pitch:?}");
        }
        let mut dice = crate::audio::Dice::new(3);
        let mut tracker = PitchTracker::new();
        let mut strongest = 0.0f32;
        for _ in 0..100 {
            let mut frame = Frame::SILENCE;
            dice.add_noise(&mut frame.samples, 2_000.0);
            tracker.push(&frame);
            strongest = strongest.max(tracker.measure().strength);
        }
        assert!(strongest < 0.65, "{strongest}");
        assert_eq!(last_of(|_| 0.0), Pitch::default());
    }
}
