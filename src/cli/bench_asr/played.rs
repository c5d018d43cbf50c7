//! A call without a line: prompts are over at once, and what is heard is handed to it. The call machine itself decides.

use crate::base::Grammar;
use crate::base::{CallId, Expect, Hypothesis, LegId, Moment, PhoneNumber, PromptEnd, UtteranceId, WallTime};
use crate::call::{Call, CallSettings, Command, Event, Record};
use crate::flow::Flow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Most that happens after one thing that is said: a flow that goes on for longer is looping.
const EVENTS_MAX: usize = 64;

/// What a call takes an utterance for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// An answer: an intent's name, `yes`, `digits`.
    Answer(String),
    /// A wish for a person.
    Person,
    /// Nothing, or a wish to hear the question again.
    Again,
}

/// A call that is played up to its next question.
pub(crate) struct Played {
    call: Call,
    at: Moment,
    utterance: u32,
    /// What it listens for.
    pub(crate) grammar: Option<Grammar>,
    /// What the caller heard since he last said something.
    pub(crate) words: String,
}

impl Played {
    /// Up to the flow's first question.
    pub(crate) fn begin(flow: &Arc<Flow>) -> Played {
        let settings = CallSettings { ears: flow.languages.clone(), ..CallSettings::default() };
        let call = Call::new(CallId(1), flow.clone(), settings);
        let mut played = Played { call, at: Moment::ZERO, utterance: 0, grammar: None, words: String::new() };
        let (caller, dialled) = (PhoneNumber::new("caller"), PhoneNumber::new("100"));
        // The first second of 2026.
        played.happens(Event::Arrived { caller, dialled, wall: WallTime(1_767_225_600_000) });
        played.happens(Event::Answered);
        played
    }

    /// Whether a question is out.
    pub(crate) fn asks(&self) -> bool {
        self.call.phase() == "asking"
    }

    /// Whether a number is out that was read back.
    pub(crate) fn reads_back(&self) -> bool {
        self.asks() && self.grammar.as_ref().is_some_and(|g| matches!(g.expect, Expect::Confirm { .. }))
    }

    /// What the call takes an utterance for. `person` = the words by which a person was asked for, noticed before its end.
    pub(crate) fn hears(&mut self, hypothesis: Hypothesis, person: Option<String>) -> Taken {
        self.utterance += 1;
        let utterance = UtteranceId(self.utterance);
        self.words.clear();
        self.happens(Event::SpeechStarted { utterance, over: None });
        if let Some(phrase) = person {
            self.happens(Event::PersonHeard { utterance, phrase });
            if self.call.phase() == "transferring" {
                return Taken::Person;
            }
        }
        self.happens(Event::SpeechEnded { utterance, length_ms: 2_000, restless: false, level: None });
        match self.happens(Event::Heard { utterance, result: Ok(hypothesis) }).as_deref() {
            None | Some("repeat") => Taken::Again,
            Some("person") => Taken::Person,
            Some(name) => Taken::Answer(name.to_string()),
        }
    }

    /// One event and all prompts that follow from it; what an utterance was taken for.
    fn happens(&mut self, event: Event) -> Option<String> {
        let mut waiting = VecDeque::from([event]);
        let mut meaning = None;
        for _ in 0..EVENTS_MAX {
            let Some(event) = waiting.pop_front() else { break };
            let mut out = Vec::new();
            self.at = self.at + Duration::from_secs(1);
            self.call.handle(self.at, &event, &mut out);
            for command in out {
                match command {
                    Command::Listen { grammar, .. } => self.grammar = Some(grammar),
                    Command::Play { leg, prompt } => {
                        if leg == LegId::Caller {
                            self.words = format!("{} {}", self.words, prompt.words());
                        }
                        let end = PromptEnd::Finished;
                        waiting.push_back(Event::PromptEnded { leg, prompt: prompt.id, played_ms: 1_000, end });
                    }
                    Command::Note(record) => {
                        if let Record::Utterance(utterance) = *record {
                            meaning = utterance.meaning;
                        }
                    }
                    _ => {}
                }
            }
        }
        meaning
    }
}
