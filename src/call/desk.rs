//! What an agent does at the desk while talking with a caller: hang up, hold, send the caller on, and what helps against abuse.

use super::machine::{Call, Now};
use super::state::{Farewell, Nobody, State, Step, Transfer};
use super::timers::TimerName;
use super::{Command, DeskAsk};
use crate::base::{BargeIn, Grammar, LegId};
use crate::flow::Phrase;
use std::sync::Arc;

impl Call {
    /// An agent's wish. Only who talks with the caller has any.
    pub(crate) fn desk_asks(&mut self, now: &mut Now, ask: &DeskAsk) {
        let State::Joined { attempt, moving, .. } = &self.state else { return self.desk_before_the_join(now, ask) };
        let (attempt, moves) = (*attempt, moving.is_some());
        if matches!(moving, Some(super::state::Moving::Consulting(_))) {
            return self.desk_while_consulting(now, ask);
        }
        match ask {
            DeskAsk::HangUp => self.agent_ended_the_talk(now),
            _ if moves => self.decide(now, "desk_refused", "the caller is being moved on already".into()),
            DeskAsk::Hold(on) if *on != self.on_hold => {
                self.on_hold = *on;
                let (what, why) = if *on { ("held", "the agent holds the call") } else { ("resumed", "the agent is back") };
                self.decide(now, what, why.into());
                now.out.push(Command::Hold { attempt, on: *on });
                if *on {
                    self.stop_listening(now);
                } else {
                    self.listen_along(now);
                }
            }
            DeskAsk::Hold(_) => {}
            DeskAsk::SendOn { queue, agent } => self.send_on(now, queue, agent.clone()),
            DeskAsk::Consult { queue, agent } => self.begin_consult(now, queue, agent.as_ref()),
            // It is over already.
            DeskAsk::Complete | DeskAsk::GoBack | DeskAsk::Leave => {}
            DeskAsk::Warn => {
                self.strain.abusive = true;
                self.decide(now, "abuse_warned", "the agent asked for a warning".into());
                let parts = self.phrase(Phrase::AbuseWarning);
                self.play(now, parts, BargeIn::PersonOnly);
            }
            DeskAsk::EndForAbuse => {
                self.strain.abusive = true;
                self.decide(now, "abuse_ended", "the agent ended the call because of abuse".into());
                self.talk_is_over(now, false);
                now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
                let parts = self.phrase(Phrase::AbuseGoodBye);
                self.leave(now, parts, Farewell::Abuse);
            }
        }
    }

    /// The agent still hears what it is about: hanging up leaves the call to somebody else, the rest has to wait.
    fn desk_before_the_join(&mut self, now: &mut Now, ask: &DeskAsk) {
        let Some(attempt) = self.bridging().filter(|bridging| bridging.line.is_some()).map(|b| b.attempt) else { return };
        if *ask == DeskAsk::HangUp {
            now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
            self.agent_moves(now, &super::AgentEvent::HungUp);
        }
    }

    /// Goes on recognising the caller for the desk, where the operator wants it. Nothing that is heard now moves the call.
    pub(crate) fn listen_along(&mut self, now: &mut Now) {
        let talks = self.in_line == Some(super::line::InLine::Talking) && !self.on_hold;
        let Some(expect) = self.flow.open_question(self.language()).filter(|_| talks && self.settings.transcript) else {
            return;
        };
        let grammar = Grammar { language: self.language(), expect, person: Arc::from([]) };
        self.listen(now, grammar, false);
    }

    /// The caller goes to the head of another line, or to one colleague; this agent is done.
    fn send_on(&mut self, now: &mut Now, queue: &str, agent: Option<String>) {
        let State::Joined { attempt, target: from, .. } = &self.state else { return };
        let (attempt, from) = (*attempt, from.clone());
        let to = agent.clone().unwrap_or_else(|| queue.to_string());
        self.decide(now, "agent_transfer", format!("the agent at {from} sends the caller on to {to}"));
        self.talk_is_over(now, false);
        self.stop_listening(now);
        self.on_hold = false;
        self.returned = true;
        now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        let target = self.queue_target(queue);
        self.timers.clear_except(&[TimerName::Longest]);
        self.story.because = "sent_on".into();
        self.state = State::Transferring(Box::new(Transfer {
            because: self.because(),
            sentence: Some(self.phrase(Phrase::SentOn)),
            tries: 0,
            tried: Vec::new(),
            nobody: Nobody::Tried,
            told_brief: false,
            step: Step::Choosing,
        }));
        self.publish(now);
        self.get_in_line_for(now, target, agent);
    }
}
