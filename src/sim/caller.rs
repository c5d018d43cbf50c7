//! The caller, step by step: speaks when the hotline is silent, or over it.

use super::plan::{CallerStep, Mind, Speech, When};
use crate::base::{EarFailure, Language, Moment, UtteranceId};
use crate::call::Event;
use crate::flow::Ask;
use std::collections::VecDeque;
use std::time::Duration;

/// How long the hotline must be silent before the caller takes the turn.
const POLITE: Duration = Duration::from_millis(500);
/// How long the caller waits before leaving when there is nothing more to do: longer than what keys are waited for.
const THOUGHTFUL: Duration = Duration::from_secs(4);
/// Endpoint and recognition after the end of speech.
const ENDPOINT: Duration = Duration::from_millis(480);
const RECOGNITION: Duration = Duration::from_millis(120);

pub(super) struct Caller<'m> {
    steps: VecDeque<CallerStep>,
    /// Decides what follows the steps.
    mind: Option<&'m mut dyn Mind>,
    /// How many steps were begun.
    begun: usize,
    /// Busy with a step until then.
    busy_until: Moment,
    /// The caller waits in silence for the hotline to speak again.
    waits_for_prompt: bool,
    /// Prompts that began since the last step.
    prompts: u32,
    next_utterance: UtteranceId,
    /// The language that is listened for; `None` = nobody listens.
    listening: Option<Language>,
    gone: bool,
    /// Says and presses nothing while a person is reached or talks.
    patient: bool,
}

/// Where the call is.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) phase: &'static str,
    pub(super) ask: Option<&'p Ask>,
}

/// What the caller does now.
#[derive(Debug)]
pub(super) enum Doing {
    /// Waits for something to happen.
    Nothing,
    /// Waits until then.
    LooksAgain(Moment),
    /// Does something: these happen, each so long from now.
    Acts(Vec<(Duration, Event)>),
}

impl<'m> Caller<'m> {
    pub(super) fn new(steps: Vec<CallerStep>, mind: Option<&'m mut dyn Mind>, patient: bool) -> Caller<'m> {
        Caller {
            steps: steps.into(),
            mind,
            begun: 0,
            busy_until: Moment::ZERO,
            waits_for_prompt: false,
            prompts: 0,
            next_utterance: UtteranceId(0),
            listening: None,
            gone: false,
            patient,
        }
    }

    /// How many steps were begun.
    pub(super) fn step(&self) -> usize {
        self.begun
    }

    pub(super) fn prompt_began(&mut self) {
        self.prompts += 1;
        self.waits_for_prompt = false;
    }

    pub(super) fn listened_to(&mut self, language: Language) {
        self.listening = Some(language);
    }

    pub(super) fn not_listened_to(&mut self) {
        self.listening = None;
    }

    /// What is said while nobody listens never reaches the call.
    pub(super) fn passes(&self, event: &Event) -> bool {
        let speech = matches!(
            event,
            Event::SpeechStarted { .. } | Event::SpeechEnded { .. } | Event::Heard { .. } | Event::PersonHeard { .. }
        );
        !speech || self.listening.is_some()
    }

    /// How much the caller says after the tone.
    pub(super) fn message(&mut self, now: Moment) -> Duration {
        let said = match self.steps.front() {
            Some(CallerStep::LeavesMessage(said)) => {
                let said = *said;
                self.begin_step();
                said
            }
            Some(CallerStep::Silence) => {
                self.begin_step();
                Duration::ZERO
            }
            _ => self.mind.as_mut().map_or(Duration::from_secs(4), |mind| mind.message()),
        };
        self.busy_until = now + said + Duration::from_secs(3);
        said
    }

    /// Ends the message by hanging up.
    pub(super) fn hangs_up_in_message(&self) -> bool {
        matches!(self.steps.front(), Some(CallerStep::HangsUp | CallerStep::Waits(_) | CallerStep::IsLost))
    }

    fn begin_step(&mut self) -> Option<CallerStep> {
        self.begun += 1;
        self.prompts = 0;
        self.steps.pop_front()
    }

    /// Looks whether it is time for the next step.
    pub(super) fn next(&mut self, now: Moment, at: Place<'_>, playing: Option<Moment>, quiet: Moment) -> Doing {
        let phase = at.phase;
        if self.gone || phase == "answering" || phase == "over" || self.waits_for_prompt {
            return Doing::Nothing;
        }
        if now < self.busy_until {
            return Doing::LooksAgain(self.busy_until);
        }
        if self.patient && matches!(phase, "transferring" | "with_agent") {
            return Doing::Nothing;
        }
        let Some(step) = self.steps.front() else { return self.after_the_last(now, at, playing, quiet) };
        let over = match step {
            CallerStep::Speaks(Speech { when: When::Over(after), .. }) | CallerStep::Presses(_, When::Over(after)) => {
                Some(*after)
            }
            _ => None,
        };
        let at = match (over, playing) {
            // Over a prompt: one must play.
            (Some(after), Some(since)) => (since + after).max(now),
            (Some(_), None) => return Doing::Nothing,
            (None, Some(_)) => return Doing::Nothing,
            // These are for after the tone.
            (None, None)
                if matches!(step, CallerStep::Silence | CallerStep::LeavesMessage(_))
                    && matches!(phase, "transferring" | "message") =>
            {
                return Doing::Nothing;
            }
            (None, None) if matches!(phase, "saying" | "looking_up" | "leaving") => return Doing::Nothing,
            (None, None) => (quiet + POLITE).max(self.busy_until),
        };
        if at > now {
            return Doing::LooksAgain(at);
        }
        match self.begin_step() {
            Some(step) => self.act(now, step, over.is_some()),
            None => Doing::Nothing,
        }
    }

    /// The script is over: leaves as soon as a question waits for an answer, stays while a person is on the way.
    fn after_the_last(&mut self, now: Moment, at: Place<'_>, playing: Option<Moment>, quiet: Moment) -> Doing {
        if playing.is_some() || !matches!(at.phase, "asking" | "consenting") {
            return Doing::Nothing;
        }
        if let Some(mind) = &mut self.mind {
            if let Some(steps) = mind.answers(at.ask).filter(|steps| !steps.is_empty()) {
                self.steps = steps.into();
                return self.next(now, at, playing, quiet);
            }
            self.gone = true;
            return Doing::Acts(vec![(Duration::ZERO, Event::CallerHungUp)]);
        }
        let at = (quiet + THOUGHTFUL).max(self.busy_until + THOUGHTFUL);
        if at > now {
            return Doing::LooksAgain(at);
        }
        self.gone = true;
        Doing::Acts(vec![(Duration::ZERO, Event::CallerHungUp)])
    }

    fn act(&mut self, now: Moment, step: CallerStep, over: bool) -> Doing {
        let none = Duration::ZERO;
        match step {
            CallerStep::Speaks(speech) => self.speak(now, speech),
            CallerStep::Presses(keys, _) => {
                let gap = Duration::from_millis(200);
                let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
                self.busy_until = now + gap * count;
                Doing::Acts(keys.into_iter().zip(0u32..).map(|(key, n)| (gap * n, Event::Key(key))).collect())
            }
            CallerStep::Silence => {
                self.waits_for_prompt = !over;
                Doing::Nothing
            }
            CallerStep::Waits(time) => {
                self.busy_until = now + time;
                Doing::LooksAgain(self.busy_until)
            }
            CallerStep::LeavesMessage(_) => Doing::LooksAgain(now),
            CallerStep::Holds(held) => Doing::Acts(vec![(none, Event::Held(held))]),
            CallerStep::HangsUp => {
                self.gone = true;
                Doing::Acts(vec![(none, Event::CallerHungUp)])
            }
            CallerStep::IsLost => {
                self.gone = true;
                Doing::Acts(vec![(none, Event::CallerLost)])
            }
            CallerStep::IsMachine(machine) => Doing::Acts(vec![(none, Event::Machine(machine))]),
            CallerStep::Trouble(what) => Doing::Acts(vec![(none, Event::Trouble(what))]),
        }
    }

    fn speak(&mut self, now: Moment, speech: Speech) -> Doing {
        let utterance = self.next_utterance;
        self.next_utterance = utterance.next();
        let length_ms = u32::try_from(speech.length.as_millis()).unwrap_or(u32::MAX);
        let ended = speech.length + ENDPOINT;
        let heard = ended + RECOGNITION;
        self.busy_until = now + heard;
        let mut events = vec![(Duration::ZERO, Event::SpeechStarted { utterance, over: None })];
        if speech.spotted {
            let phrase = speech.heard.as_ref().map(|h| h.text.clone()).unwrap_or_default();
            events.push((speech.length.mul_f32(0.8), Event::PersonHeard { utterance, phrase }));
        }
        events.push((ended, Event::SpeechEnded { utterance, length_ms, restless: speech.restless, level: speech.level }));
        events.push((heard, Event::Heard { utterance, result: speech.heard }));
        Doing::Acts(events)
    }

    /// What the ears make of speech in a language that they do not hear.
    pub(super) fn deafened(&self, event: Event, ears: &[Language]) -> Event {
        match event {
            Event::Heard { utterance, .. } if self.listening.is_some_and(|l| !ears.contains(&l)) => {
                Event::Heard { utterance, result: Err(EarFailure::NoEngine) }
            }
            other => other,
        }
    }
}
