//! Proofs on sound: which tone a recording holds. Used where somebody must have heard somebody.

use crate::audio::LINE_RATE;

/// A piece this long is looked at at a time: 100 ms.
const PIECE: usize = LINE_RATE as usize / 10;

/// Longest stretch, in milliseconds, during which `hertz` holds most of the energy of the sound (Goertzel's algorithm on
/// pieces of 100 ms). Silence counts as nothing.
pub(crate) fn tone_ms(samples: &[i16], hertz: f32) -> u32 {
    let mut best = 0;
    let mut run = 0;
    for piece in samples.chunks_exact(PIECE) {
        run = if share(piece, hertz) > 0.5 { run + 100 } else { 0 };
        best = best.max(run);
    }
    best
}

/// Share of the piece's energy at this frequency, 0–1.
fn share(piece: &[i16], hertz: f32) -> f32 {
    let w = std::f32::consts::TAU * hertz / LINE_RATE as f32;
    let coefficient = 2.0 * w.cos();
    let (mut s1, mut s2, mut energy) = (0.0f32, 0.0f32, 0.0f32);
    for &sample in piece {
        let x = f32::from(sample);
        let s0 = x + coefficient * s1 - s2;
        (s2, s1) = (s1, s0);
        energy += x * x;
    }
    if energy < 10_000.0 * piece.len() as f32 {
        return 0.0;
    }
    let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    power * 2.0 / (piece.len() as f32 * energy)
}

/// A sine of `millis` at `hertz`, for a party to prove itself by.
pub(crate) fn tone(hertz: f32, millis: u32) -> Vec<i16> {
    let length = LINE_RATE * millis / 1_000;
    (0..length).map(|i| ((i as f32 * hertz * std::f32::consts::TAU / LINE_RATE as f32).sin() * 8_000.0) as i16).collect()
}

/// One channel of a recording: 0 = left (said), 1 = right (heard).
///
/// # Errors
/// When the file is no 16-bit WAV.
pub(crate) fn channel(path: &std::path::Path, index: usize) -> Result<Vec<i16>, hound::Error> {
    let mut wav = hound::WavReader::open(path)?;
    let channels = usize::from(wav.spec().channels.max(1));
    wav.samples::<i16>().skip(index.min(channels - 1)).step_by(channels).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_by_its_own_frequency_only() {
        let mut sound = vec![0i16; 4_000];
        sound.extend(tone(440.0, 1_500));
        assert!((1_300..=1_500).contains(&tone_ms(&sound, 440.0)));
        assert_eq!(tone_ms(&sound, 1_000.0), 0);
        assert_eq!(tone_ms(&[0; 8_000], 440.0), 0);
    }
}
