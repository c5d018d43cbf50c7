//! What every state of a call needs: the language, the facts, playing, listening, recording, notes and new numbers.

use super::machine::{Call, Now, Recording};
use super::state::{MessageStep, State};
use super::timers::TimerName;
use super::{Command, Record, RecordAction};
use crate::base::{AttemptId, BargeIn, Expect, Grammar, Language, LegId, LookUpId, Prompt, PromptId, PromptPart, WallTime};
use crate::flow::{CallFacts, Phrase};
use std::sync::Arc;

impl Call {
    /// The language that is spoken now.
    pub(crate) fn language(&self) -> Language {
        match &self.cursor {
            Some(cursor) => cursor.language(),
            None if self.called_back.is_some() => {
                self.called_back.as_ref().map_or_else(Language::default, |called| called.back.wish.card.language)
            }
            None => self.flow.languages.first().copied().unwrap_or_default(),
        }
    }

    /// One of the hotline's own sentences in the language that is spoken now.
    pub(crate) fn phrase(&self, phrase: Phrase) -> Vec<PromptPart> {
        self.flow.phrase(phrase, self.language())
    }

    /// The flow's own ways to ask for a person in the language that is spoken now.
    pub(crate) fn person_phrases(&self) -> Arc<[String]> {
        self.flow.person.phrases.get(&self.language()).cloned().unwrap_or_else(|| Arc::from([]))
    }

    /// The calendar time of this event.
    pub(crate) fn wall(&self, now: &Now) -> WallTime {
        self.arrival.as_ref().map_or(WallTime(0), |a| a.wall.plus(now.at.since(a.at)))
    }

    /// The facts that templates see.
    pub(crate) fn facts(&self) -> Option<CallFacts> {
        let a = self.arrival.as_ref()?;
        Some(CallFacts {
            caller: a.caller.clone(),
            dialled: a.dialled.clone(),
            at: a.wall,
            base_dir: self.settings.base_dir.clone(),
            incident: self.settings.incident.clone(),
        })
    }

    /// Plays to the caller and writes it into the story.
    pub(crate) fn play(&mut self, now: &mut Now, parts: Vec<PromptPart>, barge_in: BargeIn) -> PromptId {
        let prompt = Prompt { id: self.next_prompt, parts, language: self.language(), barge_in };
        self.story.answer(&prompt.words());
        self.play_prompt(now, LegId::Caller, prompt)
    }

    /// Plays to an agent.
    pub(crate) fn play_to_agent(
        &mut self,
        now: &mut Now,
        attempt: AttemptId,
        parts: Vec<PromptPart>,
        language: Language,
    ) -> PromptId {
        let prompt = Prompt { id: self.next_prompt, parts, language, barge_in: BargeIn::PersonOnly };
        self.play_prompt(now, LegId::Agent(attempt), prompt)
    }

    fn play_prompt(&mut self, now: &mut Now, leg: LegId, prompt: Prompt) -> PromptId {
        let id = prompt.id;
        self.next_prompt = id.next();
        // Whatever plays already comes first.
        let overdue = now.at + prompt.longest();
        self.timers.set(TimerName::Prompt, self.timers.get(TimerName::Prompt).map_or(overdue, |before| before.max(overdue)));
        now.out.push(Command::Play { leg, prompt });
        id
    }

    /// Stops what plays to the caller, if anything does.
    pub(crate) fn hush(&mut self, now: &mut Now) {
        let playing = match &mut self.state {
            State::Consenting(c) => c.prompt.take().is_some(),
            State::Saying(_) | State::Leaving { .. } => true,
            State::Asking(a) => a.prompt.take().is_some(),
            State::LookingUp(l) => l.prompt.take().is_some(),
            State::Message(m) => !matches!(m.step, MessageStep::Recording { .. }),
            _ => false,
        };
        if playing {
            now.out.push(Command::StopPlaying { leg: LegId::Caller });
        }
    }

    /// Listens for this from now on; says so only when it changed.
    pub(crate) fn listen(&mut self, now: &mut Now, grammar: Grammar, sensitive: bool) {
        self.listen_as(now, grammar, sensitive, false);
    }

    /// Listens while nothing is asked of the caller: those who are asked something go first.
    pub(crate) fn listen_aside(&mut self, now: &mut Now, grammar: Grammar) {
        self.listen_as(now, grammar, false, true);
    }

    fn listen_as(&mut self, now: &mut Now, grammar: Grammar, sensitive: bool, aside: bool) {
        let wanted = Some((grammar, sensitive));
        if self.ears.listening != wanted || self.ears.aside != aside {
            if let Some((grammar, sensitive)) = &wanted {
                now.out.push(Command::Listen { grammar: grammar.clone(), sensitive: *sensitive, aside });
            }
            (self.ears.listening, self.ears.aside) = (wanted, aside);
        }
    }

    /// Listens with what was listened for last; before the first question only for a person and "repeat".
    pub(crate) fn listen_on(&mut self, now: &mut Now, sensitive: bool) {
        let grammar = match &self.ears.listening {
            Some((grammar, _)) => grammar.clone(),
            None => self.bare_grammar(),
        };
        self.listen(now, grammar, sensitive);
    }

    /// The grammar that is good for every moment: yes, no, repeat, and a person.
    pub(crate) fn bare_grammar(&self) -> Grammar {
        Grammar {
            language: self.language(),
            expect: Expect::YesNo { phrases: Arc::from([]) },
            person: self.flow.spotted(self.language()),
        }
    }

    pub(crate) fn stop_listening(&mut self, now: &mut Now) {
        if self.ears.listening.take().is_some() {
            now.out.push(Command::StopListening);
        }
        if let Some(attempt) = self.ears.agent.take() {
            now.out.push(Command::ListenToAgent { attempt, grammar: None });
        }
        self.ears.speaking = None;
    }

    /// Writes silence while something sensitive is said or asked.
    pub(crate) fn guard_recording(&mut self, now: &mut Now, sensitive: bool) {
        let (next, action) = match (self.recording, sensitive) {
            (Recording::On, true) => (Recording::Paused, RecordAction::Pause),
            (Recording::Paused, false) => (Recording::On, RecordAction::Resume),
            _ => return,
        };
        self.recording = next;
        now.out.push(Command::Record(action));
    }

    pub(crate) fn note(&self, now: &mut Now, record: Record) {
        now.out.push(Command::Note(Box::new(record)));
    }

    /// Records a decision with its reason and numbers.
    pub(crate) fn decide(&self, now: &mut Now, what: &str, why: String) {
        if matches!(self.state, State::Over | State::Fresh) {
            return;
        }
        self.note(now, Record::Decision { at: now.at, what: what.to_string(), why });
    }

    pub(crate) fn new_lookup(&mut self) -> LookUpId {
        let id = self.next_lookup;
        self.next_lookup = id.next();
        id
    }

    pub(crate) fn new_attempt(&mut self) -> AttemptId {
        let id = self.next_attempt;
        self.next_attempt = id.next();
        id
    }
}
