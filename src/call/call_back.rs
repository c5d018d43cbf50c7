//! A call that nobody makes: somebody who waited in line is called back. An agent is found first, by the same line and with the same
//! card; only when the agent is there is the person called, hears who calls and why in one sentence, and proves by a key or a
//! word to be no mailbox and nobody else. What the card says is not said to them.

use super::Command;
use super::card::{CardCallBack, HandOverCard};
use super::face::QueueAsk;
use super::line::InLine;
use super::machine::{Arrival, Call, Now};
use super::record::Record;
use super::state::{State, Step, Transfer, Waiting};
use super::story::{Story, spaced};
use super::timers::TimerName;
use super::transfer::REPORT_GRACE;
use crate::acd::Ticket;
use crate::base::{BargeIn, Digit, Disposition, EarFailure, Hypothesis, LegId, Moment, PhoneNumber, PromptId, WallTime};
use crate::flow::{Phrase, Target};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the person has to answer after the sentence; then it is said once more, and then nobody is there.
const ANSWER_WAIT: Duration = Duration::from_secs(6);

/// What a caller in line wants who confirmed a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallBackWish {
    /// Confirmed in that call.
    pub number: PhoneNumber,
    /// The place: queue, priority, and how long was waited so far.
    pub ticket: Ticket,
    /// What the agent is told.
    pub card: HandOverCard,
}

/// Whether a number may be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallBackAnswer {
    /// Yes, written as it would be dialled.
    Yes(PhoneNumber),
    /// No trunk of the queue allows it.
    NotAllowed,
    /// So many are to be called back already.
    Full,
    /// This number is to be called back already.
    Twice,
}

/// Somebody who is called back: what such a call is told before it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallBack {
    /// Who, where, and with which card. The card's reference is left out: it is a secret of the call's settings.
    pub wish: CallBackWish,
    /// When it was asked for.
    pub asked: WallTime,
    /// Calendar time of this very `Moment`.
    pub wall: WallTime,
    /// How long the person's phone rings.
    pub ring: Duration,
    /// By which trunks; empty = by any that allows the number.
    pub trunks: Vec<String>,
}

/// Why somebody was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotReached {
    /// The phone rang out, or was picked up and put down.
    NoAnswer,
    /// Busy or declined.
    Busy,
    /// Picked up, but no key and no yes: a mailbox, or somebody else.
    Mailbox,
    /// They said that it is not needed any more: they are not called again.
    NotWanted,
    /// The call could not be made.
    Failed,
}

impl NotReached {
    /// One word for records.
    pub fn name(self) -> &'static str {
        match self {
            NotReached::NoAnswer => "no_answer",
            NotReached::Busy => "busy",
            NotReached::Mailbox => "mailbox",
            NotReached::NotWanted => "not_wanted",
            NotReached::Failed => "failed",
        }
    }
}

/// A call-back that is under way.
#[derive(Debug)]
pub(crate) struct CalledBack {
    pub(crate) back: CallBack,
    pub(crate) person: Person,
    /// An agent was gone before the person picked up.
    pub(crate) cut_short: bool,
}

/// Where the person is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Person {
    /// Not called yet.
    Absent,
    /// The phone rings, since then.
    Called(Moment),
    /// Picked up at that moment; hears who calls. `again` = it was said twice.
    Asked { began: Moment, prompt: PromptId, again: bool },
    /// It is them.
    There,
}

impl Call {
    /// First event of a call that nobody makes. The ticket is in line already.
    pub(crate) fn calls_back(&mut self, now: &mut Now, back: &CallBack) {
        if !matches!(self.state, State::Fresh) {
            return;
        }
        let CallBackWish { number, ticket, card } = &back.wish;
        let diverted = card.diverted.clone();
        self.arrival =
            Some(Arrival { caller: number.clone(), dialled: card.dialled.clone(), at: now.at, wall: back.wall, diverted });
        self.story = Story::from_card(card);
        (self.waited, self.returned, self.strain.abusive) = (ticket.waited, ticket.returned, ticket.abusive);
        self.emergency = ticket.emergency;
        self.in_line = Some(InLine::Waiting(now.at));
        let began = Record::Began {
            caller: number.clone(),
            dialled: card.dialled.clone(),
            flow: self.flow.name.clone(),
            flow_hash: self.flow.hash.clone(),
            at: back.wall,
        };
        self.note(now, began);
        let target = self.queue_target(&ticket.queue);
        self.called_back = Some(Box::new(CalledBack { back: back.clone(), person: Person::Absent, cut_short: false }));
        self.timers.set(TimerName::Longest, now.at + self.settings.longest);
        // Nobody is on the line who could be told.
        let transfer = Transfer {
            told_brief: true,
            step: Step::Waiting(Waiting::new(target, None)),
            ..Transfer::new(self.because(), None)
        };
        self.state = State::Transferring(Box::new(transfer));
        let minutes = (back.wall.0.saturating_sub(back.asked.0) / 60_000).max(0);
        self.decide(now, "calls_back", format!("{} asked for it {minutes} minutes ago", number.tail()));
        self.publish(now);
    }

    /// The card as it was, under this call.
    pub(crate) fn card_of_call_back(&self) -> Option<HandOverCard> {
        let CallBack { wish, asked, .. } = &self.called_back.as_ref()?.back;
        Some(HandOverCard {
            reference: self.settings.card_reference.clone(),
            call: self.id,
            because: self.story.because.clone(),
            call_back: Some(CardCallBack { number: wish.number.clone(), asked: *asked }),
            ..wish.card.clone()
        })
    }

    /// Nobody is on the caller's side of this call yet.
    pub(crate) fn person_is_absent(&self) -> bool {
        matches!(self.person(), Some(Person::Absent | Person::Called(_)))
    }

    fn person(&self) -> Option<Person> {
        self.called_back.as_ref().map(|called| called.person)
    }

    /// Who is called back has picked up, and is asked whether it is them.
    pub(crate) fn person_is_asked(&self) -> bool {
        matches!(self.person(), Some(Person::Asked { .. }))
    }

    fn person_is(&mut self, person: Person) {
        if let Some(called) = &mut self.called_back {
            called.person = person;
        }
    }

    /// The agent is ready: whether the caller is, too. Who is called back is called now.
    pub(crate) fn caller_is_there(&mut self, now: &mut Now) -> bool {
        match self.person() {
            None | Some(Person::There) => true,
            Some(Person::Called(_) | Person::Asked { .. }) => false,
            Some(Person::Absent) => {
                self.call_person(now);
                false
            }
        }
    }

    fn call_person(&mut self, now: &mut Now) {
        let Some(called) = &self.called_back else { return };
        let CallBack { wish, ring, trunks, .. } = &called.back;
        let (ring, number) = (*ring, wish.number.as_str());
        let by = if trunks.is_empty() { String::new() } else { format!("@{}", trunks.join(",")) };
        let to = format!("trunk:{number}{by}");
        self.person_is(Person::Called(now.at));
        self.timers.set(TimerName::Person, now.at + ring + REPORT_GRACE);
        now.out.push(Command::Queue(QueueAsk::CallsPerson));
        now.out.push(Command::CallPerson { to, ring });
    }

    /// The person's phone was picked up.
    pub(crate) fn person_answered(&mut self, now: &mut Now) {
        if let Some(Person::Called(began)) = self.person() {
            self.greet(now, began, false);
        }
    }

    fn greet(&mut self, now: &mut Now, began: Moment, again: bool) {
        self.timers.clear(TimerName::Person);
        let name = spaced(&self.flow.name);
        let parts = self.flow.phrase_with(Phrase::CallBackHello, self.language(), &[("name", name.as_str())]);
        let grammar = self.bare_grammar();
        self.listen(now, grammar, false);
        let prompt = self.play(now, parts, BargeIn::Speech);
        // Should the sentence's end never come, nobody is left in silence.
        let until = self.timers.get(TimerName::Prompt).unwrap_or(now.at);
        self.timers.set(TimerName::Person, until + ANSWER_WAIT);
        self.person_is(Person::Asked { began, prompt, again });
    }

    /// Whether this was the sentence to the person, who has time to answer now.
    pub(crate) fn hello_ended(&mut self, now: &mut Now, prompt: PromptId) -> bool {
        let hello = matches!(self.person(), Some(Person::Asked { prompt: p, .. }) if p == prompt);
        if hello {
            self.timers.set(TimerName::Person, now.at + ANSWER_WAIT);
        }
        hello
    }

    /// A key of the person's; false when it is none of this.
    pub(crate) fn key_of_person(&mut self, now: &mut Now, key: Digit) -> bool {
        let Some(Person::Asked { .. }) = self.person() else { return false };
        match key.as_char() {
            '1' => self.it_is_them(now),
            '2' => self.not_reached(now, NotReached::NotWanted, "not wanted any more"),
            _ => {}
        }
        true
    }

    /// Words of the person's.
    pub(crate) fn heard_of_person(&mut self, now: &mut Now, result: &Result<Hypothesis, EarFailure>) {
        if !matches!(self.person(), Some(Person::Asked { .. })) {
            return;
        }
        match self.plain_answer(result) {
            Some(true) => self.it_is_them(now),
            Some(false) => self.not_reached(now, NotReached::NotWanted, "not wanted any more"),
            None => {}
        }
    }

    fn it_is_them(&mut self, now: &mut Now) {
        let Some(Person::Asked { began, .. }) = self.person() else { return };
        self.person_is(Person::There);
        self.timers.clear(TimerName::Person);
        // The wait was no part of the conversation.
        self.timers.set(TimerName::Longest, now.at + self.settings.longest);
        self.stop_listening(now);
        now.out.push(Command::StopPlaying { leg: LegId::Caller });
        self.note_attempt(now, began, "caller", "call_back", "answered".into());
        self.join_if_ready(now);
    }

    /// The INVITE to the person failed.
    pub(crate) fn person_failed(&mut self, now: &mut Now, status: u16) {
        if !matches!(self.person(), Some(Person::Called(_))) {
            return;
        }
        let why = match status {
            486 | 600 | 603 => NotReached::Busy,
            408 | 480 | 487 => NotReached::NoAnswer,
            _ => NotReached::Failed,
        };
        self.not_reached(now, why, &status.to_string());
    }

    pub(crate) fn person_overdue(&mut self, now: &mut Now) {
        match self.person() {
            Some(Person::Called(_)) => self.not_reached(now, NotReached::NoAnswer, "no answer"),
            Some(Person::Asked { began, again: false, .. }) => self.greet(now, began, true),
            Some(Person::Asked { .. }) => self.not_reached(now, NotReached::Mailbox, "answered, but neither 1 nor yes"),
            _ => {}
        }
    }

    /// The person's side is gone before the two heard each other; false when this is no such call.
    pub(crate) fn person_gone(&mut self, now: &mut Now) -> bool {
        let asked = matches!(self.person(), Some(Person::Called(_) | Person::Asked { .. }));
        if asked {
            self.not_reached(now, NotReached::NoAnswer, "hung up");
        }
        asked
    }

    /// A machine has picked up; false when this is no such call.
    pub(crate) fn machine_picked_up(&mut self, now: &mut Now) -> bool {
        let asked = matches!(self.person(), Some(Person::Asked { .. }));
        if asked {
            self.not_reached(now, NotReached::Mailbox, "a machine answered");
        }
        asked
    }

    fn not_reached(&mut self, now: &mut Now, why: NotReached, outcome: &str) {
        if let Some(Person::Called(began) | Person::Asked { began, .. }) = self.person() {
            self.note_attempt(now, began, "caller", "call_back", outcome.into());
        }
        self.decide(
            now,
            "not_reached",
            format!("the person who is called back was not reached ({outcome}); the agent is free"),
        );
        now.out.push(Command::Queue(QueueAsk::NotReached(why)));
        self.end(now, Disposition::NotReached { because: why.name().into() }, false);
    }

    /// The agent is gone while the person is being called: they are not called for nobody. Who has picked up already stays on the
    /// line and waits for the next agent.
    pub(crate) fn agent_gone_from_call_back(&mut self, now: &mut Now) {
        match self.person() {
            Some(Person::Called(began)) => {
                self.note_attempt(now, began, "caller", "call_back", "the agent was gone".into());
                self.timers.clear(TimerName::Person);
                now.out.push(Command::HangUp { leg: LegId::Caller });
                self.person_is(Person::Absent);
                // A phone that rings and stops is rung once more at once, and after that with the gap between two tries.
                let once_more = self.called_back.as_mut().is_some_and(|called| !std::mem::replace(&mut called.cut_short, true));
                if !once_more {
                    self.decide(now, "not_reached", "a second agent was gone before the person picked up".into());
                    self.end(now, Disposition::NotReached { because: NotReached::Failed.name().into() }, true);
                }
            }
            Some(Person::Asked { .. }) => {
                self.timers.clear(TimerName::Person);
                self.stop_listening(now);
                self.person_is(Person::There);
                now.out.push(Command::StopPlaying { leg: LegId::Caller });
                now.out.push(Command::Comfort(true));
                let parts = self.phrase(Phrase::AgentLost);
                self.play(now, parts, BargeIn::PersonOnly);
            }
            _ => {}
        }
    }

    /// The line sends the call elsewhere: without a person on it, there is nobody to send. True when it is over.
    pub(crate) fn call_back_unserved(&mut self, now: &mut Now) -> bool {
        let nobody = self.person_is_absent();
        if nobody {
            self.in_line = None;
            self.end(now, Disposition::NotReached { because: "given_up".into() }, true);
        }
        nobody
    }

    /// The target of a flow that is this queue, or one made for it.
    pub(crate) fn queue_target(&self, queue: &str) -> Target {
        let known = self.flow.targets.values().find(|target| target.queue() == Some(queue)).cloned();
        known.unwrap_or_else(|| Target::of_queue(queue, &self.flow.person.target))
    }

    /// The agent is told that the person is called next.
    pub(crate) fn calls_back_soon(&self) -> bool {
        matches!(self.person(), Some(Person::Absent))
    }
}
