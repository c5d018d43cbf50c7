//! Echo gate: our own prompt, coming back through the far end's hybrid or loudspeaker, must not interrupt itself.
//!
//! A frame that might be a voice is compared with what was played during the last 240 ms. An echo is a delayed copy, so it
//! correlates with the prompt at one lag; a caller does not. Once lag and strength of the path are known, frames that are no
//! louder than the echo is expected to be are taken for it, too: a loudspeaker in a room smears the copy.

use crate::audio::{FRAME_SAMPLES, Frame, QUIETEST_DBFS, rms_dbfs};
use hotline_kernels::dot;

/// Samples compared, at 4 kHz: 40 ms.
const WINDOW: usize = 160;
/// Longest way there and back, samples at 4 kHz: 240 ms.
const LAGS: usize = 960;
/// Samples that a frame has at 4 kHz.
const STEP: usize = FRAME_SAMPLES / 2;
/// Frames for which a played frame can still come back (the lags, the window and room's reverberation).
const MEMORY: usize = 16;
/// Played frames quieter than this leave no echo that matters, dBFS.
const AUDIBLE: f32 = -55.0;
/// Share of the frame's power that must be a copy of the prompt to call it an echo when the path is not known.
const COPY: f32 = 0.60;
/// Or this much, if the frame before looked like a copy at the same lag: chance does not repeat itself.
const COPY_AGAIN: f32 = 0.35;
/// The same at the lag where echo was found before.
const COPY_AT_LAG: f32 = 0.45;
/// Places that a search at half the rate hands on to be looked at closely.
const PLACES: usize = 4;
/// Louder than the expected echo by this much is somebody else, dB.
const MARGIN: f32 = 6.0;

/// The way of our sound back to us.
#[derive(Debug, Clone, Copy)]
struct Path {
    /// Samples at 4 kHz.
    lag: usize,
    /// Echo level minus played level, dB; follows upward quickly, downward slowly.
    gain_db: f32,
}

/// One per leg.
pub(super) struct EchoGate {
    /// What was played, newest last, 4 kHz.
    played: [f32; LAGS + WINDOW],
    /// What was received, newest last, 4 kHz.
    heard: [f32; WINDOW],
    /// Loudness of the last played frames, newest first, dBFS.
    levels: [f32; MEMORY],
    /// Found when an echo was certain; `None` until then.
    path: Option<Path>,
    /// The lag of the best weak copy in the last search, if there was one.
    suspect: Option<usize>,
    /// Frames since `is_echo` last searched everything, and what it found.
    searched: (u32, bool),
}

impl EchoGate {
    pub(super) fn new() -> EchoGate {
        EchoGate {
            played: [0.0; LAGS + WINDOW],
            heard: [0.0; WINDOW],
            levels: [QUIETEST_DBFS; MEMORY],
            path: None,
            suspect: None,
            searched: (0, false),
        }
    }

    /// Takes what was received and played in the same tick; every tick.
    pub(super) fn push(&mut self, heard: &Frame, playing: Option<&Frame>) {
        self.heard.copy_within(STEP.., 0);
        halve(heard, &mut self.heard[WINDOW - STEP..]);
        self.levels.copy_within(..MEMORY - 1, 1);
        self.levels[0] = playing.map_or(QUIETEST_DBFS, |p| rms_dbfs(&p.samples));
        if self.levels.iter().all(|&l| l < AUDIBLE) {
            // Nothing audible is on its way: the samples are shifted again when something is.
            return;
        }
        self.played.copy_within(STEP.., 0);
        let newest = &mut self.played[LAGS + WINDOW - STEP..];
        match playing {
            Some(frame) => halve(frame, newest),
            None => newest.fill(0.0),
        }
    }

    /// Whether something we played can still come back.
    pub(super) fn is_possible(&self) -> bool {
        self.levels.iter().any(|&l| l >= AUDIBLE)
    }

    /// Whether the frame pushed last is no louder than the echo that is known of; costs nothing.
    pub(super) fn is_expected(&self, dbfs: f32) -> bool {
        self.path.is_some_and(|path| self.is_possible() && dbfs < self.expected(path) + MARGIN)
    }

    /// Whether the frame pushed last, which is `dbfs` loud, is our own sound. Worth asking only when it might be a voice.
    pub(super) fn is_echo(&mut self, dbfs: f32) -> bool {
        if !self.is_possible() {
            return false;
        }
        if let Some(path) = self.path {
            let near = (path.lag.saturating_sub(6), (path.lag + 6).min(LAGS - 1));
            let copy = self.best_copy(near.0, near.1);
            if copy.share >= COPY_AT_LAG {
                self.learn(copy, dbfs);
                return true;
            }
            if dbfs < self.expected(path) + MARGIN {
                return true;
            }
        }
        let copy = self.best_copy_of_all();
        let again = copy.share >= COPY_AGAIN && self.suspect.is_some_and(|lag| lag.abs_diff(copy.lag) <= 1);
        self.suspect = (copy.share >= COPY_AGAIN).then_some(copy.lag);
        if copy.share >= COPY || again {
            self.learn(copy, dbfs);
            return true;
        }
        false
    }

    /// Like [`EchoGate::is_echo`], at a third of the cost, for a stretch of speech that goes on: the last answer stands for
    /// three frames.
    pub(super) fn is_still_echo(&mut self, dbfs: f32) -> bool {
        self.searched.0 += 1;
        if self.searched.0 >= 3 {
            self.searched = (0, self.is_echo(dbfs));
        }
        self.searched.1
    }

    /// The loudest that echo can be now: the played frames around the lag, as loud as the path lets them back.
    fn expected(&self, path: Path) -> f32 {
        let frame = path.lag / STEP;
        let around = &self.levels[frame.saturating_sub(1)..(frame + 4).min(MEMORY)];
        around.iter().fold(QUIETEST_DBFS, |a, &b| a.max(b)) + path.gain_db
    }

    fn learn(&mut self, copy: Copy, dbfs: f32) {
        let frame = copy.lag / STEP;
        let played = self.levels[frame..(frame + 3).min(MEMORY)].iter().fold(QUIETEST_DBFS, |a, &b| a.max(b));
        if played < AUDIBLE {
            return;
        }
        let gain = (dbfs - played).min(0.0);
        let gain_db = match self.path {
            Some(old) if old.lag.abs_diff(copy.lag) <= 8 => {
                let pace = if gain > old.gain_db { 0.5 } else { 0.05 };
                old.gain_db + pace * (gain - old.gain_db)
            }
            _ => gain,
        };
        self.path = Some(Path { lag: copy.lag, gain_db });
    }

    /// The lag at which the played sound explains most of the heard one, among all: searched at half the rate, the best places
    /// then looked at closely. A quarter of the cost, and the same answer wherever there is an echo.
    fn best_copy_of_all(&self) -> Copy {
        let (mut heard, mut played) = ([0.0f32; WINDOW / 2], [0.0f32; (LAGS + WINDOW) / 2]);
        let halve = |from: &[f32], to: &mut [f32]| {
            to.iter_mut().zip(from.chunks_exact(2)).for_each(|(to, pair)| *to = pair[0] + pair[1]);
        };
        halve(&self.heard, &mut heard);
        halve(&self.played, &mut played);
        // The best places, best first: (share, lag at half the rate).
        let mut best = [(0.0f32, 0usize); PLACES];
        let heard_power = dot(&heard, &heard);
        let mut power = dot(&played[LAGS / 2..], &played[LAGS / 2..]);
        for lag in 0..LAGS / 2 {
            let start = LAGS / 2 - lag;
            if lag > 0 {
                power += played[start].powi(2) - played[start + WINDOW / 2].powi(2);
            }
            let cross = dot(&heard, &played[start..start + WINDOW / 2]);
            let share = cross * cross / (power.max(0.0) * heard_power).max(1.0);
            if share > best[PLACES - 1].0 {
                best[PLACES - 1] = (share, lag);
                best.sort_by(|a, b| b.0.total_cmp(&a.0));
            }
        }
        let close = best.iter().map(|(_, lag)| self.best_copy((lag * 2).saturating_sub(2), (lag * 2 + 2).min(LAGS - 1)));
        close.fold(Copy { lag: 0, share: 0.0 }, |a, b| if b.share > a.share { b } else { a })
    }

    /// The lag from `first` to `last` at which the played sound explains most of the heard one.
    fn best_copy(&self, first: usize, last: usize) -> Copy {
        let heard_power = dot(&self.heard, &self.heard);
        let mut best = Copy { lag: first, share: 0.0 };
        let at = |lag: usize| LAGS - lag;
        let mut power = dot(&self.played[at(first)..at(first) + WINDOW], &self.played[at(first)..at(first) + WINDOW]);
        for lag in first..=last {
            let start = at(lag);
            if lag > first {
                // One step back in time: a sample enters in front, one leaves at the end.
                power += self.played[start].powi(2) - self.played[start + WINDOW].powi(2);
            }
            if power < 100.0 * WINDOW as f32 {
                continue;
            }
            let cross = dot(&self.heard, &self.played[start..start + WINDOW]);
            let share = cross * cross / (power * heard_power).max(1.0);
            if share > best.share {
                best = Copy { lag, share };
            }
        }
        best
    }
}

/// How well a delayed copy explains what is heard.
#[derive(Clone, Copy)]
struct Copy {
    lag: usize,
    /// Share of the power, 0–1.
    share: f32,
}

/// 8 kHz to 4 kHz by averaging pairs.
fn halve(frame: &Frame, out: &mut [f32]) {
    for (to, pair) in out.iter_mut().zip(frame.samples.chunks_exact(2)) {
        *to = (f32::from(pair[0]) + f32::from(pair[1])) * 0.5;
    }
}
