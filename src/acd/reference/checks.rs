//! What the machine does, held against the reference.

use super::{At, Doing, Person, Reference};
use crate::acd::{Acd, AgentState, Command, Now, Presence, Refusal, Unserved};
use crate::base::CallId;
use std::time::Duration;

impl Reference {
    /// Follows a command; panics where it breaks a rule.
    pub(in crate::acd) fn command(&mut self, now: Now, command: &Command) {
        let at = now.at;
        match command {
            Command::Offer { call, agent, queue, offer, .. } => {
                let agent = self.who(agent);
                let caller = self.callers.get(call).expect("an offer is for somebody who came").clone();
                assert!(self.is_due(at, &caller), "{call} would be called at a wrong time");
                assert_eq!(caller.at, At::Waiting, "{call} is offered though it does not wait");
                if caller.directly.is_some_and(|(who, _)| who == agent) {
                    assert_eq!(self.people[agent].doing, Doing::Free, "{call}: {agent} has somebody else");
                    let caller = self.callers.get_mut(call).expect("there");
                    (caller.at, caller.offered_at, caller.offer, caller.directly) = (At::Offered(agent), at, *offer, None);
                    self.people[agent].doing = Doing::Offered;
                    return;
                }
                let pool = self.pool(at, &caller);
                let by = pool.iter().find(|(a, _)| *a == agent).map(|(_, by)| *by);
                assert_eq!(by, Some(queue.as_str()), "{call} is {agent}'s by a wrong queue, or not at all: {:?}", self.people);
                self.spared += usize::from(!self.legal(at, agent, &caller));
                self.is_the_right_one(at, agent, &caller);
                for (other, waiting) in &self.callers {
                    let first = waiting.at == At::Waiting && self.rank(at, waiting) < self.rank(at, &caller);
                    assert!(!first || !self.legal(at, agent, waiting), "{other} goes first and is passed over for {call}");
                }
                let caller = self.callers.get_mut(call).expect("there");
                (caller.at, caller.offered_at, caller.offer) = (At::Offered(agent), at, *offer);
                self.people[agent].doing = Doing::Offered;
            }
            Command::Consult { call, agent, .. } => {
                let (asked, queue, named) = self.asked.take().expect("somebody is asked only where it was wanted");
                let (agent, caller) = (self.who(agent), &self.callers[call]);
                assert!(asked == *call && matches!(caller.at, At::Talking(asks) if asks != agent), "{call}: {:?}", caller.at);
                assert!(self.may_be_asked(agent, &queue, named.as_deref()), "{agent} is not free: {:?}", self.people[agent]);
                assert_eq!(self.consulted(*call), None, "two colleagues are asked at once");
                let asks = caller.at;
                let others = (0..self.people.len()).filter(|a| asks != At::Talking(*a));
                self.is_longest_idle(at, agent, others.filter(|a| self.may_be_asked(*a, &queue, named.as_deref())));
                self.people[agent].doing = Doing::Consulted(*call, false);
            }
            Command::NoConsult { call } => match self.asked.take() {
                Some((asked, queue, named)) => {
                    let talks = self.callers.get(call).is_some_and(|caller| matches!(caller.at, At::Talking(_)));
                    let nobody = !(0..self.people.len()).any(|a| self.may_be_asked(a, &queue, named.as_deref()));
                    assert!(
                        asked == *call && (nobody || !talks || self.consulted(*call).is_some()),
                        "{call}: somebody is free"
                    );
                }
                // Who rang went away.
                None => {
                    let (agent, _) = self.consulted(*call).expect("a colleague rang");
                    assert!(self.people[agent].presence != Presence::Available, "{call}: nobody wanted this");
                    self.consult_over(*call);
                }
            },
            Command::Withdraw { call, agent, .. } => {
                let agent = self.who(agent);
                assert!(matches!(self.people[agent].doing, Doing::Offered | Doing::Free), "{call}");
                let caller = self.callers.get(call).expect("there");
                let rang = at.since(caller.offered_at);
                if caller.at != At::Offered(agent) {
                    // The caller has left.
                    self.people[agent].doing = Doing::Free;
                } else if self.people[agent].presence != Presence::Available {
                    self.people[agent].doing = Doing::Free;
                    self.callers.get_mut(call).expect("there").at = At::Waiting;
                } else {
                    assert!(rang >= Duration::from_secs(30), "{call} is withdrawn after {rang:?} and nobody wanted it");
                    self.refused(at, *call, Refusal::Lost);
                }
                // Back in line, and perhaps alone there.
                let caller = self.callers.get(call).expect("there").clone();
                if caller.at == At::Waiting && !self.own_here(&caller.ticket.queue) {
                    self.callers.get_mut(call).expect("there").orphaned = true;
                }
            }
            Command::Unserved { call, why } => {
                let caller = self.callers.get(call).expect("there").clone();
                assert_eq!(caller.at, At::Waiting, "{call} was sent away though it did not wait");
                let serves = |p: &Person| p.presence == Presence::Available || p.back.is_some();
                let here = (0..self.people.len()).any(|a| serves(&self.people[a]) && self.able(at, a, &caller).is_some());
                let queue = self.setup.queues.iter().find(|q| q.name == caller.ticket.queue).expect("there");
                match why {
                    Unserved::TooLong if caller.not_before.is_some() => {
                        let keep = queue.call_back.as_ref().map_or(Duration::ZERO, |setup| setup.keep);
                        assert!(at.micros() - caller.since() >= keep.as_micros() as u64, "{call} is given up too early");
                    }
                    _ if caller.not_before.is_some() => panic!("{call} is called back and was sent away: {why:?}"),
                    Unserved::Nobody => assert!(!here, "{call} was told that nobody is there"),
                    Unserved::TooLong => assert!(at.micros() - caller.since() >= queue.longest.as_micros() as u64),
                    Unserved::Full => {
                        let let_in = caller.ticket.returned || caller.ticket.emergency || caller.ticket.kept.is_some();
                        assert!(caller.crowded >= queue.full && !let_in)
                    }
                    other => panic!("{other:?} cannot be here"),
                }
                self.callers.get_mut(call).expect("there").at = At::Gone;
            }
            Command::Place { call, position, wait, call_back } => {
                let caller = self.callers.get(call).expect("there");
                assert_eq!((caller.at, caller.not_before), (At::Waiting, None));
                let queue = self.setup.queues.iter().find(|q| q.name == caller.ticket.queue).expect("there");
                let so_many = self.callers.values().filter(|c| {
                    let waits = matches!(c.at, At::Waiting | At::Offered(_));
                    waits && c.not_before.is_some() && c.ticket.queue == caller.ticket.queue
                });
                let so_many = so_many.count();
                let may = queue.call_back.as_ref().is_some_and(|setup| {
                    !caller.ticket.emergency
                        && so_many < setup.full
                        && wait.is_none_or(|wait| u64::from(wait.to) >= setup.from.as_secs())
                });
                assert_eq!(*call_back, may, "a call-back is offered only where there is one");
                let ahead = self.callers.values().filter(|c| {
                    let before = c.at == At::Waiting && c.ticket.queue == caller.ticket.queue && self.is_due(at, c);
                    before && self.rank(at, c) < self.rank(at, caller)
                });
                assert_eq!(*position, 1 + ahead.count());
                assert!(wait.is_none_or(|wait| wait.from < wait.to));
            }
            Command::Changed => {}
        }
    }

    /// After all commands of an event: what must hold then.
    pub(in crate::acd) fn settled(&mut self, now: Now, acd: &Acd) {
        let parked: Vec<CallId> = acd.parked_views().into_iter().map(|parked| parked.call).collect();
        for (call, caller) in &mut self.callers {
            assert_eq!(matches!(caller.at, At::Parked(..)), parked.contains(call), "{call} is {:?}", caller.at);
            // Who came back by time may find that agent busy; then anybody gets the call.
            if let Some((agent, fetched)) = caller.directly.take() {
                let person = &self.people[agent];
                let free = fetched || person.presence == Presence::Available && person.doing == Doing::Free;
                assert!(caller.at != At::Waiting || !free, "{call} waits though {agent}, who parked it, is free");
            }
        }
        for (agent, view) in acd.agent_views(now.at).into_iter().enumerate() {
            let person = &self.people[agent];
            let same = match (&person.doing, view.state) {
                (Doing::Free, AgentState::Available) => person.presence == Presence::Available,
                (Doing::Free, AgentState::Away) => matches!(person.presence, Presence::Away(_)),
                (Doing::Free, AgentState::Offline) => person.presence == Presence::Offline,
                (Doing::Offered, AgentState::Offered(_)) | (Doing::Talking, AgentState::Talking(_)) => {
                    view.consulted_by.is_none()
                }
                (Doing::Consulted(call, false), AgentState::Offered(of)) => of == *call && view.consulted_by.is_some(),
                (Doing::Consulted(call, true), AgentState::Talking(of)) => of == *call && view.consulted_by.is_some(),
                (Doing::WrapUp(_), AgentState::WrapUp) | (Doing::Rest(_), AgentState::Rest) => true,
                _ => false,
            };
            assert!(same, "agent {agent} is {person:?}, and the machine says {view:?}");
        }
        let waiting: Vec<CallId> = acd.waiting_views(now.at).into_iter().map(|w| w.call).collect();
        for (call, caller) in &self.callers {
            let waits = matches!(caller.at, At::Waiting | At::Offered(_));
            assert_eq!(waits, waiting.contains(call), "{call} is {:?}", caller.at);
            if caller.at == At::Waiting {
                let idle = (0..self.people.len()).find(|a| self.legal(now.at, *a, caller));
                assert_eq!(idle, None, "{call} waits though somebody is free for it");
            }
        }
    }
}
