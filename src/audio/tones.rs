//! Sounds made by rule, so that no recording has to be shipped: beep, ring-back, hold tune.

use super::{LINE_RATE, Pcm};
use std::f32::consts::TAU;

/// A sine with soft edges (10 ms). `dbfs` is its peak level (0 = full scale). Frequency is kept within 50–3400 Hz, length
/// within a minute.
pub fn beep(hertz: f32, millis: u32, dbfs: f32) -> Pcm {
    let hertz = hertz.clamp(50.0, 3_400.0);
    let amplitude = 32_767.0 * 10f32.powf(dbfs.min(0.0) / 20.0);
    let n = samples(millis.min(60_000));
    Pcm { samples: (0..n).map(|i| (amplitude * sine(hertz, i) * edge(i, n)) as i16).collect() }
}

/// One cadence of what a caller hears while a phone rings (ITU-T E.180: 425 Hz, 1 s on, 4 s off), at −19 dBFS.
pub fn ring_back() -> Pcm {
    let mut pcm = beep(425.0, 1_000, -16.0);
    pcm.samples.resize(samples(5_000), 0);
    pcm
}

/// Eight seconds of a calm tune to be played in a loop while the caller waits for a person: four soft broken chords that
/// ring into each other, about −27 dBFS, without a silent place and without a seam.
pub fn hold_tune() -> Pcm {
    const NOTE_MS: u32 = 500;
    // C major, A minor, F major, G major, each note as semitones above middle C (261.63 Hz).
    const CHORDS: [[i32; 4]; 4] = [[0, 7, 12, 16], [-3, 4, 9, 12], [-7, 0, 5, 9], [-5, 2, 7, 11]];
    let total = samples(NOTE_MS * 16);
    let mut sum = vec![0f32; total];
    for (k, &semitone) in CHORDS.iter().flatten().enumerate() {
        let hertz = 261.63 * 2f32.powf(semitone as f32 / 12.0);
        let start = samples(NOTE_MS) * k;
        for i in 0..samples(2_000) {
            // The tail of the last notes rings into the beginning, which hides the seam of the loop.
            sum[(start + i) % total] += bell(hertz, i);
        }
    }
    Pcm { samples: sum.into_iter().map(|s| (s * 2_000.0) as i16).collect() }
}

/// A struck bar: the tone and a little of its octave, quick rise, slow decay.
fn bell(hertz: f32, i: usize) -> f32 {
    let t = i as f32 / LINE_RATE as f32;
    let rise = (t / 0.012).min(1.0);
    // Ends at exactly nothing after two seconds.
    let decay = (-t * 2.2).exp() * (1.0 - t / 2.0).max(0.0);
    rise * decay * (sine(hertz, i) + 0.3 * sine(2.0 * hertz, i))
}

fn samples(millis: u32) -> usize {
    millis as usize * LINE_RATE as usize / 1_000
}

fn sine(hertz: f32, i: usize) -> f32 {
    // The phase is reduced in f64: f32 drifts audibly after some seconds.
    let turns = f64::from(hertz) * i as f64 / f64::from(LINE_RATE);
    (TAU * turns.fract() as f32).sin()
}

fn edge(i: usize, n: usize) -> f32 {
    let ramp = LINE_RATE as usize / 100;
    (i.min(n - 1 - i) as f32 / ramp as f32).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::super::{peak, rms_dbfs};
    use super::*;

    #[test]
    fn a_beep_has_its_length_level_and_soft_edges() {
        let pcm = beep(1_000.0, 250, -10.0);
        assert_eq!(pcm.millis(), 250);
        assert!((rms_dbfs(&pcm.samples[400..1_600]) + 13.0).abs() < 0.2);
        assert!(pcm.samples[0].abs() < 200 && pcm.samples[1_999].abs() < 200);
        assert!(beep(1_000.0, 0, 0.0).samples.is_empty());
    }

    #[test]
    fn ring_back_has_its_cadence() {
        let pcm = ring_back();
        assert_eq!(pcm.millis(), 5_000);
        assert!(rms_dbfs(&pcm.samples[800..7_200]) > -20.0);
        assert!(pcm.samples[8_000..].iter().all(|&s| s == 0));
    }

    #[test]
    fn the_hold_tune_is_soft_whole_and_never_silent() {
        let pcm = hold_tune();
        assert_eq!(pcm.millis(), 8_000);
        assert!(peak(&pcm.samples) < 12_000);
        for (i, second) in pcm.samples.chunks(4_000).enumerate() {
            let level = rms_dbfs(second);
            assert!((-36.0..-18.0).contains(&level), "half second {i}: {level}");
        }
        // No click at the seam: its step is no larger than the steps inside.
        let inside = pcm.samples.windows(2).map(|w| (w[1] - w[0]).unsigned_abs()).max().unwrap_or(0);
        let seam = (pcm.samples[0] - pcm.samples[pcm.samples.len() - 1]).unsigned_abs();
        assert!(seam <= inside, "{seam} > {inside}");
    }
}
