//! Text telephones (TTY, TDD): deaf and speech-impaired people type, and the line carries Baudot's code as two tones, 1400 Hz for a mark and
//! 1800 Hz for a space, 22 ms a bit in North America and 20 ms elsewhere (ITU-T V.18 annex A, TIA-825). Nothing is decoded here: that
//! somebody types is all that has to be known. The faster codes of V.18 (V.21, EDT, DTMF) are not looked for.

use crate::audio::{FRAME_SAMPLES, Frame, LINE_RATE};
use std::f32::consts::TAU;

/// Samples of a block, 10 ms: about half a bit, and lines 100 Hz apart.
const BLOCK: usize = FRAME_SAMPLES / 2;
/// Each tone may be 5 % off (V.18 A.1); a block is looked at on the frequency and on both sides of it.
const MARK: [f32; 3] = [1_350.0, 1_400.0, 1_450.0];
const SPACE: [f32; 3] = [1_740.0, 1_800.0, 1_860.0];
/// Mean power of a block under which nothing is looked for: -45 dBFS.
const POWER_LEAST: f32 = 32_768.0 * 32_768.0 * 3.2e-5;
/// A block is one tone when so much of its power is that …
const PURE: f32 = 0.5;
/// … and so many times as much as the other's; blocks in which a bit ends hold both, and so much together.
const AHEAD: f32 = 4.0;
const BOTH: f32 = 0.45;
/// What is judged is the last 1.28 s (one bit of a word each 10 ms): seven characters or more. So much of it is loud …
const LOUD_LEAST: u32 = 60;
/// … of that nearly everything is the two tones (in percent) …
const TONES_LEAST: u32 = 92;
/// … each of them for so many blocks …
const EACH_LEAST: u32 = 12;
/// … and so often one follows the other. The tones that announce a network's message (950, 1400, 1800 Hz) do that once.
const TURNS_LEAST: u32 = 8;

/// Listens to one line for somebody who types. Nothing is allocated; some 2 000 multiplications a frame where it is loud.
#[derive(Debug, Default)]
pub(super) struct TextTelephoneEar {
    /// The last 128 blocks, the newest in the lowest bit.
    loud: u128,
    tones: u128,
    marks: u128,
    spaces: u128,
    turns: u128,
    /// The last clear tone was a mark.
    last: Option<bool>,
    told: bool,
}

impl TextTelephoneEar {
    /// Takes the next 20 ms. True once, when it is certain.
    pub(super) fn push(&mut self, frame: &Frame) -> bool {
        for block in frame.samples.chunks_exact(BLOCK) {
            self.block(block);
        }
        let types = !self.told && self.types();
        self.told |= types;
        types
    }

    fn block(&mut self, block: &[i16]) {
        let energy: f32 = block.iter().map(|s| f32::from(*s) * f32::from(*s)).sum();
        let loud = energy >= POWER_LEAST * BLOCK as f32;
        let (mark, space) = if loud { (share(block, &MARK, energy), share(block, &SPACE, energy)) } else { (0.0, 0.0) };
        let (is_mark, is_space) = (mark >= PURE && mark >= AHEAD * space, space >= PURE && space >= AHEAD * mark);
        let clear = (is_mark || is_space).then_some(is_mark);
        let turn = clear.is_some() && self.last.is_some() && clear != self.last;
        self.last = clear.or(self.last);
        for (word, bit) in [
            (&mut self.loud, loud),
            (&mut self.tones, clear.is_some() || mark + space >= BOTH),
            (&mut self.marks, is_mark),
            (&mut self.spaces, is_space),
            (&mut self.turns, turn),
        ] {
            *word = *word << 1 | u128::from(bit);
        }
    }

    fn types(&self) -> bool {
        let loud = self.loud.count_ones();
        loud >= LOUD_LEAST
            && self.tones.count_ones() * 100 >= loud * TONES_LEAST
            && self.marks.count_ones().min(self.spaces.count_ones()) >= EACH_LEAST
            && self.turns.count_ones() >= TURNS_LEAST
    }
}

/// How much of a block's power is a tone at or beside the middle one of these frequencies. A tone of amplitude A has energy A²N/2 in the block,
/// and Goertzel's algorithm shows (AN/2)².
fn share(block: &[i16], hertz: &[f32; 3], energy: f32) -> f32 {
    let power = |hertz: f32| {
        let coefficient = 2.0 * (TAU * hertz / LINE_RATE as f32).cos();
        let (mut s1, mut s2) = (0.0f32, 0.0f32);
        for sample in block {
            let s0 = f32::from(*sample) + coefficient * s1 - s2;
            (s2, s1) = (s1, s0);
        }
        s1 * s1 + s2 * s2 - coefficient * s1 * s2
    };
    let best = hertz.iter().map(|hertz| power(*hertz)).fold(0.0, f32::max);
    (2.0 * best / (BLOCK as f32 * energy)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Dice;

    const RATE: f32 = LINE_RATE as f32;

    /// Five-bit codes as a text telephone sends them: a start bit (space), the bits (mark = 1), one and a half stop bits; a mark goes before.
    fn typed(codes: &[u8], bit: f32, off: f32, dbfs: f32) -> Vec<i16> {
        let loud = 32_768.0 * 10f32.powf(dbfs / 20.0);
        let mut tones = vec![(true, 0.15)];
        for code in codes {
            tones.push((false, bit));
            tones.extend((0..5).map(|n| (code >> n & 1 == 1, bit)));
            tones.push((true, bit * 1.5));
        }
        let (mut phase, mut samples, mut owed) = (0.0f32, Vec::new(), 0.0);
        for (mark, seconds) in tones {
            let hertz = (if mark { 1_400.0 } else { 1_800.0 }) * off;
            owed += seconds * RATE;
            while samples.len() as f32 <= owed {
                phase = (phase + hertz / RATE).fract();
                samples.push(((phase * TAU).sin() * loud) as i16);
            }
        }
        samples
    }

    /// After how many milliseconds it was told.
    fn told(samples: &[i16]) -> Option<usize> {
        let mut ear = TextTelephoneEar::default();
        let mut told = samples.chunks_exact(FRAME_SAMPLES).enumerate().filter_map(|(n, part)| {
            let mut frame = Frame::SILENCE;
            frame.samples.copy_from_slice(part);
            ear.push(&frame).then_some((n + 1) * 20)
        });
        let first = told.next();
        assert_eq!(told.next(), None, "it is told once");
        first
    }

    /// "HELLO GA" in ITA2, as people greet by it.
    const HELLO: [u8; 9] = [0b11111, 0b10100, 0b00001, 0b10010, 0b10010, 0b11000, 0b00100, 0b11010, 0b00011];

    #[test]
    fn somebody_types_fast_or_slow_loud_or_soft_and_beside_the_frequency() {
        for bit in [0.022, 0.020] {
            for off in [0.97, 1.0, 1.03] {
                for dbfs in [-9.0, -20.0, -32.0] {
                    let mut line = [typed(&HELLO, bit, off, dbfs), vec![0; 8_000]].concat();
                    Dice::new(7).add_noise(&mut line, 40.0);
                    let at = told(&line);
                    assert!(at.is_some_and(|ms| ms <= 1_400), "{bit} s a bit, {off}, {dbfs} dBFS: {at:?}");
                }
            }
        }
        // Pauses between the characters, as of somebody who looks for the keys.
        let slow: Vec<i16> =
            HELLO.iter().flat_map(|code| [typed(&[*code], 0.022, 1.0, -15.0), vec![0; 1_600]].concat()).collect();
        assert!(told(&[slow.clone(), slow].concat()).is_some());
    }

    #[test]
    fn tones_of_other_kinds_and_people_are_nobody_who_types() {
        let tone = |hertz: f32, seconds: f32| -> Vec<i16> {
            (0..(seconds * RATE) as usize)
                .map(|n| ((n as f32 * hertz / RATE).fract() * TAU).sin() * 8_000.0)
                .map(|s| s as i16)
                .collect()
        };
        // The tones before a network's announcement, twice; a fax that calls; one mark that is held; a ringing tone; a siren.
        let special = [tone(950.0, 0.33), tone(1_400.0, 0.33), tone(1_800.0, 0.33)].concat();
        assert_eq!(told(&[special.clone(), special].concat()), None);
        assert_eq!(told(&[tone(1_100.0, 0.5), vec![0; 24_000], tone(1_100.0, 0.5)].concat()), None);
        assert_eq!(told(&tone(1_400.0, 5.0)), None);
        assert_eq!(told(&[tone(425.0, 1.0), vec![0; 8_000], tone(425.0, 1.0)].concat()), None);
        let siren: Vec<i16> = (0..20).flat_map(|n| tone(900.0 + 60.0 * n as f32, 0.05)).collect();
        assert_eq!(told(&[siren.clone(), siren].concat()), None);
        // Keys, and words that people say.
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut heard = 0;
        for folder in ["audio-fixtures", "../shared/eval/commands", "../shared/eval/digits", "../shared/eval/words"] {
            let files = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten().map(|entry| entry.path());
            for path in files.filter(|path| path.extension().is_some_and(|end| end == "wav")) {
                let pcm = crate::audio::decode_file(&std::fs::read(&path).expect("readable"), None).expect("a sound");
                assert_eq!(told(&pcm.samples), None, "{}", path.display());
                heard += pcm.samples.len();
            }
        }
        println!("{} s of people who do not type", heard / LINE_RATE as usize);
        assert!(heard > 60 * LINE_RATE as usize);
    }
}
