//! `hotline models adapt`: how noise changes the sound that the embedded recogniser expects.

use std::io::Write;
use std::path::Path;

/// Recordings of these folders, but not every so many of them, by which figures are made (`bench asr --every`).
#[cfg(feature = "pocketsphinx")]
const LEFT_OUT: [(&str, usize); 3] = [("digits", 15), ("commands", 4), ("words", 0)];

/// Of single digits so many go by for one that is used: there are more of them than of everything else.
#[cfg(feature = "pocketsphinx")]
const DIGITS_STEP: usize = 4;

/// Decibels of the speech above the noise.
#[cfg(feature = "pocketsphinx")]
const RATIOS: [f32; 2] = [10.0, 15.0];

/// Samples of quiet before and after, as on a call.
#[cfg(feature = "pocketsphinx")]
const QUIET: (usize, usize) = (2_560, 4_000);

/// Writes the map.
///
/// # Errors
/// One sentence with the remedy: no recordings, no model, a file that cannot be written.
#[cfg(feature = "pocketsphinx")]
pub(crate) fn adapt(recordings: &Path, file: &Path, out: &mut dyn Write) -> anyhow::Result<bool> {
    use crate::audio::{Dice, Pcm, add_background, add_white, companded, decode_file};
    use crate::cli::asr::read_table;
    use anyhow::Context as _;

    let mut rows = Vec::new();
    for (folder, left_out) in LEFT_OUT {
        let table = read_table(&recordings.join(folder).join("index.tsv"), &[]).map_err(anyhow::Error::msg)?;
        let step = if folder == "digits" { DIGITS_STEP } else { 1 };
        let kept = table.into_iter().enumerate().filter(|(i, _)| left_out == 0 || i % left_out != 0);
        rows.extend(kept.filter(|(i, _)| i % step == step / 2).map(|(_, row)| row));
    }
    let kitchen = recordings.join("kitchen-noise.wav");
    let kitchen = std::fs::read(&kitchen).with_context(|| format!("cannot read {}", kitchen.display()))?;
    let kitchen = decode_file(&kitchen, None)?.samples;
    let pink = pink();
    let sounds = rows.iter().map(crate::cli::asr::Row::read).collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::msg)?;
    let mut engine = crate::speech::PocketSphinx::load().map_err(anyhow::Error::msg)?;
    let pairs =
        RATIOS.iter().flat_map(|ratio| ["white", "pink", "kitchen"].map(|noise| (*ratio, noise))).flat_map(|(ratio, noise)| {
            eprintln!("models adapt: {} recordings in {noise} noise, {ratio} dB", sounds.len());
            let (kitchen, pink) = (&kitchen, &pink);
            sounds.iter().zip(1u32..).map(move |(sound, seed)| {
                let mut dice = Dice::new(seed);
                let mut quiet = |samples: usize| {
                    let mut line = vec![0i16; samples];
                    dice.add_noise(&mut line, 8.0);
                    line
                };
                let clean = [quiet(QUIET.0), sound.samples.clone(), quiet(QUIET.1)].concat();
                let mut noisy = clean.clone();
                match noise {
                    "white" => add_white(&mut noisy, ratio, seed),
                    "pink" => add_background(&mut noisy, pink, ratio, seed),
                    _ => add_background(&mut noisy, kitchen, ratio, seed),
                }
                companded(&mut noisy);
                (Pcm { samples: clean }, Pcm { samples: noisy })
            })
        });
    let (map, seconds) = engine.noise_map(pairs).map_err(anyhow::Error::msg)?;
    std::fs::write(file, map).with_context(|| format!("cannot write {}", file.display()))?;
    writeln!(out, "{}: from {} recordings, {seconds} s of speech in noise.", file.display(), sounds.len())?;
    writeln!(
        out,
        "Build hotline again to use it, and see what it does: hotline bench asr --sets digits --conditions white10,kitchen10"
    )?;
    Ok(true)
}

/// Half a minute of noise as of a road or a crowd far away: every octave as loud as the next (P. Kellet's filter of white noise).
#[cfg(feature = "pocketsphinx")]
fn pink() -> Vec<i16> {
    let mut dice = crate::audio::Dice::new(7);
    let mut b = [0.0f32; 3];
    let sample = |_| {
        let white = dice.normal();
        for (state, (keep, take)) in b.iter_mut().zip([(0.997_65, 0.099_046), (0.963, 0.296_516_4), (0.57, 1.052_691_3)]) {
            *state = keep * *state + take * white;
        }
        ((b.iter().sum::<f32>() + white * 0.184_8) * 800.0) as i16
    };
    (0..240_000).map(sample).collect()
}

/// Says that it cannot.
///
/// # Errors
/// Always.
#[cfg(not(feature = "pocketsphinx"))]
pub(crate) fn adapt(_recordings: &Path, _file: &Path, _out: &mut dyn Write) -> anyhow::Result<bool> {
    anyhow::bail!("this hotline was built without PocketSphinx; build it with --features pocketsphinx")
}

#[cfg(all(test, feature = "pocketsphinx"))]
mod tests {
    #[test]
    fn pink_noise_falls_by_three_decibels_an_octave() {
        let noise = super::pink();
        let power = |from: f32, to: f32| -> f32 {
            // Goertzel at a few places of the octave, over stretches of 64 ms.
            let places = (0..8).map(|i| from * (to / from).powf(i as f32 / 8.0));
            places
                .map(|hertz| {
                    let turn = 2.0 * (std::f32::consts::TAU * hertz / 8_000.0).cos();
                    let stretch = |c: &[i16]| {
                        let (mut a, mut b) = (0.0f32, 0.0f32);
                        c.iter().for_each(|s| (a, b) = (f32::from(*s) + turn * a - b, a));
                        a * a + b * b - turn * a * b
                    };
                    noise.chunks_exact(512).map(stretch).sum::<f32>()
                })
                .sum()
        };
        let falls = 10.0 * (power(200.0, 400.0) / power(1_600.0, 3_200.0)).log10();
        assert!((7.5..10.5).contains(&falls), "{falls} dB in three octaves");
    }
}
