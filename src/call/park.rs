//! A caller whom an agent has parked: they wait aside, and nobody is rung for them, until an agent fetches them, they press 0, or the queues bring them
//! back. Meanwhile they hear comfort audio and, from time to time, that they are not forgotten and what they can do.

use super::Command;
use super::face::QueueAsk;
use super::line::InLine;
use super::machine::{Call, Now};
use super::state::{State, Step, Transfer, Waiting};
use super::timers::TimerName;
use crate::acd::{PARK_MAX_SECONDS, Talk};
use crate::base::{BargeIn, Digit, LegId};
use crate::flow::Phrase;
use std::time::Duration;

/// How often a parked caller is told that they are not forgotten.
const STILL_EVERY: Duration = Duration::from_secs(30);
/// The longest that a queue parks anybody, and a little: when the queues have not brought the caller back by then, they are gone.
const PARKED_MAX: Duration = Duration::from_secs(PARK_MAX_SECONDS as u64 + 60);

impl Call {
    /// The agent puts the caller aside and is done.
    pub(crate) fn park(&mut self, now: &mut Now) {
        let State::Joined { attempt, target, .. } = &self.state else { return };
        let (attempt, from) = (*attempt, target.clone());
        if self.in_line != Some(InLine::Talking) {
            return self.decide(now, "desk_refused", "only an agent of a queue can park a caller".into());
        }
        self.decide(now, "parked", format!("the agent at {from} parks the caller"));
        let talk = Talk { strain: self.strain_of_talk(), lost: false };
        self.stop_listening(now);
        (self.returned, self.on_hold) = (true, false);
        self.prefer = self.spoke_with.last().cloned();
        now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        let known = self.flow.targets.get(&from).filter(|target| target.queue().is_some()).cloned();
        let target = known.unwrap_or_else(|| self.queue_target(&from));
        self.timers.clear_except(&[TimerName::Longest]);
        self.story.because = "parked".into();
        let transfer = Transfer::new(self.because(), Some(self.phrase(Phrase::Parked)));
        self.state = State::Transferring(Box::new(transfer));
        self.publish(now);
        let ticket = Box::new(self.ticket(&target, None));
        self.in_line = Some(InLine::Waiting(now.at));
        now.out.push(Command::Queue(QueueAsk::Park { ticket, talk }));
        let playing = self.take_sentence(now);
        self.timers.set(TimerName::Parked, now.at + STILL_EVERY);
        self.timers.set(TimerName::Line, now.at + PARKED_MAX);
        if let State::Transferring(transfer) = &mut self.state {
            transfer.step = Step::Waiting(Waiting { parked: true, ..Waiting::new(target, playing) });
        }
        self.listen_in_line(now);
    }

    pub(crate) fn is_parked(&mut self) -> bool {
        self.waiting().is_some_and(|waiting| waiting.parked)
    }

    /// They are still there, and so are we.
    pub(crate) fn still_parked(&mut self, now: &mut Now) {
        if !self.is_parked() {
            return;
        }
        self.timers.set(TimerName::Parked, now.at + STILL_EVERY);
        if self.waiting().is_some_and(|waiting| waiting.playing.is_none()) {
            self.tell_parked(now, Phrase::StillParked);
        }
    }

    fn tell_parked(&mut self, now: &mut Now, phrase: Phrase) {
        let parts = self.phrase(phrase);
        if parts.is_empty() {
            return;
        }
        let prompt = self.play(now, parts, BargeIn::PersonOnly);
        if let Some(waiting) = self.waiting() {
            waiting.playing = Some(prompt);
        }
    }

    /// A key of a parked caller: 0 ends it, no other means anything. False where the caller is not parked.
    pub(crate) fn key_while_parked(&mut self, now: &mut Now, key: Digit) -> bool {
        if !self.is_parked() {
            return false;
        }
        if key.as_char() == '0' {
            self.decide(now, "unparked", "the caller pressed 0".into());
            self.unpark(now);
            if self.waiting().is_some_and(|waiting| waiting.playing.is_some()) {
                now.out.push(Command::StopPlaying { leg: LegId::Caller });
            }
            self.tell_parked(now, Phrase::Unparked);
        }
        true
    }

    /// To the head of the line, if the caller is parked.
    pub(crate) fn unpark(&mut self, now: &mut Now) {
        if self.is_parked() {
            self.not_parked_any_more(now);
            now.out.push(Command::Queue(QueueAsk::Unpark));
        }
    }

    /// The queues have the caller in line again, or an agent is rung.
    pub(crate) fn not_parked_any_more(&mut self, now: &mut Now) {
        if !self.is_parked() {
            return;
        }
        if let Some(waiting) = self.waiting() {
            waiting.parked = false;
        }
        self.timers.clear(TimerName::Parked);
        self.await_line(now);
    }
}
