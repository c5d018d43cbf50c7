//! Keys that answer a question.

use super::keys::{BETWEEN_DIGITS, Keyed, LONE_ZERO, Wait};
use super::machine::{Call, Now};
use super::state::State;
use super::story::Said;
use super::timers::TimerName;
use super::understand::Understanding;
use crate::base::Digit;

impl Call {
    /// A key while a question is out.
    pub(crate) fn key_in_question(&mut self, now: &mut Now, key: Digit) {
        self.hush(now);
        self.engaged = true;
        self.ladders.stirred();
        let State::Asking(asking) = &self.state else { return };
        let question = self.question(now, &asking.ask);
        let collects = question.collects();
        if key.as_char() == '0' && collects.is_none() {
            return self.person_by_key(now, "key 0 was pressed");
        }
        if let Some(understood) = question.single_key(key) {
            return self.keyed(now, key.as_char().to_string(), understood);
        }
        let State::Asking(asking) = &mut self.state else { return };
        let max = collects.unwrap_or(1);
        match asking.keys.press(key, max) {
            Keyed::More(wait) => {
                self.timers.clear(TimerName::NoInput);
                self.timers.clear(TimerName::Keys);
                self.timers.clear(TimerName::LoneZero);
                match wait {
                    Wait::NextDigit => self.timers.set(TimerName::Keys, now.at + BETWEEN_DIGITS),
                    Wait::LoneZero => self.timers.set(TimerName::LoneZero, now.at + LONE_ZERO),
                }
            }
            Keyed::Whole(digits) => self.keys_whole(now, digits),
            Keyed::Person => self.person_by_key(now, "*0 was keyed"),
            Keyed::Nothing => {
                let quiet = self.timers.get(TimerName::NoInput).is_none() && asking.keys.is_empty();
                if quiet {
                    self.await_answer(now);
                }
            }
        }
    }

    /// Keys that were pressed before the question was asked.
    pub(crate) fn keys_ahead(&mut self, now: &mut Now) {
        let ahead = std::mem::take(&mut self.ahead);
        for key in ahead {
            // An answer ends this question; the rest belongs to the next one, which takes it up itself.
            if matches!(&self.state, State::Asking(a) if a.spoken.is_empty() && a.prompt.is_none()) {
                self.key_in_question(now, key);
            } else if self.ahead.len() < 24 {
                self.ahead.push_back(key);
            }
        }
    }

    /// No further key came.
    pub(crate) fn keys_settled(&mut self, now: &mut Now) {
        let State::Asking(asking) = &mut self.state else { return };
        let digits = asking.keys.settle();
        if digits.is_empty() {
            self.await_answer(now);
        } else {
            self.keys_whole(now, digits);
        }
    }

    fn keys_whole(&mut self, now: &mut Now, digits: String) {
        self.timers.clear(TimerName::Keys);
        self.timers.clear(TimerName::LoneZero);
        let State::Asking(asking) = &self.state else { return };
        let understood = self.question(now, &asking.ask).keyed(digits.clone());
        self.keyed(now, digits, understood);
    }

    fn keyed(&mut self, now: &mut Now, keys: String, understood: Understanding) {
        let State::Asking(asking) = &self.state else { return };
        let said = Said::keys(keys, asking.ask.sensitive);
        match understood {
            Understanding::Answer { answer, meaning, confidence } => self.accept(now, said, answer, meaning, confidence),
            Understanding::Repeat => self.repeat(now),
            // A stray end key or star after a choice was made is no answer and no mistake.
            Understanding::Nothing(_) if matches!(said.text.as_str(), "#" | "*") => {
                self.await_answer(now);
            }
            Understanding::Nothing(why) => {
                let verdict = self.ladders.misunderstood();
                self.misunderstood(now, said, format!("keys: {why}"), verdict, None);
            }
        }
    }
}
