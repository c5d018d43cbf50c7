//! A small reference of what the queue machine promises, written from the rules and not from the machine: it follows events and
//! commands and says at once where one breaks a rule.

mod checks;
mod order;

use super::{Event, Left, Presence, Refusal, Setup, Ticket};
use crate::base::{CallId, Moment, WallTime};
use order::Bears;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum At {
    Waiting,
    Offered(usize),
    Talking(usize),
    /// Until then, by this agent.
    Parked(usize, Moment),
    Gone,
}

#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) ticket: Ticket,
    pub(super) entered: Moment,
    pub(super) order: usize,
    pub(super) at: At,
    crowded: usize,
    /// Nobody of the own queue was logged in at some time: the others help since.
    orphaned: bool,
    offered_at: Moment,
    pub(super) offer: u64,
    declined: BTreeMap<usize, Moment>,
    served: u32,
    pub(super) joined: bool,
    /// Since when the agent who has them talks with them.
    talks_since: Moment,
    /// Is called back, and not before this.
    not_before: Option<Moment>,
    parked_since: Moment,
    /// Comes back from being parked in this very event: who gets the call before anybody is asked, and whether whatever they are at (they have fetched it).
    directly: Option<(usize, bool)>,
}

impl Caller {
    fn since(&self) -> u64 {
        self.entered.micros().saturating_sub(self.ticket.waited.as_micros() as u64)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doing {
    Free,
    Offered,
    Talking,
    /// A colleague who has this caller asks for them; picked up.
    Consulted(CallId, bool),
    WrapUp(Moment),
    Rest(Moment),
}

#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) presence: Presence,
    pub(super) doing: Doing,
    abused: bool,
    back: Option<Moment>,
    /// Since when nothing keeps them from taking a call: they came, or what followed their last one was over. Refusing changes nothing.
    free_since: Moment,
    bears: Bears,
    last_talk: Option<Moment>,
}

pub(super) struct Reference {
    setup: Setup,
    pub(super) people: Vec<Person>,
    pub(super) callers: BTreeMap<CallId, Caller>,
    pub(super) rests: usize,
    /// Callers who were handed over to a colleague.
    pub(super) handed_over: usize,
    /// Callers who were parked; who of them were fetched, and who came back by time.
    pub(super) parked: (usize, usize, usize),
    orders: usize,
    /// What was asked of a colleague and is not answered yet: call, queue, whom.
    asked: Option<(CallId, String, Option<String>)>,
    failed: BTreeMap<usize, CallId>,
    /// Whom a repeat caller had on the line last. They are forgotten after a week, which no shift lasts.
    met: BTreeMap<u64, usize>,
    /// Offers in which there was somebody to choose between, and those in which what was borne decided it.
    pub(super) chosen: (usize, usize),
    /// Abusive callers who went to another queue's agent to spare one of their own.
    pub(super) spared: usize,
}

impl Reference {
    pub(super) fn new(setup: &Setup, now: Moment) -> Reference {
        let person = |returns: bool| Person {
            presence: if returns { Presence::Available } else { Presence::Offline },
            doing: Doing::Free,
            abused: false,
            back: None,
            free_since: now,
            bears: Bears::default(),
            last_talk: None,
        };
        let people = setup.agents.iter().map(|a| person(a.returns.is_some())).collect();
        Reference {
            setup: setup.clone(),
            people,
            callers: BTreeMap::new(),
            rests: 0,
            handed_over: 0,
            parked: (0, 0, 0),
            orders: 0,
            asked: None,
            failed: BTreeMap::new(),
            met: BTreeMap::new(),
            chosen: (0, 0),
            spared: 0,
        }
    }

    /// Whether this call is for somebody who is called back.
    pub(super) fn is_called_back(&self, call: CallId) -> bool {
        self.callers.get(&call).is_some_and(|c| c.not_before.is_some())
    }

    pub(super) fn is_joined(&self, call: CallId) -> bool {
        self.callers.get(&call).is_some_and(|c| c.joined)
    }

    /// What a call's ticket says, and since when it counts.
    pub(super) fn place_of(&self, call: CallId) -> (Ticket, Moment) {
        let caller = &self.callers[&call];
        (caller.ticket.clone(), Moment::from_micros(caller.since()))
    }

    /// Who is called back is so only in the hours of the queue's call-backs, and after the gap. Everybody else may be served at any time.
    fn is_due(&self, now: Moment, caller: &Caller) -> bool {
        let Some(not_before) = caller.not_before else { return true };
        let queue = self.setup.queues.iter().find(|q| q.name == caller.ticket.queue).expect("there");
        let wall = WallTime(now.millis() as i64);
        not_before <= now && queue.call_back.as_ref().is_some_and(|setup| setup.hours.open_at(wall))
    }

    fn who(&self, name: &str) -> usize {
        self.setup.agents.iter().position(|a| a.name == name).expect("an agent of ours")
    }

    /// By which queue the agent may serve, if at all; skills, language and overflow only.
    fn able(&self, now: Moment, agent: usize, caller: &Caller) -> Option<&str> {
        let person = &self.setup.agents[agent];
        if !person.languages.is_empty() && !person.languages.contains(&caller.ticket.language) {
            return None;
        }
        let own = self.setup.queues.iter().find(|q| q.name == caller.ticket.queue)?;
        let others = own.overflow.iter().filter(|o| {
            let waited = Duration::from_micros(now.micros() - caller.since());
            caller.orphaned || waited >= o.after || o.waiting.is_some_and(|n| caller.crowded >= n)
        });
        let mut names = vec![own.name.as_str()];
        names.extend(others.map(|o| o.to.as_str()));
        names.into_iter().find(|name| {
            let queue = self.setup.queues.iter().find(|q| q.name == *name).expect("there");
            queue.skills.iter().all(|(skill, least)| person.skills.get(skill).is_some_and(|level| level >= least))
        })
    }

    /// Whether anybody of a queue is logged in.
    fn own_here(&self, queue: &str) -> bool {
        let queue = self.setup.queues.iter().find(|q| q.name == queue).expect("there");
        (0..self.people.len()).any(|a| self.people[a].presence != Presence::Offline && self.setup.agents[a].serves(queue))
    }

    fn legal(&self, now: Moment, agent: usize, caller: &Caller) -> bool {
        let person = &self.people[agent];
        person.presence == Presence::Available
            && person.doing == Doing::Free
            && caller.declined.get(&agent).is_none_or(|until| *until <= now)
            && self.able(now, agent, caller).is_some()
            && !self.is_left_out(now, agent, caller)
            && self.is_due(now, caller)
    }

    /// Who sent a caller on is out of question while somebody else is there for them.
    fn is_left_out(&self, now: Moment, agent: usize, caller: &Caller) -> bool {
        let others = (0..self.people.len()).filter(|a| *a != agent && self.able(now, *a, caller).is_some());
        let mut willing = others.filter(|a| caller.declined.get(a).is_none_or(|until| *until <= now));
        let comes = |person: &Person| person.presence == Presence::Available;
        !caller.ticket.emergency
            && caller.ticket.sent_by.as_ref() == Some(&self.setup.agents[agent].name)
            && willing.any(|a| comes(&self.people[a]))
    }

    /// What decides who goes first: smaller goes first.
    fn rank(&self, now: Moment, caller: &Caller) -> (u8, i128, usize) {
        let queue = self.setup.queues.iter().find(|q| q.name == caller.ticket.queue).expect("there");
        let kept = caller.ticket.kept.unwrap_or_default();
        let waited = Duration::from_micros(now.micros() - caller.since()) + kept;
        let plain = i128::from(caller.since()) - kept.as_micros() as i128;
        if caller.ticket.emergency {
            (0, plain, caller.order)
        } else if caller.ticket.returned {
            (1, plain, caller.order)
        } else if waited >= queue.floor {
            (2, plain, caller.order)
        } else {
            (3, plain - queue.ageing.as_micros() as i128 * i128::from(caller.ticket.priority), caller.order)
        }
    }

    /// What an event means by itself.
    pub(super) fn event(&mut self, now: Moment, event: &Event) {
        for agent in 0..self.people.len() {
            match self.people[agent].doing {
                Doing::WrapUp(until) if until <= now => self.call_is_over(now, agent),
                Doing::Rest(until) if until <= now => {
                    (self.people[agent].doing, self.people[agent].free_since) = (Doing::Free, now);
                }
                _ => {}
            }
            let person = &mut self.people[agent];
            if person.back.is_some_and(|back| back <= now) {
                (person.presence, person.back, person.free_since) = (Presence::Available, None, now);
            }
        }
        let over = |(id, c): (&CallId, &Caller)| match c.at {
            At::Parked(by, until) if until <= now => Some((*id, by)),
            _ => None,
        };
        let over: Vec<(CallId, usize)> = self.callers.iter().filter_map(over).collect();
        for (call, by) in over {
            self.back_in_line(now, call, Some((by, false)));
            self.parked.2 += 1;
        }
        self.event_itself(now, event);
        let orphans: Vec<CallId> = self.callers.iter().filter(|(_, c)| c.at == At::Waiting).map(|(id, _)| *id).collect();
        for call in orphans {
            let queue = self.callers[&call].ticket.queue.clone();
            if !self.own_here(&queue) {
                self.callers.get_mut(&call).expect("there").orphaned = true;
            }
        }
    }

    fn event_itself(&mut self, now: Moment, event: &Event) {
        match event {
            Event::Enqueue { call, ticket } => {
                let waits = |c: &&Caller| matches!(c.at, At::Waiting | At::Offered(_)) && c.ticket.queue == ticket.queue;
                let crowded = self.callers.values().filter(waits).filter(|c| c.not_before.is_none()).count();
                self.orders += 1;
                let order = self.orders;
                let caller = Caller {
                    ticket: ticket.clone(),
                    entered: now,
                    order,
                    at: At::Waiting,
                    crowded,
                    orphaned: !self.own_here(&ticket.queue),
                    offered_at: now,
                    offer: 0,
                    declined: BTreeMap::new(),
                    served: 0,
                    joined: false,
                    talks_since: now,
                    not_before: ticket.call_back.map(|gap| now + gap),
                    parked_since: now,
                    directly: None,
                };
                self.callers.entry(*call).or_insert(caller);
            }
            Event::CallBack { call, later } => {
                let waits = |c: &&mut Caller| matches!(c.at, At::Waiting | At::Offered(_)) && c.not_before.is_none();
                let Some(caller) = self.callers.get_mut(call).filter(waits) else { return };
                let mut stays = caller.clone();
                caller.at = At::Gone;
                if let At::Offered(agent) = stays.at {
                    self.people[agent].doing = Doing::Free;
                }
                // The place is that of who asked: order, age and priority.
                (stays.at, stays.not_before) = (At::Waiting, Some(now));
                self.callers.insert(*later, stays);
            }
            Event::Emergency { call } => {
                if let Some(caller) = self.callers.get_mut(call).filter(|c| matches!(c.at, At::Waiting | At::Offered(_))) {
                    caller.ticket.emergency = true;
                }
            }
            Event::Leave { call, why: Left::HungUp | Left::Elsewhere | Left::Over } => self.leave(*call),
            Event::Accepted { call, .. } => {
                if let Some(caller) = self.callers.get_mut(call)
                    && let At::Offered(agent) = caller.at
                {
                    (caller.at, caller.talks_since) = (At::Talking(agent), now);
                    caller.served += 1;
                    self.failed.remove(&agent);
                    assert_eq!(caller.served, 1, "{call} is served twice");
                    self.people[agent].doing = Doing::Talking;
                }
            }
            Event::Joined { call } => {
                let caller = self.callers.get_mut(call).filter(|c| matches!(c.at, At::Talking(_)));
                if let Some(caller) = caller.filter(|caller| !caller.joined) {
                    caller.joined = true;
                    self.meets(*call);
                }
            }
            Event::Refused { call, offer, why } => {
                if self.callers.get(call).is_some_and(|caller| caller.offer == *offer) {
                    self.refused(now, *call, *why);
                }
            }
            Event::Consult { call, queue, agent } => {
                self.asked = Some((*call, queue.clone(), agent.clone()));
            }
            Event::Consulted { call } => {
                if let Some((agent, _)) = self.consulted(*call) {
                    self.people[agent].doing = Doing::Consulted(*call, true);
                    self.failed.remove(&agent);
                }
            }
            Event::ConsultOver { call, why } => {
                let Some((agent, _)) = self.consulted(*call) else { return };
                self.consult_over(*call);
                let person = &mut self.people[agent];
                if matches!(why, Some(Refusal::NoAnswer | Refusal::Lost)) && person.presence != Presence::Offline {
                    person.presence = Presence::Away("no_answer".into());
                    person.back = self.setup.agents[agent].returns.map(|pause| now + pause);
                }
            }
            Event::HandedOver { call, talk } => {
                let asked = self.consulted(*call);
                self.event_itself(now, &Event::Finished { call: *call, talk: *talk });
                if let (Some((agent, _)), Some(caller)) = (asked, self.callers.get_mut(call)) {
                    self.people[agent].doing = Doing::Talking;
                    (caller.at, caller.joined, caller.talks_since) = (At::Talking(agent), true, now);
                    self.handed_over += 1;
                    self.meets(*call);
                }
            }
            Event::Park { call, ticket, talk } => {
                let Some(At::Talking(agent)) = self.callers.get(call).map(|caller| caller.at) else { return };
                self.event_itself(now, &Event::Finished { call: *call, talk: *talk });
                let park = self.setup.queues.iter().find(|q| q.name == ticket.queue).expect("there").park;
                let caller = self.callers.get_mut(call).expect("there");
                (caller.at, caller.parked_since, caller.not_before) = (At::Parked(agent, now + park), now, None);
                caller.ticket = Ticket { returned: true, only: None, call_back: None, ..ticket.clone() };
                caller.ticket.prefer = Some(self.setup.agents[agent].name.clone());
                self.parked.0 += 1;
            }
            Event::Unpark { call } => {
                if self.callers.get(call).is_some_and(|caller| matches!(caller.at, At::Parked(..))) {
                    self.back_in_line(now, *call, None);
                }
            }
            Event::Fetch { call, agent } => {
                let Some(At::Parked(by, _)) = self.callers.get(call).map(|caller| caller.at) else { return };
                let agent = self.who(agent);
                let queue = self.callers[call].ticket.queue.clone();
                let queue = self.setup.queues.iter().find(|q| q.name == queue).expect("there");
                let setup = &self.setup.agents[agent];
                let person = &self.people[agent];
                let has_time = matches!(person.doing, Doing::Free | Doing::WrapUp(_) | Doing::Rest(_));
                let theirs = agent == by || setup.serves(queue);
                if person.presence != Presence::Offline && setup.returns.is_none() && has_time && theirs {
                    let person = &mut self.people[agent];
                    if person.doing != Doing::Free {
                        (person.doing, person.free_since) = (Doing::Free, now);
                    }
                    self.back_in_line(now, *call, Some((agent, true)));
                    self.parked.1 += 1;
                }
            }
            Event::Finished { call, talk } => {
                if self.callers.get(call).is_some_and(|caller| matches!(caller.at, At::Talking(_))) {
                    self.consult_over(*call);
                }
                let Some(caller) = self.callers.get_mut(call) else { return };
                let At::Talking(agent) = caller.at else { return };
                let (joined, since) = (caller.joined, caller.talks_since);
                let wrap_up = self.setup.queues.iter().find(|q| q.name == caller.ticket.queue).expect("there").wrap_up;
                caller.at = At::Gone;
                if talk.strain.abusive {
                    let known = caller.ticket.caller;
                    self.met.remove(&known);
                }
                let person = &mut self.people[agent];
                if joined {
                    person.abused = talk.strain.abusive;
                    let pause = person.last_talk.map(|last| since.since(last));
                    person.bears.more(now, talk.strain, now.since(since), pause);
                    person.last_talk = Some(now);
                }
                if talk.lost && person.presence != Presence::Offline {
                    person.presence = Presence::Away("lost".into());
                    person.back = self.setup.agents[agent].returns.map(|pause| now + pause);
                }
                if talk.lost || !joined || wrap_up.is_zero() {
                    self.call_is_over(now, agent);
                } else {
                    person.doing = Doing::WrapUp(now + wrap_up);
                }
            }
            Event::Presence { agent, presence } => {
                let agent = self.who(agent);
                let person = &mut self.people[agent];
                if person.presence != Presence::Available {
                    person.free_since = now;
                }
                (person.presence, person.back) = (presence.clone(), None);
                if *presence != Presence::Available && matches!(person.doing, Doing::Rest(_)) {
                    person.doing = Doing::Free;
                }
            }
            Event::WrappedUp { agent } => {
                let agent = self.who(agent);
                if matches!(self.people[agent].doing, Doing::WrapUp(_)) {
                    self.call_is_over(now, agent);
                }
            }
            Event::Extend { agent, by } => {
                let agent = self.who(agent);
                if let Doing::WrapUp(until) = &mut self.people[agent].doing {
                    *until = *until + *by;
                }
            }
            Event::Reconfigure(_) | Event::Tick => {}
        }
    }

    /// Whoever was parked goes to the head of the line, and what was waited counts; to this agent first, where one has them coming.
    fn back_in_line(&mut self, now: Moment, call: CallId, directly: Option<(usize, bool)>) {
        let queue = self.callers[&call].ticket.queue.clone();
        let waits = |c: &&Caller| matches!(c.at, At::Waiting | At::Offered(_)) && c.ticket.queue == queue;
        let crowded = self.callers.values().filter(waits).filter(|c| c.not_before.is_none()).count();
        let orphaned = !self.own_here(&queue);
        self.orders += 1;
        let order = self.orders;
        let caller = self.callers.get_mut(&call).expect("there");
        caller.ticket.waited += now.since(caller.parked_since);
        let stays = caller.clone();
        *caller = Caller { at: At::Waiting, entered: now, order, crowded, orphaned, directly, ..stays };
        (caller.served, caller.joined) = (0, false);
        caller.declined.clear();
    }

    /// Who is asked by a colleague because of this caller.
    pub(super) fn consulted(&self, call: CallId) -> Option<(usize, bool)> {
        let asked = |(agent, person): (usize, &Person)| match person.doing {
            Doing::Consulted(other, talks) if other == call => Some((agent, talks)),
            _ => None,
        };
        self.people.iter().enumerate().find_map(asked)
    }

    /// The colleague is free again.
    fn consult_over(&mut self, call: CallId) {
        if let Some((agent, _)) = self.consulted(call) {
            self.people[agent].doing = Doing::Free;
        }
    }

    /// Who may be asked: whoever is free, of the queue unless named, and never who asks.
    fn may_be_asked(&self, agent: usize, queue: &str, named: Option<&str>) -> bool {
        let person = &self.people[agent];
        let fits = match named {
            Some(name) => self.setup.agents[agent].name == name,
            None => self.setup.agents[agent].serves(self.setup.queues.iter().find(|q| q.name == queue).expect("there")),
        };
        person.presence == Presence::Available && person.doing == Doing::Free && fits
    }

    fn leave(&mut self, call: CallId) {
        let Some(caller) = self.callers.get_mut(&call) else { return };
        if let At::Offered(agent) = caller.at {
            self.people[agent].doing = Doing::Free;
        }
        if !matches!(caller.at, At::Talking(_)) {
            caller.at = At::Gone;
        }
    }

    fn refused(&mut self, now: Moment, call: CallId, why: Refusal) {
        let Some(caller) = self.callers.get_mut(&call) else { return };
        let At::Offered(agent) = caller.at else { return };
        caller.at = At::Waiting;
        let returns = self.setup.agents[agent].returns;
        let person = &mut self.people[agent];
        person.doing = Doing::Free;
        let failed = why == Refusal::Failed && self.failed.get(&agent).is_none_or(|other| *other == call);
        if failed {
            self.failed.insert(agent, call);
            caller.declined.insert(agent, now + Duration::from_secs(15));
        } else if why == Refusal::Declined {
            let least = Duration::from_secs(15);
            caller.declined.insert(agent, now + returns.unwrap_or(least).max(least));
        } else {
            self.failed.remove(&agent);
            person.presence = Presence::Away("no_answer".into());
            person.back = returns.map(|pause| now + pause);
        }
    }

    /// A call and what follows it are over: a rest after so much, if calls would come otherwise.
    fn call_is_over(&mut self, now: Moment, agent: usize) {
        let person = &mut self.people[agent];
        let much = person.bears.index(now) > f64::from(self.setup.rest_above);
        if much && person.presence == Presence::Available && !self.setup.rest.is_zero() {
            person.bears.halved(now);
            person.doing = Doing::Rest(now + self.setup.rest);
            self.rests += 1;
        } else {
            (person.doing, person.free_since) = (Doing::Free, now);
        }
    }

    /// The two hear each other: the caller comes to them again.
    fn meets(&mut self, call: CallId) {
        let caller = &self.callers[&call];
        if let (At::Talking(agent), 1..) = (caller.at, caller.ticket.caller) {
            self.met.insert(caller.ticket.caller, agent);
        }
    }
}
