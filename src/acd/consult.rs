//! An agent who talks with a caller asks a colleague: who is free is rung for it and taken, so that nobody else is offered to them; then
//! the call is theirs, or they go back to what they were at. Nobody waits in line for a colleague: the caller is on hold meanwhile.

use super::choose::idle_with_load;
use super::face::{Command, Presence, Refusal, Talk};
use super::machine::Acd;
use super::state::{Talking, Work};
use crate::base::{CallId, Moment};

impl Acd {
    /// The colleague who is rung or spoken with because of this call.
    pub(super) fn consulted_in(&self, call: CallId) -> Option<usize> {
        self.agents.iter().position(|agent| matches!(agent.work, Work::Consulted { call: other, .. } if other == call))
    }

    /// The call because of which an agent is rung by a colleague.
    pub fn consult_of(&self, agent: &str) -> Option<CallId> {
        match self.agents[self.agent(agent)?].work {
            Work::Consulted { call, talking: false } => Some(call),
            _ => None,
        }
    }

    /// Rings the colleague who was named, or a free one of the queue; `NoConsult` where there is none.
    pub(super) fn consult(&mut self, at: Moment, call: CallId, queue: &str, named: Option<&str>, out: &mut Vec<Command>) {
        let asks = self.talking.get(&call).map(|talking| talking.agent);
        let (Some(asks), None, Some(q)) = (asks, self.consulted_in(call), self.queue(queue)) else {
            return out.push(Command::NoConsult { call });
        };
        let may = |agent: &usize| match named {
            Some(name) => self.setup.agents[*agent].name == name,
            None => self.serves[*agent][q].is_some(),
        };
        let free = (0..self.agents.len()).filter(|agent| *agent != asks && self.agents[*agent].is_free()).filter(may);
        let longest = |a: &usize, b: &usize| {
            idle_with_load(&self.agents[*a], at).total_cmp(&idle_with_load(&self.agents[*b], at)).then(a.cmp(b))
        };
        let Some(agent) = free.min_by(longest) else { return out.push(Command::NoConsult { call }) };
        let who = &mut self.agents[agent];
        (who.work, who.since) = (Work::Consulted { call, talking: false }, at);
        let setup = &self.setup.agents[agent];
        let (agent, desk) = (setup.name.clone(), setup.returns.is_none());
        out.push(Command::Consult { call, agent, desk, ring: self.setup.queues[q].ring });
        out.push(Command::Changed);
    }

    /// The colleague picked up.
    pub(super) fn consulted(&mut self, at: Moment, call: CallId, out: &mut Vec<Command>) {
        let Some(agent) = self.consulted_in(call) else { return };
        let agent = &mut self.agents[agent];
        (agent.work, agent.since, agent.failed) = (Work::Consulted { call, talking: true }, at, None);
        out.push(Command::Changed);
    }

    /// The colleague did not take it, or goes back to work.
    pub(super) fn consult_over(&mut self, at: Moment, call: CallId, why: Option<Refusal>, out: &mut Vec<Command>) {
        let Some(agent) = self.consulted_in(call) else { return };
        self.idle(at, agent);
        let returns = self.setup.agents[agent].returns;
        let who = &mut self.agents[agent];
        if let Some(why @ (Refusal::NoAnswer | Refusal::Lost)) = why.filter(|_| who.is_here()) {
            let word = if why == Refusal::NoAnswer { "no_answer" } else { "lost" };
            who.presence = Presence::Away(word.into());
            who.back = returns.map(|pause| at + pause);
        }
        out.push(Command::Changed);
    }

    /// The caller is the colleague's now; who asked is done.
    pub(super) fn handed_over(&mut self, at: Moment, call: CallId, talk: Talk, out: &mut Vec<Command>) {
        let Some(agent) = self.consulted_in(call) else { return self.finished(at, call, talk, out) };
        let Some(before) = self.talking.get(&call).cloned() else { return self.consult_over(at, call, None, out) };
        // What follows the talk of who asked must not take the colleague's.
        self.agents[agent].work = Work::Talking { call };
        self.finished(at, call, talk, out);
        let talking = Talking { agent, since: at, joined: true, told: None, ..before };
        let caller = talking.caller;
        self.talking.insert(call, talking);
        self.agents[agent].since = at;
        self.agents[agent].calls += 1;
        let name = self.setup.agents[agent].name.clone();
        self.remember_until(caller, name, at + super::machine::REMEMBER_FOR);
        out.push(Command::Changed);
    }
}
