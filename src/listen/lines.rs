//! How much of a sound stands in lines that keep their frequency: the partials of notes, chords and signalling tones do, for as long as they
//! sound; the harmonics of a voice glide, and noise has none. (The idea of "continuous frequency activation", Seyerlehner et al. 2007.)

use crate::audio::{FRAME_SAMPLES, Frame};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::{Arc, LazyLock};

/// Samples looked at: 64 ms.
const WINDOW: usize = 512;
/// Frames that hold them.
pub(super) const FRAMES: usize = WINDOW.div_ceil(FRAME_SAMPLES);
/// Hertz between two bins.
const BIN: f32 = 8_000.0 / WINDOW as f32;
/// Where lines are looked for: 150–3500 Hz.
const BAND: std::ops::Range<usize> = 10..224;
/// Lines that are weaker than the strongest by more than this (power) do not matter: 26 dB.
const FAINTEST: f32 = 0.002_5;
/// Lines remembered of a frame, the strongest ones.
const LINES: usize = 24;
/// A line is compared with those of so many frames ago: the two windows then hardly overlap.
pub(super) const APART: usize = 3;
/// It is the same if it has moved by this at most: hertz, and share of its frequency.
const MOVED: (f32, f32) = (2.0, 0.002);
/// And if its power changed by this factor at most.
const CHANGED: f32 = 6.0;

/// A line with this share of the power is a tone of its own.
const ALONE: f32 = 0.9;

/// The transform and its window (Hann), the same for all legs.
static PLAN: LazyLock<(Arc<dyn RealToComplex<f32>>, [f32; WINDOW])> = LazyLock::new(|| {
    let turn = std::f32::consts::TAU / WINDOW as f32;
    (RealFftPlanner::new().plan_fft_forward(WINDOW), std::array::from_fn(|i| 0.5 - 0.5 * (turn * i as f32).cos()))
});

#[derive(Debug, Clone, Copy, Default)]
struct Line {
    hertz: f32,
    power: f32,
}

/// What stands still in the last frames.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Steady {
    /// Share of the power in lines that stood at the same place [`APART`] frames before, 0–1.
    pub(super) share: f32,
    /// Share of the power in the two strongest lines, 0–1: all of it in signalling tones.
    pub(super) top_two: f32,
    /// The frequency of the strongest line, hertz, where it holds nearly all of the power: a single tone.
    pub(super) alone: Option<f32>,
}

/// The lines of the last frames.
pub(super) struct LineTracker {
    input: [f32; WINDOW],
    spectrum: [Complex<f32>; WINDOW / 2 + 1],
    scratch: Vec<Complex<f32>>,
    /// Of the last frames, newest at `newest`; a frame that was not measured has none.
    seen: [[Line; LINES]; APART + 1],
    newest: usize,
}

impl LineTracker {
    pub(super) fn new() -> LineTracker {
        LineTracker {
            input: [0.0; WINDOW],
            spectrum: [Complex::default(); WINDOW / 2 + 1],
            scratch: PLAN.0.make_scratch_vec(),
            seen: [[Line::default(); LINES]; APART + 1],
            newest: 0,
        }
    }

    /// A frame goes by that nobody wants measured.
    pub(super) fn pass(&mut self) {
        self.newest = (self.newest + 1) % (APART + 1);
        self.seen[self.newest] = [Line::default(); LINES];
    }

    /// Measures the newest of these frames ([`FRAMES`] of them, oldest first) by the window that ends with it.
    pub(super) fn measure<'a>(&mut self, recent: impl Iterator<Item = &'a Frame>) -> Steady {
        self.pass();
        let samples = recent.flat_map(|f| f.samples).skip(FRAMES * FRAME_SAMPLES - WINDOW);
        for ((to, sample), weight) in self.input.iter_mut().zip(samples).zip(&PLAN.1) {
            *to = f32::from(sample) * weight;
        }
        // The lengths are the plan's own, so it cannot fail; a frame without lines is what a failure would leave.
        if PLAN.0.process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch).is_err() {
            return Steady::default();
        }
        let power = |bin: usize| self.spectrum[bin].norm_sqr();
        let (mut strongest, mut total) = (0.0f32, 1.0f32);
        for bin in BAND {
            strongest = strongest.max(power(bin));
            total += power(bin);
        }
        let mut lines = [Line::default(); LINES];
        let mut n = 0;
        for bin in BAND {
            let here = power(bin);
            if here < strongest * FAINTEST || here < power(bin - 1) || here <= power(bin + 1) {
                continue;
            }
            let line = Line {
                hertz: (bin as f32 + summit([power(bin - 1), here, power(bin + 1)].map(|p| p.max(1e-6).ln()))) * BIN,
                power: power(bin - 1) + here + power(bin + 1),
            };
            if n < LINES {
                lines[n] = line;
                n += 1;
            } else if let Some(weakest) = lines.iter_mut().min_by(|a, b| a.power.total_cmp(&b.power))
                && weakest.power < line.power
            {
                *weakest = line;
            }
        }
        self.seen[self.newest] = lines;
        let before = &self.seen[(self.newest + 1) % (APART + 1)];
        let stood = |line: &&Line| {
            line.power > 0.0
                && before.iter().any(|b| {
                    (b.hertz - line.hertz).abs() <= MOVED.0 + MOVED.1 * line.hertz
                        && b.power < line.power * CHANGED
                        && line.power < b.power * CHANGED
                })
        };
        let share = lines.iter().filter(stood).map(|l| l.power).sum::<f32>() / total;
        let two = lines.iter().fold((0.0f32, 0.0f32), |(first, second), line| match line.power {
            power if power > first => (power, first),
            power => (first, second.max(power)),
        });
        let top_two = (two.0 + two.1) / total;
        let first = lines.iter().find(|l| l.power >= two.0);
        let alone = first.filter(|l| l.power >= ALONE * total).map(|l| l.hertz);
        Steady { share: share.min(1.0), top_two: top_two.min(1.0), alone }
    }
}

/// How far from the middle one of three neighbours the summit of a parabola through them is, -0.5 to 0.5 of their distance.
pub(super) fn summit([left, peak, right]: [f32; 3]) -> f32 {
    let bend = left - 2.0 * peak + right;
    if bend < 0.0 { (0.5 * (left - right) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shares of the last frames of a sound.
    fn shares(sample: impl Fn(f32) -> f32) -> Vec<Steady> {
        let frames: Vec<Frame> = (0..20)
            .map(|i| {
                let mut frame = Frame::SILENCE;
                for (k, s) in frame.samples.iter_mut().enumerate() {
                    *s = sample((i * FRAME_SAMPLES + k) as f32 / 8_000.0) as i16;
                }
                frame
            })
            .collect();
        let mut tracker = LineTracker::new();
        let all: Vec<Steady> = frames.windows(FRAMES).map(|w| tracker.measure(w.iter())).collect();
        all[APART..].to_vec()
    }

    #[test]
    fn a_chord_stands_still_and_a_gliding_voice_does_not() {
        let sine = |turns: f32| (turns.fract() * std::f32::consts::TAU).sin();
        let chord = shares(|t| [262.0, 330.0, 392.0, 784.0].map(|hertz| sine(t * hertz) * 2_000.0).iter().sum());
        assert!(chord.iter().all(|s| s.share > 0.8 && s.top_two < 0.8), "{chord:?}");
        // 120 to 160 Hz in 0.4 s.
        let glide = shares(|t| (1..20u8).map(|h| sine((120.0 * t + 50.0 * t * t) * f32::from(h)) * 800.0).sum());
        let mean = glide.iter().map(|s| s.share).sum::<f32>() / glide.len() as f32;
        assert!(mean < 0.3, "{mean}");
        let fax = shares(|t| sine(t * 1_100.0) * 4_000.0);
        assert!(fax.iter().all(|s| s.share > 0.9 && s.top_two > 0.9), "{fax:?}");
        assert!(fax.iter().all(|s| s.alone.is_some_and(|hertz| (hertz - 1_100.0).abs() < 3.0)), "{fax:?}");
        assert!(chord.iter().chain(&glide).all(|s| s.alone.is_none()));
        assert!(shares(|_| 0.0).iter().all(|s| s.share == 0.0));
    }
}
