//! The machine: frames in, utterances out.
//!
//! An utterance starts when enough voice came in a row ([`EndpointRule::start_ms`]); its onset is dated back to where the sound
//! rose. It ends when there was no voice for the rule's quiet, or where it became too long. Changing the rule in the middle
//! keeps the utterance running under the new rule; taking the rule away withdraws it.
//!
//! Cost, measured on one 2.6 GHz server core with the demo's build profile: see `people::cost_per_frame`.

use super::EndpointRule;
use super::echo::EchoGate;
use super::voice::{Look, VoiceDetector};
use crate::audio::{Frame, QUIETEST_DBFS, peak, power};
use crate::base::{Moment, UtteranceId};
use std::time::Duration;

/// Frames kept from before the present: 800 ms, enough for the longest start and the longest pre-roll.
pub const PREROLL_FRAMES_MAX: usize = 40;

/// Length of a frame.
const FRAME: Duration = Duration::from_millis(20);
/// A frame starts an utterance only if it sounds this much like a voice …
const VOICE_TO_START: f32 = 0.6;
/// … and is this far above the noise floor, dB.
const ABOVE_TO_START: f32 = 9.0;
/// Within an utterance less is enough: endings fall off, and a hiss at the end of a word still belongs to it.
const VOICE_TO_GO_ON: f32 = 0.4;
/// dB above the floor.
const ABOVE_TO_GO_ON: f32 = 7.0;
/// The onset is dated back over loud frames by this many at most: the detector needs some of them to make up its mind.
const ONSET_BACK_FRAMES: u32 = 8;

/// What the listener tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenEvent {
    /// Somebody began to speak.
    Started {
        /// Counted within the leg.
        utterance: UtteranceId,
        /// The onset: before the frame that made it certain.
        at: Moment,
    },
    /// The endpoint.
    Ended {
        /// Which.
        utterance: UtteranceId,
        /// Onset.
        started: Moment,
        /// End of the last frame with a voice; the decision came later by the rule's quiet.
        ended: Moment,
        /// It was cut at the rule's `longest_ms`; the caller may still be speaking, and what follows is a new utterance.
        too_long: bool,
    },
    /// Nobody wants to know any more.
    Withdrawn {
        /// Which.
        utterance: UtteranceId,
    },
}

/// How loud the current utterance is so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mood {
    /// RMS of the frames that held a voice, dBFS.
    pub rms_dbfs: f32,
    /// Largest sample, 0–32768; 32000 and above is a clipped line or a shout.
    pub peak: u16,
}

/// Finds utterances in the frames of one leg. About 25 KB: keep it in a box.
pub struct Listener {
    rule: Option<EndpointRule>,
    state: State,
    /// The id of the next utterance.
    next: UtteranceId,
    voice: VoiceDetector,
    echo: EchoGate,
    ring: Ring,
    /// Loud frames in a row up to now, and the voices among them.
    run: Run,
}

enum State {
    /// Nobody speaks, or nobody listens.
    Quiet,
    /// An utterance runs.
    Speaking(Speaking),
}

struct Speaking {
    utterance: UtteranceId,
    started: Moment,
    /// End of the last frame with a voice.
    last_voice: Moment,
    /// The recogniser says that the answer is whole.
    complete: bool,
    /// Sum of the power and number of the frames with a voice.
    loudness: (f32, u32),
    peak: u16,
    /// Frames handed out by `preroll`.
    preroll: usize,
}

/// Loud frames in a row.
#[derive(Clone, Copy, Default)]
struct Run {
    frames: u32,
    voiced: u32,
}

impl Default for Listener {
    fn default() -> Listener {
        Listener::new()
    }
}

impl Listener {
    /// Does not listen yet, but may be fed already: it learns the background.
    pub fn new() -> Listener {
        Listener {
            rule: None,
            state: State::Quiet,
            next: UtteranceId::default().next(),
            voice: VoiceDetector::new(),
            echo: EchoGate::new(),
            ring: Ring::new(),
            run: Run::default(),
        }
    }

    /// Listens by this rule from now on; `None` = do not listen. A running utterance goes on under the new rule (and is no
    /// longer complete: that was said of the old question), or is withdrawn. `at` is not needed for the decision and is kept
    /// for callers that log it.
    pub fn set_rule(&mut self, rule: Option<EndpointRule>, _at: Moment) -> Option<ListenEvent> {
        self.rule = rule;
        match &mut self.state {
            State::Quiet => None,
            State::Speaking(s) if rule.is_some() => {
                s.complete = false;
                None
            }
            State::Speaking(s) => {
                let utterance = s.utterance;
                self.state = State::Quiet;
                Some(ListenEvent::Withdrawn { utterance })
            }
        }
    }

    /// The recogniser has a whole answer in this utterance: `complete_quiet_ms` is enough from now on. Anything else than
    /// the running utterance is ignored (the word came late).
    pub fn complete(&mut self, utterance: UtteranceId) {
        if let State::Speaking(s) = &mut self.state
            && s.utterance == utterance
        {
            s.complete = true;
        }
    }

    /// Takes the frame whose first sample was received at `at`. `playing` is what was sent to this leg in the same tick,
    /// `None` for silence. Feed every tick, listening or not.
    pub fn push(&mut self, frame: &Frame, at: Moment, playing: Option<&Frame>) -> Option<ListenEvent> {
        self.ring.push(frame);
        self.echo.push(frame, playing);
        let look = self.voice.push(frame);
        let end = at + FRAME;
        match &mut self.state {
            State::Quiet => {
                self.count(look);
                let rule = self.rule?;
                if self.run.voiced * 20 < rule.start_ms.max(20) {
                    return None;
                }
                Some(self.start(rule, frame, at, end))
            }
            State::Speaking(speaking) => {
                let goes_on =
                    look.voice >= VOICE_TO_GO_ON && look.above_floor >= ABOVE_TO_GO_ON && !self.echo.is_echo(look.dbfs);
                if goes_on {
                    speaking.hear(frame, end);
                }
                let rule = self.rule?;
                let event = speaking.endpoint(rule, end)?;
                self.state = State::Quiet;
                self.run = Run::default();
                Some(event)
            }
        }
    }

    /// The sound that belongs to an utterance that has just started, oldest frame first: from `preroll_ms` before the onset up
    /// to **and including** the frame whose `push` returned `Started`. Valid until the next `push`; empty otherwise. The frames of
    /// the following pushes, up to the one that returns `Ended`, continue it without gap or overlap.
    pub fn preroll(&self) -> impl Iterator<Item = &Frame> {
        let n = match &self.state {
            State::Speaking(s) => s.preroll,
            State::Quiet => 0,
        };
        self.ring.newest(n)
    }

    /// The running utterance.
    pub fn in_utterance(&self) -> Option<UtteranceId> {
        match &self.state {
            State::Speaking(s) => Some(s.utterance),
            State::Quiet => None,
        }
    }

    /// Loudness of the running utterance; `None` when there is none.
    pub fn mood(&self) -> Option<Mood> {
        match &self.state {
            State::Speaking(s) => Some(s.mood()),
            State::Quiet => None,
        }
    }
}

impl Listener {
    /// Counts voices in the current stretch of loud frames. An echo breaks the stretch: the onset must not reach into it.
    fn count(&mut self, look: Look) {
        if look.above_floor < ABOVE_TO_START {
            self.run = Run::default();
            return;
        }
        self.run.frames += 1;
        if look.voice >= VOICE_TO_START {
            if self.echo.is_echo(look.dbfs) {
                self.run = Run::default();
            } else {
                self.run.voiced += 1;
            }
        }
    }

    fn start(&mut self, rule: EndpointRule, frame: &Frame, at: Moment, end: Moment) -> ListenEvent {
        let back = self.run.frames.clamp(1, ONSET_BACK_FRAMES);
        let started = Moment::from_micros(end.micros().saturating_sub(u64::from(back) * 20_000)).min(at);
        let utterance = self.next;
        self.next = utterance.next();
        let preroll = (back + rule.preroll_ms.div_ceil(20)) as usize;
        let mut speaking =
            Speaking { utterance, started, last_voice: end, complete: false, loudness: (0.0, 0), peak: 0, preroll };
        for earlier in self.ring.newest(back as usize).take(back as usize - 1) {
            speaking.hear(earlier, end);
        }
        speaking.hear(frame, end);
        self.state = State::Speaking(speaking);
        ListenEvent::Started { utterance, at: started }
    }
}

impl Speaking {
    /// A frame with a voice that ended at `end`.
    fn hear(&mut self, frame: &Frame, end: Moment) {
        self.last_voice = end;
        self.loudness.0 += power(&frame.samples);
        self.loudness.1 += 1;
        self.peak = self.peak.max(peak(&frame.samples));
    }

    fn endpoint(&self, rule: EndpointRule, now: Moment) -> Option<ListenEvent> {
        let quiet_ms = if self.complete { rule.complete_quiet_ms.min(rule.quiet_ms) } else { rule.quiet_ms };
        let too_long = now - self.started >= Duration::from_millis(rule.longest_ms.into());
        let over = now - self.last_voice >= Duration::from_millis(quiet_ms.into());
        (too_long || over).then_some(ListenEvent::Ended {
            utterance: self.utterance,
            started: self.started,
            ended: self.last_voice,
            too_long: too_long && !over,
        })
    }

    fn mood(&self) -> Mood {
        let mean = self.loudness.0 / self.loudness.1.max(1) as f32;
        Mood { rms_dbfs: (10.0 * mean.max(1e-12).log10()).max(QUIETEST_DBFS), peak: self.peak }
    }
}

/// The last frames.
struct Ring {
    frames: [Frame; PREROLL_FRAMES_MAX],
    /// Where the next one goes.
    next: usize,
    /// How many there are.
    len: usize,
}

impl Ring {
    fn new() -> Ring {
        Ring { frames: [Frame::SILENCE; PREROLL_FRAMES_MAX], next: 0, len: 0 }
    }

    fn push(&mut self, frame: &Frame) {
        self.frames[self.next] = *frame;
        self.next = (self.next + 1) % PREROLL_FRAMES_MAX;
        self.len = (self.len + 1).min(PREROLL_FRAMES_MAX);
    }

    /// The newest `n` frames (or as many as there are), oldest first.
    fn newest(&self, n: usize) -> impl Iterator<Item = &Frame> {
        let n = n.min(self.len);
        (0..n).map(move |i| &self.frames[(self.next + PREROLL_FRAMES_MAX - n + i) % PREROLL_FRAMES_MAX])
    }
}
