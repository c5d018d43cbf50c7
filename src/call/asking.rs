//! A question is out: words, keys, silence, and what they lead to. Also where every word of the caller comes in first, to
//! be searched for the wish for a person.

use super::UtteranceRecord;
use super::dialogue::{SPEECH_LONGEST, words_of};
use super::ears::Ended;
use super::ladders::{Misunderstood, Silence};
use super::machine::{Call, Now};
use super::record::Record;
use super::state::{Farewell, State};
use super::story::Said;
use super::timers::TimerName;
use super::transfer::Wish;
use super::understand::Understanding;
use crate::base::{
    BargeIn, CallingMachine, Confidence, Disposition, EarFailure, Hypothesis, PromptEnd, PromptPart, UtteranceId,
};
use crate::flow::Phrase;
use crate::flow::{Action, Answer, AskKind, Input};
use crate::nlu::person::asks_for_person;
use crate::nlu::spoken_words;

/// What the ears report early as a request for a person is a bare phrase below this many words, and a sentence from there on.
const PHRASE_WORDS: usize = 5;
/// How often noise may cut the same prompt and have it played again.
const REPLAYS_MAX: u8 = 2;
/// How many false starts are passed over.
const FALSE_STARTS_MAX: u8 = 3;
/// Silences in a row after the beep of what may be an answering machine: then it is one.
const MACHINE_SILENCES: u32 = 2;

impl Call {
    /// The spotter heard a request for a person, possibly mid-utterance.
    pub(crate) fn person_heard(&mut self, now: &mut Now, utterance: UtteranceId, said: &str) {
        self.ears.newest = self.ears.newest.max(Some(utterance));
        // Words around the phrase may turn it ("I have talked to an agent already"): then the end of the utterance decides.
        let whole = said.split_whitespace().count() >= PHRASE_WORDS;
        if self.tells_of_emergency(said) {
            return self.emergency_heard(now, "the spotter heard words of an emergency".into());
        }
        if whole && asks_for_person(said, &self.person_phrases()).is_none() {
            return;
        }
        self.wish_for_person(now, "asked", "the spotter heard a request for a person".into());
    }

    /// Who waits in line goes first there, whoever does not is brought to a person.
    fn emergency_heard(&mut self, now: &mut Now, why: String) {
        if self.is_in_line() {
            return self.emergency_in_line(now, why);
        }
        self.wish_for_person(now, "emergency", why);
    }

    /// The caller has a text telephone: to whoever reads that, without a word.
    pub(crate) fn somebody_types(&mut self, now: &mut Now) {
        self.wish_for_person(now, "text_telephone", "the caller types on a text telephone (TTY)".into());
    }

    pub(crate) fn person_by_key(&mut self, now: &mut Now, why: &str) {
        self.engaged = true;
        self.wish_for_person(now, "asked", why.into());
    }

    /// The caller asked for a person. Where one is on the way or nobody can be reached any more, nothing is left to do.
    fn wish_for_person(&mut self, now: &mut Now, because: &str, why: String) {
        match &self.state {
            State::Fresh | State::Answering | State::Over => {}
            // Who is called back says so, too, when asked whether they want one.
            // Who is called back proves who they are by a key or a yes: a mailbox speaks of operators, too.
            State::Transferring(_) => {}
            State::MovedAway { .. } | State::Joined { .. } => {}
            State::Message(m) if matches!(m.origin, super::state::MessageOrigin::Nobody { .. }) => {}
            State::Leaving { farewell: Farewell::Message | Farewell::CallBack | Farewell::Broken, .. } => {}
            _ => {
                self.engaged = true;
                let wish = self.wish(because);
                self.begin_transfer(now, wish, why);
            }
        }
    }

    /// A person without a question, for a reason of ours.
    pub(crate) fn hand_over(&mut self, now: &mut Now, because: &str, why: String) {
        if self.after.is_some() {
            return self.no_answer_after_talk(now, because, why);
        }
        let wish = self.wish(because);
        self.begin_transfer(now, wish, why);
    }

    pub(crate) fn wish(&self, because: &str) -> Wish {
        let sentence = match because {
            "asked" | "upset" | "story" | "loud" | "tier" => self.phrase(Phrase::Transferring),
            "no_progress" => self.phrase(Phrase::TransferringAfterNoProgress),
            "same_answer" => self.phrase(Phrase::TransferringAfterSameAnswer),
            "silent" => self.phrase(Phrase::TransferringAfterSilence),
            "script_loop" => self.phrase(Phrase::Apology),
            "emergency" => self.phrase(Phrase::Emergency),
            // Who types hears none.
            "text_telephone" => Vec::new(),
            _ => self.phrase(Phrase::TransferringAfterMisunderstanding),
        };
        // After a talk whoever was talked with is asked for.
        let usual = self.after.as_ref().or(self.sent_back.as_ref()).unwrap_or(&self.flow.person.target);
        let target = match because {
            "emergency" => self.flow.emergency.as_ref().map_or(usual, |emergency| &emergency.target),
            "text_telephone" => self.flow.person.text_telephone.as_ref().unwrap_or(usual),
            _ => usual,
        };
        Wish { target: target.clone(), sentence: Some(sentence), because: because.into() }
    }

    /// Recognition of an utterance is done or has failed.
    pub(crate) fn listened(&mut self, now: &mut Now, utterance: UtteranceId, result: &Result<Hypothesis, EarFailure>) {
        if matches!(self.state, State::Joined { .. }) {
            // What began in line was said before the agent was there, and is kept nowhere.
            if self.said_in_line(utterance) {
                return;
            }
            // Said to the agent.
            return self.note_utterance(now, utterance, result, None, false);
        }
        let understood = self.understand(now, result);
        if result.as_ref().is_ok_and(|heard| self.heard_of_emergency(utterance, heard)) {
            self.note_utterance(now, utterance, result, understood.as_ref(), true);
            return self.emergency_heard(now, "the caller spoke of an emergency".into());
        }
        if self.said_aside(utterance) && (self.said_in_line(utterance) || matches!(self.state, State::Transferring(_))) {
            // In line, to nobody in particular.
            return;
        }
        let person = result.as_ref().ok().filter(|h| self.asks_for_person(utterance, h));
        self.note_utterance(now, utterance, result, understood.as_ref(), person.is_some());
        if person.is_some() {
            return self.wish_for_person(now, "asked", "the caller asked for a person in words".into());
        }
        if self.ears.floor.is_some_and(|floor| utterance <= floor) {
            return;
        }
        if result.as_ref().is_ok_and(|h| h.rejected.is_none() && !h.text.trim().is_empty()) {
            self.engaged = true;
            self.machine = false;
        }
        self.note_mood(now, utterance, result);
        let asked = matches!(self.state, State::Holding(_) | State::Asking(_));
        if asked && self.switch_language(now, utterance, result, understood.as_ref()) {
            return;
        }
        match &self.state {
            State::Consenting(_) if !self.ended_as(utterance, result, Ended::is_noise) => {
                self.consent_heard(now, utterance, result)
            }
            State::Holding(_) => self.heard_while_holding(now, utterance, result, understood),
            State::Asking(a) if a.keys.is_empty() => self.heard_answer(now, utterance, result, understood),
            State::Transferring(_) => {
                self.heard_of_person(now, result);
                self.heard_in_talk(now, result);
            }
            State::Leaving { farewell, said: true, .. } => {
                let farewell = *farewell;
                self.left(now, farewell);
            }
            _ => {}
        }
    }

    /// Whether the listener and the ears agree in this about an utterance that was heard.
    pub(crate) fn ended_as(
        &self,
        utterance: UtteranceId,
        result: &Result<Hypothesis, EarFailure>,
        what: fn(&Ended, &Hypothesis) -> bool,
    ) -> bool {
        let ended = self.ears.ended.filter(|e| e.utterance == utterance);
        ended.zip(result.as_ref().ok()).is_some_and(|(ended, heard)| what(&ended, heard))
    }

    /// What was said over a prompt: an answer to the question that comes, or nothing, then the script goes on.
    pub(crate) fn heard_while_holding(
        &mut self,
        now: &mut Now,
        utterance: UtteranceId,
        result: &Result<Hypothesis, EarFailure>,
        understood: Option<Understanding>,
    ) {
        let State::Holding(holding) = &self.state else { return };
        if utterance < holding.utterance {
            return;
        }
        self.timers.clear(TimerName::NoInput);
        let then = holding.then.clone();
        if self.wants_more(utterance, result) {
            return self.tell_on(now, then);
        }
        // Keys pressed meanwhile answer the question more surely.
        let understood = understood.filter(|_| self.ahead.is_empty());
        if !matches!(understood, Some(Understanding::Answer { .. } | Understanding::Repeat))
            && let State::Holding(holding) = &mut self.state
            && let Some((utterance, result)) = holding.before.take()
        {
            holding.utterance = utterance;
            let understood = self.understand(now, &result);
            return self.heard_while_holding(now, utterance, &result, understood);
        }
        match (understood, then) {
            (Some(Understanding::Repeat), Action::Ask(ask)) => {
                self.open_question(now, *ask);
                self.repeat(now);
            }
            (Some(Understanding::Repeat), then) => {
                let (barge_in, parts) = (BargeIn::Speech, self.said.clone());
                let again = crate::flow::Say { node: self.node(), parts, barge_in, answer: false, sensitive: false };
                self.say_again(now, again, then);
            }
            (Some(Understanding::Answer { .. }), then)
                if !self.question_ahead(now, &then).is_some_and(|(_, skippable)| skippable) =>
            {
                // What must be heard first is said; nobody is asked what he has answered.
                self.kept = Some((utterance, result.clone()));
                self.perform(now, then);
            }
            (Some(Understanding::Answer { answer, meaning, confidence }), then) => {
                let Some(ask) = self.skip_to_question(now, then) else {
                    return self.hand_over(now, "script_loop", "the question that was answered is not in the script".into());
                };
                self.open_question(now, ask);
                let said = self.said_by_voice(utterance, result);
                self.accept(now, said, answer, meaning, confidence);
            }
            (_, then) => self.perform(now, then),
        }
    }

    fn heard_answer(
        &mut self,
        now: &mut Now,
        utterance: UtteranceId,
        result: &Result<Hypothesis, EarFailure>,
        understood: Option<Understanding>,
    ) {
        if self.ended_as(utterance, result, Ended::is_noise) {
            return self.after_noise(now);
        }
        if matches!(understood, Some(Understanding::Nothing(_))) && self.ended_as(utterance, result, Ended::is_murmur) {
            if let State::Asking(asking) = &mut self.state {
                asking.murmurs = asking.murmurs.saturating_add(1);
            }
            self.decide(
                now,
                "murmur",
                "not understood, and things happen in the background: something clearer is waited for".into(),
            );
            return self.after_noise(now);
        }
        let answered = matches!(understood, Some(Understanding::Answer { .. } | Understanding::Repeat));
        let chosen = answered && self.asked().is_some_and(|ask| matches!(ask.kind, AskKind::Menu(_) | AskKind::Language(_)));
        if !chosen
            && self.asks_to_go_on(result)
            && let State::Asking(asking) = &self.state
        {
            let ask = Action::Ask(Box::new(asking.ask.clone()));
            return self.tell_on(now, ask);
        }
        if !answered && self.false_start(utterance) {
            return;
        }
        let said = self.said_by_voice(utterance, result);
        match (understood, result) {
            (Some(Understanding::Answer { answer, meaning, confidence }), _) => {
                self.accept(now, said, answer, meaning, confidence);
            }
            (Some(Understanding::Repeat), _) => self.repeat(now),
            (Some(Understanding::Nothing(_)), Ok(h)) if self.seems_to_ask(h) => {
                self.wish_for_person(now, "asked", "what was not understood is like a request for a person".into());
            }
            (Some(Understanding::Nothing(why)), heard) => {
                self.ladders.told(heard.as_ref().map_or(0, |h| spoken_words(&h.text)));
                if self.spoken_over(utterance) {
                    self.ladders.talked_over();
                }
                let verdict = self.ladders.misunderstood();
                self.misunderstood(now, said, why, verdict, None);
            }
            (None, Err(EarFailure::NoEngine)) => {
                let verdict = self.ladders.no_engine();
                let why = format!("no engine hears {}", self.language());
                self.misunderstood(now, said, why, verdict, Some("no_engine"));
            }
            (None, Err(failure)) => {
                let verdict = self.ladders.misunderstood();
                self.misunderstood(now, said, format!("the ears failed: {failure:?}"), verdict, Some("ears_failed"));
            }
            (None, Ok(_)) => {}
        }
    }

    /// Whether the caller is already speaking on after something that was not understood ("um … where is my parcel"): then what
    /// comes decides. At most three times for one question.
    fn false_start(&mut self, utterance: UtteranceId) -> bool {
        let (Some((newer, since)), State::Asking(asking)) = (self.ears.speaking, &mut self.state) else { return false };
        if newer <= utterance || asking.prompt.is_some() || asking.false_starts >= FALSE_STARTS_MAX {
            return false;
        }
        asking.false_starts += 1;
        self.timers.set(TimerName::NoInput, since + SPEECH_LONGEST);
        true
    }

    /// Noise is no speech: a prompt that it cut is played again, a silence that it interrupted goes on.
    fn after_noise(&mut self, now: &mut Now) {
        let State::Asking(asking) = &mut self.state else { return };
        if asking.cut && asking.prompt.is_none() && asking.replays < REPLAYS_MAX {
            asking.replays += 1;
            let parts = asking.spoken.clone();
            self.speak_question(now, parts);
        } else if asking.prompt.is_none() {
            // Noise does not move the end of the caller's time.
            let until = asking.quiet_until.unwrap_or(now.at).max(now.at);
            self.timers.set(TimerName::NoInput, until);
        }
    }

    /// The caller's time for an answer begins.
    pub(crate) fn await_answer(&mut self, now: &Now) {
        let State::Asking(asking) = &mut self.state else { return };
        let until = now.at + asking.ask.no_input;
        asking.quiet_until = Some(until);
        self.timers.set(TimerName::NoInput, until);
    }

    /// Plays a wording of the question and listens meanwhile.
    pub(crate) fn speak_question(&mut self, now: &mut Now, parts: Vec<PromptPart>) {
        let State::Asking(asking) = &mut self.state else { return };
        asking.cut = false;
        asking.spoken.clone_from(&parts);
        let barge_in = asking.ask.barge_in;
        self.timers.clear(TimerName::NoInput);
        if parts.is_empty() {
            return self.await_answer(now);
        }
        let prompt = self.play(now, parts, barge_in);
        if let State::Asking(asking) = &mut self.state {
            asking.prompt = Some(prompt);
        }
    }

    pub(crate) fn question_ended(&mut self, now: &mut Now, end: PromptEnd) {
        let State::Asking(asking) = &mut self.state else { return };
        asking.prompt = None;
        asking.cut = end == PromptEnd::BargedIn;
        if asking.keys.is_empty() {
            self.await_answer(now);
        }
    }

    /// The time for an answer is over. Speech that is in progress is waited for, but not for ever.
    pub(crate) fn no_input(&mut self, now: &mut Now) {
        match &self.state {
            State::Consenting(_) => self.consent_silence(now),
            State::Holding(_) => self.held_too_long(now),
            State::Leaving { farewell, said: true, .. } => {
                let farewell = *farewell;
                self.left(now, farewell);
            }
            State::Asking(asking) => {
                if self.ears.held {
                    return;
                }
                if let Some((_, since)) = self.ears.speaking
                    && now.at < since + SPEECH_LONGEST
                {
                    return self.timers.set(TimerName::NoInput, since + SPEECH_LONGEST);
                }
                if asking.prompt.is_none() && asking.keys.is_empty() {
                    self.silent(now);
                }
            }
            _ => {}
        }
    }

    fn silent(&mut self, now: &mut Now) {
        let State::Asking(asking) = &self.state else { return };
        if asking.murmurs > 0 {
            // The caller may well have spoken.
            let why = format!("nothing clear before a restless background ({} times)", asking.murmurs);
            let verdict = self.ladders.misunderstood();
            return self.misunderstood(now, Said::silence(), why, verdict, None);
        }
        let reprompt = asking.ask.reprompts.first().unwrap_or(&asking.ask.prompt).clone();
        let key_menu = asking.ask.key_prompt.clone();
        let (step, n) = self.ladders.silent();
        let limit = self.flow.escalation.silence_last;
        self.begin_turn(now, Said::silence(), None, Confidence::default());
        match step {
            _ if self.machine && n >= MACHINE_SILENCES => {
                self.decide(
                    now,
                    "silence",
                    format!("silence {n} of {limit}: no answer since the beep of an answering machine"),
                );
                self.end(now, Disposition::Machine { kind: CallingMachine::AnsweringMachine }, false);
            }
            Silence::Reprompt => {
                self.decide(now, "silence", format!("silence {n} of {limit}: asked again"));
                self.speak_question(now, reprompt);
            }
            Silence::KeyMenu => {
                self.decide(now, "silence", format!("silence {n} of {limit}: told which keys to press"));
                self.speak_question(now, key_menu);
            }
            Silence::Last if self.engaged => {
                self.decide(now, "silence", format!("silence {n} of {limit}: this caller has spoken or keyed before"));
                self.hand_over(now, "silent", format!("silent {n} times in a row after having spoken or keyed"));
            }
            Silence::Last => {
                self.decide(now, "silence", format!("silence {n} of {limit}: never spoke nor keyed, good-bye"));
                let parts = self.phrase(Phrase::SilentGoodBye);
                self.leave(now, parts, Farewell::Silent);
            }
        }
    }

    /// One misunderstanding: other words, the offer of a person, or the person.
    pub(crate) fn misunderstood(&mut self, now: &mut Now, said: Said, why: String, verdict: Misunderstood, ears: Option<&str>) {
        let State::Asking(asking) = &mut self.state else { return };
        asking.murmurs = 0;
        let ask = asking.ask.clone();
        self.begin_turn(now, said, None, Confidence::default());
        match verdict {
            Misunderstood::Person { because, why: numbers } => {
                let because = if ears == Some("no_engine") { "no_engine" } else { because };
                self.decide(now, "misunderstood", why);
                self.hand_over(now, because, numbers);
            }
            Misunderstood::Again { in_row, offer } => {
                if let Some((because, numbers)) = self.getting_nowhere(now, &ask.node) {
                    self.decide(now, "misunderstood", why);
                    return self.hand_over(now, because, numbers);
                }
                let last = ask.reprompts.len().saturating_sub(1);
                let wording = ask.reprompts.get(last.min(in_row.saturating_sub(1) as usize)).unwrap_or(&ask.prompt).clone();
                let mut parts = match ears {
                    Some("no_engine") => [self.phrase(Phrase::NoEngine), ask.key_prompt.clone()].concat(),
                    Some(_) => [self.phrase(Phrase::EarsFailed), ask.key_prompt.clone()].concat(),
                    None => wording,
                };
                if offer {
                    parts.extend(self.phrase(Phrase::OfferPerson));
                }
                self.decide(now, ears.unwrap_or("misunderstood"), format!("{why}; {in_row} in a row, person offered: {offer}"));
                self.ladders.stirred();
                self.speak_question(now, parts);
            }
        }
    }

    /// Says again what was said since the caller last did something, and the question.
    pub(crate) fn repeat(&mut self, now: &mut Now) {
        self.ladders.stirred();
        self.engaged = true;
        self.ears.floor = self.ears.newest;
        let State::Asking(asking) = &self.state else { return };
        let question = asking.ask.prompt.clone();
        self.hush(now);
        let mut parts = self.said.clone();
        if words_of(&parts) != words_of(&question) {
            parts.extend(question);
        }
        self.speak_question(now, parts);
    }

    /// Says again what was said, then lets the script go on.
    fn say_again(&mut self, now: &mut Now, again: crate::flow::Say, then: Action) {
        self.engaged = true;
        // The script's next action follows at once when there is nothing to repeat.
        if again.parts.is_empty() {
            return self.perform(now, then);
        }
        match then {
            Action::End { say } => {
                let parts = [again.parts, say.unwrap_or_default()].concat();
                self.leave(now, parts, Farewell::Script);
            }
            Action::Say(mut say) => {
                say.parts = [again.parts, say.parts].concat();
                say.answer = false;
                self.said.clear();
                self.perform(now, Action::Say(say));
            }
            other => self.perform(now, other),
        }
    }

    /// The question is answered: the script goes on. A value that the script cannot take is a misunderstanding.
    pub(crate) fn accept(&mut self, now: &mut Now, said: Said, answer: Answer, meaning: String, confidence: Confidence) {
        self.hush(now);
        self.kept = None;
        let (wall, State::Asking(asking)) = (self.wall(now), &self.state) else { return };
        let asked = asking.ask.clone();
        let Some(cursor) = &mut self.cursor else { return };
        let value = matches!(answer, Answer::Value(_));
        if asked.sensitive {
            self.story.keep_secret(&self.flow, &asked.kind, &answer);
        }
        let action = cursor.next(wall, Input::Understood(answer));
        if value && matches!(&action, Action::Ask(again) if **again == asked) {
            let verdict = self.ladders.misunderstood();
            return self.misunderstood(now, said, "the script cannot take this value".into(), verdict, None);
        }
        self.engaged = true;
        self.ladders.understood();
        self.begin_turn(now, said, Some(meaning.clone()), confidence);
        if matches!(asked.kind, AskKind::Intents) {
            self.story.intent = Some(meaning);
        }
        let onward = !matches!(action, Action::Transfer { .. } | Action::TakeMessage(_) | Action::End { .. });
        if onward && self.after.is_none() {
            // Understood, and angry for the second time: a person does better, and knows what is wanted.
            let pressing =
                self.ladders.pressing().or_else(|| self.getting_nowhere(now, &asked.node)).or_else(|| self.of_value());
            if let Some((because, why)) = pressing {
                return self.hand_over(now, because, why);
            }
        }
        self.said.clear();
        self.left_off = None;
        self.idle_steps = 0;
        self.timers.clear(TimerName::NoInput);
        self.timers.clear(TimerName::Keys);
        self.timers.clear(TimerName::LoneZero);
        self.perform(now, action);
    }

    /// What was heard up to now belongs to a decided turn.
    pub(crate) fn turn_decided(&mut self) {
        self.ears.floor = self.ears.newest;
    }

    pub(crate) fn said_by_voice(&self, utterance: UtteranceId, result: &Result<Hypothesis, EarFailure>) -> Said {
        let sensitive = self.secret(utterance);
        match result {
            Ok(h) => Said::voice(&h.text, h.confidence, sensitive),
            Err(_) => Said::voice("", Confidence::default(), sensitive),
        }
    }

    pub(crate) fn note_utterance(
        &mut self,
        now: &mut Now,
        utterance: UtteranceId,
        result: &Result<Hypothesis, EarFailure>,
        understood: Option<&Understanding>,
        person: bool,
    ) {
        let sensitive = self.secret(utterance);
        let mut record = UtteranceRecord { sensitive, ..UtteranceRecord::new(utterance, now.at) };
        match result {
            Ok(h) => {
                record.confidence = h.confidence;
                record.engine = Some(h.engine);
                record.rejected.clone_from(&h.rejected);
                record.cpu_ms = h.cpu_ms;
                if !sensitive {
                    // What an agent or the caller says of the caller's secret in their talk is a secret still.
                    let talk = matches!(self.state, State::Joined { .. }) || self.said_aside(utterance);
                    let text = if talk { self.story.of_talk(&h.text) } else { h.text.clone() };
                    record.text = text.into();
                }
            }
            Err(failure) => record.rejected = Some(format!("{failure:?}")),
        }
        record.meaning = match understood {
            _ if person => Some("person".into()),
            Some(Understanding::Answer { meaning, .. }) => Some(meaning.clone()),
            Some(Understanding::Repeat) => Some("repeat".into()),
            _ => None,
        };
        self.note(now, Record::Utterance(record));
    }
}
