//! Taking a steady noise out of speech: each window's spectrum is weakened where it is hardly stronger than the noise (log-spectral
//! amplitude estimator of Ephraim and Malah, IEEE ASSP-33, 1985, with their decision-directed signal-to-noise ratio). Pure.

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Samples of a window (32 ms at 16 kHz) and from one to the next.
const WINDOW: usize = 512;
const HOP: usize = 128;

/// Squared windows add up to this at four windows over each sample.
const OVERLAP: f32 = 2.0;

/// The share of windows, the quietest, that are taken for noise alone, and how much louder the noise is than these.
const QUIET_SHARE: f32 = 0.15;
const QUIET_BIAS: f32 = 1.15;

/// How much the window before counts in a window's signal-to-noise ratio.
const STEADINESS: f32 = 0.95;

/// Nothing is weakened by more than 20 dB: what is left sounds like a line and not like holes.
const GAIN_MIN: f32 = 0.1;

/// Bounds of the ratios (power).
const RATIO_MIN: f32 = 1e-3;
const RATIO_MAX: f32 = 1e3;

/// A stream of 16-kHz sound without its noise, [`WINDOW`] − [`HOP`] samples late until it is flushed.
pub struct Denoiser {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    /// Power of the noise in each band; never zero.
    noise: Vec<f32>,
    /// The speech power that the window before left in each band, over the noise's; empty before the first.
    before: Vec<f32>,
    /// What waits for a whole window.
    pending: Vec<f32>,
    /// Windows added up, from the first sample that is not final.
    sum: Vec<f32>,
    /// Samples that stand before the sound, still to be dropped.
    lead: usize,
    /// Samples taken and not yet given.
    owed: usize,
}

impl Denoiser {
    /// Learns the noise from the quietest moments of some sound; `None` for less than 100 ms.
    pub fn learn(sound: &[i16]) -> Option<Denoiser> {
        if sound.len() < 1_600 {
            return None;
        }
        let mut planner = RealFftPlanner::<f32>::new();
        let turn = std::f32::consts::TAU / WINDOW as f32;
        let window = (0..WINDOW).map(|i| (0.5 - 0.5 * (i as f32 * turn).cos()).sqrt()).collect();
        let mut out = Denoiser {
            forward: planner.plan_fft_forward(WINDOW),
            inverse: planner.plan_fft_inverse(WINDOW),
            window,
            noise: Vec::new(),
            before: Vec::new(),
            pending: vec![0.0; WINDOW - HOP],
            sum: vec![0.0; WINDOW],
            lead: WINDOW - HOP,
            owed: 0,
        };
        let samples: Vec<f32> = sound.iter().map(|s| f32::from(*s)).collect();
        let mut powers: Vec<Vec<f32>> =
            samples.windows(WINDOW).step_by(HOP).map(|w| out.spectrum(w).iter().map(Complex32::norm_sqr).collect()).collect();
        powers.sort_by(|a, b| a.iter().sum::<f32>().total_cmp(&b.iter().sum()));
        powers.truncate(((powers.len() as f32 * QUIET_SHARE) as usize).max(3));
        let mean = |band: usize| powers.iter().map(|p| p[band]).sum::<f32>() / powers.len().max(1) as f32;
        out.noise = (0..=WINDOW / 2).map(|band| (mean(band) * QUIET_BIAS).max(1.0)).collect();
        Some(out)
    }

    /// Takes sound and gives what is final.
    pub fn push(&mut self, sound: &[i16]) -> Vec<i16> {
        self.pending.extend(sound.iter().map(|s| f32::from(*s)));
        self.owed += sound.len();
        let mut out = Vec::with_capacity(sound.len() + HOP);
        let mut at = 0;
        while let Some(window) = self.pending.get(at..at + WINDOW) {
            let mut spectrum = self.spectrum(window);
            self.weaken(&mut spectrum);
            let mut samples = self.inverse.make_output_vec();
            // Fails only on wrong lengths or a first and last band that are not real, which no gain changes.
            if self.inverse.process(&mut spectrum, &mut samples).is_ok() {
                let scale = 1.0 / (WINDOW as f32 * OVERLAP);
                self.sum.iter_mut().zip(samples.iter().zip(&self.window)).for_each(|(sum, (s, w))| *sum += s * w * scale);
            }
            // A float-to-integer cast saturates.
            out.extend(self.sum.drain(..HOP).map(|s| s as i16));
            self.sum.resize(WINDOW, 0.0);
            at += HOP;
        }
        self.pending.drain(..at);
        let early = self.lead.min(out.len());
        self.lead -= early;
        out.drain(..early);
        self.owed = self.owed.saturating_sub(out.len());
        out
    }

    /// What is left at the end.
    pub fn flush(&mut self) -> Vec<i16> {
        let owed = self.owed;
        let mut out = self.push(&[0; WINDOW]);
        out.truncate(owed);
        out
    }

    fn spectrum(&self, samples: &[f32]) -> Vec<Complex32> {
        let mut windowed: Vec<f32> = samples.iter().zip(&self.window).map(|(s, w)| s * w).collect();
        let mut spectrum = self.forward.make_output_vec();
        // Fails only on wrong lengths.
        let _ = self.forward.process(&mut windowed, &mut spectrum);
        spectrum
    }

    fn weaken(&mut self, spectrum: &mut [Complex32]) {
        let first = self.before.is_empty();
        self.before.resize(spectrum.len(), 0.0);
        for ((value, noise), before) in spectrum.iter_mut().zip(&self.noise).zip(&mut self.before) {
            let now = (value.norm_sqr() / noise).min(RATIO_MAX);
            let above = (now - 1.0).max(0.0);
            let prior = if first { above } else { STEADINESS * *before + (1.0 - STEADINESS) * above }.max(RATIO_MIN);
            let wiener = prior / (1.0 + prior);
            let gain = (wiener * (0.5 * exponential_integral((wiener * now).max(RATIO_MIN))).exp()).clamp(GAIN_MIN, 1.0);
            *before = gain * gain * now;
            *value *= gain;
        }
    }
}

/// E1(x) for x > 0 (Abramowitz and Stegun 5.1.53 and 5.1.54: errors below 2e-7 and 5e-5 of the value).
fn exponential_integral(x: f32) -> f32 {
    if x <= 1.0 {
        let series = [0.001_078_57, -0.009_760_04, 0.055_199_68, -0.249_910_55, 0.999_991_93, -0.577_215_7];
        series.iter().fold(0.0, |sum, c| sum * x + c) - x.ln()
    } else {
        (x * x + 2.334_733 * x + 0.250_621) / (x * x + 3.330_657 * x + 1.681_534) * (-x).exp() / x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{Dice, power};

    fn noisy(tone: f32, level: f32) -> Vec<i16> {
        let mut sound: Vec<i16> = (0..32_000)
            .map(|i| if (12_000..20_000).contains(&i) { ((i as f32 * 0.4).sin() * tone) as i16 } else { 0 })
            .collect();
        Dice::new(1).add_noise(&mut sound, level);
        sound
    }

    #[test]
    fn noise_goes_and_the_tone_stays_where_it_was() {
        let sound = noisy(3_000.0, 300.0);
        let mut denoiser = Denoiser::learn(&sound).expect("long enough");
        // In pieces as they come on a line.
        let mut out: Vec<i16> = sound.chunks(320).flat_map(|c| denoiser.push(c)).collect();
        assert_eq!(out.len(), 32_000 - 384);
        out.extend(denoiser.flush());
        assert_eq!(out.len(), sound.len());
        let decibels = |range: std::ops::Range<usize>| 10.0 * (power(&out[range.clone()]) / power(&sound[range])).log10();
        assert!(decibels(2_000..10_000) < -12.0, "{}", decibels(2_000..10_000));
        assert!(decibels(13_000..19_000).abs() < 1.0, "{}", decibels(13_000..19_000));
        assert!(Denoiser::learn(&sound[..1_000]).is_none());
    }

    #[test]
    fn exponential_integrals() {
        // Abramowitz and Stegun, table 5.1.
        for (x, e1) in [(0.1, 1.822_924), (0.5, 0.559_774), (1.0, 0.219_384), (2.0, 0.048_901), (5.0, 0.001_148_3)] {
            assert!((exponential_integral(x) - e1).abs() < 1e-4 * e1.max(0.1), "{x}");
        }
    }
}
