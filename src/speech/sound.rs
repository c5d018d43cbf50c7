//! Making synthesised speech and recordings fit the line: 8 kHz, no dead air at the ends, one loudness. Pure.

use crate::audio::{LINE_RATE, Pcm, Rate, gain, peak, resample, rms_dbfs};

/// Loudness of speech that callers find comfortable, dBFS over the parts that sound (ITU-T P.56 active level, roughly).
const LEVEL_DBFS: f32 = -20.0;

/// Loudest sample after normalising: −3 dBFS.
const PEAK_MAX: f32 = 23_197.0;

/// What counts as dead air.
const SILENCE: u16 = 120;

/// How much of the silence at the ends stays: 40 ms.
const KEPT: usize = 320;

/// Any rate to the line's.
#[cfg_attr(not(feature = "flite"), allow(dead_code))]
pub(crate) fn to_line(samples: &[i16], hertz: u32) -> Result<Pcm, String> {
    let rate = |hertz| Rate::new(hertz).map_err(|e| e.to_string());
    Ok(Pcm { samples: resample(samples, rate(hertz)?, rate(LINE_RATE)?).map_err(|e| e.to_string())? })
}

/// Cuts silence at both ends and brings speech to one loudness.
pub(crate) fn polish(pcm: &mut Pcm) {
    let loud = |s: &i16| s.unsigned_abs() > SILENCE;
    let (Some(first), Some(last)) = (pcm.samples.iter().position(loud), pcm.samples.iter().rposition(loud)) else { return };
    pcm.samples.truncate((last + 1 + KEPT).min(pcm.samples.len()));
    pcm.samples.drain(..first.saturating_sub(KEPT));
    let sounding: Vec<i16> =
        pcm.samples.chunks(160).filter(|c| peak(c) > SILENCE * 3).flat_map(|c| c.iter().copied()).collect();
    if sounding.is_empty() {
        return;
    }
    let room = 20.0 * (PEAK_MAX / f32::from(peak(&pcm.samples)).max(1.0)).log10();
    gain(&mut pcm.samples, (LEVEL_DBFS - rms_dbfs(&sounding)).clamp(-24.0, 24.0).min(room));
}

/// Puts small pauses between digits or letters that stand alone (`1 2 3` as the flow's `spell` writes them).
pub(crate) fn with_pauses(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let alone = |w: &str| w.chars().count() == 1 && w.chars().all(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len() + 16);
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        out.push_str(word);
        let digits = alone(word) && words.get(i + 1).is_some_and(|next| alone(next));
        if digits && (word.chars().all(|c| c.is_ascii_digit()) || words[i + 1].chars().all(|c| c.is_ascii_digit())) {
            out.push(',');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelt_digits_get_pauses_and_prose_does_not() {
        assert_eq!(with_pauses("Parcel 1 2 3 is a box"), "Parcel 1, 2, 3 is a box");
        assert_eq!(with_pauses("I have a car"), "I have a car");
    }

    #[test]
    fn ends_are_cut_and_the_level_is_set() {
        let tone = (0..8_000).map(|i| if i % 20 < 10 { 900 } else { -900 });
        let mut pcm = Pcm { samples: std::iter::repeat_n(0, 8_000).chain(tone).chain(std::iter::repeat_n(0, 8_000)).collect() };
        polish(&mut pcm);
        assert_eq!(pcm.samples.len(), 8_000 + 2 * KEPT);
        assert!((rms_dbfs(&pcm.samples[KEPT..8_000]) - LEVEL_DBFS).abs() < 1.0);
        let mut silence = Pcm { samples: vec![0; 800] };
        polish(&mut silence);
        assert_eq!(silence.samples.len(), 800);
    }
}
