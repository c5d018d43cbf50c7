//! Another set-up: callers and agents who stay keep what they are at.

use super::face::{Command, Presence, Unserved};
use super::machine::{Acd, Learned};
use super::setup::{AgentSetup, Setup, serves};
use super::state::{Agent, Offered, Work};
use super::views::DayFigures;
use super::wait::Curve;
use crate::base::Moment;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

impl Acd {
    pub(super) fn reconfigure(&mut self, at: Moment, setup: Setup, out: &mut Vec<Command>) {
        if setup.check().is_err() {
            // The shell has checked it; callers are not to suffer if it did not.
            return;
        }
        // Calls that ring are offered anew under the new order.
        for place in 0..self.waiting.len() {
            if let Some(Offered { agent, .. }) = self.waiting[place].offered {
                self.idle(at, agent);
                self.give_back(self.waiting[place].call, out);
            }
        }
        let old = self.setup.clone();
        self.adopt(setup, at);
        let of_old = |i: usize| old.queues[i].name.as_str();
        for mut waiting in std::mem::take(&mut self.waiting) {
            let Some(queue) = self.queue(of_old(waiting.queue)) else {
                out.push(Command::Unserved { call: waiting.call, why: Unserved::NoSuchQueue });
                continue;
            };
            let others = waiting.queues.iter().filter_map(|q| self.queue(of_old(*q))).filter(|q| *q != queue);
            waiting.queues = std::iter::once(queue).chain(others).collect();
            (waiting.queue, waiting.declined) = (queue, Vec::new());
            self.waiting.push(waiting);
        }
        for mut parked in std::mem::take(&mut self.parked) {
            match self.queue(of_old(parked.queue)) {
                Some(queue) => {
                    parked.queue = queue;
                    self.parked.push(parked);
                }
                None => out.push(Command::Unserved { call: parked.call, why: Unserved::NoSuchQueue }),
            }
        }
        out.push(Command::Changed);
    }

    /// Takes a set-up over. Agents who talk stay until they are done, even if they are not named any more.
    pub(super) fn adopt(&mut self, mut setup: Setup, at: Moment) {
        let old = std::mem::take(&mut self.setup);
        let old_agents = std::mem::take(&mut self.agents);
        let mut kept: HashMap<String, Agent> = old.agents.iter().map(|a| a.name.clone()).zip(old_agents).collect();
        let named: BTreeSet<String> = setup.agents.iter().map(|a| a.name.clone()).collect();
        for agent in &old.agents {
            let talks = kept.get(&agent.name).is_some_and(|a| matches!(a.work, Work::Talking { .. } | Work::Consulted { .. }));
            if !named.contains(&agent.name) && talks {
                let skills = BTreeMap::new();
                setup.agents.push(AgentSetup { skills, returns: None, ..agent.clone() });
                if let Some(leaving) = kept.get_mut(&agent.name) {
                    leaving.presence = Presence::Offline;
                }
            }
        }
        let fresh = |returns: Option<Duration>| {
            let presence = if returns.is_some() { Presence::Available } else { Presence::Offline };
            Agent::new(presence, at)
        };
        let with_desk: HashMap<&str, bool> = old.agents.iter().map(|a| (a.name.as_str(), a.returns.is_none())).collect();
        let take_over = |a: &AgentSetup, kept: Option<Agent>| match kept {
            // Whoever gets a desk, or has none any more, begins anew; also who was leaving.
            Some(agent) if with_desk.get(a.name.as_str()) != Some(&a.returns.is_none()) && !a.skills.is_empty() => {
                Agent { work: agent.work, since: agent.since, load: agent.load, ..fresh(a.returns) }
            }
            Some(agent) => agent,
            None => fresh(a.returns),
        };
        self.agents = setup.agents.iter().map(|a| take_over(a, kept.remove(&a.name))).collect();
        self.agent_at = setup.agents.iter().enumerate().map(|(i, a)| (a.name.clone(), i)).collect();
        self.queue_at = setup.queues.iter().enumerate().map(|(i, q)| (q.name.clone(), i)).collect();
        let mut kept: HashMap<String, (Curve, Curve, Learned)> = HashMap::new();
        let learned = std::mem::take(&mut self.learned);
        let curves = std::mem::take(&mut self.lengths).into_iter().zip(std::mem::take(&mut self.patience));
        for ((queue, (lengths, patience)), learned) in old.queues.iter().zip(curves).zip(learned) {
            kept.insert(queue.name.clone(), (lengths, patience, learned));
        }
        for queue in &setup.queues {
            let (lengths, patience, learned) = kept.remove(&queue.name).unwrap_or_else(|| {
                let fresh = Learned { day: DayFigures::default(), keepers: Default::default(), figures: Default::default() };
                // Callers stay longer than most waits, until they show otherwise.
                (Curve::guess(queue.usual), Curve::guess(queue.usual * 3), fresh)
            });
            self.lengths.push(lengths);
            self.patience.push(patience);
            self.learned.push(learned);
        }
        self.serves = setup.agents.iter().map(|a| setup.queues.iter().map(|q| serves(a, q)).collect()).collect();
        for talking in self.talking.values_mut() {
            talking.agent = self.agent_at.get(&old.agents[talking.agent].name).copied().unwrap_or(0);
            talking.queue = talking.queue.and_then(|q| self.queue_at.get(&old.queues[q].name).copied());
        }
        self.setup = setup;
    }
}
