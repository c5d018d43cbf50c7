//! The limits of ITU-T Q.24, through codecs and noise; and speech, which presses nothing.

use super::*;
use crate::audio::{Decoder, Encoder, decode_file};
use crate::base::Codec;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::path::Path;

/// A line: tones are added to it, then it is heard.
struct Line(Vec<f32>);

impl Line {
    fn quiet(&mut self, ms: usize) {
        self.0.extend(std::iter::repeat_n(0.0, ms * 8));
    }

    /// A key for so long; `off` = factor on its frequencies, `row_db` and `column_db` = levels in dBFS.
    fn key(&mut self, key: char, ms: usize, off: f32, row_db: f32, column_db: f32) {
        let place = KEYS.iter().position(|k| char::from(*k) == key).expect("a key");
        let wave =
            |hertz: f32, db: f32, n: usize| 32_768.0 * 10f32.powf(db / 20.0) * (TAU * hertz * off * n as f32 / 8_000.0).sin();
        self.0.extend((0..ms * 8).map(|n| wave(ROWS[place / 4], row_db, n) + wave(COLUMNS[place % 4], column_db, n)));
    }

    /// White noise of this level over everything.
    fn noise(&mut self, db: f32, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let amplitude = 32_768.0 * 10f32.powf(db / 20.0) * 3f32.sqrt();
        self.0.iter_mut().for_each(|s| *s += rng.random_range(-1.0..1.0) * amplitude);
    }

    fn samples(&self) -> Vec<i16> {
        self.0.iter().map(|s| *s as i16).collect()
    }

    fn heard(&self) -> String {
        heard(&self.samples())
    }
}

fn heard(samples: &[i16]) -> String {
    let mut detector = DtmfDetector::new();
    let frames = samples.chunks_exact(160).map(|c| Frame { samples: c.try_into().expect("160") });
    frames.filter_map(|f| detector.push(&f)).map(|d| d.as_char()).collect()
}

const ALL: &str = "123A456B789C*0#D";

/// All keys, 40 ms on and 40 ms off, at every alignment to frames and blocks.
fn at_every_alignment(off: f32, row_db: f32, column_db: f32) -> Vec<Line> {
    let each = |shift: usize| {
        let mut line = Line(vec![0.0; shift]);
        for key in ALL.chars() {
            line.key(key, 40, off, row_db, column_db);
            line.quiet(40);
        }
        line.quiet(100);
        line
    };
    (0..51).step_by(3).map(each).collect()
}

#[test]
fn the_shortest_keys_are_heard_once_each_within_the_limits() {
    // Levels, twist both ways, frequencies 1.5 % off both ways (Q.24 tables).
    for (off, row, column) in [
        (1.0, -10.0, -10.0),
        (1.0, -3.0 - 6.0, -9.0),
        (1.0, -28.0, -28.0),
        (1.0, -14.0, -10.0),
        (1.0, -10.0, -18.0),
        (1.015, -12.0, -12.0),
        (0.985, -12.0, -12.0),
    ] {
        for line in at_every_alignment(off, row, column) {
            assert_eq!(line.heard(), ALL, "{off} {row} {column}");
        }
    }
}

#[test]
fn noise_and_codecs_do_not_hide_keys() {
    for (n, mut line) in at_every_alignment(1.0, -12.0, -12.0).into_iter().enumerate() {
        line.noise(-28.0, n as u64);
        assert_eq!(line.heard(), ALL, "16 dB of noise");
    }
    for codec in Codec::ALL {
        let mut line = Line(Vec::new());
        for key in ALL.chars() {
            line.key(key, 80, 1.0, -12.0, -12.0);
            line.quiet(80);
        }
        line.quiet(200);
        let (mut encoder, mut decoder, mut bytes) = (Encoder::new(codec), Decoder::new(codec), [0; 400]);
        let mut out = Vec::new();
        for (n, chunk) in (0u32..).zip(line.samples().chunks_exact(160)) {
            let len = encoder.encode(chunk, &mut bytes);
            let mut frame = [0; 160];
            decoder.decode(n, &bytes[..len], 0, &mut frame);
            out.extend(frame);
        }
        assert_eq!(heard(&out), ALL, "{codec:?}");
    }
}

#[test]
fn what_is_too_short_too_far_off_or_interrupted_is_no_key_or_one() {
    let one = |line: &dyn Fn(&mut Line)| {
        let mut l = Line(vec![0.0; 800]);
        line(&mut l);
        l.quiet(200);
        l.heard()
    };
    assert_eq!(one(&|l| l.key('5', 20, 1.0, -10.0, -10.0)), "", "20 ms");
    assert_eq!(one(&|l| l.key('5', 100, 1.05, -10.0, -10.0)), "", "5 % off");
    assert_eq!(one(&|l| l.key('5', 100, 1.0, -10.0, -30.0)), "", "20 dB of twist");
    assert_eq!(one(&|l| l.key('5', 100, 1.0, -30.0, -10.0)), "", "20 dB of twist");
    assert_eq!(one(&|l| l.key('5', 100, 1.0, -55.0, -55.0)), "", "too quiet");
    let interrupted = one(&|l| {
        l.key('5', 60, 1.0, -10.0, -10.0);
        l.quiet(10);
        l.key('5', 60, 1.0, -10.0, -10.0);
    });
    assert_eq!(interrupted, "5", "an interruption of 10 ms");
    assert_eq!(one(&|l| l.key('5', 3_000, 1.0, -10.0, -10.0)), "5", "held for three seconds");
}

#[test]
fn any_samples_are_survived() {
    let mut rng = StdRng::seed_from_u64(4);
    let (mut detector, mut pressed) = (DtmfDetector::new(), 0);
    for n in 0..10_000u32 {
        let mut frame = Frame::SILENCE;
        match n % 4 {
            0 => frame.samples.fill(if n % 8 == 0 { i16::MIN } else { i16::MAX }),
            1 => frame.samples.iter_mut().enumerate().for_each(|(i, s)| *s = if i % 2 == 0 { i16::MIN } else { i16::MAX }),
            _ => rng.fill(&mut frame.samples[..]),
        }
        pressed += u32::from(detector.push(&frame).is_some());
        assert!(detector.filled < BLOCK);
    }
    assert_eq!(pressed, 0, "noise is no key");
}

/// All speech that there is: the fixtures, and the evaluation sets where the checkout has them.
#[test]
fn speech_presses_no_keys() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("audio-fixtures"), root.join("../shared/eval"), root.join("shared/eval")];
    let (mut seconds, mut digits) = (0.0, String::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "wav") {
                let Some(sound) = std::fs::read(&path).ok().and_then(|b| decode_file(&b, Some("wav")).ok()) else { continue };
                seconds += sound.samples.len() as f64 / 8_000.0;
                digits.push_str(&heard(&sound.samples));
            }
        }
    }
    let an_hour = digits.len() as f64 * 3_600.0 / seconds;
    println!("{} false digits ({digits}) in {seconds:.0} s of speech: {an_hour:.1} an hour", digits.len());
    assert!(seconds > 20.0, "there is no speech");
    assert!(an_hour <= 10.0, "{digits}");
}
