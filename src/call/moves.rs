//! What moves a caller on who already talks with an agent: the agent's phone asks for it (REFER), we leave the two to
//! themselves (attended transfer), another phone takes a party's place. Until the next one has answered the caller stays where
//! they are.

use super::machine::{Call, Now};
use super::state::{Moving, State};
use super::timers::TimerName;
use super::transfer::{REPORT_GRACE, Wish};
use super::{AgentEvent, Command, Record, ReferOutcome};
use crate::base::{AttemptId, LegId};
use std::time::Duration;

/// How long the phone may ring that an agent transfers to.
const ONWARD_RING: Duration = Duration::from_secs(30);
/// Transfers by agents in one call.
const ONWARD_MAX: u8 = 8;
/// How long the caller's phone has to call the agent's when we leave the two to themselves.
const COMPLETING_PATIENCE: Duration = Duration::from_secs(20);

impl Call {
    /// Something about an agent's leg while the caller is joined.
    pub(crate) fn agent_while_joined(&mut self, now: &mut Now, who: AttemptId, event: &AgentEvent) {
        if matches!(self.moving(), Some(Moving::Consulting(_))) {
            return self.agent_while_consulting(now, who, event);
        }
        let State::Joined { attempt, moving, .. } = &mut self.state else { return };
        let gone = matches!(event, AgentEvent::HungUp | AgentEvent::Lost | AgentEvent::Failed { .. });
        match moving {
            // One move at a time.
            Some(_) if matches!(event, AgentEvent::Refers { .. }) => {
                now.out.push(Command::AnswerRefer { attempt: who, status: 491 });
            }
            None if who == *attempt => match event {
                AgentEvent::Refers { to, allowed } => self.agent_refers(now, to, *allowed),
                AgentEvent::Lost => self.agent_lost(now),
                AgentEvent::HungUp if self.both_put_down(now) => self.nobody_left(now),
                _ if gone => self.agent_ended_the_talk(now),
                _ => {}
            },
            Some(Moving::Onward { left, .. }) if who == *attempt && gone => {
                *left = true;
                self.talk_is_over(now, *event == AgentEvent::Lost);
                now.out.push(Command::Comfort(true));
            }
            Some(Moving::Completing { .. }) if who == *attempt && gone => self.moved_to_target(now),
            Some(Moving::Onward { attempt: next, left, .. }) if who == *next => match event {
                AgentEvent::Ringing if !*left => {
                    now.out.push(Command::NotifyRefer { attempt: *attempt, status: 180, last: false });
                }
                AgentEvent::Answered => self.onward_answered(now),
                AgentEvent::Failed { status, .. } => self.onward_failed(now, *status),
                AgentEvent::HungUp | AgentEvent::Lost => self.onward_failed(now, 480),
                _ => {}
            },
            _ => {}
        }
    }

    fn moving(&self) -> Option<&Moving> {
        match &self.state {
            State::Joined { moving, .. } => moving.as_ref(),
            _ => None,
        }
    }

    /// The agent's phone wants the caller called onward.
    fn agent_refers(&mut self, now: &mut Now, to: &str, allowed: bool) {
        let State::Joined { attempt, target, .. } = &self.state else { return };
        let (from, who, place) = (*attempt, target.clone(), place_of(to));
        if !allowed || self.onward >= ONWARD_MAX {
            let why = if allowed { "was transferred too often" } else { "may not be sent there" };
            self.decide(now, "agent_transfer_refused", format!("{who} wanted the caller at {place}; the caller {why}"));
            return now.out.push(Command::AnswerRefer { attempt: from, status: 403 });
        }
        self.onward += 1;
        let next = self.new_attempt();
        self.decide(now, "agent_transfer", format!("{who} sends the caller on to {place}"));
        now.out.push(Command::AnswerRefer { attempt: from, status: 202 });
        let uui = self.uui();
        now.out.push(Command::Dial { attempt: next, to: to.into(), uui, ring: ONWARD_RING });
        self.timers.set(TimerName::Ring, now.at + ONWARD_RING + REPORT_GRACE);
        let began = now.at;
        if let State::Joined { moving, .. } = &mut self.state {
            *moving = Some(Moving::Onward { attempt: next, to: place, began, left: false });
        }
    }

    /// Signalling has not said how it goes.
    pub(crate) fn onward_overdue(&mut self, now: &mut Now) {
        self.consult_overdue(now);
        if let Some(Moving::Onward { attempt, .. }) = self.moving() {
            now.out.push(Command::HangUp { leg: LegId::Agent(*attempt) });
            self.onward_failed(now, 408);
        }
    }

    fn onward_answered(&mut self, now: &mut Now) {
        let State::Joined { attempt: old, moving, .. } = &mut self.state else { return };
        let (old, Some(Moving::Onward { attempt, to, began, left })) = (*old, moving.take()) else { return };
        self.timers.clear(TimerName::Ring);
        self.talk_is_over(now, false);
        self.on_hold = false;
        now.out.push(Command::Join { attempt });
        if !left {
            now.out.push(Command::NotifyRefer { attempt: old, status: 200, last: true });
            now.out.push(Command::HangUp { leg: LegId::Agent(old) });
        }
        self.note_move(now, began, &to, "agent", "answered".into());
        self.state = State::Joined { attempt, target: to, moving: None };
        self.publish(now);
    }

    /// Nobody took the caller: back to the agent, or to whoever is there if that one has left.
    fn onward_failed(&mut self, now: &mut Now, status: u16) {
        let State::Joined { attempt: old, moving, target } = &mut self.state else { return };
        let (old, target, Some(Moving::Onward { to, began, left, .. })) = (*old, target.clone(), moving.take()) else { return };
        self.timers.clear(TimerName::Ring);
        self.note_move(now, began, &to, "agent", status.to_string());
        if !left {
            self.decide(now, "agent_transfer_failed", format!("{to} not reached ({status}); the caller stays with {target}"));
            return now.out.push(Command::NotifyRefer { attempt: old, status, last: true });
        }
        self.decide(now, "agent_transfer_failed", format!("{to} not reached ({status}) and {target} has left"));
        let first = if self.flow.targets.contains_key(&target) { target } else { self.flow.person.target.clone() };
        let why = "the agent's transfer failed after the agent had left".to_string();
        self.begin_transfer(now, Wish { target: first, sentence: None, because: "returned".into() }, why);
    }

    /// The two were joined by us; now the caller's phone is asked to call the agent's in our place.
    pub(crate) fn complete(&mut self, now: &mut Now) {
        let attempt = self.new_attempt();
        let began = now.at;
        if let State::Joined { attempt: agent, moving, .. } = &mut self.state {
            *moving = Some(Moving::Completing { attempt, began });
            now.out.push(Command::Complete { attempt, agent: *agent, patience: COMPLETING_PATIENCE });
        }
    }

    /// How that goes. A refusal changes nothing: the two go on through us.
    pub(crate) fn completing(&mut self, now: &mut Now, attempt: AttemptId, outcome: ReferOutcome) {
        let Some(Moving::Completing { attempt: ours, began }) = self.moving() else { return };
        let began = *began;
        if *ours != attempt {
            return;
        }
        match outcome {
            ReferOutcome::Accepted | ReferOutcome::Progress(_) => {}
            ReferOutcome::Succeeded => {
                let State::Joined { attempt: agent, target, .. } = &self.state else { return };
                let (agent, target) = (*agent, target.clone());
                self.note_move(now, began, &target, "attended", "answered".into());
                now.out.push(Command::HangUp { leg: LegId::Agent(agent) });
                self.moved_to_target(now);
            }
            ReferOutcome::Failed(status) => {
                let State::Joined { moving, target, .. } = &mut self.state else { return };
                *moving = None;
                let target = target.clone();
                self.decide(
                    now,
                    "attended_refused",
                    format!("the caller's phone did not call {target} itself ({status}); they talk through us"),
                );
                self.note_move(now, began, &target, "attended", status.to_string());
            }
        }
    }

    /// The caller is with the agent without us; the caller's BYE is awaited for a moment.
    fn moved_to_target(&mut self, now: &mut Now) {
        let State::Joined { target, .. } = &self.state else { return };
        let target = target.clone();
        self.timers.clear_except(&[TimerName::Longest]);
        self.timers.set(TimerName::ReferGrace, now.at + self.settings.refer_grace);
        self.publish(now);
        self.state = State::MovedAway { target };
    }

    /// Another phone has taken a party's place (INVITE with Replaces).
    pub(crate) fn taken_over(&mut self, now: &mut Now, leg: LegId) {
        let whose = if leg == LegId::Caller { "the caller's" } else { "the agent's" };
        self.decide(now, "taken_over", format!("another phone took {whose} place"));
    }

    fn note_move(&self, now: &mut Now, at: crate::base::Moment, target: &str, method: &str, outcome: String) {
        self.note(now, Record::Attempt { at, target: target.into(), method: method.into(), outcome });
    }
}

/// A SIP URI as records name it: user and host.
fn place_of(uri: &str) -> String {
    let plain = uri.trim_start_matches("sips:").trim_start_matches("sip:");
    plain.split([';', '?']).next().unwrap_or(plain).chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_by_user_and_host() {
        assert_eq!(place_of("sip:anna@desk:5062;transport=tcp?Replaces=x"), "anna@desk:5062");
    }
}
