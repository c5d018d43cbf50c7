//! The machine: state of agents and callers, and what each event changes. Who gets whom is decided in `choose`.

use super::face::{Command, Event, Left, Now, Presence, Refusal, Ticket, Unserved};
use super::park::Parked;
use super::setup::{Overflow, Setup, SetupError};
use super::state::{Agent, Offered, Talking, Told, Waiting, Work};
use super::views::DayFigures;
use super::wait::{BANDS, Curve, Keeper, WaitFigures, band};
use crate::base::{CallId, Moment, WallTime};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How long an agent who declined a call is not offered it again.
pub(super) const DECLINED: Duration = Duration::from_secs(15);
/// An offer that nobody reported on is taken back so long after it should have ended.
const OFFER_GRACE: Duration = Duration::from_secs(10);
/// How often callers may be told where they stand.
pub(super) const TELL_EVERY: Duration = Duration::from_secs(45);
/// Repeat callers remembered.
pub(super) const REMEMBERED: usize = 20_000;
/// How long a repeat caller meets the same agent.
pub(super) const REMEMBER_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Served within so long is served soon.
pub(super) const SOON: Duration = Duration::from_secs(20);
/// Callers stay so many times longer where all agents are away, but logged in, than where nobody is.
const AWAY_LONGER: u32 = 6;
/// Wrap-up is made longer at most so many times a call.
const EXTENSIONS: u8 = 5;

/// What is learned about one queue.
#[derive(Debug, Clone)]
pub(super) struct Learned {
    pub(super) day: DayFigures,
    pub(super) keepers: [Keeper; BANDS],
    pub(super) figures: [WaitFigures; BANDS],
}

/// The queue machine. See [`crate::acd`].
#[derive(Debug)]
pub struct Acd {
    pub(super) setup: Setup,
    /// By agent, then by queue: how good.
    pub(super) serves: Vec<Vec<Option<u32>>>,
    pub(super) agents: Vec<Agent>,
    pub(super) agent_at: HashMap<String, usize>,
    pub(super) queue_at: HashMap<String, usize>,
    pub(super) waiting: Vec<Waiting>,
    /// Oldest first.
    pub(super) parked: Vec<Parked>,
    pub(super) talking: BTreeMap<CallId, Talking>,
    pub(super) lengths: Vec<Curve>,
    pub(super) patience: Vec<Curve>,
    pub(super) learned: Vec<Learned>,
    /// Who served a caller last, and until when that counts.
    pub(super) remembered: HashMap<u64, (String, Moment)>,
    pub(super) order: u64,
    pub(super) offers: u64,
    pub(super) rests: usize,
    /// Seconds from a caller's first offer to the answer, those included that went wrong; a mean that forgets.
    pub(super) pick_up: f64,
    pub(super) wall: WallTime,
    /// Of the last event.
    pub(super) at: Moment,
}

impl Acd {
    /// A machine in which nobody waits; phones without a desk are there, everybody else is logged out.
    ///
    /// # Errors
    /// What is wrong with the set-up.
    pub fn new(setup: Setup, now: Now) -> Result<Acd, Vec<SetupError>> {
        setup.check()?;
        let mut acd = Acd {
            setup: Setup::default(),
            serves: Vec::new(),
            agents: Vec::new(),
            agent_at: HashMap::new(),
            queue_at: HashMap::new(),
            waiting: Vec::new(),
            parked: Vec::new(),
            talking: BTreeMap::new(),
            lengths: Vec::new(),
            patience: Vec::new(),
            learned: Vec::new(),
            remembered: HashMap::new(),
            order: 0,
            offers: 0,
            rests: 0,
            pick_up: 6.0,
            wall: now.wall,
            at: now.at,
        };
        acd.adopt(setup, now.at);
        Ok(acd)
    }

    /// One event. Commands are appended in the order in which they are to be carried out.
    pub fn step(&mut self, now: Now, event: Event, out: &mut Vec<Command>) {
        (self.wall, self.at) = (now.wall, now.at);
        let at = now.at;
        match event {
            Event::Enqueue { call, ticket } => self.enqueue(at, call, ticket, out),
            Event::Leave { call, why } => self.leave(at, call, why, out),
            Event::Emergency { call } => self.is_emergency(at, call, out),
            Event::CallBack { call, later } => self.call_back(at, call, later, out),
            Event::Accepted { call, agent } => self.accepted(at, call, &agent, out),
            Event::Joined { call } => self.joined(at, call, out),
            Event::Refused { call, offer, why } => self.refused(at, call, offer, why, out),
            Event::Park { call, ticket, talk } => self.park(at, call, ticket, talk, out),
            Event::Unpark { call } => self.unpark(at, call, out),
            Event::Fetch { call, agent } => self.fetch(at, call, &agent, out),
            Event::Finished { call, talk } => self.finished(at, call, talk, out),
            Event::Consult { call, queue, agent } => self.consult(at, call, &queue, agent.as_deref(), out),
            Event::Consulted { call } => self.consulted(at, call, out),
            Event::ConsultOver { call, why } => self.consult_over(at, call, why, out),
            Event::HandedOver { call, talk } => self.handed_over(at, call, talk, out),
            Event::Presence { agent, presence } => self.set_presence(at, &agent, presence, out),
            Event::WrappedUp { agent } => {
                if let Some(i) = self.agent(&agent)
                    && matches!(self.agents[i].work, Work::WrapUp { .. })
                {
                    self.wrapped_up(at, i, out);
                }
            }
            Event::Extend { agent, by } => self.extend(&agent, by, out),
            Event::Reconfigure(setup) => self.reconfigure(at, *setup, out),
            Event::Tick => {}
        }
        self.time_passes(at, out);
        self.offer_all(at, out);
        self.tell_places(at, out);
    }

    /// When `Event::Tick` is wanted next.
    pub fn next_timer(&self) -> Option<Moment> {
        let agents = self.agents.iter().filter_map(|agent| match agent.work {
            Work::WrapUp { until, .. } | Work::Rest { until } => Some(until),
            _ => agent.back,
        });
        let waiting = self.waiting.iter().flat_map(|w| {
            let queue = &self.setup.queues[w.queue];
            if let Some(offered) = w.offered {
                return [Some(offered.since + queue.ring + OFFER_GRACE), None, None, None, None];
            }
            let declined = w.declined.iter().map(|(_, until)| *until).min();
            let overflow = queue.overflow.iter().filter(|o| !self.helps(w, &o.to)).map(|o| w.since + o.after).min();
            if let Some(not_before) = w.not_before {
                return [
                    declined,
                    overflow,
                    self.may_begin(w, not_before),
                    Some(w.since + self.keep(w).saturating_sub(w.before)),
                    None,
                ];
            }
            let alone = w.alone.map(|since| since + self.patience_alone(w));
            [declined, overflow, alone, Some(w.since + queue.longest), Some(w.tell_at)]
        });
        let parked = self.parked.iter().map(|parked| parked.until);
        agents.chain(waiting.flatten()).chain(parked).min()
    }

    /// Rests after hard calls since the machine started.
    pub fn rests(&self) -> usize {
        self.rests
    }

    /// Counts the day's figures anew.
    pub fn begin_day(&mut self) {
        for learned in &mut self.learned {
            learned.day = DayFigures::default();
        }
        for agent in &mut self.agents {
            agent.calls = 0;
        }
    }

    fn helps(&self, waiting: &Waiting, queue: &str) -> bool {
        self.queue(queue).is_none_or(|q| waiting.queues.contains(&q))
    }

    pub(super) fn agent(&self, name: &str) -> Option<usize> {
        self.agent_at.get(name).copied()
    }

    /// The call that rings at an agent's, and the offer's number.
    pub fn offer_of(&self, agent: &str) -> Option<(CallId, u64)> {
        let agent = self.agent(agent)?;
        let rings = |w: &&Waiting| w.offered.is_some_and(|offered| offered.agent == agent);
        self.waiting.iter().find(rings).and_then(|w| Some((w.call, w.offered?.number)))
    }

    pub(super) fn next_offer(&mut self) -> u64 {
        self.offers += 1;
        self.offers
    }

    pub(super) fn queue(&self, name: &str) -> Option<usize> {
        self.queue_at.get(name).copied()
    }

    pub(super) fn position_of(&self, call: CallId) -> Option<usize> {
        self.waiting.iter().position(|w| w.call == call)
    }

    pub(super) fn enqueue(&mut self, at: Moment, call: CallId, ticket: Ticket, out: &mut Vec<Command>) {
        if self.position_of(call).is_some() || self.talking.contains_key(&call) || self.parked_place(call).is_some() {
            return;
        }
        let refuse = |why| Command::Unserved { call, why };
        let Some(queue) = self.queue(&ticket.queue) else { return out.push(refuse(Unserved::NoSuchQueue)) };
        let setup = &self.setup.queues[queue];
        // Who is called back was let in before, has nobody on the line who could be sent elsewhere, and waits for the hours by itself.
        let called_back = ticket.call_back.is_some();
        if setup.hours.as_ref().is_some_and(|hours| !hours.open_at(self.wall)) && !ticket.emergency && !called_back {
            return out.push(refuse(Unserved::Closed));
        }
        let here = self.waiting.iter().filter(|w| w.queue == queue && w.not_before.is_none()).count();
        // Who was in line already is never sent away because it is long.
        if here >= setup.full && !ticket.returned && ticket.kept.is_none() && !ticket.emergency && !called_back {
            return out.push(refuse(Unserved::Full));
        }
        let waiting = self.waiting_with(at, call, ticket, queue);
        // Who has a place from before a restart may be there before the agents are.
        if !self.somebody_here(&waiting) && !called_back && waiting.ticket.kept.is_none() {
            return out.push(refuse(Unserved::Nobody));
        }
        self.learned[queue].day.came += u64::from(!called_back);
        self.waiting.push(waiting);
        out.push(Command::Changed);
    }

    /// Who comes back from being parked: was let in before.
    pub(super) fn push_waiting(&mut self, at: Moment, call: CallId, ticket: Ticket, queue: usize) {
        let waiting = self.waiting_with(at, call, ticket, queue);
        self.waiting.push(waiting);
    }

    fn waiting_with(&mut self, at: Moment, call: CallId, ticket: Ticket, queue: usize) -> Waiting {
        let setup = &self.setup.queues[queue];
        let here = self.waiting.iter().filter(|w| w.queue == queue && w.not_before.is_none()).count();
        // Others help at once where nobody of the own queue is logged in.
        let own = (0..self.agents.len()).any(|a| self.agents[a].is_here() && self.serves[a][queue].is_some());
        let helps = |o: &&Overflow| !own || o.waiting.is_some_and(|n| here >= n) || ticket.waited >= o.after;
        let helping = setup.overflow.iter().filter(helps);
        let queues = std::iter::once(queue).chain(helping.filter_map(|o| self.queue(&o.to))).collect();
        self.order += 1;
        let waited = Duration::from_micros(u64::try_from(ticket.waited.as_micros()).unwrap_or(u64::MAX));
        let since = Moment::from_micros(at.micros().saturating_sub(ticket.waited.as_micros() as u64));
        let mut waiting = Waiting {
            call,
            not_before: ticket.call_back.map(|after| at + after),
            ticket,
            queue,
            since,
            before: waited - at.since(since),
            order: self.order,
            queues,
            offered: None,
            first_offered: None,
            declined: Vec::new(),
            alone: None,
            tell_at: at,
            told: None,
        };
        if waiting.ticket.only.is_some() && !self.somebody_here(&waiting) {
            waiting.ticket.only = None;
        }
        waiting
    }

    /// Whether anybody will serve the caller who needs only finish what they are at.
    fn somebody_will_serve(&self, waiting: &Waiting) -> bool {
        (0..self.agents.len()).any(|a| self.agents[a].will_serve() && self.is_able(a, waiting).is_some())
    }

    /// How long a caller stays whom nobody will serve: longer where somebody is logged in and may come back.
    fn patience_alone(&self, waiting: &Waiting) -> Duration {
        let alone = self.setup.queues[waiting.queue].alone;
        if self.somebody_here(waiting) { alone * AWAY_LONGER } else { alone }
    }

    /// Whether anybody who might serve the caller is logged in.
    fn somebody_here(&self, waiting: &Waiting) -> bool {
        (0..self.agents.len()).any(|a| self.agents[a].is_here() && self.is_able(a, waiting).is_some())
    }

    fn is_emergency(&mut self, at: Moment, call: CallId, out: &mut Vec<Command>) {
        let Some(place) = self.position_of(call) else { return };
        let waiting = &mut self.waiting[place];
        waiting.ticket.emergency = true;
        // Not for one agent alone, and with the new place told at once.
        (waiting.ticket.only, waiting.tell_at) = (None, at);
        out.push(Command::Changed);
    }

    fn leave(&mut self, at: Moment, call: CallId, why: Left, out: &mut Vec<Command>) {
        if let Some(place) = self.parked_place(call) {
            self.parked.remove(place);
            return out.push(Command::Changed);
        }
        let Some(place) = self.position_of(call) else { return };
        let waiting = self.waiting.remove(place);
        self.take_back(at, &waiting, out);
        if waiting.not_before.is_some() {
            return out.push(Command::Changed);
        }
        let waited = at.since(waiting.since);
        self.patience[waiting.queue].see(waited, why == Left::HungUp);
        if why == Left::HungUp {
            self.learned[waiting.queue].day.gave_up += 1;
            if let Some(told) = waiting.told.filter(|told| !told.broken) {
                self.judge(waiting.queue, told, at, false);
            }
        }
        out.push(Command::Changed);
    }

    pub(super) fn idle(&mut self, at: Moment, agent: usize) {
        let agent = &mut self.agents[agent];
        (agent.work, agent.since) = (Work::Idle, at);
    }

    pub(super) fn wrapped_up(&mut self, at: Moment, agent: usize, out: &mut Vec<Command>) {
        let (above, rest) = (f64::from(self.setup.rest_above), self.setup.rest);
        let who = &mut self.agents[agent];
        if !rest.is_zero() && who.presence == Presence::Available && who.load.index(at) > above {
            who.load.rested(at);
            self.rests += 1;
            (who.work, who.since) = (Work::Rest { until: at + rest }, at);
        } else {
            self.idle(at, agent);
            self.agents[agent].idle_since = at;
        }
        out.push(Command::Changed);
    }

    fn extend(&mut self, agent: &str, by: Duration, out: &mut Vec<Command>) {
        let Some(i) = self.agent(agent) else { return };
        if let Work::WrapUp { until, extended, .. } = &mut self.agents[i].work
            && *extended < EXTENSIONS
        {
            *until = *until + by.min(Duration::from_secs(300));
            *extended += 1;
            out.push(Command::Changed);
        }
    }

    pub(super) fn set_presence(&mut self, at: Moment, agent: &str, presence: Presence, out: &mut Vec<Command>) {
        let Some(i) = self.agent(agent) else { return };
        let who = &mut self.agents[i];
        who.back = None;
        if who.presence == presence {
            return;
        }
        let was_available = who.presence == Presence::Available;
        who.presence = presence;
        if matches!(who.work, Work::Idle | Work::Offered { .. } | Work::Consulted { talking: false, .. }) {
            who.since = at;
        }
        if !was_available {
            who.idle_since = at;
        }
        match (who.presence.clone(), who.work) {
            (Presence::Available, _) => {}
            (_, Work::Offered { call }) => {
                self.idle(at, i);
                self.give_back(call, out);
            }
            (_, Work::Consulted { call, talking: false }) => {
                self.idle(at, i);
                out.push(Command::NoConsult { call });
            }
            // A rest is for who would be offered calls otherwise.
            (_, Work::Rest { .. }) => self.idle(at, i),
            _ => {}
        }
        out.push(Command::Changed);
    }

    fn time_passes(&mut self, at: Moment, out: &mut Vec<Command>) {
        for i in 0..self.agents.len() {
            match self.agents[i].work {
                Work::WrapUp { until, .. } if until <= at => self.wrapped_up(at, i, out),
                Work::Rest { until } if until <= at => {
                    self.idle(at, i);
                    self.agents[i].idle_since = at;
                    out.push(Command::Changed);
                }
                _ => {}
            }
            if self.agents[i].back.is_some_and(|back| back <= at) {
                let name = self.setup.agents[i].name.clone();
                self.set_presence(at, &name, Presence::Available, out);
            }
        }
        self.parked_time_passes(at, out);
        for place in (0..self.waiting.len()).rev() {
            self.caller_waits(at, place, out);
        }
    }

    fn caller_waits(&mut self, at: Moment, place: usize, out: &mut Vec<Command>) {
        let w = &self.waiting[place];
        if let Some(Offered { agent, since, number: offer }) = w.offered {
            if at.since(since) < self.setup.queues[w.queue].ring + OFFER_GRACE {
                return;
            }
            let call = w.call;
            out.push(Command::Withdraw { call, offer, agent: self.setup.agents[agent].name.clone() });
            self.refused(at, call, offer, Refusal::Lost, out);
        }
        let w = &self.waiting[place];
        let queue = &self.setup.queues[w.queue];
        let own = (0..self.agents.len()).any(|a| self.agents[a].is_here() && self.serves[a][w.queue].is_some());
        let helping: Vec<usize> = queue
            .overflow
            .iter()
            .filter(|o| at.since(w.since) >= o.after || !own)
            .filter_map(|o| self.queue(&o.to))
            .filter(|q| !w.queues.contains(q))
            .collect();
        let called_back = w.not_before.is_some();
        let longest = w.waited(at) >= if called_back { self.keep(w) } else { queue.longest };
        self.waiting[place].queues.extend(helping);
        let here = self.somebody_will_serve(&self.waiting[place]);
        let patience = self.patience_alone(&self.waiting[place]);
        let w = &mut self.waiting[place];
        w.declined.retain(|(_, until)| *until > at);
        if !here {
            // The one who was asked for has left: anybody of the queue, then.
            w.ticket.only = None;
        }
        w.alone = if here || called_back { None } else { w.alone.or(Some(at)) };
        let alone = w.alone.is_some_and(|since| at.since(since) >= patience);
        let queue = w.queue;
        let broken = w.told.as_mut().filter(|told| !told.broken && told.wait.is_over(at.since(told.at)));
        if let Some(told) = broken.map(|told| {
            told.broken = true;
            *told
        }) {
            self.judge(queue, told, at, false);
        }
        let why = match (alone, longest) {
            (true, _) => Unserved::Nobody,
            (_, true) => Unserved::TooLong,
            _ => return,
        };
        let gone = self.waiting.remove(place);
        if !called_back {
            self.patience[gone.queue].see(at.since(gone.since), false);
        }
        out.push(Command::Unserved { call: gone.call, why });
        out.push(Command::Changed);
    }

    fn tell_places(&mut self, at: Moment, out: &mut Vec<Command>) {
        for place in 0..self.waiting.len() {
            let w = &self.waiting[place];
            if w.offered.is_some() || w.tell_at > at || w.not_before.is_some() {
                continue;
            }
            let position = self.place_in_line(at, place);
            let (call, queue) = (w.call, w.queue);
            let wait = self.outlook(at, place).and_then(|waits| self.learned[queue].keepers[band(position)].interval(&waits));
            let w = &mut self.waiting[place];
            w.tell_at = at + TELL_EVERY;
            if let (None, Some((wait, middle))) = (w.told, wait) {
                w.told = Some(Told { wait, middle, at, band: band(position), broken: false });
            }
            let wait = wait.map(|(wait, _)| wait);
            // An emergency does not wait until morning.
            let call_back = !self.waiting[place].ticket.emergency && self.offers_call_back(queue, wait);
            out.push(Command::Place { call, position, wait, call_back });
        }
    }
}
