//! A loud noise on the line: what can be taken away is, and the acoustic model expects what is left of the sound.

use super::super::adaptation::{Fit, STREAMS, variances};
use super::super::decoder::CEPSTRA;
use super::super::line::{self, Noise};
use super::{PocketSphinx, model_folder};
use crate::audio::{Denoiser, Pcm, upsample_linear_2x};

/// How noise moves the model, found by `hotline models adapt` from real people's speech in white and pink noise and in a kitchen.
const MAP: &str = include_str!("../../../models/noise.mllr");

/// The map that changes nothing.
fn identity() -> String {
    let row = |one: usize| (0..CEPSTRA).map(|i| if i == one { "1" } else { "0" }).collect::<Vec<_>>().join(" ");
    let stream = {
        let matrix: Vec<String> = (0..CEPSTRA).map(row).collect();
        format!("{CEPSTRA}\n{}\n{}\n{}\n", matrix.join("\n"), row(CEPSTRA), ["1"; CEPSTRA].join(" "))
    };
    format!("1\n{STREAMS}\n{}", stream.repeat(STREAMS))
}

/// Sound from which the noise is learnt at the latest, 16 kHz: 1.3 s.
const LEARNT_FROM: usize = 21_000;

impl PocketSphinx {
    /// Has all decoders expect noisy or quiet sound from the next utterance on. Moving takes some milliseconds, so only when it changes.
    pub(super) fn expect_noise(&mut self, noisy: bool) {
        if noisy == self.moved {
            return;
        }
        let text = if noisy { MAP.to_string() } else { identity() };
        let decoders = [&mut self.main.decoder, &mut self.spotter.decoder, &mut self.phones];
        let moved =
            self.scratch.write("noise.mllr", &text).and_then(|file| decoders.into_iter().try_for_each(|d| d.adapt(&file)));
        match moved {
            Ok(()) => self.moved = noisy,
            // It hears on with what it expected before.
            Err(why) => tracing::warn!("the model does not follow the noise: {why}"),
        }
    }

    /// Finds how noise moves the model, from pairs of the same speech without and with noise (8 kHz, with quiet before it). Gives the map's
    /// file and the seconds of speech that it rests on.
    ///
    /// # Errors
    /// One sentence when the model cannot be read or there is too little speech.
    pub fn noise_map(&mut self, pairs: impl Iterator<Item = (Pcm, Pcm)>) -> Result<(String, u64), String> {
        let path = model_folder().join("en-us/en-us/variances");
        let file = std::fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let variances = variances(&file).ok_or_else(|| format!("{} is of another kind of model", path.display()))?;
        let mut fit = Fit::default();
        for (clean, noisy) in pairs {
            let (clean, noisy) = (wide(&clean), wide(&noisy));
            let learnt = (line::noise_under(&noisy) == Noise::Loud)
                .then(|| Denoiser::learn(&noisy[..noisy.len().min(LEARNT_FROM)]))
                .flatten();
            // Where nothing would be taken away the map is not used either.
            let Some(mut denoiser) = learnt else { continue };
            let mut rest = denoiser.push(&noisy);
            rest.extend(denoiser.flush());
            fit.add(&self.phones.cepstra(&clean), &self.phones.cepstra(&rest));
        }
        let map = fit.file(&variances).ok_or("too little noisy speech: a hundred recordings are needed")?;
        Ok((map, fit.frames() / 100))
    }
}

/// As the engine hears it: at 16 kHz.
fn wide(sound: &Pcm) -> Vec<i16> {
    let mut out = vec![0; sound.samples.len() * 2];
    upsample_linear_2x(&sound.samples, &mut 0, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_maps_are_whole() {
        for map in [MAP.to_string(), identity()] {
            let lines: Vec<Vec<f32>> =
                map.lines().map(|l| l.split(' ').map(|v| v.parse().expect("a number")).collect()).collect();
            assert_eq!((lines.len(), &lines[..2]), (2 + STREAMS * (CEPSTRA + 3), &[vec![1.0], vec![3.0]][..]));
            for stream in lines[2..].chunks(CEPSTRA + 3) {
                assert_eq!(stream[0], [13.0]);
                assert!(stream[1..].iter().all(|row| row.len() == CEPSTRA && row.iter().all(|v| v.abs() < 60.0)));
                assert!(stream[CEPSTRA + 2].iter().all(|factor| (0.1..10.0).contains(factor)), "{stream:?}");
            }
        }
    }
}
