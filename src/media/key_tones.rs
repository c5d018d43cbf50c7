//! Keys as tones in the sound (ITU-T Q.23), for far ends that agreed on no telephone-event.

use crate::audio::{FRAME_SAMPLES, Frame, LINE_RATE};
use crate::base::Digit;
use std::f32::consts::TAU;

/// Length of a tone and of the pause after it, in samples (100 and 80 ms).
const TONE: usize = 800;
const PAUSE: usize = 640;
/// Presses that may wait.
const WAITING_MAX: usize = 32;
/// Level of each of the two tones: -11 dBFS.
const AMPLITUDE: f32 = 9_000.0;

/// What is left to be sounded.
#[derive(Debug, Default)]
pub(super) struct KeyTones {
    samples: Vec<i16>,
    position: usize,
}

impl KeyTones {
    /// Adds a press; dropped when 32 wait.
    pub(super) fn press(&mut self, digit: Digit) {
        if self.samples.len() >= WAITING_MAX * (TONE + PAUSE) {
            return;
        }
        let (low, high) = frequencies(digit);
        let wave = |hertz: f32, i: usize| (TAU * hertz * i as f32 / LINE_RATE as f32).sin();
        // A float-to-integer cast saturates.
        self.samples.extend((0..TONE).map(|i| (AMPLITUDE * (wave(low, i) + wave(high, i))) as i16));
        self.samples.extend([0; PAUSE]);
    }

    /// The next 20 ms; `None` when no press waits.
    pub(super) fn frame(&mut self) -> Option<Frame> {
        let mut frame = Frame::SILENCE;
        let rest = self.samples.get(self.position..).filter(|r| !r.is_empty())?;
        let n = rest.len().min(FRAME_SAMPLES);
        frame.samples[..n].copy_from_slice(&rest[..n]);
        self.position += n;
        if self.position == self.samples.len() {
            self.samples.clear();
            self.position = 0;
        }
        Some(frame)
    }
}

/// The pair of a key, in hertz.
fn frequencies(digit: Digit) -> (f32, f32) {
    let place = "123A456B789C*0#D".find(digit.as_char()).unwrap_or(0);
    ([697.0, 770.0, 852.0, 941.0][place / 4], [1_209.0, 1_336.0, 1_477.0, 1_633.0][place % 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_sounds_its_pair_and_nothing_after_it() {
        assert_eq!(frequencies(Digit::from_char('5').expect("a key")), (770.0, 1_336.0));
        assert_eq!(frequencies(Digit::from_char('#').expect("a key")), (941.0, 1_477.0));
        let mut tones = KeyTones::default();
        (0..100).for_each(|_| tones.press(Digit::from_char('0').expect("a key")));
        let frames: Vec<_> = std::iter::from_fn(|| tones.frame()).collect();
        assert_eq!(frames.len(), 32 * 9);
        assert!(frames[0].samples.iter().any(|s| *s > 10_000) && frames[5] == Frame::SILENCE);
        assert!(tones.frame().is_none());
    }
}
