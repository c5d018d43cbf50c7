//! What kind of sound a loud stretch is: a voice, or something that only scores like one. A voice has a pitch that moves; notes and
//! signalling tones stand still; dishes and doors have no pitch; people talking across the room are no louder than the room.
//! Simple measures on purpose: no threshold here was fitted to one recording.

use super::lines::{LineTracker, Steady};
use super::pitch::{Pitch, PitchTracker};
use crate::audio::{Frame, power};

/// Repeats itself at least so well: voiced.
const VOICED: f32 = 0.52;
/// From frame to frame a voice's pitch changes by this at most (share); a larger step is another sound.
const STEP_MAX: f32 = 0.2;
/// Over the last [`GLIDE_FRAMES`] a voice's pitch moves by this share at least; a note's does not.
const MOVES: f32 = 0.008;
/// So many frames in a row make a pitch: 60 ms.
const VOICED_FRAMES: usize = 3;
/// Frames that a glide is seen over: 80 ms, and the 40 ms that the first was measured on.
const GLIDE_FRAMES: usize = 4;
/// A frame with more of its power in steady lines than this is a tone, whatever its pitch does.
const STEADY: f32 = 0.3;
/// Two lines that hold this share of the power are a signalling tone rather than a vowel.
const BARE: f32 = 0.8;
/// Frames that are remembered: 240 ms.
pub(super) const RECENT: usize = 12;
/// The background's loudness is the median of so many stretches …
const STRETCHES: usize = 9;
/// … of so many frames: 2.7 s, longer than a word, so that the caller's own first word does not hide the caller.
const STRETCH_FRAMES: u32 = 15;
/// A voice is the caller's if it is louder than the background by this, dB: people across the room are part of it.
const STANDS_OUT: f32 = 7.0;
/// A background whose second loudest stretch is so far above the noise floor (dB) is restless: things happen in it. That of a line, a fan or a
/// road is not.
const RESTLESS: f32 = 7.0;

/// Loudness of a background that is heard as one, dBFS: a kitchen has -42, a quiet line -70.
const HEARD_BACKGROUND: f32 = -58.0;
/// And it changes if its second loudest stretch is so far above the median, dB: a hiss varies by 0.2 in such stretches.
const CHANGES: f32 = 1.0;

/// What one frame is like.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Trace {
    /// It was loud enough to be measured.
    pub(super) measured: bool,
    /// A pitch that goes on, louder than the background: a voice or a note.
    pub(super) voiced: bool,
    /// One of many harmonics.
    pub(super) rich: bool,
    /// One that moves, too, as a voice's does.
    pub(super) glides: bool,
    /// Hardly more than two lines: a signalling tone.
    bare: bool,
    /// A single tone, hertz.
    pub(super) tone: Option<f32>,
    /// Share of the power in lines that stand still, 0–1.
    pub(super) steady: f32,
    /// Power, full scale = 1.
    pub(super) power: f32,
}

/// One per leg.
pub(super) struct Nature {
    pitch: PitchTracker,
    lines: LineTracker,
    /// Of the last frames, newest first; no period where nothing was measured.
    track: [Pitch; GLIDE_FRAMES],
    /// Newest first.
    recent: [Trace; RECENT],
    background: Background,
}

impl Nature {
    pub(super) fn new() -> Nature {
        Nature {
            pitch: PitchTracker::new(),
            lines: LineTracker::new(),
            track: [Pitch::default(); GLIDE_FRAMES],
            recent: [Trace::default(); RECENT],
            background: Background::default(),
        }
    }

    /// A frame goes by that is too quiet to be a voice.
    pub(super) fn pass(&mut self, frame: &Frame) {
        self.pitch.push(frame);
        self.lines.pass();
        self.remember(Pitch::default(), Trace::default());
    }

    /// Measures a frame; `recent` are the `lines::FRAMES` frames up to and including it.
    pub(super) fn measure<'a>(&mut self, frame: &Frame, recent: impl Iterator<Item = &'a Frame>) -> Trace {
        self.pitch.push(frame);
        let Steady { share: steady, top_two, alone: tone } = self.lines.measure(recent);
        let pitch = self.pitch.measure();
        let power = power(&frame.samples);
        self.remember(pitch, Trace { measured: true, tone, steady, power, ..Trace::default() });
        self.recent[0].voiced = steady < STEADY && self.background.is_exceeded(power) && self.goes_on(VOICED_FRAMES);
        self.recent[0].glides = self.recent[0].voiced && self.goes_on(GLIDE_FRAMES) && self.moves();
        self.recent[0].bare = top_two >= BARE;
        self.recent[0].rich = self.recent[0].voiced && !self.recent[0].bare;
        self.recent[0]
    }

    /// Every frame that is not the caller's speech shapes what counts as background.
    pub(super) fn is_background(&mut self, frame: &Frame) {
        self.background.hear(power(&frame.samples));
    }

    /// Frames with a pitch of many harmonics among the last ones.
    pub(super) fn rich(&self) -> usize {
        self.recent.iter().filter(|t| t.rich).count()
    }

    /// Frames with a voice's pitch among the last ones.
    pub(super) fn glides(&self) -> usize {
        self.recent.iter().filter(|t| t.glides).count()
    }

    /// Whether one of the last three frames is a bare tone.
    pub(super) fn bare(&self) -> bool {
        self.recent[..3].iter().any(|t| t.bare)
    }

    /// Whether things happen in the background; `floor` is the noise floor, dBFS.
    pub(super) fn restless(&self, floor: f32) -> bool {
        self.background.loud >= 10f32.powf((floor + RESTLESS) / 10.0)
    }

    /// Whether the background is loud and changes: dishes, a table of people, a street. Not a hiss or a fan, and not what a quiet line lets
    /// through of the caller's own breath and mumbling.
    pub(super) fn eventful(&self) -> bool {
        let power = |db: f32| 10f32.powf(db / 10.0);
        self.background.median >= power(HEARD_BACKGROUND) && self.background.loud >= self.background.median * power(CHANGES)
    }

    /// Share of the last frames' power that stands still.
    pub(super) fn steady(&self) -> f32 {
        let all = self.recent.iter().map(|t| t.power).sum::<f32>();
        self.recent.iter().map(|t| t.power * t.steady).sum::<f32>() / all.max(1e-9)
    }

    fn remember(&mut self, pitch: Pitch, trace: Trace) {
        self.track.copy_within(..GLIDE_FRAMES - 1, 1);
        self.track[0] = pitch;
        self.recent.copy_within(..RECENT - 1, 1);
        self.recent[0] = trace;
    }

    /// Whether the last frames have a pitch that goes on from each to the next.
    fn goes_on(&self, frames: usize) -> bool {
        let track = &self.track[..frames];
        track.iter().all(|p| p.strength >= VOICED && p.period > 0.0)
            && track.windows(2).all(|p| (p[0].period / p[1].period - 1.0).abs() <= STEP_MAX)
    }

    fn moves(&self) -> bool {
        let least = self.track.iter().fold(f32::MAX, |a, p| a.min(p.period));
        let most = self.track.iter().fold(0.0f32, |a, p| a.max(p.period));
        most - least >= MOVES * least
    }
}

/// How loud it is where nobody speaks.
struct Background {
    stretches: [f32; STRETCHES],
    next: usize,
    filled: usize,
    /// Sum of the power in the stretch that is being filled, and its frames.
    filling: (f32, u32),
    median: f32,
    /// The second loudest stretch.
    loud: f32,
}

impl Default for Background {
    fn default() -> Background {
        Background { stretches: [0.0; STRETCHES], next: 0, filled: 0, filling: (0.0, 0), median: 0.0, loud: 0.0 }
    }
}

impl Background {
    fn hear(&mut self, power: f32) {
        self.filling = (self.filling.0 + power, self.filling.1 + 1);
        if self.filling.1 == STRETCH_FRAMES {
            self.stretches[self.next] = self.filling.0 / STRETCH_FRAMES as f32;
            self.next = (self.next + 1) % STRETCHES;
            self.filling = (0.0, 0);
            self.filled = (self.filled + 1).min(STRETCHES);
            let mut sorted = self.stretches;
            sorted.sort_by(|a, b| b.total_cmp(a));
            self.median = sorted[self.filled / 2];
            self.loud = sorted[1.min(self.filled - 1)];
        }
    }

    fn is_exceeded(&self, power: f32) -> bool {
        power >= self.median * 10f32.powf(STANDS_OUT / 10.0)
    }
}
