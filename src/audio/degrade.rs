//! What lines and rooms do to speech, for measuring and for training: narrow band, companding, noise, lost packets, echo. The
//! same seed gives the same sound at every run. 8 kHz mono throughout; whole recordings, never the 20-ms path.

use super::{Concealer, FRAME_SAMPLES, Frame, LINE_RATE, decode_ulaw, encode_ulaw, power};

/// How far below its loudest 20 ms a stretch may be and still count as speech, dB.
const ACTIVE_DB: f32 = 25.0;

/// A small generator of numbers, the same at every run (xorshift32).
#[derive(Debug, Clone)]
pub struct Dice(u32);

impl Dice {
    /// Seeds it; every seed will do.
    pub fn new(seed: u32) -> Dice {
        // Zero would stay zero; a multiplication spreads small seeds.
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9) ^ 0x85EB_CA6B);
        dice.0 = dice.0.max(1);
        (0..8).for_each(|_| _ = dice.uniform());
        dice
    }

    /// From 0 to 1.
    pub fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / 16_777_216.0
    }

    /// Near enough to a bell curve of mean 0 and deviation 1: the sum of twelve uniform numbers.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    /// Adds white noise of this deviation.
    pub fn add_noise(&mut self, samples: &mut [i16], deviation: f32) {
        for sample in samples {
            // A float-to-integer cast saturates.
            *sample = (f32::from(*sample) + self.normal() * deviation) as i16;
        }
    }

    /// From 0 to `n` − 1; 0 where `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f32) as usize).min(n.saturating_sub(1))
    }
}

/// Mean power of the stretches in which somebody speaks, full scale = 1.0 (in the manner of ITU-T P.56).
pub fn active_power(samples: &[i16]) -> f32 {
    let powers: Vec<f32> = samples.chunks(FRAME_SAMPLES).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let active: Vec<f32> = powers.into_iter().filter(|p| *p > 0.0 && *p >= loudest * decibels(-ACTIVE_DB)).collect();
    if active.is_empty() { 0.0 } else { active.iter().sum::<f32>() / active.len() as f32 }
}

/// A ratio of powers.
fn decibels(db: f32) -> f32 {
    10f32.powf(db / 10.0)
}

/// What a handset and a trunk leave of speech: 300–3400 Hz (fourth order at either side) and G.711 mu-law there and back.
pub fn telephone(samples: &mut [i16]) {
    for section in [Section::high_pass(300.0, 0.541), Section::high_pass(300.0, 1.307)] {
        section.run(samples);
    }
    for section in [Section::low_pass(3_400.0, 0.541), Section::low_pass(3_400.0, 1.307)] {
        section.run(samples);
    }
    companded(samples);
}

/// G.711 mu-law there and back.
pub fn companded(samples: &mut [i16]) {
    for chunk in samples.chunks_mut(FRAME_SAMPLES) {
        let mut frame = Frame::SILENCE;
        frame.samples[..chunk.len()].copy_from_slice(chunk);
        let mut coded = [0u8; FRAME_SAMPLES];
        encode_ulaw(&frame, &mut coded);
        let _ = decode_ulaw(&coded[..chunk.len()], chunk);
    }
}

/// White noise at so many decibels below the speech.
pub fn add_white(samples: &mut [i16], snr_db: f32, seed: u32) {
    let deviation = (active_power(samples) * decibels(-snr_db)).sqrt() * 32_768.0;
    Dice::new(seed).add_noise(samples, deviation);
}

/// A recorded background at so many decibels below the speech, beginning anywhere in it and going round. Nothing happens
/// where either is silent.
pub fn add_background(samples: &mut [i16], background: &[i16], snr_db: f32, seed: u32) {
    let (speech, noise) = (active_power(samples), power(background));
    if speech > 0.0 && noise > 0.0 {
        let factor = (speech * decibels(-snr_db) / noise).sqrt();
        let start = Dice::new(seed).below(background.len());
        add(samples, background.iter().cycle().skip(start), factor);
    }
}

/// The echo of what is being played: so many decibels weaker than it was sent (negative).
pub fn add_echo(samples: &mut [i16], played: &[i16], db: f32) {
    add(samples, played.iter(), decibels(db).sqrt());
}

fn add<'a>(samples: &mut [i16], other: impl Iterator<Item = &'a i16>, factor: f32) {
    for (sample, other) in samples.iter_mut().zip(other) {
        // A float-to-integer cast saturates.
        *sample = (f32::from(*sample) + f32::from(*other) * factor) as i16;
    }
}

/// Loses packets of 20 ms at random, one by one, and fills the gaps as the gateway does. `share` = how many, 0 to 1.
pub fn lose(samples: &mut [i16], share: f32, seed: u32) {
    let mut dice = Dice::new(seed);
    let mut concealer = Concealer::new();
    for chunk in samples.chunks_mut(FRAME_SAMPLES) {
        let mut frame = Frame::SILENCE;
        frame.samples[..chunk.len()].copy_from_slice(chunk);
        if dice.uniform() < share {
            frame = concealer.lost();
        } else {
            concealer.good(&mut frame);
        }
        chunk.copy_from_slice(&frame.samples[..chunk.len()]);
    }
}

/// A filter of second order (Bristow-Johnson, "Audio EQ Cookbook"), direct form 1.
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

impl Section {
    fn low_pass(hertz: f64, q: f64) -> Section {
        let (cos, alpha) = Section::angle(hertz, q);
        Section::scaled([(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0], cos, alpha)
    }

    fn high_pass(hertz: f64, q: f64) -> Section {
        let (cos, alpha) = Section::angle(hertz, q);
        Section::scaled([f64::midpoint(1.0, cos), -1.0 - cos, f64::midpoint(1.0, cos)], cos, alpha)
    }

    fn angle(hertz: f64, q: f64) -> (f64, f64) {
        let w = std::f64::consts::TAU * hertz / f64::from(LINE_RATE);
        (w.cos(), w.sin() / (2.0 * q))
    }

    fn scaled(b: [f64; 3], cos: f64, alpha: f64) -> Section {
        let a0 = 1.0 + alpha;
        Section { b: b.map(|b| b / a0), a: [-2.0 * cos / a0, (1.0 - alpha) / a0] }
    }

    fn run(&self, samples: &mut [i16]) {
        let (mut x, mut y) = ([0f64; 2], [0f64; 2]);
        for sample in samples {
            let now = f64::from(*sample);
            let out = self.b[0] * now + self.b[1] * x[0] + self.b[2] * x[1] - self.a[0] * y[0] - self.a[1] * y[1];
            (x, y) = ([now, x[0]], [out, y[0]]);
            *sample = out as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::rms_dbfs;

    /// A second at -20 dBFS; `beep` keeps within what a telephone passes.
    fn tone(hertz: f64) -> Vec<i16> {
        (0..8_000).map(|n| (3_277.0 * (std::f64::consts::TAU * hertz * f64::from(n) / 8_000.0).sin()) as i16).collect()
    }

    /// Change of loudness in decibels, the filter's beginning left out.
    fn change(before: &[i16], after: &[i16]) -> f32 {
        rms_dbfs(&after[800..7_200]) - rms_dbfs(&before[800..7_200])
    }

    #[test]
    fn the_telephone_band_passes_the_middle_and_stops_the_ends() {
        for (hertz, least, most) in [(1_000.0, -0.5, 0.5), (300.0, -4.0, -2.0), (100.0, -90.0, -30.0), (3_900.0, -90.0, -15.0)]
        {
            let (before, mut after) = (tone(hertz), tone(hertz));
            telephone(&mut after);
            let change = change(&before, &after);
            assert!((least..=most).contains(&change), "{hertz} Hz: {change} dB");
        }
    }

    #[test]
    fn noise_has_the_level_that_was_asked_for() {
        let kitchen: Vec<i16> = tone(440.0);
        let mut gap = tone(1_000.0);
        gap.extend([0; 8_000]);
        for add in [|s: &mut [i16], _: &[i16]| add_white(s, 10.0, 3), |s: &mut [i16], n: &[i16]| add_background(s, n, 10.0, 3)]
        {
            let mut noisy = gap.clone();
            add(&mut noisy, &kitchen);
            let noise: Vec<i16> = noisy.iter().zip(&gap).map(|(n, g)| n.saturating_sub(*g)).collect();
            // Silence does not count as speech, else the noise would be 3 dB quieter.
            assert!((rms_dbfs(&noise) - rms_dbfs(&gap[..8_000]) + 10.0).abs() < 0.3, "{}", rms_dbfs(&noise));
        }
        let mut silence = [0; 160];
        add_background(&mut silence, &kitchen, 10.0, 1);
        assert_eq!(silence, [0; 160]);
    }

    #[test]
    fn losses_are_as_many_as_asked_and_the_same_every_time() {
        let lost = |seed| {
            let mut sound = tone(1_000.0).repeat(20);
            let clean = sound.clone();
            lose(&mut sound, 0.08, seed);
            let changed = sound.chunks(160).zip(clean.chunks(160)).filter(|(a, b)| a != b).count();
            (sound, changed)
        };
        let (sound, changed) = lost(1);
        // Each loss also touches the frame after it.
        assert!((80..=180).contains(&changed), "{changed} of 1000");
        assert!(sound == lost(1).0 && sound != lost(2).0);
    }

    #[test]
    fn an_echo_is_as_much_weaker_as_asked() {
        let mut sound = vec![0; 8_000];
        let played = tone(500.0);
        add_echo(&mut sound, &played, -20.0);
        assert!((rms_dbfs(&sound) - rms_dbfs(&played) + 20.0).abs() < 0.3);
    }

    #[test]
    fn dice_are_fair() {
        let mut dice = Dice::new(0);
        let n = 20_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            let x = dice.normal();
            (sum, squares) = (sum + x, squares + x * x);
        }
        let (mean, deviation) = (sum / n as f32, (squares / n as f32).sqrt());
        assert!(mean.abs() < 0.05 && (deviation - 1.0).abs() < 0.05, "{mean} {deviation}");
        assert!((0..100).all(|_| dice.below(7) < 7) && dice.below(0) == 0);
    }
}
