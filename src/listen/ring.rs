//! What was heard lately, so that an utterance can begin before it was noticed.

use crate::audio::Frame;

/// Frames kept from before the present: 800 ms, enough for the longest start and the longest pre-roll.
pub const PREROLL_FRAMES_MAX: usize = 40;

/// The last frames.
pub(super) struct Ring {
    frames: [Frame; PREROLL_FRAMES_MAX],
    /// Where the next one goes.
    next: usize,
    /// How many there are.
    len: usize,
}

impl Ring {
    pub(super) fn new() -> Ring {
        Ring { frames: [Frame::SILENCE; PREROLL_FRAMES_MAX], next: 0, len: 0 }
    }

    pub(super) fn push(&mut self, frame: &Frame) {
        self.frames[self.next] = *frame;
        self.next = (self.next + 1) % PREROLL_FRAMES_MAX;
        self.len = (self.len + 1).min(PREROLL_FRAMES_MAX);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The newest `n` frames (or as many as there are), oldest first.
    pub(super) fn newest(&self, n: usize) -> impl Iterator<Item = &Frame> {
        let n = n.min(self.len);
        (0..n).map(move |i| &self.frames[(self.next + PREROLL_FRAMES_MAX - n + i) % PREROLL_FRAMES_MAX])
    }
}
