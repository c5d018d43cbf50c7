//! For tests: how far one piece of sound is from another.

use super::decode_file;
use std::path::Path;

/// Window and hop in samples: 32 ms.
const WINDOW: usize = 256;
const HOP: usize = 256;
/// Frequency bins of 31 Hz in one band of 200 Hz, first bin and number of bands: 190–3700 Hz.
const BAND: usize = 6;
const FIRST: usize = 6;
const BANDS: usize = 18;
/// Added to each band, so that differences far below hearing do not count (about -60 dBFS).
const FLOOR: f64 = 1e7;

/// Speech for tests: the fixtures, one after the other, 8 kHz.
pub(crate) fn speech() -> Vec<i16> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures");
    let names = ["where-1", "where-2", "where-other-1", "where-other-2", "complaint-1", "hours-1", "hours-2", "address-1"];
    let sounds = names.iter().flat_map(|name| {
        let bytes = std::fs::read(dir.join(format!("{name}.wav"))).expect("made by audio-fixtures/make.sh");
        decode_file(&bytes, Some("wav")).expect("a sound").samples
    });
    sounds.collect()
}

/// Signal-to-noise ratio in decibels of `heard` against `clean`, both in step.
pub(crate) fn snr_db(clean: &[i16], heard: &[i16]) -> f64 {
    let (mut signal, mut noise) = (0f64, 1f64);
    for (&c, &h) in clean.iter().zip(heard) {
        signal += f64::from(c).powi(2);
        noise += (f64::from(c) - f64::from(h)).powi(2);
    }
    10.0 * (signal / noise).log10()
}

/// The delay of `heard`, up to `most` samples, at which it is nearest to `clean`.
pub(crate) fn lag(clean: &[i16], heard: &[i16], most: usize) -> usize {
    let snr = |lag: usize| snr_db(clean, heard.get(lag..).unwrap_or_default());
    (0..most).max_by(|a, b| snr(*a).total_cmp(&snr(*b))).unwrap_or(0)
}

/// Log-spectral distance in decibels, over windows in which `clean` speaks: 0 = the same, 6 = each band is off by a factor of
/// two, silence instead of speech about 20.
pub(crate) fn spectral_db(clean: &[i16], heard: &[i16]) -> f64 {
    let (mut sum, mut n) = (0.0, 0u32);
    for (c, h) in windows(clean).zip(windows(heard)) {
        let (c, h) = (bands(c), bands(h));
        if c.iter().sum::<f64>() < 100.0 * FLOOR * BANDS as f64 {
            continue;
        }
        let squares: f64 = c.iter().zip(&h).map(|(c, h)| (10.0 * ((c + FLOOR) / (h + FLOOR)).log10()).powi(2)).sum();
        sum += (squares / BANDS as f64).sqrt();
        n += 1;
    }
    assert!(n > 0, "nobody speaks");
    sum / f64::from(n)
}

fn windows(samples: &[i16]) -> impl Iterator<Item = &[i16]> {
    samples.windows(WINDOW).step_by(HOP)
}

/// Power in each band.
fn bands(window: &[i16]) -> [f64; BANDS] {
    std::array::from_fn(|band| (0..BAND).map(|bin| power_at(window, FIRST + band * BAND + bin)).sum())
}

fn power_at(window: &[i16], bin: usize) -> f64 {
    // Goertzel with a Hann window.
    let turn = std::f64::consts::TAU / WINDOW as f64;
    let coefficient = 2.0 * (turn * bin as f64).cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for (i, s) in window.iter().enumerate() {
        let hann = 0.5 - 0.5 * (turn * i as f64).cos();
        let s0 = f64::from(*s) * hann + coefficient * s1 - s2;
        (s2, s1) = (s1, s0);
    }
    s1 * s1 + s2 * s2 - coefficient * s1 * s2
}
