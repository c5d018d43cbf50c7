//! Is this frame a voice? A small neural detector (`earshot`) says whether it sounds like one, and a gate above the tracked
//! noise floor says whether it is loud enough to be the caller's and not the kitchen radio's.

use crate::audio::{FRAME_SAMPLES, Frame, QUIETEST_DBFS, gain, rms_dbfs, upsample_linear_2x};
use earshot::Detector;

/// Samples at 16 kHz that the detector takes at once: 16 ms.
const DETECTOR_SAMPLES: usize = 256;
/// The noise floor is the quietest frame of this many blocks …
const FLOOR_BLOCKS: usize = 5;
/// … of so many frames: 1.5 s in all, longer than any syllable, shorter than a change of the background.
const BLOCK_FRAMES: u32 = 15;
/// A floor below this is digital silence or a line with silence suppression, not a quiet room, dBFS.
const FLOOR_MIN: f32 = -62.0;
/// A floor above this cannot be background: somebody has been talking since the first frame, dBFS.
const FLOOR_MAX: f32 = -26.0;
/// What is assumed before the first block is full, dBFS.
const FLOOR_AT_FIRST: f32 = -45.0;

/// The detector scores quiet voices low (real callers at −45 dBFS never reach 0.6), so they are lifted towards this, dBFS …
const LIFT_TO: f32 = -26.0;
/// … by this much at most, dB …
const LIFT_MAX: f32 = 18.0;
/// … and never so far that the background gets louder than this, dBFS: it would sound like a voice next door.
const LIFT_FLOOR_TO: f32 = -48.0;
/// How fast the memory of the loudest frame fades, dB per frame: 10 dB a second.
const LOUDEST_FADES: f32 = 0.2;

/// A frame that is less than this above the noise floor is no voice whatever it sounds like (dB): the detector, by far the
/// dearest part, is spared.
const WORTH_JUDGING: f32 = 6.0;
/// Before a background this loud (dBFS) every frame is judged: the detector tells dishes from voices by what it heard before.
const JUDGED_ALWAYS: f32 = -52.0;
/// Frames passed over that the detector is given when it is needed again: its three blocks of context and then some.
const CATCH_UP: usize = 5;

/// What one frame looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    /// Loudness in dBFS.
    pub(super) dbfs: f32,
    /// How far above the noise floor, dB; may be negative.
    pub(super) above_floor: f32,
    /// The noise floor, dBFS.
    pub(super) floor: f32,
    /// How much it sounds like a voice, 0–1.
    pub(super) voice: f32,
}

/// Measures every frame of one direction, listening or not, so that the floor is known when it matters; judges those that
/// are worth it.
pub(super) struct VoiceDetector {
    detector: Detector,
    /// Samples at 16 kHz that wait for the next block; the first `waiting` are valid.
    pending: [i16; 2 * FRAME_SAMPLES + DETECTOR_SAMPLES],
    waiting: usize,
    /// Last sample of the frame before, for the interpolation.
    last_sample: i16,
    /// The detector's last score.
    score: f32,
    /// Loudness of the loudest recent frame, fading, dBFS.
    loudest: f32,
    /// Quietest frame of each of the last blocks, dBFS; newest at `block`.
    blocks: [f32; FLOOR_BLOCKS],
    block: usize,
    /// Frames in the newest block.
    in_block: u32,
    /// Frames seen at all, counted up to one block.
    seen: u32,
    /// Frames measured since the detector was asked last, up to one more than [`CATCH_UP`].
    unjudged: usize,
}

impl VoiceDetector {
    pub(super) fn new() -> VoiceDetector {
        VoiceDetector {
            detector: Detector::default(),
            pending: [0; 2 * FRAME_SAMPLES + DETECTOR_SAMPLES],
            waiting: 0,
            last_sample: 0,
            score: 0.0,
            loudest: QUIETEST_DBFS,
            blocks: [0.0; FLOOR_BLOCKS],
            block: 0,
            in_block: 0,
            seen: 0,
            unjudged: 0,
        }
    }

    /// Measures the next frame, which every frame needs; cheap. Its `voice` is 0 until [`VoiceDetector::judge`] is asked.
    pub(super) fn measure(&mut self, frame: &Frame) -> Look {
        let dbfs = rms_dbfs(&frame.samples);
        let floor = self.track_floor(dbfs);
        self.loudest = dbfs.max(self.loudest - LOUDEST_FADES);
        self.unjudged = (self.unjudged + 1).min(CATCH_UP + 1);
        Look { dbfs, above_floor: dbfs - floor, floor, voice: 0.0 }
    }

    /// Whether the frame measured last is loud enough to be worth [`VoiceDetector::judge`].
    pub(super) fn is_worth_judging(look: Look) -> bool {
        look.above_floor >= WORTH_JUDGING || look.floor >= JUDGED_ALWAYS
    }

    /// How much the frame measured last sounds like a voice, 0–1. `recent` are the frames up to and including it, oldest first:
    /// those that were passed over are given to the detector now (at most [`CATCH_UP`]), because it judges by what came before.
    pub(super) fn judge<'a>(&mut self, look: Look, recent: impl Iterator<Item = &'a Frame>) -> f32 {
        let lift = (LIFT_TO - self.loudest).min(LIFT_FLOOR_TO - look.floor).clamp(0.0, LIFT_MAX);
        self.unjudged = 0;
        let mut score = 0.0;
        for frame in recent {
            let mut lifted = *frame;
            gain(&mut lifted.samples, lift);
            score = self.score(&lifted);
        }
        score
    }

    /// Frames that [`VoiceDetector::judge`] needs, the present one included.
    pub(super) fn frames_to_judge(&self) -> usize {
        self.unjudged
    }

    /// Feeds the detector: five blocks of 16 ms in four frames. The frame's score is the best of its blocks.
    fn score(&mut self, frame: &Frame) -> f32 {
        let room = &mut self.pending[self.waiting..];
        self.waiting += upsample_linear_2x(&frame.samples, &mut self.last_sample, room);
        let (mut best, mut from) = (None::<f32>, 0);
        while self.waiting - from >= DETECTOR_SAMPLES {
            self.score = self.detector.predict_i16(&self.pending[from..from + DETECTOR_SAMPLES]);
            best = Some(best.map_or(self.score, |b| b.max(self.score)));
            from += DETECTOR_SAMPLES;
        }
        self.pending.copy_within(from..self.waiting, 0);
        self.waiting -= from;
        best.unwrap_or(self.score)
    }

    fn track_floor(&mut self, dbfs: f32) -> f32 {
        if self.in_block == BLOCK_FRAMES {
            self.block = (self.block + 1) % FLOOR_BLOCKS;
            self.in_block = 0;
        }
        let newest = &mut self.blocks[self.block];
        *newest = if self.in_block == 0 { dbfs } else { newest.min(dbfs) };
        self.in_block += 1;
        self.seen = (self.seen + 1).min(BLOCK_FRAMES);
        let quietest = self.blocks.iter().fold(0.0f32, |a, &b| a.min(b));
        let ceiling = if self.seen < BLOCK_FRAMES { FLOOR_AT_FIRST } else { FLOOR_MAX };
        quietest.clamp(FLOOR_MIN, ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(level: f32, seed: &mut u32) -> Frame {
        let mut f = Frame::SILENCE;
        for s in &mut f.samples {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *s = (*seed as i32 as f32 / 2_147_483_648.0 * level) as i16;
        }
        f
    }

    #[test]
    fn steady_noise_is_never_far_above_its_floor() {
        let (mut detector, mut seed) = (VoiceDetector::new(), 1);
        for i in 0..300 {
            let look = detector.measure(&noise(1_000.0, &mut seed));
            assert!(i < 15 || look.above_floor < 6.0, "frame {i}: {look:?}");
        }
        // The background becomes 8 dB louder: two seconds later it is the floor.
        for i in 0..200 {
            let look = detector.measure(&noise(2_500.0, &mut seed));
            assert!(i < 90 || look.above_floor < 6.0, "frame {i}: {look:?}");
        }
    }

    #[test]
    fn silence_is_no_voice() {
        let mut detector = VoiceDetector::new();
        for _ in 0..100 {
            let look = detector.measure(&Frame::SILENCE);
            assert!(look.above_floor < 0.0 && look.voice < 0.6, "{look:?}");
        }
    }
}
