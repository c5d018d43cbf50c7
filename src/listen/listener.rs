//! The machine: frames in, utterances out.
//!
//! An utterance starts when enough voice came in a row ([`EndpointRule::start_ms`]); its onset is dated back to where the sound
//! rose. It ends when there was no voice for the rule's quiet, or where it became too long. Changing the rule in the middle
//! keeps the utterance running under the new rule; taking the rule away withdraws it.
//!
//! What scores like a voice starts an utterance only if it is more than that (`nature`): notes, tones, dishes and voices across the room do not.
//! What turns out to be music later is dismissed.
//!
//! A leg that nobody asked to listen costs next to nothing, and a frame that is hardly louder than a quiet line is not shown to
//! the neural detector (`voice`). `people::cost_per_frame` prints the cost of those that are.

use super::EndpointRule;
use super::echo::EchoGate;
use super::lines;
use super::machine::MachineEar;
use super::nature::{Nature, Trace};
use super::ring::Ring;
use super::text_telephone::TextTelephoneEar;
use super::voice::{Look, VoiceDetector};
use crate::audio::{Frame, QUIETEST_DBFS, peak, power};
use crate::base::{CallingMachine, Moment, UtteranceId};
use std::time::Duration;

/// Length of a frame.
const FRAME: Duration = Duration::from_millis(20);
/// A frame starts an utterance only if it sounds this much like a voice on a quiet line …
const VOICE_TO_START_QUIET: f32 = 0.55;
/// … and this much before a background: clattering dishes reach 0.6 now and then …
const VOICE_TO_START_NOISY: f32 = 0.65;
/// … which begins here, dBFS.
const NOISY_FLOOR: f32 = -52.0;
/// And it must be this far above the noise floor, dB.
const ABOVE_TO_START: f32 = 11.0;
/// Within an utterance less is enough: endings fall off, and a hiss at the end of a word still belongs to it.
const VOICE_TO_GO_ON: f32 = 0.5;
/// dB above the floor.
const ABOVE_TO_GO_ON: f32 = 8.0;
/// What an utterance needs to start: frames with a pitch among the last 240 ms, or else frames in a row that sound like a voice without one
/// (a whisper, a hiss, a vowel that drowns). On a quiet line …
const ON_A_QUIET_LINE: (usize, u32) = (1, 3);
/// … before a hiss that hides most of a voice …
const IN_STEADY_NOISE: (usize, u32) = (1, 2);
/// … and where things happen in the background.
const IN_NOISE: (usize, u32) = (2, 4);
/// After music: frames with a pitch that moves.
const GLIDES_TO_START: usize = 3;
/// Of the last 240 ms so much of the power stands still: notes or tones, and no start.
const STEADY_SOUND: f32 = 0.3;
/// And this is music for certain …
const MUSIC: f32 = 0.5;
/// … which is remembered for 5 s.
const SUSPICION_FRAMES: u32 = 250;
/// An utterance of so many loud frames (440 ms, longer than a digit on one note) …
const FRAMES_TO_DISMISS: u32 = 22;
/// … is none if this share of its power stands still and hardly any pitch moves (one frame in eight) …
const STEADY_UTTERANCE: f32 = 0.3;
const GLIDES_OF_NOTES: u32 = 8;
/// … or if this share does.
const STEADY_ANYHOW: f32 = 0.6;
/// The onset is dated back over loud frames by this many at most: the detector needs some of them to make up its mind.
const ONSET_BACK_FRAMES: u32 = 12;

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
        /// Things happened in the background before it (dishes, other people): perhaps this was one of them.
        restless: bool,
        /// How loud its voiced frames were, dBFS.
        level: i8,
    },
    /// Nobody wants to know any more.
    Withdrawn {
        /// Which.
        utterance: UtteranceId,
    },
    /// It was no voice after all: music, a tone. Nobody spoke.
    Dismissed {
        /// Which.
        utterance: UtteranceId,
    },
    /// The line has a machine at its other end. At most once for each kind.
    Machine(CallingMachine),
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
    nature: Nature,
    echo: EchoGate,
    machines: MachineEar,
    typing: TextTelephoneEar,
    /// Told in a frame that had something else to tell.
    machine: Option<CallingMachine>,
    ring: Ring,
    /// Loud frames in a row up to now, and the voices among them.
    run: Run,
    /// Frames for which music or a tone that was heard still counts.
    suspicion: u32,
    /// A rule was set at least once.
    used: bool,
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
    /// When the first of them began.
    preroll_at: Moment,
    weight: Weight,
    restless: bool,
}

/// What the loud frames of an utterance were like.
#[derive(Clone, Copy, Default)]
struct Weight {
    frames: u32,
    glides: u32,
    /// Sum of their power, and of what of it stood still.
    power: (f32, f32),
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
            nature: Nature::new(),
            echo: EchoGate::new(),
            machines: MachineEar::default(),
            typing: TextTelephoneEar::default(),
            machine: None,
            ring: Ring::new(),
            run: Run::default(),
            suspicion: 0,
            used: false,
        }
    }

    /// Listens by this rule from now on; `None` = do not listen. A running utterance goes on under the new rule (and is no
    /// longer complete: that was said of the old question), or is withdrawn. `at` is not needed for the decision and is kept
    /// for callers that log it.
    pub fn set_rule(&mut self, rule: Option<EndpointRule>, _at: Moment) -> Option<ListenEvent> {
        self.rule = rule;
        self.used |= rule.is_some();
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
        let mut look = self.voice.measure(frame);
        if !self.used {
            // Nobody has asked yet, and perhaps nobody will.
            return None;
        }
        self.echo.push(frame, playing);
        let trace = self.examine(frame, &mut look);
        let machine = self.machines.push(trace.tone, trace.glides);
        let types = self.typing.push(frame).then_some(CallingMachine::TextTelephone);
        self.machine = self.machine.or(machine).or(types);
        self.utterances(frame, look, trace, at).or_else(|| self.machine.take().map(ListenEvent::Machine))
    }

    /// Whether an utterance begins or ends with this frame.
    fn utterances(&mut self, frame: &Frame, look: Look, trace: Trace, at: Moment) -> Option<ListenEvent> {
        let end = at + FRAME;
        match &mut self.state {
            State::Quiet => {
                if !self.echo.is_expected(look.dbfs) {
                    self.nature.is_background(frame);
                }
                self.count(look);
                let rule = self.rule?;
                if self.run.voiced * 20 < rule.start_ms.max(20) || !self.is_speech(look) {
                    return None;
                }
                Some(self.start(rule, frame, at))
            }
            State::Speaking(speaking) => {
                let goes_on =
                    look.voice >= VOICE_TO_GO_ON && look.above_floor >= ABOVE_TO_GO_ON && !self.echo.is_still_echo(look.dbfs);
                if goes_on {
                    speaking.hear(frame, end);
                }
                if goes_on || trace.steady >= STEADY_SOUND {
                    speaking.weigh(trace);
                }
                let rule = self.rule?;
                let event = if speaking.is_no_voice() {
                    self.suspicion = SUSPICION_FRAMES;
                    ListenEvent::Dismissed { utterance: speaking.utterance }
                } else {
                    speaking.endpoint(rule, end)?
                };
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

    /// When the first frame of [`Listener::preroll`] began; `None` when no utterance runs.
    pub fn preroll_at(&self) -> Option<Moment> {
        match &self.state {
            State::Speaking(s) => Some(s.preroll_at),
            State::Quiet => None,
        }
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
        let wanted = if look.floor < NOISY_FLOOR { VOICE_TO_START_QUIET } else { VOICE_TO_START_NOISY };
        if look.voice >= wanted {
            if self.echo.is_echo(look.dbfs) {
                self.run = Run::default();
            } else {
                self.run.voiced += 1;
            }
        }
    }

    /// Measures what is worth it.
    fn examine(&mut self, frame: &Frame, look: &mut Look) -> Trace {
        self.suspicion = self.suspicion.saturating_sub(1);
        if self.rule.is_none() || !VoiceDetector::is_worth_judging(*look) || self.ring.len() < lines::FRAMES {
            self.nature.pass(frame);
            return Trace::default();
        }
        look.voice = self.voice.judge(*look, self.ring.newest(self.voice.frames_to_judge()));
        let trace = self.nature.measure(frame, self.ring.newest(lines::FRAMES));
        if self.nature.steady() >= MUSIC {
            self.suspicion = SUSPICION_FRAMES;
        }
        trace
    }

    /// Whether the present stretch of loud frames is more than something that scores like a voice.
    fn is_speech(&self, look: Look) -> bool {
        if self.nature.steady() >= STEADY_SOUND {
            return false;
        }
        if self.suspicion > 0 {
            return self.nature.glides() >= GLIDES_TO_START;
        }
        let (pitched, unpitched) = match look.floor {
            floor if self.nature.restless(floor) => IN_NOISE,
            floor if floor >= NOISY_FLOOR => IN_STEADY_NOISE,
            _ => ON_A_QUIET_LINE,
        };
        self.nature.rich() >= pitched || self.nature.glides() >= pitched || self.run.voiced >= unpitched && !self.nature.bare()
    }

    fn start(&mut self, rule: EndpointRule, frame: &Frame, at: Moment) -> ListenEvent {
        let end = at + FRAME;
        let back = self.run.frames.clamp(1, ONSET_BACK_FRAMES);
        let started = Moment::from_micros(end.micros().saturating_sub(u64::from(back) * 20_000)).min(at);
        let utterance = self.next;
        self.next = utterance.next();
        let preroll = ((back + rule.preroll_ms.div_ceil(20)) as usize).min(self.ring.len());
        let preroll_at = Moment::from_micros(end.micros().saturating_sub(preroll as u64 * 20_000));
        let mut speaking = Speaking {
            utterance,
            started,
            last_voice: end,
            complete: false,
            loudness: (0.0, 0),
            peak: 0,
            preroll,
            preroll_at,
            weight: Weight::default(),
            restless: self.nature.eventful(),
        };
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

    fn weigh(&mut self, trace: Trace) {
        if trace.measured {
            self.weight.frames += 1;
            self.weight.glides += u32::from(trace.glides);
            self.weight.power.0 += trace.power;
            self.weight.power.1 += trace.power * trace.steady;
        }
    }

    /// Whether what was heard since the start is music or a tone.
    fn is_no_voice(&self) -> bool {
        let w = &self.weight;
        let steady = w.power.1 / w.power.0.max(1e-9);
        w.frames >= FRAMES_TO_DISMISS
            && (steady >= STEADY_UTTERANCE && w.glides * GLIDES_OF_NOTES < w.frames || steady >= STEADY_ANYHOW)
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
            restless: self.restless,
            level: self.mood().rms_dbfs.round().clamp(-127.0, 0.0) as i8,
        })
    }

    fn mood(&self) -> Mood {
        let mean = self.loudness.0 / self.loudness.1.max(1) as f32;
        Mood { rms_dbfs: (10.0 * mean.max(1e-12).log10()).max(QUIETEST_DBFS), peak: self.peak }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::FRAME_SAMPLES;
    use crate::listen::PREROLL_FRAMES_MAX;

    const RULE: EndpointRule =
        EndpointRule { start_ms: 40, quiet_ms: 400, complete_quiet_ms: 200, preroll_ms: 300, longest_ms: 3_000 };

    /// A vowel: harmonics of 130 Hz with a little wobble, shaped by two formants; loud enough for anybody.
    fn vowel(i: usize) -> Frame {
        let mut f = Frame::SILENCE;
        for (k, s) in f.samples.iter_mut().enumerate() {
            let t = (i * FRAME_SAMPLES + k) as f32 / 8_000.0;
            let pitch = 130.0 + 8.0 * (t * 12.0).sin();
            let mut v = 0.0;
            for h in 1..24u8 {
                let hertz = pitch * f32::from(h);
                let near = |formant: f32| 1.0 / (1.0 + ((hertz - formant) / 120.0).powi(2));
                v += (near(650.0) + 0.6 * near(1_200.0) + 0.3 * near(2_500.0))
                    * (t * pitch * f32::from(h) * std::f32::consts::TAU).sin();
            }
            *s = (v * 2_500.0 * (0.7 + 0.3 * (t * 25.0).sin())) as i16;
        }
        f
    }

    fn hiss(i: usize) -> Frame {
        let mut f = Frame::SILENCE;
        let mut seed = i as u32 + 1;
        for s in &mut f.samples {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *s = (seed >> 28) as i16 - 8;
        }
        f
    }

    /// Plays a script of letters, one per frame (`v` vowel, `.` hiss, `k` click, `*` complete, `-` stop listening, `+` new rule
    /// of 100 ms), and writes the events with the frame number.
    fn check(script: &str, expected: &str) {
        let mut listener = Listener::new();
        assert_eq!(listener.set_rule(Some(RULE), Moment::ZERO), None);
        let (mut said, mut i) = (Vec::new(), 0);
        for c in script.chars() {
            let at = Moment::from_millis(i as u64 * 20);
            let event = match c {
                '*' => {
                    listener.complete(listener.in_utterance().unwrap_or_default());
                    continue;
                }
                '-' => listener.set_rule(None, at),
                '+' => listener.set_rule(Some(EndpointRule { quiet_ms: 100, ..RULE }), at),
                _ => {
                    i += 1;
                    let mut frame = if c == 'v' { vowel(i) } else { hiss(i) };
                    if c == 'k' {
                        frame.samples[80..100].copy_from_slice(&[
                            9_000, -9_000, 8_000, -7_000, 6_000, -5_000, 4_000, -3_000, 2_000, -1_000, 900, -800, 700, -600,
                            500, -400, 300, -200, 100, -50,
                        ]);
                    }
                    listener.push(&frame, at, None)
                }
            };
            match event {
                Some(ListenEvent::Started { .. }) => {
                    let frames = listener.preroll().count();
                    said.push(format!("{i}:started preroll {frames}"));
                }
                Some(ListenEvent::Ended { too_long, .. }) => {
                    said.push(format!("{i}:{}", if too_long { "too long" } else { "ended" }))
                }
                Some(ListenEvent::Withdrawn { .. }) => said.push(format!("{i}:withdrawn")),
                Some(ListenEvent::Dismissed { .. }) => said.push(format!("{i}:dismissed")),
                Some(ListenEvent::Machine(_)) => said.push(format!("{i}:machine")),
                None => {}
            }
        }
        assert_eq!(said.join(", "), expected, "{script}");
    }

    #[test]
    fn utterances_by_script() {
        let (quiet, voice) = (".".repeat(50), "v".repeat(50));
        // The detector takes a while over this poor imitation of a vowel; the onset is dated back to within 20 ms.
        check(&quiet, "");
        check(&format!("{quiet}{voice}{quiet}"), "57:started preroll 22, 120:ended");
        check(&format!("{quiet}{voice}......*{quiet}"), "57:started preroll 22, 110:ended");
        check(&format!("{quiet}{voice}+{quiet}"), "57:started preroll 22, 105:ended");
        check(&format!("{quiet}{voice}-{quiet}"), "57:started preroll 22, 100:withdrawn");
        check(&format!("{quiet}{voice}-{quiet}+{quiet}"), "57:started preroll 22, 100:withdrawn");
        check(
            &format!("{quiet}{voice}{voice}{voice}{voice}{quiet}"),
            "57:started preroll 22, 200:too long, 203:started preroll 17, 270:ended",
        );
        check(&format!("{quiet}k{quiet}k{quiet}kk{quiet}"), "");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::with_cases(40) })]

        /// Whatever is fed and told in whatever order: events alternate, ids count up, times are in order, nothing panics.
        #[test]
        fn the_order_of_events_holds(steps in proptest::collection::vec(0u8..20, 50..400)) {
            let (mut listener, mut open, mut last) = (Listener::new(), None, UtteranceId::default());
            for (i, step) in steps.into_iter().enumerate() {
                let at = Moment::from_millis(i as u64 * 20);
                let event = match step {
                    0 => listener.set_rule(None, at),
                    1 | 2 => listener.set_rule(Some(EndpointRule { quiet_ms: 60, longest_ms: 400, ..RULE }), at),
                    3 => {
                        listener.complete(last);
                        None
                    }
                    4..=12 => listener.push(&vowel(i), at, (step == 4).then(|| vowel(i / 2)).as_ref()),
                    13 => listener.push(&Frame { samples: [if i % 2 == 0 { i16::MIN } else { i16::MAX }; FRAME_SAMPLES] }, at, None),
                    _ => listener.push(&hiss(i), at, None),
                };
                match event {
                    Some(ListenEvent::Started { utterance, at: onset }) => {
                        assert!(open.is_none() && utterance > last && onset <= at);
                        let frames = listener.preroll().count();
                        assert!((1..=PREROLL_FRAMES_MAX).contains(&frames));
                        assert_eq!(listener.preroll_at(), Some(Moment::from_millis((i as u64 + 1 - frames as u64) * 20)));
                        (open, last) = (Some(onset), utterance);
                    }
                    Some(ListenEvent::Ended { utterance, started, ended, .. }) => {
                        assert_eq!((open.take(), last), (Some(started), utterance));
                        assert!(started <= ended && ended <= at + FRAME);
                    }
                    Some(ListenEvent::Withdrawn { utterance } | ListenEvent::Dismissed { utterance }) => {
                        assert_eq!((open.take().is_some(), last), (true, utterance));
                    }
                    Some(ListenEvent::Machine(_)) | None => {}
                }
                assert_eq!(listener.in_utterance().is_some(), open.is_some());
                assert_eq!(listener.mood().is_some(), open.is_some());
            }
        }
    }
}
