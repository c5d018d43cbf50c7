//! What was heard, as this call takes it: an answer to the question that is out or to come, a wish for a person, and whether
//! it is sure enough for what it would do.

use super::dialogue::past_sentences;
use super::machine::{Call, Now};
use super::state::State;
use super::timers::TimerName;
use super::understand::{ENDING_CLOSED_MIN, ENDING_MIN, ENDING_SPOKEN_MIN, Question, Understanding};
use crate::base::{Confidence, EarFailure, Engine, Hypothesis, UtteranceId};
use crate::flow::{Action, Answer, AskKind, Input};
use crate::nlu::mood;
use crate::nlu::person::{PersonRule, asks_for_person, says_one_of, seems_to_ask};
use crate::nlu::slots::{language_wish, repeat_request};

/// How sure the recogniser must be of a sentence that asks for a person although it rejects the words: with less, orders in a café
/// asked for one every few minutes.
const REJECTED_REQUEST_MIN: f32 = 0.35;

/// Where a second engine was asked whether a person was asked for, both weigh: the words' log-odds, its own, and an offset.
/// Fitted with `bench asr --sets person --every 40 --details` of either engine: 145 requests and 215 other sentences in which the streaming
/// engine read one and had not noticed it before the end (clean, on a line, white noise at 10 dB).
const WORDS_COUNT: f32 = 0.6;
const WITNESS_COUNTS: f32 = 0.4;
const OFFSET: f32 = 1.8;

/// The same where the engine tells how sure each word is: the word that names the person counts, too (`agent` heard for certain in a
/// doubtful sentence). Fitted by `bench asr --sets person --every 40 --details`: 108 requests and 128 other sentences in which one was read
/// and not noticed before the end (white noise at 10 dB and, in part, clean).
const WITH_NAME: [f32; 4] = [0.43, 0.48, 0.39, 2.39];

/// Whether words heard at an open question ask for a person: hardly more than the word itself only where the recogniser is sure
/// (`least`), a sentence also where it is not. `extra` are the flow's own phrases.
pub fn request_counts(heard: &Hypothesis, extra: &[String], least: Confidence) -> bool {
    if let Some(witness) = heard.request {
        let Some(request) = asks_for_person(&heard.text, extra) else { return false };
        let [words, witness] = [heard.confidence, witness].map(Confidence::log_odds);
        let sure = match name_in(heard, &request.phrase) {
            Some(name) => {
                let [of_words, of_witness, of_name, offset] = WITH_NAME;
                of_words * words + of_witness * witness + of_name * name.log_odds() + offset
            }
            None => WORDS_COUNT * words + WITNESS_COUNTS * witness + OFFSET,
        };
        return sure > 0.0;
    }
    if heard.rejected.is_some() && heard.confidence.get() < REJECTED_REQUEST_MIN {
        return false;
    }
    let unsure = heard.rejected.is_some() || heard.confidence < least;
    asks_for_person(&heard.text, extra).is_some_and(|request| !unsure || request.rule != PersonRule::Alone)
}

/// How surely the word was heard that names the person: the last of the request (`agent`, `service`).
fn name_in(heard: &Hypothesis, request: &str) -> Option<Confidence> {
    let name = request.rsplit(' ').next()?;
    let heard = heard.words.iter().filter(|w| w.text == name).filter_map(|w| w.confidence);
    heard.max_by(|a, b| a.get().total_cmp(&b.get()))
}

impl Call {
    /// What a result means for the question that is out, or for the one to come. Words that would end the call need more
    /// certainty than words that would only be answered wrongly.
    pub(crate) fn understand(&self, now: &Now, result: &Result<Hypothesis, EarFailure>) -> Option<Understanding> {
        let understood = match (&self.state, result) {
            (State::Asking(a), Ok(h)) if a.keys.is_empty() => Some(self.question(now, &a.ask).words(h)),
            (State::Holding(holding), Ok(h)) => match self.question_ahead(now, &holding.then) {
                Some((ask, _)) => Some(self.question(now, &ask).words(h)),
                None => repeat_request(&h.text).then_some(Understanding::Repeat),
            },
            _ => None,
        };
        let (Some(Understanding::Answer { answer, meaning, confidence }), Ok(heard)) = (&understood, result) else {
            return understood;
        };
        let Some(speaks) = self.would_end(now, answer) else { return understood };
        let (sure, least) = match answer {
            Answer::Intent { .. } if speaks => (heard.confidence.get() * confidence.get(), ENDING_SPOKEN_MIN),
            Answer::Intent { .. } => (heard.confidence.get() * confidence.get(), ENDING_MIN),
            _ => (confidence.get(), ENDING_CLOSED_MIN),
        };
        if sure < least {
            let why = format!("{meaning} would end the call: {sure:.2} is less than the {least:.2} that this needs");
            return Some(Understanding::Nothing(why));
        }
        understood
    }

    /// Whether what was heard well enough and means nothing is like a request for a person.
    pub(crate) fn seems_to_ask(&self, heard: &Hypothesis) -> bool {
        self.heard_well(heard) && seems_to_ask(&heard.text).is_some()
    }

    pub(crate) fn heard_well(&self, heard: &Hypothesis) -> bool {
        heard.rejected.is_none() && heard.confidence >= self.settings.confidence_min
    }

    /// Anger and corrections count towards a person; abuse is written down, so that whoever takes the call is warned.
    pub(crate) fn note_mood(&mut self, now: &mut Now, utterance: UtteranceId, result: &Result<Hypothesis, EarFailure>) {
        let asked = matches!(self.state, State::Asking(_) | State::Holding(_));
        let Some(heard) = result.as_ref().ok().filter(|h| asked && self.heard_well(h)) else { return };
        let mut mood = mood(&heard.text);
        // Where it was asked whether something is right, "that's wrong" is an answer.
        if self.asked().is_some_and(|ask| matches!(ask.kind, AskKind::YesNo | AskKind::Assent | AskKind::Confirm { .. })) {
            mood.correcting = None;
        }
        let loud = self.ears.is_raised(utterance);
        self.ladders.heard(&mood, loud);
        self.strain.loud |= loud;
        self.strain.abusive |= !mood.abusive.is_empty();
        if loud {
            self.decide(now, "loud", "said much louder than before".into());
        }
        for (what, signs) in [("upset", &mood.upset), ("abuse", &mood.abusive)] {
            if !signs.is_empty() {
                self.decide(now, what, format!("signs of it in what was said: {}", signs.len()));
            }
        }
        if mood.correcting.is_some() {
            self.decide(now, "corrected", "the caller says that we got it wrong".into());
        }
    }

    /// Goes on in another language, if that is what was said and the flow speaks it: the question is asked again in it.
    pub(crate) fn switch_language(
        &mut self,
        now: &mut Now,
        utterance: UtteranceId,
        result: &Result<Hypothesis, EarFailure>,
        understood: Option<&Understanding>,
    ) -> bool {
        let Some(heard) = result.as_ref().ok().filter(|h| self.heard_well(h)) else { return false };
        let closed = self.asked().is_some_and(|ask| matches!(ask.kind, AskKind::Menu(_) | AskKind::Language(_)));
        if closed && matches!(understood, Some(Understanding::Answer { .. })) {
            return false;
        }
        let Some(language) = language_wish(&heard.text) else { return false };
        let Some(action) = self.cursor.as_mut().and_then(|cursor| cursor.switch_language(language)) else { return false };
        let said = self.said_by_voice(utterance, result);
        self.engaged = true;
        self.hush(now);
        self.ladders.understood();
        // What was cut was in the other language.
        self.left_off = None;
        self.decide(now, "language", format!("the caller wants to go on in {language}"));
        self.begin_turn(now, said, Some("language".into()), heard.confidence);
        self.said.clear();
        self.timers.clear(TimerName::NoInput);
        self.perform(now, action);
        true
    }

    /// Whether nothing has come of the last turns. `node` is the one that asked.
    pub(crate) fn getting_nowhere(&mut self, now: &Now, node: &str) -> Option<(&'static str, String)> {
        let cursor = self.cursor.as_ref()?;
        if cursor.at_step() {
            self.ladders.step_over();
            return None;
        }
        Some(("no_progress", self.ladders.turn_over(now.at, node, cursor.slots(), self.story.intent.clone())?))
    }

    /// Whether the caller's value brings a person now: nobody is kept from one by it.
    pub(crate) fn of_value(&self) -> Option<(&'static str, String)> {
        if self.sent_back.is_some() {
            // They have had the person.
            return None;
        }
        let (name, tier) = self.cursor.as_ref()?.tier()?;
        let turns = self.story.turns_so_far();
        if tier.human_first && self.story.intent.is_some() {
            return Some(("tier", format!("callers of the tier {name} speak to a person first")));
        }
        let limit = tier.turns.filter(|limit| turns >= *limit)?;
        Some(("tier", format!("{turns} turns (limit {limit} for the tier {name})")))
    }

    /// Words that ask for a person count whatever the question was; of words that the recogniser rejected or is not sure
    /// of, only an explicit phrase. Words that a closed grammar was forced into, and that other sounds fit better, are no
    /// words of the caller's at all: there the spotter alone decides.
    pub(crate) fn asks_for_person(&self, utterance: UtteranceId, heard: &Hypothesis) -> bool {
        let forced = heard.engine != Engine::Whisper && !self.heard_openly(utterance);
        let dropped = heard.rejected.is_some() && forced;
        !dropped && request_counts(heard, &self.person_phrases(), self.settings.confidence_min)
    }

    /// Whether these words are among those that the flow names for an emergency.
    pub(crate) fn tells_of_emergency(&self, said: &str) -> bool {
        let phrases = self.flow.emergency.as_ref().and_then(|emergency| emergency.phrases.get(&self.language()));
        phrases.is_some_and(|phrases| says_one_of(said, phrases).is_some())
    }

    /// The same of what was recognised, as a flow's own phrases for a person count: also where the recogniser has its doubts.
    pub(crate) fn heard_of_emergency(&self, utterance: UtteranceId, heard: &Hypothesis) -> bool {
        let forced = heard.engine != Engine::Whisper && !self.heard_openly(utterance);
        let doubt = heard.rejected.is_some() && (forced || heard.confidence.get() < REJECTED_REQUEST_MIN);
        !doubt && self.tells_of_emergency(&heard.text)
    }

    /// Whether this answer would end the call with nothing in between but sentences, and if so, whether there are any.
    fn would_end(&self, now: &Now, answer: &Answer) -> Option<bool> {
        let wall = self.wall(now);
        let mut cursor = self.cursor.clone()?;
        if let State::Holding(holding) = &self.state {
            past_sentences(&mut cursor, wall, holding.then.clone())?;
        }
        let action = cursor.next(wall, Input::Understood(answer.clone()));
        let onward = past_sentences(&mut cursor, wall, action)?;
        matches!(onward.action, Action::End { .. }).then_some(onward.speaks)
    }

    pub(crate) fn question<'a>(&'a self, now: &Now, ask: &'a crate::flow::Ask) -> Question<'a> {
        Question { ask, flow: &self.flow, wall: self.wall(now), confidence_min: self.settings.confidence_min }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_engine_weighs_in_on_requests_for_a_person() {
        let counts = |text: &str, sure: f32, witness: Option<f32>| {
            let rejected = (sure < 0.5).then(|| "a doubt".to_string());
            let request = witness.map(Confidence::new);
            let heard = Hypothesis { confidence: Confidence::new(sure), rejected, request, ..Hypothesis::typed(text) };
            request_counts(&heard, &[], Confidence::new(0.45))
        };
        // Refused words count where the other engine heard a request, too; taken ones do not where it heard anything else.
        assert!(!counts("talk to a person please", 0.2, None) && counts("talk to a person please", 0.2, Some(0.7)));
        assert!(counts("get me someone", 0.55, None) && !counts("get me someone", 0.55, Some(0.001)));
        // Who is very sure is not overruled, and what asks for nobody never counts.
        assert!(counts("i want to speak to an agent", 0.98, Some(0.001)));
        assert!(!counts("where is my parcel", 1.0, Some(0.99)));
    }

    #[test]
    fn the_word_that_names_a_person_counts_by_how_surely_it_was_heard() {
        let counts = |name: f32| {
            let word = |text: &str, sure: f32| crate::base::HeardWord {
                text: text.into(),
                start_ms: 0,
                end_ms: 300,
                confidence: Some(Confidence::new(sure)),
            };
            let words = vec![word("get", 0.1), word("me", 0.1), word("an", 0.1), word("operator", name)];
            let (confidence, request) = (Confidence::new(0.3), Some(Confidence::new(0.02)));
            let rejected = Some("a doubt".to_string());
            let heard = Hypothesis { confidence, request, rejected, words, ..Hypothesis::typed("get me an operator") };
            request_counts(&heard, &[], Confidence::new(0.3))
        };
        assert!(counts(0.99) && !counts(0.02));
    }
}
