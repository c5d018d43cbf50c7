//! Taking a message: beep, then record until quiet, `#`, or the longest time. The sound comes from the ears a moment after its end, and
//! is waited for; nothing waits for its words.

use super::{Driver, Machine, MessageLeft, Ports};
use crate::audio::{LINE_RATE, Pcm};
use crate::base::{BargeIn, Expect, LegId, Moment, PromptId, UtteranceId};
use crate::call::{Event, Secrets};
use crate::listen::EndpointRule;
use crate::media::LegCommand;
use std::sync::Arc;
use std::time::Duration;

/// How long we wait for the first word.
const FIRST_WORD: Duration = Duration::from_secs(8);

/// Beeps are numbered from here, out of the call's own prompts.
const TONE: PromptId = PromptId(u32::MAX);

/// One message being taken.
pub(super) struct MessageTaking {
    max: Duration,
    /// What must not stand in its words.
    secrets: Secrets,
    state: State,
}

/// The utterance that is the message, until its sound has come from the ears: it means nothing to the flow.
pub(super) struct Spoken {
    pub(super) utterance: UtteranceId,
    pub(super) began: Moment,
    pub(super) secrets: Secrets,
    /// The caller has said it all: the sound is on its way.
    pub(super) over: bool,
}

enum State {
    /// The beep plays; given up on if its end is never reported.
    Tone { until: Moment },
    /// Nothing said yet.
    Waiting { until: Moment },
    /// The caller speaks; `waited` is until when the first word was waited for.
    Speaking { since: Moment, until: Moment, waited: Moment },
}

impl MessageTaking {
    pub(super) fn begin(now: Moment, max: Duration, secrets: Secrets) -> MessageTaking {
        MessageTaking { max, secrets, state: State::Tone { until: now + Duration::from_secs(3) } }
    }

    /// The beep is over. Returns the rule to listen by.
    pub(super) fn open(&mut self, now: Moment) -> EndpointRule {
        self.state = State::Waiting { until: now + FIRST_WORD };
        let longest_ms = u32::try_from(self.max.as_millis()).unwrap_or(u32::MAX);
        EndpointRule { longest_ms, ..EndpointRule::for_expect(&Expect::Anything) }
    }

    pub(super) fn speech_started(&mut self, utterance: UtteranceId, at: Moment) -> Spoken {
        let waited = self.next_timer().unwrap_or(at);
        self.state = State::Speaking { since: at, until: at + self.max + Duration::from_secs(1), waited };
        Spoken { utterance, began: at, secrets: self.secrets.clone(), over: false }
    }

    /// It was no voice: the time for the first word goes on.
    pub(super) fn speech_dismissed(&mut self) {
        if let State::Speaking { waited, .. } = self.state {
            self.state = State::Waiting { until: waited };
        }
    }

    /// Milliseconds of speech.
    pub(super) fn speech_ended(&mut self, length_ms: u32) -> u32 {
        length_ms
    }

    /// `#`: while the caller speaks, the rule that ends the utterance at the next frame, so that its sound is kept;
    /// `None` when nothing was said.
    pub(super) fn hash(&mut self, now: Moment) -> Option<EndpointRule> {
        let State::Speaking { since, waited, .. } = self.state else { return None };
        self.state = State::Speaking { since, until: now + Duration::from_secs(1), waited };
        Some(EndpointRule {
            quiet_ms: 20,
            complete_quiet_ms: 20,
            longest_ms: 20,
            ..EndpointRule::for_expect(&Expect::Anything)
        })
    }

    fn said(&self, now: Moment) -> u32 {
        match self.state {
            State::Speaking { since, .. } => u32::try_from((now - since).as_millis()).unwrap_or(u32::MAX),
            State::Tone { .. } | State::Waiting { .. } => 0,
        }
    }

    pub(super) fn next_timer(&self) -> Option<Moment> {
        match self.state {
            State::Tone { until } | State::Waiting { until } | State::Speaking { until, .. } => Some(until),
        }
    }

    /// Milliseconds of speech when the time is over.
    pub(super) fn tick(&mut self, now: Moment) -> Option<u32> {
        (self.next_timer()? <= now).then(|| self.said(now))
    }
}

impl<M: Machine, P: Ports> Driver<M, P> {
    pub(super) fn take_message(&mut self, now: Moment, max: Duration, secrets: Secrets) {
        self.message = Some(MessageTaking::begin(now, max, secrets));
        self.ports.leg(LegId::Caller, LegCommand::Listen(None));
        self.ports.leg(LegId::Caller, tone());
    }

    /// The beep is over: now the caller speaks.
    pub(super) fn tone_over(&mut self, now: Moment) {
        if let Some(message) = &mut self.message {
            let rule = message.open(now);
            self.ports.listen_only();
            self.ports.leg(LegId::Caller, LegCommand::Listen(Some(rule)));
        }
    }

    pub(super) fn message_over(&mut self, now: Moment, speech_ms: u32) {
        self.message = None;
        self.ports.leg(LegId::Caller, LegCommand::Listen(None));
        self.event(now, Event::MessageEnded { speech_ms });
    }

    /// The sound has come. Whatever an engine made of it: it is kept, and its words are written down later.
    pub(super) fn message_heard(&mut self, now: Moment, sound: Arc<Pcm>) {
        if let Some(Spoken { utterance, began, secrets, .. }) = self.spoken.take() {
            self.ports.keep_message(MessageLeft { utterance, began, sound, secrets });
        }
        self.left(now);
    }

    /// Whether the caller has left a message whose sound has not come from the ears yet.
    pub(super) fn sound_is_due(&self) -> bool {
        self.spoken.as_ref().is_some_and(|spoken| spoken.over)
    }

    /// The message's sound is there, or was waited for long enough: now the call hears that the caller has left.
    pub(super) fn left(&mut self, now: Moment) {
        if let Some((event, _)) = self.leaving.take() {
            if let Some(spoken) = &mut self.spoken {
                spoken.over = false;
            }
            self.event(now, event);
        }
        if let Some((disposition, _)) = self.ending.take() {
            self.end(&disposition);
        }
    }
}

/// The beep: 1 kHz, 300 ms, soft edges.
pub(super) fn tone() -> LegCommand {
    let length = LINE_RATE as usize * 3 / 10;
    let edge = LINE_RATE as usize / 100;
    let samples = (0..length)
        .map(|i| {
            let phase = i as f32 * 1_000.0 * std::f32::consts::TAU / LINE_RATE as f32;
            let gain = (i.min(length - i) as f32 / edge as f32).min(1.0);
            (phase.sin() * gain * 6_000.0) as i16
        })
        .collect();
    LegCommand::Play { prompt: TONE, audio: Arc::new(Pcm { samples }), barge_in: BargeIn::PersonOnly }
}

pub(super) fn is_tone(prompt: PromptId) -> bool {
    prompt == TONE
}
