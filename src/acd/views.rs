//! What desks, wallboards and records see of the machine.

use super::face::Presence;
use super::machine::Acd;
use super::state::Work;
use super::wait::{BANDS, Interval, WaitFigures, band};
use crate::base::{CallId, Moment};
use std::time::Duration;

/// What an agent is at, as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentState {
    /// Logged out.
    Offline,
    /// Logged in, no calls.
    Away,
    /// Waits for a call.
    Available,
    /// A call rings.
    Offered(CallId),
    /// Talks.
    Talking(CallId),
    /// After a call.
    WrapUp,
    /// A short rest after hard calls.
    Rest,
}

impl AgentState {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            AgentState::Offline => "offline",
            AgentState::Away => "away",
            AgentState::Available => "available",
            AgentState::Offered(_) => "offered",
            AgentState::Talking(_) => "talking",
            AgentState::WrapUp => "wrapup",
            AgentState::Rest => "rest",
        }
    }
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// The name.
    pub name: String,
    /// What they are at.
    pub state: AgentState,
    /// What they asked for; counts once a call and its wrap-up are done.
    pub presence: Presence,
    /// The queue of the call that rings or goes on, and how long its caller has waited.
    pub call: Option<(String, Duration)>,
    /// The colleague who has the caller and asks this agent; the call is not theirs.
    pub consulted_by: Option<String>,
    /// Since when.
    pub since: Moment,
    /// When wrap-up or rest ends by itself.
    pub until: Option<Moment>,
    /// 0–100. The agent's own; others see means.
    pub load: u8,
    /// Calls taken since the day began.
    pub calls: u32,
}

/// What has come of a queue's callers since the day began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct DayFigures {
    /// Got in line.
    pub came: u64,
    /// Were served.
    pub served: u64,
    /// Of those within 20 s.
    pub soon: u64,
    /// Hung up while they waited.
    pub gave_up: u64,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueView {
    /// The name.
    pub name: String,
    /// Callers who wait, those included whose call rings.
    pub waiting: usize,
    /// People who wait to be called back; they are not among `waiting`.
    pub call_backs: usize,
    /// The longest wait of them on the line.
    pub longest_wait: Duration,
    /// Agents of it who are free.
    pub free: usize,
    /// Agents who talk in a call of it.
    pub talking: usize,
    /// Agents of it who are logged in.
    pub here: usize,
    /// Since the day began.
    pub day: DayFigures,
    /// How long somebody who comes now would wait; `None` = not known.
    pub wait: Option<Interval>,
    /// How announced waits were kept, by band of positions: 1, 2–4, 5–9, 10 and more.
    pub figures: [WaitFigures; BANDS],
}

/// One caller who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingView {
    /// The call.
    pub call: CallId,
    /// The queue.
    pub queue: String,
    /// From 1.
    pub position: usize,
    /// So far.
    pub waited: Duration,
    /// 0–9.
    pub priority: u8,
    /// The first interval that the caller was told.
    pub told: Option<Interval>,
    /// Who is being rung.
    pub offered: Option<String>,
    /// Is not on the line, but called back.
    pub call_back: bool,
}

/// One caller who is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedView {
    /// The call.
    pub call: CallId,
    /// The queue.
    pub queue: String,
    /// Who parked it.
    pub by: String,
    /// Since when.
    pub since: Moment,
    /// It comes back then.
    pub until: Moment,
}

impl Acd {
    /// All who are parked, the oldest first.
    pub fn parked_views(&self) -> Vec<ParkedView> {
        let view = |parked: &super::park::Parked| ParkedView {
            call: parked.call,
            queue: self.setup.queues[parked.queue].name.clone(),
            by: parked.by.clone(),
            since: parked.since,
            until: parked.until,
        };
        self.parked.iter().map(view).collect()
    }

    /// All agents, in the order of the set-up.
    pub fn agent_views(&self, at: Moment) -> Vec<AgentView> {
        (0..self.agents.len()).map(|i| self.view_of(at, i)).collect()
    }

    /// Who calls, as a number that stays the same (0 = not known), and who talks with them.
    pub fn talk_of(&self, call: CallId) -> Option<(u64, String)> {
        self.talking.get(&call).map(|talking| (talking.caller, self.setup.agents[talking.agent].name.clone()))
    }

    /// One agent.
    pub fn agent_view(&self, at: Moment, name: &str) -> Option<AgentView> {
        self.agent(name).map(|i| self.view_of(at, i))
    }

    fn view_of(&self, at: Moment, i: usize) -> AgentView {
        let agent = &self.agents[i];
        let (state, until) = match (agent.work, &agent.presence) {
            (Work::Offered { call }, _) => (AgentState::Offered(call), None),
            (Work::Talking { call } | Work::Consulted { call, talking: true }, _) => (AgentState::Talking(call), None),
            (Work::Consulted { call, .. }, _) => (AgentState::Offered(call), None),
            (Work::WrapUp { until, .. }, _) => (AgentState::WrapUp, Some(until)),
            (Work::Rest { until }, _) => (AgentState::Rest, Some(until)),
            (Work::Idle, Presence::Available) => (AgentState::Available, None),
            (Work::Idle, Presence::Away(_)) => (AgentState::Away, agent.back),
            (Work::Idle, Presence::Offline) => (AgentState::Offline, None),
        };
        let queue = |q: usize| self.setup.queues[q].name.clone();
        let call = match agent.work {
            Work::Offered { call } => self.waiting.iter().find(|w| w.call == call).map(|w| (queue(w.queue), w.waited(at))),
            Work::Talking { call } | Work::Consulted { call, .. } => {
                self.talking.get(&call).map(|t| (t.queue.map(queue).unwrap_or_default(), t.waited))
            }
            _ => None,
        };
        let asks = |call: CallId| self.talking.get(&call).map(|talking| self.setup.agents[talking.agent].name.clone());
        AgentView {
            call,
            consulted_by: match agent.work {
                Work::Consulted { call, .. } => asks(call),
                _ => None,
            },
            name: self.setup.agents[i].name.clone(),
            state,
            presence: agent.presence.clone(),
            since: agent.since,
            until,
            load: agent.load.index(at).clamp(0.0, 100.0) as u8,
            calls: agent.calls,
        }
    }

    /// All queues, in the order of the set-up.
    pub fn queue_views(&self, at: Moment) -> Vec<QueueView> {
        let view = |q: usize| {
            let in_queue = || self.waiting.iter().filter(|w| w.queue == q);
            let waits: Vec<Duration> = in_queue().filter(|w| w.not_before.is_none()).map(|w| at.since(w.since)).collect();
            let serving = |i: &usize| self.serves[*i][q].is_some();
            let count = |test: &dyn Fn(usize) -> bool| (0..self.agents.len()).filter(serving).filter(|i| test(*i)).count();
            let due = in_queue().any(|w| self.is_due(at, w));
            let (waits_none, free) = (!due, count(&|i| self.agents[i].is_free()));
            QueueView {
                name: self.setup.queues[q].name.clone(),
                waiting: waits.len(),
                call_backs: in_queue().filter(|w| w.not_before.is_some()).count(),
                longest_wait: waits.into_iter().max().unwrap_or_default(),
                free,
                talking: self.talking.values().filter(|t| t.queue == Some(q)).count(),
                here: count(&|i| self.agents[i].is_here()),
                day: self.learned[q].day,
                wait: match (waits_none, free) {
                    (true, 1..) => Some(Interval { from: 0, to: 60 }),
                    _ => self.wait_now(at, &self.setup.queues[q].name),
                },
                figures: self.learned[q].figures,
            }
        };
        (0..self.setup.queues.len()).map(view).collect()
    }

    /// Everybody who waits, in the order of their queues and places.
    pub fn waiting_views(&self, at: Moment) -> Vec<WaitingView> {
        let mut all: Vec<WaitingView> = (0..self.waiting.len())
            .map(|i| {
                let w = &self.waiting[i];
                WaitingView {
                    call: w.call,
                    queue: self.setup.queues[w.queue].name.clone(),
                    position: self.place_in_line(at, i),
                    waited: w.waited(at),
                    priority: w.ticket.priority,
                    told: w.told.map(|told| told.wait),
                    offered: w.offered.map(|o| self.setup.agents[o.agent].name.clone()),
                    call_back: w.not_before.is_some(),
                }
            })
            .collect();
        all.sort_by(|a, b| (&a.queue, a.position, b.waited).cmp(&(&b.queue, b.position, a.waited)));
        all
    }

    /// How long the last in this line will wait, about what somebody who comes now would; `None` = nobody waits, or not known.
    pub fn wait_now(&self, at: Moment, queue: &str) -> Option<Interval> {
        let q = self.queue(queue)?;
        let last = (0..self.waiting.len())
            .filter(|i| self.waiting[*i].queue == q && self.is_due(at, &self.waiting[*i]))
            .max_by(|a, b| self.goes_first(at, &self.waiting[*a], &self.waiting[*b]))?;
        let position = self.place_in_line(at, last);
        let waits = self.outlook(at, last)?;
        self.learned[q].keepers[band(position + 1)].interval(&waits).map(|(wait, _)| wait)
    }
}
