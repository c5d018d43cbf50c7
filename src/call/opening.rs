//! The first seconds: the caller is there, the recording is announced or asked for, the script begins.

use super::dialogue::{SPEECH_LONGEST, past_sentences};
use super::machine::{Call, Now, Recording};
use super::state::{Consenting, Holding, State};
use super::{Command, Record, RecordAction};
use crate::base::{BargeIn, Digit, EarFailure, Hypothesis, PromptEnd, UtteranceId};
use crate::call::timers::TimerName;
use crate::flow::Phrase;
use crate::flow::{Action, Cursor, RecordMode};
use crate::nlu::slots::{Degree, assent};
use std::time::Duration;

/// Quiet after the question about recording that counts as a no.
const CONSENT_WAIT: Duration = Duration::from_secs(5);
/// How long the welcome waits for who speaks over the announcement.
const OPENING_SPEECH: Duration = Duration::from_secs(6);

impl Call {
    /// The ACK came: audio flows.
    pub(crate) fn picked_up(&mut self, now: &mut Now) {
        if !matches!(self.state, State::Answering) {
            return;
        }
        self.timers.clear(TimerName::Ack);
        if let Some(incident) = self.settings.incident.clone() {
            let spared = incident.lookups.join(", ");
            self.decide(now, "incident", format!("callers are told of an incident; look-ups not asked: {spared}"));
        }
        let (sentence, ask) = match self.flow.record {
            RecordMode::Off => return self.begin_script(now, None),
            RecordMode::Announce => (Phrase::RecordingAnnounced, false),
            RecordMode::Ask => (Phrase::RecordingQuestion, true),
        };
        let first = self.facts().filter(|_| !ask).and_then(|facts| {
            let (mut cursor, action) = Cursor::start(self.flow.clone(), facts);
            past_sentences(&mut cursor, self.wall(now), action)
        });
        match first.map(|onward| onward.action) {
            Some(Action::Ask(ask)) => self.listen(now, ask.grammar, ask.sensitive),
            _ => self.listen_on(now, false),
        }
        let barge_in = if ask { BargeIn::Speech } else { BargeIn::PersonOnly };
        let parts = self.phrase(sentence);
        let prompt = Some(self.play(now, parts, barge_in));
        self.state = State::Consenting(Consenting { prompt, ask, early: None });
    }

    pub(crate) fn consent_prompt_ended(&mut self, now: &mut Now, end: PromptEnd) {
        let State::Consenting(consenting) = &mut self.state else { return };
        consenting.prompt = None;
        if consenting.ask {
            self.timers.set(TimerName::NoInput, now.at + CONSENT_WAIT);
            return;
        }
        let early = consenting.early.take();
        // An announcement that was cut or could not be made has announced nothing.
        if end == PromptEnd::Finished {
            self.start_recording(now);
        } else {
            self.decide(now, "not_recorded", "the announcement was not heard to its end".into());
        }
        // What is still being said or recognised is said to the script.
        self.ears.floor = self.ears.heard;
        self.begin_script(now, early);
    }

    /// A key other than 0 while the recording is announced or asked for.
    pub(crate) fn key_in_consent(&mut self, now: &mut Now, key: Digit) {
        let State::Consenting(consenting) = &self.state else { return };
        self.engaged = true;
        if consenting.ask {
            self.consented(now, key.as_char() == '1');
        } else if key.is_number() && self.ahead.len() < 24 {
            self.ahead.push_back(key);
        }
    }

    /// Words after the question about recording: only a clear yes records. Words over the announcement are kept for the script.
    pub(crate) fn consent_heard(&mut self, now: &mut Now, utterance: UtteranceId, result: &Result<Hypothesis, EarFailure>) {
        let State::Consenting(consenting) = &mut self.state else { return };
        if !consenting.ask {
            // A cough afterwards does not undo what was said.
            let words = result.as_ref().is_ok_and(|h| h.rejected.is_none() && !h.text.trim().is_empty());
            if words || consenting.early.is_none() {
                consenting.early = Some((utterance, result.clone()));
            }
            return;
        }
        let clear = result.as_ref().ok().filter(|h| h.rejected.is_none() && h.confidence >= self.settings.confidence_min);
        let yes = clear.and_then(|h| assent(&h.text)) == Some((true, Degree::Sure));
        self.consented(now, yes);
    }

    pub(crate) fn consent_silence(&mut self, now: &mut Now) {
        if let Some((_, since)) = self.ears.speaking
            && now.at < since + SPEECH_LONGEST
        {
            return self.timers.set(TimerName::NoInput, since + SPEECH_LONGEST);
        }
        self.consented(now, false);
    }

    fn consented(&mut self, now: &mut Now, given: bool) {
        self.hush(now);
        self.timers.clear(TimerName::NoInput);
        self.note(now, Record::Consent { given });
        if given {
            self.start_recording(now);
        }
        self.turn_decided();
        self.begin_script(now, None);
    }

    fn start_recording(&mut self, now: &mut Now) {
        if self.recording == Recording::Off {
            self.recording = Recording::On;
            now.out.push(Command::Record(RecordAction::Start));
        }
    }

    /// The script begins; `early` is what the caller said already.
    fn begin_script(&mut self, now: &mut Now, early: Option<(UtteranceId, Result<Hypothesis, EarFailure>)>) {
        let Some(facts) = self.facts() else { return };
        let (cursor, action) = Cursor::start(self.flow.clone(), facts);
        self.cursor = Some(cursor);
        if early.is_none() && self.takes_up_place(now) {
            return;
        }
        // Keys pressed meanwhile say it more surely.
        match early.filter(|_| self.ahead.is_empty()) {
            Some((utterance, result)) if self.ears.speaking.is_none() => {
                self.state = State::Holding(Holding { then: action, utterance, before: None });
                let understood = self.understand(now, &result);
                self.heard_while_holding(now, utterance, &result, understood);
            }
            early => {
                self.perform_after_speech(now, action, OPENING_SPEECH);
                if let State::Holding(holding) = &mut self.state {
                    holding.before = early;
                }
            }
        }
    }
}
