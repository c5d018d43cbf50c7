//! Who of several is to be offered a caller, as the rules say it: the abuse rule, whom the caller knows, the queue's way to choose, and
//! what each has had to bear.

use super::{Caller, Doing, Presence, Reference};
use crate::acd::{Choose, Strain};
use crate::base::Moment;
use std::time::Duration;

/// What somebody has had to bear: points that halve every half hour, at most 100.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bears {
    points: f64,
    at: Moment,
}

impl Bears {
    pub(super) fn index(self, now: Moment) -> f64 {
        self.points * (-now.since(self.at).as_secs_f64() / 1_800.0).exp2()
    }

    /// Thirty points for abuse, eight for a raised voice, five for a hard matter, one for each minute beyond five, and three for less than
    /// a minute between two talks.
    pub(super) fn more(&mut self, now: Moment, strain: Strain, talk: Duration, pause: Option<Duration>) {
        let mut points = self.index(now) + (talk.as_secs_f64() / 60.0 - 5.0).max(0.0);
        for (is, worth) in [
            (strain.abusive, 30.0),
            (strain.loud, 8.0),
            (strain.hard, 5.0),
            (pause.is_some_and(|pause| pause < Duration::from_secs(60)), 3.0),
        ] {
            points += if is { worth } else { 0.0 };
        }
        *self = Bears { points: points.min(100.0), at: now };
    }

    pub(super) fn halved(&mut self, now: Moment) {
        *self = Bears { points: self.index(now) / 2.0, at: now };
    }
}

impl Reference {
    /// The queue by which an agent helps out with a caller, be it before its time.
    fn helps(&self, agent: usize, caller: &Caller) -> Option<&str> {
        let person = &self.setup.agents[agent];
        let speaks = person.languages.is_empty() || person.languages.contains(&caller.ticket.language);
        let overflow = &self.setup.queues.iter().find(|q| q.name == caller.ticket.queue)?.overflow;
        let serves = |name: &str| self.setup.queues.iter().any(|q| q.name == name && person.serves(q));
        overflow.iter().map(|o| o.to.as_str()).find(|to| speaks && serves(to))
    }

    /// Among whom the caller's agent is to be: each with the queue by which they take the call.
    pub(super) fn pool(&self, now: Moment, caller: &Caller) -> Vec<(usize, &str)> {
        let everybody = 0..self.people.len();
        let legal = everybody.clone().filter(|a| self.legal(now, *a, caller));
        let mut pool: Vec<(usize, &str)> = legal.filter_map(|a| Some((a, self.able(now, a, caller)?))).collect();
        let calm = |a: usize| !self.people[a].abused;
        if caller.ticket.abusive && !pool.is_empty() {
            let mut spared: Vec<(usize, &str)> = pool.iter().copied().filter(|(a, _)| calm(*a)).collect();
            if spared.is_empty() {
                // Rather another queue's agent before the time than the same person again.
                let idle = |a: &usize| {
                    self.people[*a].presence == Presence::Available
                        && self.people[*a].doing == Doing::Free
                        && caller.declined.get(a).is_none_or(|until| *until <= now)
                        && !self.is_left_out(now, *a, caller)
                };
                let others = everybody.filter(|a| calm(*a)).filter(idle);
                spared = others.filter_map(|a| Some((a, self.helps(a, caller)?))).collect();
            }
            if !spared.is_empty() {
                pool = spared;
            }
        }
        let own = caller.ticket.queue.as_str();
        if pool.iter().any(|(_, by)| *by == own) {
            pool.retain(|(_, by)| *by == own);
        }
        pool
    }

    /// Whom the caller asked for or had last, if they are among these; never after abuse.
    pub(super) fn familiar(&self, caller: &Caller, pool: &[(usize, &str)]) -> Option<usize> {
        let wished = caller.ticket.prefer.as_ref().and_then(|name| self.setup.agents.iter().position(|a| a.name == *name));
        let known = self.met.get(&caller.ticket.caller).copied();
        let is_there = |agent: &usize| pool.iter().any(|(a, _)| a == agent);
        [wished, known].into_iter().flatten().filter(|_| !caller.ticket.abusive).find(is_there)
    }

    /// How long ago somebody became free, in seconds, as if it were three seconds less for each point they bear.
    pub(super) fn idle_for(&self, now: Moment, agent: usize) -> f64 {
        let person = &self.people[agent];
        now.since(person.free_since).as_secs_f64() - 3.0 * person.bears.index(now)
    }

    /// Whether the longer idle of two is the first; the order of the configuration where nothing else decides.
    fn is_longer_idle(&self, now: Moment, a: usize, b: usize) -> bool {
        let more = self.idle_for(now, a) - self.idle_for(now, b);
        // Sums of the same numbers in another order differ by less than a millionth.
        more > 1e-6 || (more > -1e-6 && a <= b)
    }

    /// Panics where another than this one should have got the caller.
    pub(super) fn is_the_right_one(&mut self, now: Moment, agent: usize, caller: &Caller) {
        let pool = self.pool(now, caller);
        let queue = self.setup.queues.iter().find(|q| q.name == caller.ticket.queue).expect("there");
        let level = |(a, by): (usize, &str)| -> u32 {
            let skills = &self.setup.queues.iter().find(|q| q.name == by).expect("there").skills;
            skills.keys().map(|skill| u32::from(self.setup.agents[a].skills[skill])).sum()
        };
        let me = *pool.iter().find(|(a, _)| *a == agent).expect("one of those who may");
        if let Some(familiar) = self.familiar(caller, &pool) {
            assert_eq!(agent, familiar, "the caller knows somebody who is free");
            return;
        }
        for other in pool.iter().copied().filter(|(a, _)| *a != agent) {
            let right = match queue.choose {
                Choose::RingOne => agent < other.0,
                Choose::BestSkill if level(me) != level(other) => level(me) > level(other),
                Choose::BestSkill | Choose::LongestIdle => self.is_longer_idle(now, agent, other.0),
            };
            assert!(right, "{:?}: {} and not {agent} is to be rung: {:?}", queue.choose, other.0, self.people);
        }
        let by_time = |(a, _): &&(usize, &str)| self.people[*a].free_since < self.people[agent].free_since;
        let by_load = queue.choose == Choose::LongestIdle && pool.iter().any(|other| by_time(&other));
        let choice = pool.len() > 1;
        self.chosen.0 += usize::from(choice);
        self.chosen.1 += usize::from(by_load);
    }

    /// The colleague who is asked has been idle longest of those who might be.
    pub(super) fn is_longest_idle(&self, now: Moment, agent: usize, among: impl Iterator<Item = usize>) {
        for other in among {
            assert!(self.is_longer_idle(now, agent, other), "{other} and not {agent} is to be asked: {:?}", self.people);
        }
    }
}
