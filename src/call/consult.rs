//! An agent asks a colleague while the caller is on hold: the two talk in private, perhaps bring the caller in so that all three hear each other
//! (three-way), and then the caller is the colleague's, or the agent's who asked.
//! Whatever breaks, the caller is with somebody: with who asked while that one is there, with the colleague once they have picked up, and
//! else at the head of the line.

use super::Command;
use super::face::{ColleagueNews, QueueAsk};
use super::machine::{Call, Now, Recording};
use super::state::{Moving, State};
use super::timers::TimerName;
use super::transfer::REPORT_GRACE;
use super::{AgentEvent, DeskAsk};
use crate::acd::{Refusal, Talk};
use crate::base::{AttemptId, LegId, Moment};
use crate::flow::Phrase;
use std::time::Duration;

/// The queues answer at once; when they do not, the caller is not kept on hold for it.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Two phones that are put down within this time were put down together.
const TOGETHER: Duration = Duration::from_secs(2);

/// A colleague is asked.
#[derive(Debug)]
pub(crate) struct Consult {
    /// Since when.
    began: Moment,
    /// The caller was on hold before.
    held: bool,
    /// Who, once the queues have said it.
    colleague: Option<Colleague>,
}

/// A colleague who rings or talks with who asked.
#[derive(Debug)]
struct Colleague {
    attempt: AttemptId,
    name: String,
    stage: Stage,
}

/// How far a colleague is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Rings,
    /// With who asked; the caller hears comfort audio.
    Private,
    /// With who asked and the caller.
    ThreeWay,
}

impl Consult {
    /// The colleague's leg, once there is one.
    pub(crate) fn leg(&self) -> Option<AttemptId> {
        self.colleague.as_ref().map(|colleague| colleague.attempt)
    }
}

impl Call {
    fn consult(&self) -> Option<&Consult> {
        match &self.state {
            State::Joined { moving: Some(Moving::Consulting(consult)), .. } => Some(consult),
            _ => None,
        }
    }

    fn colleague(&mut self) -> Option<&mut Colleague> {
        match &mut self.state {
            State::Joined { moving: Some(Moving::Consulting(consult)), .. } => consult.colleague.as_mut(),
            _ => None,
        }
    }

    fn colleague_stage(&self) -> Option<Stage> {
        self.consult().and_then(|consult| consult.colleague.as_ref()).map(|colleague| colleague.stage)
    }

    fn colleague_talks(&self) -> bool {
        matches!(self.colleague_stage(), Some(Stage::Private | Stage::ThreeWay))
    }

    fn is_three_way(&self) -> bool {
        self.colleague_stage() == Some(Stage::ThreeWay)
    }

    /// The agent wants a colleague on the line.
    pub(crate) fn begin_consult(&mut self, now: &mut Now, queue: &str, agent: Option<&String>) {
        if self.in_line != Some(super::line::InLine::Talking) {
            return self.decide(now, "desk_refused", "only an agent of a queue can ask a colleague".into());
        }
        let held = self.on_hold;
        self.put_down = None;
        let State::Joined { attempt, moving, .. } = &mut self.state else { return };
        let asks = *attempt;
        *moving = Some(Moving::Consulting(Box::new(Consult { began: now.at, held, colleague: None })));
        let whom = agent.map_or(queue, String::as_str);
        self.decide(now, "consult", format!("the agent asks {whom}; the caller is on hold"));
        if !held {
            self.on_hold = true;
            now.out.push(Command::Hold { attempt: asks, on: true });
            self.stop_listening(now);
        }
        self.timers.set(TimerName::Ring, now.at + ANSWER_WAIT);
        now.out.push(Command::Queue(QueueAsk::Consult { queue: queue.into(), agent: agent.cloned() }));
    }

    /// What the queues say of it.
    pub(crate) fn colleague_news(&mut self, now: &mut Now, news: &ColleagueNews) {
        match news {
            ColleagueNews::Rings { agent, to, ring } => {
                if self.consult().is_none_or(|consult| consult.colleague.is_some()) {
                    // It was given up meanwhile.
                    return now.out.push(Command::Queue(QueueAsk::ConsultOver(None)));
                }
                let attempt = self.new_attempt();
                let uui = self.uui();
                now.out.push(Command::Dial { attempt, to: to.clone(), uui, ring: *ring });
                self.timers.set(TimerName::Ring, now.at + *ring + REPORT_GRACE);
                if let State::Joined { moving: Some(Moving::Consulting(consult)), .. } = &mut self.state {
                    consult.colleague = Some(Colleague { attempt, name: agent.clone(), stage: Stage::Rings });
                }
            }
            ColleagueNews::Nobody if self.consult().is_some() && !self.colleague_talks() => {
                self.consult_failed(now, "nobody", None);
            }
            ColleagueNews::Nobody => {}
            ColleagueNews::Declined if self.consult().is_some() && !self.colleague_talks() => {
                self.consult_failed(now, "declined", None);
            }
            ColleagueNews::Declined => {}
        }
    }

    /// Something about a leg while a colleague is asked.
    pub(crate) fn agent_while_consulting(&mut self, now: &mut Now, who: AttemptId, event: &AgentEvent) {
        let State::Joined { attempt, .. } = &self.state else { return };
        let asks = *attempt;
        if who == asks {
            return match event {
                // Putting the phone down hands the caller over; a phone that died does no less.
                AgentEvent::HungUp | AgentEvent::Lost if self.colleague_talks() => {
                    self.hand_over_to_colleague(now, *event == AgentEvent::Lost);
                }
                AgentEvent::HungUp | AgentEvent::Lost => {
                    self.drop_colleague(now, None);
                    self.agent_lost(now);
                }
                AgentEvent::Refers { .. } => now.out.push(Command::AnswerRefer { attempt: who, status: 491 }),
                _ => {}
            };
        }
        let Some(colleague) = self.colleague().filter(|colleague| colleague.attempt == who) else { return };
        match event {
            AgentEvent::Answered if colleague.stage == Stage::Rings => {
                colleague.stage = Stage::Private;
                let name = colleague.name.clone();
                self.timers.clear(TimerName::Ring);
                self.decide(now, "consult_answered", format!("{name} picked up"));
                now.out.push(Command::Queue(QueueAsk::Consulted));
                now.out.push(Command::Pair { one: asks, other: who });
            }
            AgentEvent::Failed { status, .. } => {
                let (word, why) = match status {
                    486 | 600 | 603 => ("declined", Refusal::Declined),
                    408 | 480 => ("no_answer", Refusal::NoAnswer),
                    _ => ("failed", Refusal::Failed),
                };
                self.consult_failed(now, word, Some(why));
            }
            AgentEvent::HungUp => {
                // Two who put their phones down meant to hand over, whichever of them was faster.
                self.put_down = (colleague.stage == Stage::Private).then_some(now.at);
                self.consult_failed(now, "left", None);
            }
            AgentEvent::Lost => self.consult_failed(now, "lost", Some(Refusal::Lost)),
            AgentEvent::Refers { .. } => now.out.push(Command::AnswerRefer { attempt: who, status: 491 }),
            _ => {}
        }
    }

    /// The colleague was not rung, or rang for too long.
    pub(crate) fn consult_overdue(&mut self, now: &mut Now) {
        match self.consult() {
            Some(consult) if consult.colleague.is_some() => self.consult_failed(now, "no_answer", Some(Refusal::NoAnswer)),
            Some(_) => self.consult_failed(now, "nobody", None),
            None => {}
        }
    }

    /// What the agent wants while a colleague is asked.
    pub(crate) fn desk_while_consulting(&mut self, now: &mut Now, ask: &DeskAsk) {
        match ask {
            DeskAsk::Complete if self.colleague_talks() => self.hand_over_to_colleague(now, false),
            DeskAsk::Complete => self.decide(now, "desk_refused", "the colleague has not picked up".into()),
            DeskAsk::ThreeWay if self.colleague_talks() => self.three_way(now),
            DeskAsk::ThreeWay => self.decide(now, "desk_refused", "the colleague has not picked up".into()),
            // With all three on the line, who goes leaves the caller to the other.
            DeskAsk::HangUp if self.is_three_way() => self.hand_over_to_colleague(now, false),
            // In private nobody is hung up on because a button was meant for the colleague.
            DeskAsk::GoBack | DeskAsk::HangUp => {
                self.end_consult(now, "consult_back", "the agent goes back to the caller".into(), None)
            }
            DeskAsk::Leave => {
                self.put_down = (self.colleague_stage() == Some(Stage::Private)).then_some(now.at);
                self.consult_failed(now, "left", None);
            }
            DeskAsk::Warn if self.is_three_way() => self.warn(now),
            DeskAsk::EndForAbuse => {
                self.drop_colleague(now, None);
                self.desk_asks(now, ask);
            }
            _ => self.decide(now, "desk_refused", "a colleague is being asked".into()),
        }
    }

    /// The caller comes in: all three hear each other.
    fn three_way(&mut self, now: &mut Now) {
        let State::Joined { attempt, target, moving: Some(Moving::Consulting(consult)) } = &mut self.state else { return };
        let Some(colleague) = consult.colleague.as_mut().filter(|colleague| colleague.stage == Stage::Private) else { return };
        colleague.stage = Stage::ThreeWay;
        // Whoever goes, the caller hears who is left.
        consult.held = false;
        let (one, other) = (*attempt, colleague.attempt);
        let told = format!("the agent at {target}, {} and the caller hear each other", colleague.name);
        self.decide(now, "three_way", told);
        now.out.push(Command::ThreeWay { one, other });
        self.on_hold = false;
        self.listen_along(now);
        self.tell_of_recording(now, other);
    }

    fn tell_of_recording(&mut self, now: &mut Now, attempt: AttemptId) {
        if self.recording != Recording::Off {
            let language = self.agent_language();
            let parts = self.flow.phrase(Phrase::AgentRecorded, language);
            self.play_to_agent(now, attempt, parts, language);
        }
    }

    fn consult_failed(&mut self, now: &mut Now, word: &str, why: Option<Refusal>) {
        let name = self.colleague().map(|colleague| colleague.name.clone()).unwrap_or_default();
        let told = if name.is_empty() { word.to_string() } else { format!("{word}: {name}") };
        self.end_consult(now, "consult_failed", told, why);
    }

    /// The colleague goes, and the caller hears who asked again, unless they were on hold before.
    fn end_consult(&mut self, now: &mut Now, what: &str, told: String, why: Option<Refusal>) {
        let Some(held) = self.consult().map(|consult| consult.held) else { return };
        let three_way = self.is_three_way();
        self.drop_colleague(now, why);
        self.decide(now, what, told);
        let State::Joined { attempt, .. } = &self.state else { return };
        if !held {
            now.out.push(Command::Hold { attempt: *attempt, on: false });
        }
        if !held && !three_way {
            self.on_hold = false;
            self.listen_along(now);
        }
    }

    /// No colleague is asked any more; who asked, and the caller, are where they are.
    pub(crate) fn drop_colleague(&mut self, now: &mut Now, why: Option<Refusal>) {
        let State::Joined { moving, .. } = &mut self.state else { return };
        let Some(Moving::Consulting(consult)) = moving else { return };
        let leg = consult.leg();
        let (began, name) = (consult.began, consult.colleague.as_ref().map(|colleague| colleague.name.clone()));
        *moving = None;
        self.timers.clear(TimerName::Ring);
        now.out.push(Command::Queue(QueueAsk::ConsultOver(why)));
        if let Some(attempt) = leg {
            now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        }
        if let Some(name) = name {
            self.note_attempt(now, began, &name, "consult", "over".into());
        }
    }

    /// The caller is the colleague's from now on; who asked is done.
    fn hand_over_to_colleague(&mut self, now: &mut Now, lost: bool) {
        let State::Joined { attempt, target, moving } = &mut self.state else { return };
        let Some(Moving::Consulting(consult)) = moving.take() else { return };
        let (asks, from) = (*attempt, target.clone());
        let Some(colleague) = consult.colleague else { return };
        let talk = Talk { strain: self.strain_of_talk(), lost };
        self.decide(now, "consult_completed", format!("the agent at {from} hands the caller over to {}", colleague.name));
        now.out.push(Command::Queue(QueueAsk::HandedOver(talk)));
        let three_way = colleague.stage == Stage::ThreeWay;
        now.out.push(if three_way {
            // They hear each other already, and what the caller is just saying is not cut.
            Command::Hold { attempt: colleague.attempt, on: false }
        } else {
            Command::Join { attempt: colleague.attempt }
        });
        now.out.push(Command::HangUp { leg: LegId::Agent(asks) });
        self.note_attempt(now, consult.began, &from, "consult", "answered".into());
        self.on_hold = false;
        self.put_down = (!three_way).then_some(now.at);
        // The caller stays in the line that they came to, whoever of which other line helped out.
        self.state = State::Joined { attempt: colleague.attempt, target: from, moving: None };
        self.publish(now);
        self.speaks_with(&colleague.name);
        self.listen_along(now);
        if !three_way {
            self.tell_of_recording(now, colleague.attempt);
        }
    }

    /// Whether the other of the two who had talked in private put their phone down only just before.
    pub(crate) fn both_put_down(&self, now: &Now) -> bool {
        self.put_down.is_some_and(|left| now.at.since(left) < TOGETHER)
    }
}
