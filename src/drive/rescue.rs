//! The way to a person when our own call machine has failed: one apology, the default targets one after the other, and
//! if nobody answers an honest good-bye. Deliberately tiny and without a flow, so that it cannot fail the same way.

use super::ports::LastResort;
use crate::base::{AttemptId, BargeIn, Disposition, Fault, Language, LegId, Moment, Prompt, PromptId, PromptPart};
use crate::call::{AgentEvent, Command, Event, Record};
use std::time::Duration;

/// Attempts and prompts of the rescue are numbered from here, away from the failed machine's own.
const FIRST_ID: u32 = 1 << 30;

/// How long each target may ring.
const RING: Duration = Duration::from_secs(25);

/// Most targets tried.
const TRIES_MAX: usize = 3;

pub(super) struct Rescue {
    resort: LastResort,
    why: String,
    state: State,
    next_prompt: u32,
    tried: usize,
}

enum State {
    /// Ringing somewhere.
    Calling {
        attempt: AttemptId,
        until: Moment,
    },
    /// A person has it.
    Joined {
        attempt: AttemptId,
    },
    /// The good-bye is being said.
    Closing {
        prompt: PromptId,
        until: Moment,
    },
    Over,
}

impl Rescue {
    pub(super) fn new(mut resort: LastResort, why: &str) -> Rescue {
        resort.targets.truncate(TRIES_MAX);
        Rescue { resort, why: why.to_string(), state: State::Over, next_prompt: FIRST_ID, tried: 0 }
    }

    pub(super) fn begin(&mut self, now: Moment, out: &mut Vec<Command>) {
        out.push(Command::StopListening);
        out.push(Command::StopPlaying { leg: LegId::Caller });
        let words = match self.resort.language {
            Language::ZH => "对不起，我们这边出了故障。我马上为您接通人工。",
            _ => "I am sorry, something went wrong on our side. I am connecting you to a person now.",
        };
        self.say(words, out);
        out.push(Command::Comfort(true));
        self.call_next(now, out);
    }

    pub(super) fn next_timer(&self) -> Option<Moment> {
        match self.state {
            State::Calling { until, .. } | State::Closing { until, .. } => Some(until),
            State::Joined { .. } | State::Over => None,
        }
    }

    pub(super) fn handle(&mut self, now: Moment, event: &Event, out: &mut Vec<Command>) {
        if matches!(event, Event::CallerHungUp | Event::CallerLost) {
            self.end(now, out);
            return;
        }
        match (&self.state, event) {
            (State::Calling { attempt, .. }, Event::Agent { attempt: a, event: AgentEvent::Answered }) if a == attempt => {
                let attempt = *attempt;
                out.push(Command::Comfort(false));
                out.push(Command::Join { attempt });
                self.state = State::Joined { attempt };
            }
            (
                State::Calling { attempt, .. },
                Event::Agent { attempt: a, event: AgentEvent::Failed { .. } | AgentEvent::HungUp | AgentEvent::Lost },
            ) if a == attempt => {
                self.call_next(now, out);
            }
            (State::Calling { attempt, until }, Event::Tick) if *until <= now => {
                out.push(Command::HangUp { leg: LegId::Agent(*attempt) });
                self.call_next(now, out);
            }
            (State::Joined { attempt }, Event::Agent { attempt: a, event: AgentEvent::HungUp | AgentEvent::Lost })
                if a == attempt =>
            {
                self.end(now, out);
            }
            (State::Closing { prompt, .. }, Event::PromptEnded { prompt: p, .. }) if p == prompt => self.end(now, out),
            (State::Closing { until, .. }, Event::Tick) if *until <= now => self.end(now, out),
            _ => {}
        }
    }

    fn call_next(&mut self, now: Moment, out: &mut Vec<Command>) {
        if let Some(to) = self.resort.targets.get(self.tried) {
            let attempt = AttemptId(FIRST_ID + self.tried as u32);
            out.push(Command::Dial { attempt, to: to.clone(), uui: String::new(), ring: RING });
            self.state = State::Calling { attempt, until: now + RING + Duration::from_secs(2) };
            self.tried += 1;
            return;
        }
        out.push(Command::Comfort(false));
        let words = match self.resort.language {
            Language::ZH => "很抱歉，现在无人接听。请您稍后再打来。再见。",
            _ => "I am very sorry, nobody could be reached just now. Please call again in a few minutes. Good bye.",
        };
        let prompt = self.say(words, out);
        self.state = State::Closing { prompt, until: now + Duration::from_secs(15) };
    }

    fn say(&mut self, words: &str, out: &mut Vec<Command>) -> PromptId {
        let id = PromptId(self.next_prompt);
        self.next_prompt += 1;
        let parts = vec![PromptPart::Text(words.to_string())];
        let prompt = Prompt { id, parts, language: self.resort.language, barge_in: BargeIn::PersonOnly };
        out.push(Command::Play { leg: LegId::Caller, prompt });
        id
    }

    fn end(&mut self, now: Moment, out: &mut Vec<Command>) {
        if let State::Calling { attempt, .. } | State::Joined { attempt } = self.state {
            out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        }
        out.push(Command::HangUp { leg: LegId::Caller });
        let disposition = Disposition::Failed { why: self.why.clone() };
        out.push(Command::Note(Box::new(Record::Ended {
            disposition: disposition.clone(),
            fault: Fault::Us,
            at: now,
            request_to_person_ms: None,
        })));
        out.push(Command::Ended(disposition));
        self.state = State::Over;
    }
}
