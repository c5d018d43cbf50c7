//! Lines on which nobody speaks, frame by frame.

use super::music;
use crate::audio::{Dice, FRAME_SAMPLES, Frame, Pcm, gain, hold_tune};

/// So often the background changes its loudness and its place, seconds.
const CHANGE: u64 = 10;

/// What nobody says.
pub(crate) const BACKGROUNDS: [&str; 6] = ["silence", "line", "kitchen", "music", "pieces", "tones"];

/// A background without end.
pub(crate) struct Nobody {
    name: &'static str,
    looped: Vec<i16>,
    dice: Dice,
    place: usize,
    loudness: f32,
    frame: u64,
}

impl Nobody {
    /// `None` where its recording is missing.
    pub(crate) fn new(name: &'static str, kitchen: Option<&Pcm>) -> Option<Nobody> {
        let looped = match name {
            "kitchen" => kitchen?.samples.clone(),
            "music" => hold_tune().samples,
            _ => Vec::new(),
        };
        Some(Nobody { name, looped, dice: Dice::new(9), place: 0, loudness: 0.0, frame: 0 })
    }

    /// The next 20 ms.
    pub(crate) fn next(&mut self) -> Frame {
        let made = matches!(self.name, "pieces" | "tones");
        // A piece is heard to its end before the next one begins.
        if made && self.frame.is_multiple_of(30 * 50) {
            let n = u32::try_from(self.frame / 1_500).unwrap_or(0);
            self.looped = if self.name == "tones" { music::tone(n as usize) } else { music::piece(n) };
            self.place = 0;
            self.loudness = self.dice.uniform() * 24.0 - 18.0;
        } else if !made && self.frame.is_multiple_of(CHANGE * 50) {
            self.place = self.dice.below(self.looped.len());
            self.loudness = self.dice.uniform() * 12.0 - 6.0;
        }
        self.frame += 1;
        let mut frame = Frame::SILENCE;
        if self.looped.is_empty() {
            let level = if self.name == "line" { 8.0 } else { 0.6 };
            self.dice.add_noise(&mut frame.samples, level);
        } else {
            let from = self.looped.iter().cycle().skip(self.place);
            frame.samples.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            self.place = (self.place + FRAME_SAMPLES) % self.looped.len();
        }
        gain(&mut frame.samples, self.loudness);
        if made {
            // Between notes there is a line.
            self.dice.add_noise(&mut frame.samples, 8.0);
        }
        frame
    }
}
