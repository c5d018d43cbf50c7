//! Who goes first, and who gets whom.

use super::face::{Command, Presence};
use super::machine::Acd;
use super::setup::Choose;
use super::state::{Agent, Offered, Waiting, Work};
use super::wait::{Able, Ahead, Busy, Outlook, seed};
use crate::base::Moment;
use std::cmp::Ordering;
use std::time::Duration;

/// What one point of load is worth in idle time: who has had hard calls is offered the next one later. At the index that brings a
/// rest it is three and a half minutes.
const LOAD_SECONDS: f64 = 3.0;

/// Callers ahead that an estimate looks at.
const AHEAD_MAX: usize = 200;

/// Since when an agent is idle, as if later the more was borne.
pub(super) fn idle_with_load(agent: &Agent, at: Moment) -> f64 {
    agent.idle_since.micros() as f64 + agent.load.index(at) * LOAD_SECONDS * 1e6
}

/// Whether the agent did not want this caller a moment ago.
fn has_declined(at: Moment, agent: usize, waiting: &Waiting) -> bool {
    waiting.declined.iter().any(|(who, until)| *who == agent && *until > at)
}

impl Acd {
    /// Which of two callers goes first. Emergencies, then who lost an agent, then who has waited for the floor, each in the order
    /// of waiting; then by priority, which grows with the wait.
    pub(super) fn goes_first(&self, at: Moment, a: &Waiting, b: &Waiting) -> Ordering {
        let kept = |w: &Waiting| w.ticket.kept.unwrap_or_default();
        let class = |w: &Waiting| match () {
            () if w.ticket.emergency => 0,
            () if w.ticket.returned => 1,
            () if w.waited(at) + kept(w) >= self.setup.queues[w.queue].floor => 2,
            () => 3,
        };
        let came = |w: &Waiting| i128::from(w.since.micros()) - (w.before + kept(w)).as_micros() as i128;
        // A step of priority is worth `ageing`: as if the caller had come that much earlier. All age alike, so it never turns round.
        let virtual_since = |w: &Waiting| {
            let earlier = self.setup.queues[w.queue].ageing.as_micros() as i128 * i128::from(w.ticket.priority.min(9));
            came(w) - earlier
        };
        let time = |class: i32, w: &Waiting| if class == 3 { virtual_since(w) } else { came(w) };
        let (x, y) = (class(a), class(b));
        x.cmp(&y).then_with(|| time(x, a).cmp(&time(y, b))).then_with(|| a.order.cmp(&b.order))
    }

    /// How good an agent is for a caller, and by which queue; `None` = may not. By the caller's own queue where possible. Who sent the
    /// caller on is left out as long as somebody else takes calls who may, and has not just declined; but not in an emergency.
    pub(super) fn may_serve(&self, at: Moment, agent: usize, waiting: &Waiting) -> Option<(usize, u32)> {
        let good = self.is_able(agent, waiting)?;
        let serves = |a: usize| {
            a != agent
                && self.agents[a].presence == Presence::Available
                && self.is_able(a, waiting).is_some()
                && !has_declined(at, a, waiting)
        };
        (!self.has_sent_on(agent, waiting) || !(0..self.agents.len()).any(serves)).then_some(good)
    }

    /// The agent has just sent this caller on, and it is no emergency.
    fn has_sent_on(&self, agent: usize, waiting: &Waiting) -> bool {
        let ticket = &waiting.ticket;
        !ticket.emergency && ticket.sent_by.as_ref() == Some(&self.setup.agents[agent].name)
    }

    fn speaks(&self, agent: usize, waiting: &Waiting) -> bool {
        let languages = &self.setup.agents[agent].languages;
        languages.is_empty() || languages.contains(&waiting.ticket.language)
    }

    /// Skills, languages and overflow alone.
    pub(super) fn is_able(&self, agent: usize, waiting: &Waiting) -> Option<(usize, u32)> {
        if let Some(only) = &waiting.ticket.only {
            return (self.setup.agents[agent].name == *only).then_some((waiting.queue, 0));
        }
        if !self.speaks(agent, waiting) {
            return None;
        }
        waiting.queues.iter().find_map(|q| self.serves[agent][*q].map(|good| (*q, good)))
    }

    /// The overflow queues by which an agent may serve a caller sooner or later, and after which wait each begins to help.
    fn helps_by(&self, agent: usize, waiting: &Waiting) -> impl Iterator<Item = (usize, Duration)> {
        let ever = waiting.ticket.only.is_none() && self.speaks(agent, waiting);
        let overflow = self.setup.queues[waiting.queue].overflow.iter().filter(move |_| ever);
        let queues = overflow.filter_map(|o| Some((self.queue(&o.to)?, o.after)));
        queues.filter(move |(queue, _)| self.serves[agent][*queue].is_some())
    }

    /// From when on, in seconds, an agent may serve a caller, where other queues begin to help later.
    fn serves_after(&self, at: Moment, agent: usize, waiting: &Waiting) -> Option<f64> {
        if self.may_serve(at, agent, waiting).is_some() {
            return Some(0.0);
        }
        let after = self.helps_by(agent, waiting).map(|(_, after)| after).min()?;
        Some(after.saturating_sub(at.since(waiting.since)).as_secs_f64())
    }

    /// Whether an agent may be offered this caller now.
    fn may_be_offered(&self, at: Moment, agent: usize, waiting: &Waiting) -> bool {
        self.agents[agent].is_free() && !has_declined(at, agent, waiting)
    }

    /// Who may be offered this caller now, by which queue, and how good they are at it.
    fn candidates(&self, at: Moment, waiting: &Waiting) -> Vec<(usize, usize, u32)> {
        let free = || (0..self.agents.len()).filter(|agent| self.may_be_offered(at, *agent, waiting));
        let serves = |agent: usize| self.may_serve(at, agent, waiting).map(|(queue, good)| (agent, queue, good));
        let mut able: Vec<(usize, usize, u32)> = free().filter_map(serves).collect();
        // Not two abusive calls in a row for the same person while somebody else is idle who may take them, of whichever queue: a
        // person goes before the order of queues, and before the wait after which another one helps.
        let is_calm = |(agent, ..): &(usize, usize, u32)| !self.agents[*agent].load.abused;
        if waiting.ticket.abusive && !able.is_empty() {
            if !able.iter().any(is_calm) {
                let helpers = free().filter(|agent| !self.has_sent_on(*agent, waiting)).filter_map(|agent| {
                    let (queue, _) = self.helps_by(agent, waiting).next()?;
                    self.serves[agent][queue].map(|good| (agent, queue, good))
                });
                able.extend(helpers.filter(is_calm));
            }
            if able.iter().any(is_calm) {
                able.retain(is_calm);
            }
        }
        // Other queues help only where the own one has nobody.
        if able.iter().any(|(_, queue, _)| *queue == waiting.queue) {
            able.retain(|(_, queue, _)| *queue == waiting.queue);
        }
        able
    }

    /// Who gets this caller now, and by which queue.
    fn agent_for(&self, at: Moment, waiting: &Waiting) -> Option<(usize, usize)> {
        let able = self.candidates(at, waiting);
        let known = self.remembered.get(&waiting.ticket.caller);
        let known = known.filter(|(_, until)| at <= *until && !waiting.ticket.abusive);
        let preferred = waiting.ticket.prefer.as_ref().filter(|_| !waiting.ticket.abusive);
        for name in preferred.into_iter().chain(known.map(|(name, _)| name)) {
            let agent = self.agent(name);
            if let Some((agent, queue, _)) = able.iter().find(|(a, ..)| Some(*a) == agent) {
                return Some((*agent, *queue));
            }
        }
        let idle = |agent: usize| idle_with_load(&self.agents[agent], at);
        let choose = self.setup.queues[waiting.queue].choose;
        let best = able.into_iter().min_by(|(a, _, good_a), (b, _, good_b)| {
            let longest_idle = || idle(*a).total_cmp(&idle(*b)).then(a.cmp(b));
            match choose {
                Choose::LongestIdle => longest_idle(),
                Choose::BestSkill => good_b.cmp(good_a).then_with(longest_idle),
                Choose::RingOne => a.cmp(b),
            }
        });
        best.map(|(agent, queue, _)| (agent, queue))
    }

    /// Offers as many callers as can be.
    pub(super) fn offer_all(&mut self, at: Moment, out: &mut Vec<Command>) {
        if !self.agents.iter().any(|agent| agent.is_free()) || self.waiting.iter().all(|w| w.offered.is_some()) {
            return;
        }
        let free = |i: &usize| self.waiting[*i].offered.is_none() && self.is_due(at, &self.waiting[*i]);
        let mut line: Vec<usize> = (0..self.waiting.len()).filter(free).collect();
        line.sort_by(|a, b| self.goes_first(at, &self.waiting[*a], &self.waiting[*b]));
        for place in line {
            let Some((agent, queue)) = self.agent_for(at, &self.waiting[place]) else { continue };
            self.offer(at, place, agent, queue, out);
        }
    }

    /// Rings this agent for who waits at this place, by this queue.
    pub(super) fn offer(&mut self, at: Moment, place: usize, agent: usize, queue: usize, out: &mut Vec<Command>) {
        let number = self.next_offer();
        let who = &mut self.agents[agent];
        let waiting = &mut self.waiting[place];
        (who.work, who.since) = (Work::Offered { call: waiting.call }, at);
        waiting.offered = Some(Offered { agent, since: at, number });
        waiting.first_offered.get_or_insert(at);
        let (own, by) = (&self.setup.queues[waiting.queue], &self.setup.queues[queue]);
        out.push(Command::Offer {
            call: waiting.call,
            offer: number,
            desk: self.setup.agents[agent].returns.is_none(),
            agent: self.setup.agents[agent].name.clone(),
            queue: by.name.clone(),
            ring: own.ring,
            waited: waiting.waited(at),
        });
        out.push(Command::Changed);
    }

    /// From 1: who waits in the same queue and goes first.
    pub(super) fn place_in_line(&self, at: Moment, place: usize) -> usize {
        let me = &self.waiting[place];
        let others = |w: &&Waiting| w.queue == me.queue && w.offered.is_none() && w.call != me.call && self.is_due(at, w);
        let ahead = self.waiting.iter().filter(others);
        1 + ahead.filter(|w| self.goes_first(at, w, me) == Ordering::Less).count()
    }

    /// Waits in seconds of many futures for this caller; `None` where nobody is logged in who could serve.
    pub(super) fn outlook(&self, at: Moment, place: usize) -> Option<Vec<f64>> {
        let me = &self.waiting[place];
        let mut agents = Vec::new();
        let mut index = Vec::new();
        for (i, agent) in self.agents.iter().enumerate() {
            let busy = match agent.work {
                Work::Talking { call } => self.talking.get(&call).map(|talk| Busy::Talks {
                    queue: talk.queue.unwrap_or(me.queue),
                    elapsed: at.since(talk.since).as_secs_f64(),
                }),
                Work::WrapUp { until, .. } | Work::Rest { until } => Some(Busy::Until(until.since(at).as_secs_f64())),
                Work::Offered { .. } | Work::Consulted { .. } => Some(Busy::Rings { queue: me.queue }),
                Work::Idle => None,
            };
            let back = agent.back.map(|back| Busy::Until(back.since(at).as_secs_f64()));
            let busy = match agent.presence {
                Presence::Available => busy.or(Some(Busy::Until(0.0))),
                Presence::Away(_) => back,
                Presence::Offline => None,
            };
            if let Some(busy) = busy {
                agents.push(busy);
                index.push(i);
            }
        }
        let served_by = |w: &Waiting| -> Vec<Able> {
            let able = |(agent, i): (usize, &usize)| self.serves_after(at, *i, w).map(|after| Able { agent, after });
            index.iter().enumerate().filter_map(able).collect()
        };
        let mine = served_by(me);
        if mine.is_empty() {
            return None;
        }
        let mut before: Vec<&Waiting> = self.waiting.iter().filter(|w| w.offered.is_none() && w.call != me.call).collect();
        before.retain(|w| self.is_due(at, w) && self.goes_first(at, w, me) == Ordering::Less);
        if before.len() > AHEAD_MAX {
            // So far ahead nobody can say, and looking would take too long.
            return None;
        }
        before.sort_by(|a, b| self.goes_first(at, a, b));
        let ahead: Vec<Ahead> = before
            .into_iter()
            .map(|w| Ahead {
                queue: w.queue,
                waited: at.since(w.since).as_secs_f64(),
                agents: served_by(w),
                stays: w.not_before.is_some(),
            })
            .collect();
        let wrap_up: Vec<f64> = self.setup.queues.iter().map(|q| q.wrap_up.as_secs_f64()).collect();
        let outlook = Outlook {
            agents: &agents,
            ahead: &ahead,
            mine: &mine,
            talking: &self.lengths,
            wrap_up: &wrap_up,
            patience: &self.patience,
            pick_up: self.pick_up,
        };
        Some(outlook.waits(seed(me.order, at)))
    }
}
