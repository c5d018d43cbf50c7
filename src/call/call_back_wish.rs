//! Who waits in line may be called back instead: the number is read back and confirmed in this call, and only then is anything promised.
//! The place stays; an agent who becomes free meanwhile goes first, because that is what the caller called for.

use super::Command;
use super::call_back::{CallBackAnswer, CallBackWish};
use super::face::QueueAsk;
use super::line::wait_words;
use super::machine::{Call, Now};
use super::state::{Farewell, State, Step, Waiting};
use super::timers::TimerName;
use crate::acd::Ticket;
use crate::base::{BargeIn, Digit, EarFailure, Hypothesis, LegId, PhoneNumber, PromptPart};
use crate::flow::Phrase;
use crate::nlu::slots::{Degree, assent};
use std::time::Duration;

/// How long a number is waited for after the question, and between two of its digits.
const KEYS_WAIT: Duration = Duration::from_secs(10);
/// How long the queues may take to look at a number; they are in the same house.
const CHECK_WAIT: Duration = Duration::from_secs(5);
/// Digits of the longest number (ITU-T E.164 allows 15, and 00 may stand before it).
const DIGITS_MAX: usize = 20;
/// Shorter is no number that can be called from outside.
const DIGITS_MIN: usize = 3;
/// How often a number is asked for, or read back, before the caller simply stays in line.
const QUESTIONS_MAX: u8 = 4;

/// How far the caller is with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Talk {
    stage: Stage,
    /// Questions so far.
    questions: u8,
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    /// The number is being looked at: whether it may be called.
    Checking { keyed: bool },
    /// It was read back: 1 for yes, 2 for another one.
    Confirming(PhoneNumber),
    /// Digits so far.
    Keying(String),
    /// The queues are to remember it.
    Promising,
}

impl Call {
    /// Key 2, where it was offered.
    pub(crate) fn call_back_wanted(&mut self, now: &mut Now) {
        self.hush_line(now);
        self.decide(now, "call_back_asked", "the caller would rather be called back".into());
        if self.number_known() {
            let own = self.arrival.as_ref().map(|arrival| arrival.caller.clone());
            self.look_at(now, own.unwrap_or_else(|| PhoneNumber::new("")), false, 0);
        } else {
            self.ask_for_number(now, Vec::new(), 0);
        }
    }

    fn look_at(&mut self, now: &mut Now, number: PhoneNumber, keyed: bool, questions: u8) {
        let Some(queue) = self.waiting().and_then(|w| w.target.queue().map(str::to_string)) else { return };
        self.talk_is(now, Stage::Checking { keyed }, questions);
        self.timers.set(TimerName::CallBack, now.at + CHECK_WAIT);
        now.out.push(Command::Queue(QueueAsk::MayCallBack { queue, number }));
    }

    /// The next stage; whatever was waited for is not any more.
    fn talk_is(&mut self, now: &mut Now, stage: Stage, questions: u8) {
        self.timers.clear(TimerName::CallBack);
        let confirming = matches!(stage, Stage::Confirming(_));
        if let Some(waiting) = self.waiting() {
            waiting.talk = Some(Talk { stage, questions });
        }
        if confirming {
            let grammar = self.bare_grammar();
            self.listen(now, grammar, false);
        } else {
            self.listen_in_line(now);
        }
    }

    fn say_in_line(&mut self, now: &mut Now, parts: Vec<PromptPart>) {
        // Only where a yes or no is asked for do words cut it.
        let confirming = matches!(self.talk(), Some(Talk { stage: Stage::Confirming(_), .. }));
        let prompt = self.play(now, parts, if confirming { BargeIn::Speech } else { BargeIn::PersonOnly });
        if let Some(waiting) = self.waiting() {
            waiting.playing = Some(prompt);
        }
    }

    pub(crate) fn hush_line(&mut self, now: &mut Now) {
        if self.waiting().is_some_and(|waiting| waiting.playing.take().is_some()) {
            now.out.push(Command::StopPlaying { leg: LegId::Caller });
        }
    }

    /// The queues were told to keep the place, and have not said yet that they do.
    pub(crate) fn is_promised_call_back(&mut self) -> bool {
        matches!(self.talk(), Some(Talk { stage: Stage::Promising, .. }))
    }

    fn talk(&mut self) -> Option<Talk> {
        self.waiting().and_then(|waiting| waiting.talk.clone())
    }

    fn ask_for_number(&mut self, now: &mut Now, why: Vec<PromptPart>, questions: u8) {
        if questions >= QUESTIONS_MAX {
            return self.stays_in_line(now, why);
        }
        self.talk_is(now, Stage::Keying(String::new()), questions + 1);
        let parts = [why, self.phrase(Phrase::CallBackKeyNumber)].concat();
        self.say_in_line(now, parts);
    }

    fn read_back(&mut self, now: &mut Now, number: PhoneNumber, questions: u8) {
        if questions >= QUESTIONS_MAX {
            return self.stays_in_line(now, Vec::new());
        }
        let words = digit_by_digit(number.as_str(), self.language());
        self.talk_is(now, Stage::Confirming(number), questions + 1);
        let parts = self.flow.phrase_with(Phrase::CallBackNumber, self.language(), &[("number", words.as_str())]);
        self.say_in_line(now, parts);
    }

    /// Nothing comes of it: the caller waits on, at the same place.
    fn stays_in_line(&mut self, now: &mut Now, why: Vec<PromptPart>) {
        self.end_talk(now);
        let parts = [why, self.phrase(Phrase::StillInLine)].concat();
        self.decide(now, "call_back_dropped", "no number was confirmed; the caller stays in line".into());
        self.say_in_line(now, parts);
    }

    /// Whatever was being said about a call-back is over.
    pub(crate) fn end_talk(&mut self, now: &mut Now) {
        if self.waiting().is_some_and(|waiting| waiting.talk.take().is_some()) {
            self.timers.clear(TimerName::CallBack);
            self.listen_in_line(now);
        }
    }

    /// An agent is free in the middle of it: what is said to the caller now.
    pub(crate) fn end_of_talk_by_offer(&mut self, now: &mut Now) -> Option<crate::base::PromptId> {
        self.waiting().filter(|waiting| waiting.talk.is_some())?;
        self.hush_line(now);
        self.end_talk(now);
        // Spoken of while the place was being promised: should this agent not take them, they are first in line.
        if self.emergency {
            now.out.push(Command::Queue(QueueAsk::Emergency));
        }
        let parts = self.phrase(if self.emergency { Phrase::Emergency } else { Phrase::AgentIsFree });
        Some(self.play(now, parts, BargeIn::PersonOnly))
    }

    /// Whether a number may be called, in the way in which it would be dialled.
    pub(crate) fn call_back_answered(&mut self, now: &mut Now, answer: &CallBackAnswer) {
        let Some(Talk { stage: Stage::Checking { keyed }, questions }) = self.talk() else { return };
        match answer {
            CallBackAnswer::Yes(number) => self.read_back(now, number.clone(), questions),
            CallBackAnswer::NotAllowed => {
                let why = if keyed { self.phrase(Phrase::CallBackNotAllowed) } else { Vec::new() };
                self.decide(now, "call_back_refused", "no trunk of the queue allows that number".into());
                self.ask_for_number(now, why, questions);
            }
            CallBackAnswer::Full => self.no_call_back(now, Phrase::CallBackFull, "too many are to be called back"),
            CallBackAnswer::Twice => self.no_call_back(now, Phrase::CallBackTwice, "that number is to be called back already"),
        }
    }

    fn no_call_back(&mut self, now: &mut Now, phrase: Phrase, why: &str) {
        self.end_talk(now);
        self.decide(now, "call_back_refused", why.into());
        if self.emergency_after_all(now) {
            return;
        }
        let parts = self.phrase(phrase);
        self.say_in_line(now, parts);
    }

    /// A key while it is talked about.
    pub(crate) fn key_in_talk(&mut self, now: &mut Now, key: Digit) {
        let Some(Talk { stage, questions }) = self.talk() else { return };
        match (stage, key.as_char()) {
            (Stage::Confirming(number), '1') => self.confirmed(now, number),
            (Stage::Confirming(_), '2') => {
                self.hush_line(now);
                self.ask_for_number(now, Vec::new(), questions);
            }
            (Stage::Keying(digits), '#') => self.number_keyed(now, &digits, questions),
            (Stage::Keying(digits), c) => {
                self.hush_line(now);
                let digits = match c {
                    '*' => String::new(),
                    c if digits.len() < DIGITS_MAX => format!("{digits}{c}"),
                    _ => digits,
                };
                self.talk_is(now, Stage::Keying(digits), questions);
                self.timers.set(TimerName::CallBack, now.at + KEYS_WAIT);
            }
            _ => {}
        }
    }

    fn number_keyed(&mut self, now: &mut Now, digits: &str, questions: u8) {
        self.hush_line(now);
        if digits.len() < DIGITS_MIN {
            return self.ask_for_number(now, Vec::new(), questions);
        }
        self.look_at(now, PhoneNumber::new(digits), true, questions);
    }

    /// Words while the number is to be confirmed: only a sure yes or no counts.
    pub(crate) fn heard_in_talk(&mut self, now: &mut Now, result: &Result<Hypothesis, EarFailure>) {
        let Some(Talk { stage: Stage::Confirming(number), questions }) = self.talk() else { return };
        match self.plain_answer(result) {
            Some(true) => self.confirmed(now, number),
            Some(false) => self.ask_for_number(now, Vec::new(), questions),
            None => {}
        }
    }

    /// A sure yes or no.
    pub(crate) fn plain_answer(&self, result: &Result<Hypothesis, EarFailure>) -> Option<bool> {
        let clear = result.as_ref().ok().filter(|h| h.rejected.is_none() && h.confidence >= self.settings.confidence_min)?;
        assent(&clear.text).filter(|(_, degree)| *degree == Degree::Sure).map(|(yes, _)| yes)
    }

    /// What was said is over; now the caller has time.
    pub(crate) fn talk_prompt_ended(&mut self, now: &mut Now) {
        if matches!(self.talk(), Some(Talk { stage: Stage::Confirming(_) | Stage::Keying(_), .. })) {
            self.timers.set(TimerName::CallBack, now.at + KEYS_WAIT);
        }
    }

    pub(crate) fn talk_overdue(&mut self, now: &mut Now) {
        match self.talk() {
            Some(Talk { stage: Stage::Keying(digits), questions }) if !digits.is_empty() => {
                self.number_keyed(now, &digits, questions);
            }
            // Silence counts twice: who says nothing is soon left to wait.
            Some(Talk { stage: Stage::Keying(_), questions }) => self.ask_for_number(now, Vec::new(), questions + 1),
            Some(Talk { stage: Stage::Confirming(number), questions }) => self.read_back(now, number, questions + 1),
            Some(Talk { stage: Stage::Checking { .. }, .. }) => {
                self.no_call_back(now, Phrase::CallBackFull, "the queues did not look at the number");
            }
            Some(Talk { stage: Stage::Promising, .. }) => {
                self.no_call_back(now, Phrase::CallBackFull, "the queues did not say whether they keep the place");
            }
            None => {}
        }
    }

    /// The number is right: the queues are to keep the place.
    fn confirmed(&mut self, now: &mut Now, number: PhoneNumber) {
        self.hush_line(now);
        let questions = self.talk().map_or(0, |talk| talk.questions);
        let Some(target) = self.waiting().map(|waiting| waiting.target.clone()) else { return };
        self.talk_is(now, Stage::Promising, questions);
        self.timers.set(TimerName::CallBack, now.at + CHECK_WAIT);
        let (ticket, card) = (Ticket { waited: self.waited_so_far(now), ..self.ticket(&target, None) }, self.card(now));
        if let Some(card) = card {
            now.out.push(Command::Queue(QueueAsk::CallBack(Box::new(CallBackWish { number, ticket, card }))));
        }
    }

    /// Whether the queues keep the place.
    pub(crate) fn call_back_kept(&mut self, now: &mut Now, kept: bool) {
        let State::Transferring(transfer) = &self.state else { return };
        let Step::Waiting(Waiting { talk: Some(Talk { stage: Stage::Promising, .. }), told, .. }) = &transfer.step else {
            return;
        };
        if !kept {
            return self.no_call_back(now, Phrase::CallBackFull, "the queues did not take it");
        }
        if self.emergency {
            // Spoken of in the very moment in which it was promised: who is on the line stays there, and goes first.
            return self.back_for_emergency(now);
        }
        let wait = told.and_then(|(_, wait)| wait).map(|wait| wait_words(wait, self.language())).unwrap_or_default();
        self.decide(now, "call_back", "the number is confirmed; the place is kept and the caller may hang up".into());
        // The ticket belongs to the call that will ring the caller.
        self.in_line = None;
        self.timers.clear_except(&[TimerName::Longest]);
        now.out.push(Command::Comfort(false));
        let parts = self.flow.phrase_with(Phrase::CallBackPromised, self.language(), &[("wait", wait.as_str())]);
        self.leave(now, parts, Farewell::CallBack);
    }
}

/// A number as it is read aloud: "plus 4 9 3 0 …".
fn digit_by_digit(number: &str, language: crate::base::Language) -> String {
    let plus = if language == crate::base::Language::ZH { "加" } else { "plus" };
    let word = |c: char| if c == '+' { plus.to_string() } else { c.to_string() };
    number.chars().filter(|c| c.is_ascii_digit() || *c == '+').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Language;

    #[test]
    fn numbers_are_read_digit_by_digit() {
        assert_eq!(digit_by_digit("+49 30-12", Language::EN), "plus 4 9 3 0 1 2");
        assert_eq!(digit_by_digit("+86 10", Language::ZH), "加 8 6 1 0");
    }
}
