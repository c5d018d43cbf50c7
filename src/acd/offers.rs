//! What becomes of offers: picked up, joined, refused, over.

use super::face::{Command, Presence, Refusal, Talk};
use super::machine::{Acd, DECLINED, REMEMBER_FOR, REMEMBERED, SOON};
use super::state::{Offered, Talking, Told, Waiting, Work};
use crate::base::{CallId, Moment};
use std::time::Duration;

impl Acd {
    /// A caller who is gone is offered to nobody.
    pub(super) fn take_back(&mut self, at: Moment, waiting: &Waiting, out: &mut Vec<Command>) {
        if let Some(Offered { agent, number: offer, .. }) = waiting.offered {
            self.idle(at, agent);
            out.push(Command::Withdraw { call: waiting.call, offer, agent: self.setup.agents[agent].name.clone() });
        }
    }

    pub(super) fn accepted(&mut self, at: Moment, call: CallId, agent: &str, out: &mut Vec<Command>) {
        let (Some(place), Some(agent)) = (self.position_of(call), self.agent(agent)) else { return };
        let waiting = self.waiting.remove(place);
        if waiting.offered.is_none_or(|offered| offered.agent != agent) {
            // The offer was withdrawn while the phone was being picked up: whoever rings now is not wanted any more.
            self.take_back(at, &waiting, out);
        }
        match self.agents[agent].work {
            Work::Offered { call: other } if other != call => self.give_back(other, out),
            // A caller goes before a colleague who only rings.
            Work::Consulted { call: other, talking: false } => out.push(Command::NoConsult { call: other }),
            // Two talks on one phone: the machine keeps the first.
            Work::Talking { .. } | Work::Consulted { .. } => return out.push(Command::Changed),
            _ => {}
        }
        let waited = waiting.waited(at);
        if waiting.not_before.is_none() {
            self.patience[waiting.queue].see(at.since(waiting.since), false);
        }
        let took = at.since(waiting.first_offered.unwrap_or(at)).as_secs_f64().min(120.0);
        self.pick_up += (took - self.pick_up) / 50.0;
        let told = waiting.told.filter(|told| !told.broken);
        let caller = waiting.ticket.caller;
        let queue = Some(waiting.queue);
        self.talking.insert(call, Talking { agent, queue, since: at, waited, caller, joined: false, told });
        let agent = &mut self.agents[agent];
        (agent.work, agent.since, agent.failed) = (Work::Talking { call }, at, None);
        out.push(Command::Changed);
    }

    /// A waiting caller's offer does not stand any more: the agent has somebody else on the line.
    pub(super) fn give_back(&mut self, call: CallId, out: &mut Vec<Command>) {
        let Some(place) = self.position_of(call) else { return };
        if let Some(Offered { agent, number: offer, .. }) = self.waiting[place].offered.take() {
            out.push(Command::Withdraw { call, offer, agent: self.setup.agents[agent].name.clone() });
        }
    }

    pub(super) fn joined(&mut self, at: Moment, call: CallId, out: &mut Vec<Command>) {
        let Some(talking) = self.talking.get_mut(&call).filter(|talking| !talking.joined) else { return };
        talking.joined = true;
        out.push(Command::Changed);
        let (agent, caller, waited) = (talking.agent, talking.caller, talking.waited);
        let (queue, told, accepted) = (talking.queue, talking.told.take(), talking.since);
        self.agents[agent].calls += 1;
        let name = self.setup.agents[agent].name.clone();
        self.remember_until(caller, name, at + REMEMBER_FOR);
        let Some(queue) = queue else { return };
        let day = &mut self.learned[queue].day;
        day.served += 1;
        day.soon += u64::from(waited <= SOON);
        if let Some(told) = told {
            self.judge(queue, told, accepted, true);
        }
    }

    /// What the caller was told is compared with what came.
    pub(super) fn judge(&mut self, queue: usize, told: Told, at: Moment, served: bool) {
        let wait = at.since(told.at);
        let learned = &mut self.learned[queue];
        learned.keepers[told.band].learn((told.wait, told.middle), wait, served);
        let figures = &mut learned.figures[told.band];
        if served || told.wait.is_over(wait) {
            figures.told += 1;
            figures.kept += u64::from(served && told.wait.holds(wait));
        }
    }

    pub(super) fn refused(&mut self, at: Moment, call: CallId, offer: u64, why: Refusal, out: &mut Vec<Command>) {
        let Some(place) = self.position_of(call) else { return };
        let Some(agent) = self.waiting[place].offered.filter(|offered| offered.number == offer).map(|o| o.agent) else {
            return;
        };
        self.waiting[place].offered = None;
        self.idle(at, agent);
        let waiting = &mut self.waiting[place];
        waiting.declined.retain(|(_, until)| *until > at);
        waiting.ticket.only = None;
        let returns = self.setup.agents[agent].returns;
        let who = &mut self.agents[agent];
        match why {
            // A second caller met the same: it is the phone.
            Refusal::Failed if who.failed.is_some_and(|other| other != call) => {
                (who.presence, who.failed) = (Presence::Away("lost".into()), None);
                who.back = returns.map(|pause| at + pause);
            }
            Refusal::Failed => {
                who.failed = Some(call);
                waiting.declined.push((agent, at + DECLINED));
            }
            // A phone without a desk has no other way to say that nobody is there.
            Refusal::Declined => waiting.declined.push((agent, at + returns.unwrap_or(DECLINED).max(DECLINED))),
            Refusal::NoAnswer | Refusal::Lost => {
                let word = if why == Refusal::NoAnswer { "no_answer" } else { "lost" };
                (who.presence, who.failed) = (Presence::Away(word.into()), None);
                who.back = returns.map(|pause| at + pause);
            }
        }
        out.push(Command::Changed);
    }

    pub(super) fn finished(&mut self, at: Moment, call: CallId, talk: Talk, out: &mut Vec<Command>) {
        let Some(talking) = self.talking.remove(&call) else { return };
        // Who was asked about this caller is free with it.
        self.consult_over(at, call, None, out);
        let length = at.since(talking.since);
        let queue = talking.queue.filter(|_| talking.joined);
        let wrap_up = queue.filter(|_| !talk.lost).map_or(Duration::ZERO, |q| self.setup.queues[q].wrap_up);
        let returns = self.setup.agents[talking.agent].returns;
        if talk.strain.abusive {
            // Nobody meets again whom they were abusive to, be it on a better day.
            self.remembered.remove(&talking.caller);
        }
        let agent = &mut self.agents[talking.agent];
        if talking.joined {
            let pause = agent.last_talk.map(|last| talking.since.since(last));
            agent.load.add(at, talk.strain, length, pause);
            agent.last_talk = Some(at);
        }
        if talk.lost && agent.is_here() {
            agent.presence = Presence::Away("lost".into());
            agent.back = returns.map(|pause| at + pause);
        }
        (agent.work, agent.since) = (Work::WrapUp { since: at, until: at + wrap_up, extended: 0 }, at);
        if let Some(queue) = queue {
            self.lengths[queue].see(length, true);
            let going_on = self.talking.values().filter(|t| t.queue == Some(queue)).map(|t| at.since(t.since));
            self.lengths[queue].renew_with(going_on);
            let still = self.waiting.iter().filter(|w| w.queue == queue && w.not_before.is_none()).map(|w| at.since(w.since));
            self.patience[queue].renew_with(still);
        }
        if wrap_up.is_zero() {
            self.wrapped_up(at, talking.agent, out);
        }
        out.push(Command::Changed);
    }

    pub(super) fn remember_until(&mut self, caller: u64, agent: String, until: Moment) {
        if caller == 0 {
            return;
        }
        if self.remembered.len() >= REMEMBERED {
            // Half of it goes, the oldest; this happens once in many thousand calls.
            let mut times: Vec<Moment> = self.remembered.values().map(|(_, at)| *at).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.remembered.retain(|_, (_, at)| *at > middle);
        }
        self.remembered.insert(caller, (agent, until));
    }
}
