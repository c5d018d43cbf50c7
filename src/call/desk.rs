//! What an agent does at the desk while talking with a caller: hang up, hold, send the caller on, and what helps against abuse.

use super::machine::{Call, Now};
use super::state::{Farewell, State, Transfer};
use super::timers::TimerName;
use super::{Command, DeskAsk, QueueAsk};
use crate::base::{AttemptId, BargeIn, EarFailure, Grammar, Hypothesis, LegId, UtteranceId};
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
            DeskAsk::Park => self.park(now),
            DeskAsk::ToNode { node } => self.send_back(now, node),
            DeskAsk::Consult { queue, agent } => self.begin_consult(now, queue, agent.as_ref()),
            // It is over already.
            DeskAsk::Complete | DeskAsk::GoBack | DeskAsk::Leave => {}
            DeskAsk::ThreeWay => self.decide(now, "desk_refused", "no colleague is asked".into()),
            DeskAsk::Warn => self.warn(now),
            DeskAsk::EndForAbuse => {
                self.is_abusive(now);
                self.decide(now, "abuse_ended", "the agent ended the call because of abuse".into());
                self.talk_is_over(now, false);
                now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
                let parts = self.phrase(Phrase::AbuseGoodBye);
                self.leave(now, parts, Farewell::Abuse);
            }
        }
    }

    /// The caller is asked to stay polite; the talk goes on under it.
    pub(crate) fn warn(&mut self, now: &mut Now) {
        self.is_abusive(now);
        self.decide(now, "abuse_warned", "the agent asked for a warning".into());
        let parts = self.phrase(Phrase::AbuseWarning);
        self.play(now, parts, BargeIn::PersonOnly);
    }

    /// The queues know at once, however the call ends.
    fn is_abusive(&mut self, now: &mut Now) {
        self.strain.abusive = true;
        now.out.push(Command::Queue(QueueAsk::Abusive));
    }

    /// The agent still hears what it is about: hanging up leaves the call to somebody else, the rest has to wait.
    fn desk_before_the_join(&mut self, now: &mut Now, ask: &DeskAsk) {
        let Some(attempt) = self.bridging().filter(|bridging| bridging.line.is_some()).map(|b| b.attempt) else { return };
        if *ask == DeskAsk::HangUp {
            now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
            self.agent_moves(now, &super::AgentEvent::HungUp);
        }
    }

    /// Goes on recognising the caller for the desk, and the agent, where the operator wants it. Nothing that is heard now moves the call.
    pub(crate) fn listen_along(&mut self, now: &mut Now) {
        let talks = self.in_line == Some(super::line::InLine::Talking) && !self.on_hold;
        let Some(expect) = self.flow.open_question(self.language()).filter(|_| talks && self.settings.transcript) else {
            return;
        };
        let grammar = Grammar { language: self.language(), expect, person: Arc::from([]) };
        let agent = match &self.state {
            State::Joined { attempt, .. } if self.settings.transcript_agents => Some(*attempt),
            _ => None,
        };
        self.listen_aside(now, grammar.clone());
        if let Some(attempt) = agent {
            self.ears.agent = Some(attempt);
            now.out.push(Command::ListenToAgent { attempt, grammar: Some(grammar) });
        }
    }

    /// What the agent said to the caller, and to nobody else.
    pub(crate) fn agent_said(
        &mut self,
        now: &mut Now,
        attempt: AttemptId,
        utterance: UtteranceId,
        result: &Result<Hypothesis, EarFailure>,
    ) {
        if matches!(self.state, State::Joined { .. }) && self.ears.agent == Some(attempt) {
            self.note_utterance(now, utterance, result, None, false);
        }
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
        self.sent_by = self.spoke_with.last().cloned();
        now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        let target = self.queue_target(queue);
        self.timers.clear_except(&[TimerName::Longest]);
        self.story.because = "sent_on".into();
        let transfer = Transfer::new(self.because(), Some(self.phrase(Phrase::SentOn)));
        self.state = State::Transferring(Box::new(transfer));
        self.publish(now);
        self.get_in_line_for(now, target, agent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::consult_tests::{ANNA, Conversation, FLOW};
    use crate::call::{AgentEvent, CallSettings, Event, QueueAsk, QueueEvent, Record};
    use std::time::Duration;

    /// What is written down when this agent says something.
    fn says(talk: &mut Conversation, attempt: AttemptId) -> Vec<String> {
        let result = Ok(Hypothesis::typed("we are open until five"));
        let out = talk.step(Event::AgentHeard { attempt, utterance: UtteranceId(UtteranceId::AGENTS), result });
        let words = |c: Command| match c {
            Command::Note(record) => match *record {
                Record::Utterance(said) => Some((said.utterance.is_agent(), said.text.into_inner())),
                _ => None,
            },
            _ => None,
        };
        out.into_iter().filter_map(words).map(|(agent, text)| format!("{agent}: {text}")).collect()
    }

    /// Whether, if at all, the agent is listened to from now on.
    fn listens(out: &[Command]) -> Option<bool> {
        let last = |c: &Command| if let Command::ListenToAgent { grammar, .. } = c { Some(grammar.is_some()) } else { None };
        out.iter().filter_map(last).next_back()
    }

    #[test]
    fn what_the_agent_says_is_written_down_only_where_the_operator_wants_it_and_never_on_hold() {
        for (transcript, transcript_agents) in [(false, false), (true, false), (false, true)] {
            let settings = CallSettings { transcript, transcript_agents, ..CallSettings::default() };
            let (mut talk, joined) = Conversation::with(FLOW, settings);
            assert_eq!(listens(&joined), None, "{joined:#?}");
            assert!(says(&mut talk, ANNA).is_empty());
        }
        let settings = CallSettings { transcript: true, transcript_agents: true, ..CallSettings::default() };
        let (mut talk, joined) = Conversation::with(FLOW, settings);
        assert_eq!(listens(&joined), Some(true), "{joined:#?}");
        assert_eq!(says(&mut talk, ANNA), ["true: we are open until five"]);
        assert!(says(&mut talk, AttemptId(7)).is_empty(), "nobody else is in this talk");
        assert_eq!(listens(&talk.desk(DeskAsk::Hold(true))), Some(false));
        assert!(says(&mut talk, ANNA).is_empty(), "on hold the agent speaks to nobody here");
        assert_eq!(listens(&talk.desk(DeskAsk::Hold(false))), Some(true));
    }

    #[test]
    fn the_queues_are_told_who_sent_the_caller_on() {
        let sent_by = |talk: &mut Conversation| {
            let out = talk.desk(DeskAsk::SendOn { queue: "support".into(), agent: None });
            let ticket = out.iter().find_map(|c| match c {
                Command::Queue(QueueAsk::Enter(ticket)) => Some(ticket.sent_by.clone()),
                _ => None,
            });
            ticket.unwrap_or_else(|| panic!("not in line: {out:#?}"))
        };
        let mut talk = Conversation::new();
        assert_eq!(sent_by(&mut talk).as_deref(), Some("anna"));
        let (agent, to, ring) = ("bob".to_string(), "sip:bob@x".to_string(), Duration::from_secs(20));
        talk.step(Event::Queue(QueueEvent::Offer { offer: 2, agent, desk: true, to, ring }));
        talk.agent(AttemptId(1), AgentEvent::Answered);
        assert_eq!(sent_by(&mut talk).as_deref(), Some("bob"), "who had them last, and no others");
    }
}
