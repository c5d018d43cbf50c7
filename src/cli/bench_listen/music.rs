//! Sound that is not a caller, made by rule: pieces of music of several styles and timbres, and the tones of exchanges and fax machines.

use crate::audio::{Dice, LINE_RATE};
use std::f32::consts::TAU;

const RATE: f32 = LINE_RATE as f32;
/// Semitones of the scales.
const SCALES: [[i32; 7]; 2] = [[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]];

/// Who plays.
#[derive(Clone, Copy)]
enum Timbre {
    /// Falls off like a struck or plucked string, share of its power left after a second, harmonics.
    Struck(f32),
    /// Is held, with so much vibrato (share of the pitch).
    Held(f32),
}

/// Half a minute of music; every seed is another piece: melody, arpeggios, chords, or a band with bass and drums.
pub(crate) fn piece(seed: u32) -> Vec<i16> {
    let mut dice = Dice::new(seed.wrapping_add(77));
    let mut out = vec![0f32; LINE_RATE as usize * 30];
    let beat = 60.0 / (60.0 + 100.0 * dice.uniform());
    let root = dice.below(12) as i32 - 6;
    let scale = SCALES[dice.below(2)];
    let timbres = [Timbre::Struck(0.1), Timbre::Struck(0.4), Timbre::Held(0.0), Timbre::Held(0.004)];
    let (lead, chords) = (timbres[dice.below(4)], timbres[dice.below(4)]);
    let hertz = |degree: i32| {
        let octave = degree.div_euclid(7);
        261.63 * 2f32.powf((root + scale[degree.rem_euclid(7) as usize] + 12 * octave) as f32 / 12.0)
    };
    let style = seed % 4;
    let (mut at, mut degree) = (0.0, 2i32);
    while at < 30.0 {
        let chord = [0, 3, 4, 5][dice.below(4)];
        for k in 0..8 {
            let when = at + k as f32 * beat / 2.0;
            if style == 1 {
                note(&mut out, when, hertz(chord + [0, 2, 4, 7][k % 4]), beat * 0.9, lead, 0.5);
            } else if style != 2 && dice.uniform() > 0.3 {
                degree = (degree + dice.below(5) as i32 - 2).clamp(-2, 9);
                note(&mut out, when, hertz(degree), beat * 0.45, lead, 0.6);
            }
        }
        if style >= 2 {
            [0, 2, 4].iter().for_each(|step| note(&mut out, at, hertz(chord + step), beat * 3.9, chords, 0.35));
        }
        if style == 3 {
            for k in 0..4 {
                note(&mut out, at + k as f32 * beat, hertz(chord - 14), beat * 0.8, Timbre::Struck(0.1), 0.6);
                drum(&mut out, at + (k as f32 + 0.5) * beat, &mut dice);
            }
        }
        at += 4.0 * beat;
    }
    out.into_iter().map(|s| (s * 3_000.0) as i16).collect()
}

fn note(out: &mut [f32], at: f32, hertz: f32, seconds: f32, timbre: Timbre, loudness: f32) {
    let start = (at * RATE) as usize;
    let (rise, held, vibrato, falls) = match timbre {
        Timbre::Struck(left) => (0.005, seconds + 0.5, 0.0, -left.ln()),
        Timbre::Held(vibrato) => (0.04, seconds, vibrato, 0.0),
    };
    let (mut phase, n) = (0.0f32, (held * RATE) as usize);
    for (i, sample) in out.iter_mut().skip(start).take(n).enumerate() {
        let t = i as f32 / RATE;
        phase = (phase + hertz * (1.0 + vibrato * (TAU * 5.5 * t).sin()) / RATE).fract();
        let shape = (t / rise).min(1.0) * ((held - t) / 0.05).min(1.0) * (-falls * t).exp();
        let wave: f32 = (1..=6u8)
            .filter(|h| f32::from(*h) * hertz < 3_600.0)
            .map(|h| (TAU * phase * f32::from(h)).sin() / f32::from(h))
            .sum();
        *sample += loudness * shape * wave;
    }
}

fn drum(out: &mut [f32], at: f32, dice: &mut Dice) {
    for (i, sample) in out.iter_mut().skip((at * RATE) as usize).take(800).enumerate() {
        *sample += 0.5 * dice.normal() * (-(i as f32) / 250.0).exp();
    }
}

/// Frequencies, and milliseconds on and off.
type Tone = (&'static [f32], &'static [(u32, u32)]);

/// Tones that a line plays by itself: each with its frequencies and its cadence, milliseconds on and off (ITU-T E.180, Q.35, T.30).
const TONES: [Tone; 9] = [
    (&[425.0], &[(1_000, 4_000)]),
    (&[440.0, 480.0], &[(2_000, 4_000)]),
    (&[400.0, 450.0], &[(400, 200), (400, 2_000)]),
    (&[425.0], &[(500, 500)]),
    (&[480.0, 620.0], &[(250, 250)]),
    (&[350.0, 440.0], &[(10_000, 0)]),
    (&[1_100.0], &[(500, 3_000)]),
    (&[2_100.0], &[(3_300, 1_000)]),
    (&[1_000.0], &[(300, 3_000)]),
];

/// One of the tones, as long as a piece.
pub(crate) fn tone(which: usize) -> Vec<i16> {
    let (hertz, cadence) = TONES[which % TONES.len()];
    let mut out = Vec::with_capacity(LINE_RATE as usize * 30);
    for (on, off) in cadence.iter().cycle() {
        if out.len() >= LINE_RATE as usize * 30 {
            break;
        }
        let n = (*on * LINE_RATE / 1_000) as usize;
        out.extend((0..n).map(|i| {
            let turns = |h: &f32| (f64::from(*h) * i as f64 / f64::from(RATE)).fract() as f32;
            (hertz.iter().map(|h| (TAU * turns(h)).sin()).sum::<f32>() * 2_500.0) as i16
        }));
        out.resize(out.len() + (*off * LINE_RATE / 1_000) as usize, 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::rms_dbfs;

    #[test]
    fn pieces_and_tones_sound_and_differ() {
        let pieces: Vec<Vec<i16>> = (0..8).map(piece).collect();
        for (i, p) in pieces.iter().enumerate() {
            assert!(p.len() == 240_000 && (-40.0..-10.0).contains(&rms_dbfs(p)), "{i}: {}", rms_dbfs(p));
            assert!(i == 0 || *p != pieces[i - 1]);
        }
        assert!((0..TONES.len()).all(|t| rms_dbfs(&tone(t)) > -45.0));
    }
}
