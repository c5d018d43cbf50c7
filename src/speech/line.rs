//! What a call's line sounds like: its cepstral mean, and what of it is speech. Pure.

/// The cepstral mean of telephone speech, as measured over the development speakers; a call's own mean replaces it.
const LINE_MEAN: [f32; 13] = [36.4, -2.9, -7.6, 2.6, 0.1, -4.6, -3.9, 0.4, -1.2, 3.3, -2.9, -0.5, 1.3];

/// The running cepstral mean of one call's line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LineMean {
    pub(crate) mean: Vec<f32>,
    /// Frames it rests on; grows to [`LineMean::WEIGHT_MAX`], so that later utterances move it less.
    weight: f32,
}

impl Default for LineMean {
    fn default() -> LineMean {
        LineMean { mean: LINE_MEAN.to_vec(), weight: LineMean::WEIGHT_MIN }
    }
}

impl LineMean {
    /// A new line: a third of a second of speech decides as much as the mean of all lines.
    const WEIGHT_MIN: f32 = 30.0;
    /// A known line still follows a handset that is moved.
    const WEIGHT_MAX: f32 = 400.0;

    /// Moves towards an utterance's own mean.
    pub(crate) fn learn(&mut self, own: &[f32], frames: f32) {
        if own.len() != self.mean.len() || own.iter().any(|v| !v.is_finite()) {
            return;
        }
        for (mine, own) in self.mean.iter_mut().zip(own) {
            *mine = (*mine * self.weight + own * frames) / (self.weight + frames);
        }
        self.weight = (self.weight + frames).min(LineMean::WEIGHT_MAX);
    }

    pub(crate) fn read(values: &[f32]) -> Option<LineMean> {
        let (weight, mean) = values.split_last()?;
        (mean.len() == LINE_MEAN.len() && values.iter().all(|v| v.is_finite() && v.abs() < 1_000.0))
            .then(|| LineMean { mean: mean.to_vec(), weight: weight.clamp(LineMean::WEIGHT_MIN, LineMean::WEIGHT_MAX) })
    }

    pub(crate) fn write(&self) -> Vec<f32> {
        self.mean.iter().copied().chain([self.weight]).collect()
    }
}

/// Samples in 10 ms at 16 kHz.
pub(crate) const STRETCH: usize = 160;

/// How far below the loudest 10 ms a stretch may be and still count as speech; and how far above the quietest tenth it must be
/// where a loud background leaves less room than that, but never less than so far below the loudest. Ratios of power.
const BELOW_LOUDEST: f32 = 0.003_16;
const ABOVE_QUIETEST: f32 = 8.0;
const NEVER_ABOVE: f32 = 0.25;

/// Power below which nothing is loud: that of the noise that is put around each utterance.
const NOISE_LEAST: f32 = 400.0;

/// Stretches around a loud one that belong to it: quiet consonants, 50 ms.
const AROUND: usize = 5;

/// A mean can rest on so much speech; a short word is waited for so long from its beginning; and where nothing stands out from the
/// background nobody waits longer than this. Stretches.
const ENOUGH: usize = 60;
const SHORT_WORD: usize = 75;
const NOTHING_STANDS_OUT: usize = 180;

/// Where the loudest stretch is less than this above the quietest tenth (28 dB, power), a noise is worth taking away: telephone speech
/// of the development speakers has 30 dB at least, with white noise or a kitchen of 10 or 15 dB it has 27 at most.
const NOISY_BELOW: f32 = 631.0;

/// Where it is less than this (24 dB), the sound is moved so far that the acoustic model must follow: speech 10 or 15 dB above a noise has 23 at
/// most. The noise must be heard alone for so many stretches in a row (180 ms; four times its quietest tenth): a recording that is cut tightly
/// has none, and its quietest tenth is speech.
const LOUD_BELOW: f32 = 251.0;
const ALONE: usize = 18;
const AS_LOUD: f32 = 4.0;

/// How loud each stretch is, and how loud it must be to count as speech.
struct Stretches {
    powers: Vec<f32>,
    least: f32,
    /// Whether speech stands out from what is behind it.
    clear: bool,
    /// How far the loudest stands out from the quietest tenth, and that tenth. Power.
    over: f32,
    quietest: f32,
}

impl Stretches {
    fn of(wide: &[i16]) -> Stretches {
        let power = |c: &[i16]| c.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() / STRETCH as f32;
        let powers: Vec<f32> = wide.chunks_exact(STRETCH).map(power).collect();
        let mut sorted = powers.clone();
        sorted.sort_by(f32::total_cmp);
        let loudest = sorted.last().copied().unwrap_or(0.0);
        let quietest = sorted.get(sorted.len() / 10).copied().unwrap_or(0.0);
        let least = (loudest * BELOW_LOUDEST).max((quietest * ABOVE_QUIETEST).min(loudest * NEVER_ABOVE)).max(1.0);
        let over = loudest / quietest.max(1.0);
        Stretches { powers, least, clear: over > ABOVE_QUIETEST, over, quietest }
    }

    fn speaks(&self, i: usize) -> bool {
        let near = &self.powers[i.saturating_sub(AROUND)..(i + AROUND + 1).min(self.powers.len())];
        near.iter().any(|p| *p >= self.least)
    }
}

/// The parts of a sound (16 kHz) in which somebody speaks. The cepstral mean must rest on them: with the silence around an order of
/// eight seconds in it, a third of 30 real orders came out right, without it two thirds.
pub(crate) fn speech_in(wide: &[i16]) -> Vec<i16> {
    let stretches = Stretches::of(wide);
    let spoken = wide.chunks_exact(STRETCH).enumerate().filter(|(i, _)| stretches.speaks(*i));
    spoken.flat_map(|(_, stretch)| stretch.iter().copied()).collect()
}

/// What lies under a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    /// Nothing worth taking away.
    Quiet,
    /// A noise that is worth taking away.
    Noisy,
    /// One so loud that the acoustic model must follow, too.
    Loud,
}

/// What lies under a sound (16 kHz). Silence has nothing under it.
pub(crate) fn noise_under(wide: &[i16]) -> Noise {
    let Stretches { powers, clear, over, quietest, .. } = Stretches::of(wide);
    if over >= NOISY_BELOW || !powers.iter().any(|p| *p > NOISE_LEAST) {
        return Noise::Quiet;
    }
    let alone = |p: &f32| *p <= quietest * AS_LOUD;
    let heard_alone = || powers.split(|p| !alone(p)).any(|run| run.len() >= ALONE);
    match clear && over < LOUD_BELOW && quietest > NOISE_LEAST && heard_alone() {
        true => Noise::Loud,
        false => Noise::Noisy,
    }
}

/// Whether so much speech has come (16 kHz) that a search may begin with its mean.
pub(crate) fn settled(wide: &[i16]) -> bool {
    let stretches = Stretches::of(wide);
    let all = stretches.powers.len();
    if !stretches.clear {
        return all >= NOTHING_STANDS_OUT;
    }
    let first = (0..all).find(|i| stretches.speaks(*i)).unwrap_or(all);
    all - first >= SHORT_WORD || (0..all).filter(|i| stretches.speaks(*i)).count() >= ENOUGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Dice;

    fn tone(level: f32, stretches: usize) -> Vec<i16> {
        (0..stretches * STRETCH).map(|i| ((i as f32 * 0.4).sin() * level) as i16).collect()
    }

    #[test]
    fn silence_and_background_are_no_speech() {
        for background in [3.0, 300.0] {
            let mut sound = [tone(0.0, 100), tone(4_000.0, 40), tone(0.0, 100)].concat();
            Dice::new(1).add_noise(&mut sound, background);
            let speech = speech_in(&sound);
            let stretches = speech.len() / STRETCH;
            assert!((45..=55).contains(&stretches), "{stretches} before a background of {background}");
        }
        assert!(speech_in(&[]).is_empty() && speech_in(&tone(0.0, 50)).is_empty());
        // Where everything is equally loud, everything counts.
        assert_eq!(speech_in(&tone(1_000.0, 50)).len(), 50 * STRETCH);
    }

    #[test]
    fn noise_is_known_by_how_little_speech_stands_out() {
        let mut sound = [tone(0.0, 50), tone(4_000.0, 50)].concat();
        assert_eq!([&sound[..], &[0; 16_000], &[]].map(noise_under), [Noise::Quiet; 3]);
        Dice::new(1).add_noise(&mut sound, 20.0);
        assert_eq!(noise_under(&sound), Noise::Quiet);
        let mut loud = sound.clone();
        Dice::new(1).add_noise(&mut sound, 130.0);
        assert_eq!(noise_under(&sound), Noise::Noisy);
        Dice::new(1).add_noise(&mut loud, 500.0);
        assert_eq!(noise_under(&loud), Noise::Loud);
        // Cut tightly: the quietest part is speech.
        assert_eq!(noise_under(&[tone(800.0, 10), tone(4_000.0, 30), tone(900.0, 15)].concat()), Noise::Noisy);
    }

    #[test]
    fn the_search_waits_for_speech_but_not_for_long() {
        let after = |quiet: usize, speech: usize, more: usize| {
            let mut sound = [tone(0.0, quiet), tone(4_000.0, speech), tone(0.0, more)].concat();
            Dice::new(1).add_noise(&mut sound, 3.0);
            settled(&sound)
        };
        // Silence before it is not waited for, nor counted.
        assert!(!after(150, 40, 0) && after(150, 61, 0) && after(30, 61, 0));
        assert!(!after(30, 20, 20) && after(30, 20, 70), "a short word");
        assert!(!settled(&tone(1_000.0, 170)) && settled(&tone(1_000.0, 180)), "a loud background");
    }
}
