//! Parked callers: an agent has put them aside and is free for other work. They are in no line, and nobody is offered them, until an agent fetches them,
//! they have enough of it, or the time is over. Then who parked them is rung where they are free; else the caller goes to the head of the line.

use super::face::{Command, Talk, Ticket, Unserved};
use super::machine::Acd;
use super::state::Work;
use crate::base::{CallId, Moment};

/// A caller who is parked.
#[derive(Debug, Clone)]
pub(super) struct Parked {
    pub(super) call: CallId,
    /// What they will need in line; what was waited before is in it.
    pub(super) ticket: Ticket,
    pub(super) queue: usize,
    /// Who parked them.
    pub(super) by: String,
    pub(super) since: Moment,
    /// Longest.
    pub(super) until: Moment,
}

impl Acd {
    pub(super) fn parked_place(&self, call: CallId) -> Option<usize> {
        self.parked.iter().position(|parked| parked.call == call)
    }

    /// The agent is done, and the caller is aside.
    pub(super) fn park(&mut self, at: Moment, call: CallId, mut ticket: Ticket, talk: Talk, out: &mut Vec<Command>) {
        if self.position_of(call).is_some() || self.parked_place(call).is_some() {
            return;
        }
        (ticket.call_back, ticket.returned, ticket.only) = (None, true, None);
        let Some(by) = self.talking.get(&call).map(|talking| self.setup.agents[talking.agent].name.clone()) else {
            return self.enqueue(at, call, ticket, out);
        };
        self.finished(at, call, talk, out);
        let Some(queue) = self.queue(&ticket.queue) else {
            return out.push(Command::Unserved { call, why: Unserved::NoSuchQueue });
        };
        ticket.prefer = Some(by.clone());
        let until = at + self.setup.queues[queue].park;
        self.parked.push(Parked { call, ticket, queue, by, since: at, until });
        out.push(Command::Changed);
    }

    /// The caller has enough of it.
    pub(super) fn unpark(&mut self, at: Moment, call: CallId, out: &mut Vec<Command>) {
        if let Some(place) = self.parked_place(call) {
            self.heads_the_line(at, place);
            out.push(Command::Changed);
        }
    }

    /// Whether an agent may have a parked call now: one of its queue, or who parked it, who has a desk and neither talks nor is rung.
    fn may_fetch(&self, agent: usize, parked: &Parked) -> bool {
        let (who, setup) = (&self.agents[agent], &self.setup.agents[agent]);
        let has_time = matches!(who.work, Work::Idle | Work::WrapUp { .. } | Work::Rest { .. });
        let theirs = setup.name == parked.by || self.serves[agent][parked.queue].is_some();
        who.is_here() && setup.returns.is_none() && has_time && theirs
    }

    /// An agent wants this caller: a wrap-up or a rest is over with it.
    pub(super) fn fetch(&mut self, at: Moment, call: CallId, agent: &str, out: &mut Vec<Command>) {
        let (Some(place), Some(agent)) = (self.parked_place(call), self.agent(agent)) else { return };
        if !self.may_fetch(agent, &self.parked[place]) {
            return;
        }
        if self.agents[agent].work != Work::Idle {
            self.idle(at, agent);
            // If they do not take it after all they have been idle since now, and not since before their last call.
            self.agents[agent].idle_since = at;
        }
        let queue = self.parked[place].queue;
        let place = self.heads_the_line(at, place);
        self.offer(at, place, agent, queue, out);
    }

    /// Whoever was parked for as long as it may be comes back: to who parked them, if they are free.
    pub(super) fn parked_time_passes(&mut self, at: Moment, out: &mut Vec<Command>) {
        while let Some(place) = self.parked.iter().position(|parked| parked.until <= at) {
            let Parked { queue, by, .. } = &self.parked[place];
            let (queue, by) = (*queue, self.agent(by).filter(|by| self.agents[*by].is_free()));
            let place = self.heads_the_line(at, place);
            out.push(Command::Changed);
            if let Some(by) = by {
                self.offer(at, place, by, queue, out);
            }
        }
    }

    /// Back in line, first of all but emergencies; the place there.
    fn heads_the_line(&mut self, at: Moment, place: usize) -> usize {
        let Parked { call, mut ticket, queue, since, .. } = self.parked.remove(place);
        ticket.waited += at.since(since);
        self.learned[queue].day.came += 1;
        self.push_waiting(at, call, ticket, queue);
        self.waiting.len() - 1
    }
}
