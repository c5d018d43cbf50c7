//! Random shifts, checked step by step against the reference; the seed is printed where one fails.

use super::reference::{At, Reference};
use super::{
    Acd, AgentSetup, CallBackSetup, Command, Event, Left, Now, Overflow, Presence, QueueSetup, Refusal, Setup, Strain, Talk,
    Ticket,
};
use crate::base::{CallId, Dice, Language, Moment, OpeningHours, Span, WallTime};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn setup(dice: &mut Dice) -> Setup {
    let seconds = |dice: &mut Dice, from: u64, to: u64| Duration::from_secs(from + dice.roll((to - from) as usize + 1) as u64);
    let names = ["sales", "help", "complaints"];
    let queues: Vec<QueueSetup> = names
        .iter()
        .map(|name| {
            let mut queue = QueueSetup::named(name);
            queue.choose = [super::Choose::LongestIdle, super::Choose::BestSkill, super::Choose::RingOne][dice.roll(3)];
            queue.wrap_up = seconds(dice, 0, 40);
            queue.ageing = seconds(dice, 10, 90);
            queue.park = seconds(dice, 5, 120);
            queue.floor = seconds(dice, 60, 300);
            queue.full = 3 + dice.roll(10);
            queue.longest = seconds(dice, 200, 900);
            queue.alone = seconds(dice, 0, 30);
            if dice.chance() < 0.7 {
                queue.call_back = Some(call_backs(dice));
            }
            if dice.chance() < 0.5 {
                let to = names[dice.roll(3)];
                let waiting = (dice.chance() < 0.5).then(|| dice.roll(4));
                queue.overflow.push(Overflow { to: to.to_string(), after: seconds(dice, 20, 200), waiting });
            }
            queue
        })
        .collect();
    let agents = (0..1 + dice.roll(6))
        .map(|n| {
            let mut skills = BTreeMap::new();
            for name in names {
                // The first one can do everything, so that nobody's queue is without an agent.
                if n == 0 || dice.chance() < 0.6 {
                    skills.insert(name.to_string(), 1 + dice.roll(10) as u8);
                }
            }
            let languages = match dice.roll(3) {
                _ if n == 0 => BTreeSet::new(),
                0 => BTreeSet::from([Language::EN]),
                1 => BTreeSet::from([Language::ZH]),
                _ => BTreeSet::new(),
            };
            let returns = (dice.chance() < 0.2).then(|| seconds(dice, 20, 60));
            AgentSetup { name: format!("agent {n}"), skills, languages, returns }
        })
        .collect();
    let mut setup = Setup::new(queues, agents);
    setup.rest_above = 40 + dice.roll(50) as u8;
    setup.rest = seconds(dice, 0, 120);
    setup
}

/// Some call from eight on, which comes in the middle of the shift.
fn call_backs(dice: &mut Dice) -> CallBackSetup {
    let from = chrono::NaiveTime::from_hms_opt(if dice.chance() < 0.5 { 8 } else { 0 }, 0, 0).expect("a time");
    let day = chrono::Weekday::Thu;
    let hours =
        OpeningHours { zone: chrono_tz::UTC, week: vec![Span { day, from, to: chrono::NaiveTime::MIN }], closed: Vec::new() };
    let seconds = |dice: &mut Dice, from: usize, to: usize| Duration::from_secs((from + dice.roll(to - from)) as u64);
    CallBackSetup {
        from: seconds(dice, 0, 300),
        keep: seconds(dice, 600, 4_000),
        full: 1 + dice.roll(4),
        ..CallBackSetup::usual(hours)
    }
}

fn ticket(dice: &mut Dice) -> Ticket {
    Ticket {
        queue: ["sales", "help", "complaints"][dice.roll(3)].into(),
        priority: dice.roll(10) as u8,
        language: if dice.chance() < 0.5 { Language::EN } else { Language::ZH },
        caller: dice.roll(30) as u64,
        abusive: dice.chance() < 0.3,
        only: None,
        prefer: (dice.chance() < 0.2).then(|| format!("agent {}", dice.roll(6))),
        sent_by: (dice.chance() < 0.2).then(|| format!("agent {}", dice.roll(6))),
        emergency: dice.chance() < 0.03,
        returned: dice.chance() < 0.05,
        kept: (dice.chance() < 0.05).then(|| Duration::from_secs(60 + dice.roll(7_200) as u64)),
        call_back: None,
        waited: Duration::from_secs(if dice.chance() < 0.1 { dice.roll(120) as u64 } else { 0 }),
    }
}

struct Shift {
    acd: Acd,
    reference: Reference,
    at: Moment,
    dice: Dice,
    agents: usize,
    calls: u128,
    offers: usize,
    /// Agents stay, and most offers and talks come to their end: somebody is mostly idle, and there is a choice.
    is_calm: bool,
    /// Call-backs begun, and calls that were joined because of one.
    called_back: (usize, usize),
}

/// The calendar goes with the machine's own time: the first of January 1970, a Thursday.
fn now(at: Moment) -> Now {
    Now { at, wall: WallTime(at.millis() as i64) }
}

impl Shift {
    fn new(seed: u64) -> Shift {
        let mut dice = Dice::new(seed);
        let setup = setup(&mut dice);
        // A quarter to eight.
        let at = Moment::from_millis((7 * 60 + 45) * 60_000);
        let acd = Acd::new(setup.clone(), now(at)).expect("a good set-up");
        let (reference, agents) = (Reference::new(&setup, at), setup.agents.len());
        Shift { acd, reference, at, dice, agents, calls: 0, offers: 0, is_calm: seed % 2 == 1, called_back: (0, 0) }
    }

    fn step(&mut self, event: Event) {
        let now = now(self.at);
        self.called_back.0 += usize::from(matches!(event, Event::CallBack { .. }));
        if let Event::Joined { call } = &event {
            self.called_back.1 += usize::from(self.reference.is_called_back(*call));
        }
        let mut out = Vec::new();
        self.reference.event(self.at, &event);
        self.acd.step(now, event, &mut out);
        for command in &out {
            self.reference.command(now, command);
            self.offers += usize::from(matches!(command, Command::Offer { .. }));
        }
        self.reference.settled(now, &self.acd);
        assert!(self.acd.next_timer().is_none_or(|next| next > self.at), "a timer that has come stays for ever");
    }

    /// Some time passes; the shell may be late, but not by more than this.
    fn pass(&mut self) {
        let until = self.at + Duration::from_millis(self.dice.roll(20_000) as u64);
        while let Some(next) = self.acd.next_timer().filter(|next| *next <= until) {
            let late = Duration::from_millis(self.dice.roll(30) as u64);
            self.at = (next + late).max(self.at);
            self.step(Event::Tick);
        }
        self.at = self.at.max(until);
        self.step(Event::Tick);
    }

    fn accepts(&self, call: CallId) -> Event {
        let At::Offered(agent) = self.reference.callers[&call].at else { panic!("{call} is not offered") };
        Event::Accepted { call, agent: format!("agent {agent}") }
    }

    fn somebody(&mut self, test: impl Fn(At) -> bool) -> Option<CallId> {
        let all: Vec<CallId> = self.reference.callers.iter().filter(|(_, c)| test(c.at)).map(|(id, _)| *id).collect();
        (!all.is_empty()).then(|| all[self.dice.roll(all.len())])
    }

    /// One more comes, is served, or is done.
    fn goes_well(&mut self) {
        let absent = self.reference.people.iter().position(|person| person.presence != Presence::Available);
        let strain = Strain { abusive: self.dice.chance() < 0.5, loud: self.dice.chance() < 0.5, hard: true };
        if let Some(agent) = absent {
            self.step(Event::Presence { agent: format!("agent {agent}"), presence: Presence::Available });
        }
        if let Some(call) = self.somebody(|at| matches!(at, At::Offered(_))) {
            let accepts = self.accepts(call);
            self.step(accepts);
            self.step(Event::Joined { call });
        }
        // Not after each: two at once leave fewer to choose from.
        if let Some(call) = self.somebody(|at| matches!(at, At::Talking(_))).filter(|_| self.dice.chance() < 0.6) {
            self.step(Event::Finished { call, talk: Talk { strain, lost: false } });
        }
    }

    fn anything(&mut self) {
        if self.is_calm && self.dice.chance() < 0.6 {
            return self.goes_well();
        }
        let offered = |at| matches!(at, At::Offered(_));
        let agent = format!("agent {}", self.dice.roll(self.agents));
        let event = match self.dice.roll(28) {
            0..=3 => {
                self.calls += 1;
                Some(Event::Enqueue { call: CallId(self.calls), ticket: ticket(&mut self.dice) })
            }
            4..=6 => {
                if self.dice.chance() < 0.4
                    && let Some(call) = self.somebody(|at| matches!(at, At::Talking(_)))
                {
                    Some(Event::Joined { call })
                } else {
                    self.somebody(offered).map(|call| self.accepts(call))
                }
            }
            7 => {
                let why = [Refusal::Declined, Refusal::Failed, Refusal::NoAnswer, Refusal::Lost][self.dice.roll(4)];
                // Some are late: about an offer that does not stand any more.
                let late = u64::from(self.dice.chance() < 0.2);
                let offer = |shift: &Shift, call| shift.reference.callers[&call].offer - late;
                self.somebody(offered).map(|call| Event::Refused { call, offer: offer(self, call), why })
            }
            8 | 9 => {
                let strain = Strain { abusive: self.dice.chance() < 0.4, loud: self.dice.chance() < 0.3, hard: false };
                let talk = Talk { strain, lost: self.dice.chance() < 0.1 };
                let call = self.somebody(|at| matches!(at, At::Talking(_)));
                if let Some(call) = call.filter(|call| self.reference.is_called_back(*call) && !self.reference.is_joined(*call))
                {
                    return self.not_reached(call, talk);
                }
                call.map(|call| Event::Finished { call, talk })
            }
            10 => {
                let why = if self.dice.chance() < 0.5 { Left::HungUp } else { Left::Elsewhere };
                self.somebody(|at| matches!(at, At::Waiting | At::Offered(_))).map(|call| Event::Leave { call, why })
            }
            11 | 12 => {
                let presence = match self.dice.roll(5) {
                    0 => Presence::Offline,
                    1 => Presence::Away("break".into()),
                    _ => Presence::Available,
                };
                Some(Event::Presence { agent, presence })
            }
            // Who waits, or is being offered at this very moment, wants to be called back.
            14 | 15 => self.somebody(|at| matches!(at, At::Waiting | At::Offered(_))).map(|call| {
                self.calls += 1;
                Event::CallBack { call, later: CallId(self.calls) }
            }),
            16 | 17 => self.asks_colleague(agent),
            18 | 19 | 23..=25 => match self.who_asks() {
                Some(call) if !self.reference.is_joined(call) => Some(Event::Joined { call }),
                Some(call) => Some(self.goes_on_asking(call)),
                None => self.asks_colleague(agent),
            },
            20 => self.parks(),
            21 | 22 => {
                let call = self.somebody(|at| matches!(at, At::Parked(..)));
                match (call, self.dice.roll(6)) {
                    (None, _) => self.parks(),
                    (Some(call), 0) => Some(Event::Unpark { call }),
                    (Some(call), 1) => Some(Event::Leave { call, why: Left::HungUp }),
                    // Also who may not, or has no time.
                    (Some(call), _) => Some(Event::Fetch { call, agent }),
                }
            }
            // Who waits, is being offered, or is called back, speaks of an emergency.
            26 if self.dice.chance() < 0.3 => {
                self.somebody(|at| matches!(at, At::Waiting | At::Offered(_))).map(|call| Event::Emergency { call })
            }
            13 if self.dice.chance() < 0.3 => Some(Event::Extend { agent, by: Duration::from_secs(20) }),
            13 => Some(Event::WrappedUp { agent }),
            // What belongs to nobody, or comes twice or late, changes nothing.
            _ => {
                let call = CallId(self.dice.roll(40) as u128);
                let gone = self.reference.callers.get(&call).is_none_or(|c| c.at == At::Gone);
                let known = self.reference.callers.contains_key(&call);
                Some(match self.dice.roll(8) {
                    5 if gone => Event::Fetch { call, agent },
                    6 if gone => Event::Unpark { call },
                    7 if known && !gone => Event::Unpark { call },
                    0 if gone => Event::Accepted { call, agent },
                    1 if gone => Event::Refused { call, offer: 0, why: Refusal::Lost },
                    2 if gone => Event::Leave { call, why: Left::HungUp },
                    3 if gone => Event::Finished { call, talk: Talk::default() },
                    4 if known && !gone => Event::Enqueue { call, ticket: ticket(&mut self.dice) },
                    _ => Event::Tick,
                })
            }
        };
        if let Some(event) = event {
            self.step(event);
        }
    }

    /// Somebody who talks parks the caller.
    fn parks(&mut self) -> Option<Event> {
        let call = self.somebody(|at| matches!(at, At::Talking(_))).filter(|call| self.reference.is_joined(*call))?;
        let (ticket, _) = self.reference.place_of(call);
        // Mostly not while a colleague is asked: that takes several events to come to its end.
        if self.reference.consulted(call).is_some() && self.dice.chance() < 0.8 {
            return None;
        }
        let lost = self.dice.chance() < 0.1;
        Some(Event::Park { call, ticket, talk: Talk { lost, ..Talk::default() } })
    }

    /// Somebody who talks asks this colleague, or a free one of some queue.
    fn asks_colleague(&mut self, agent: String) -> Option<Event> {
        let queue = ["sales", "help", "complaints"][self.dice.roll(3)].to_string();
        let agent = (self.dice.chance() < 0.3).then_some(agent);
        let call = self.somebody(|at| matches!(at, At::Talking(_)))?;
        Some(Event::Consult { call, queue, agent })
    }

    /// A call in which a colleague is being asked.
    fn who_asks(&self) -> Option<CallId> {
        self.reference.callers.keys().copied().find(|call| self.reference.consulted(*call).is_some())
    }

    /// The colleague picks up, gets the caller, or goes.
    fn goes_on_asking(&mut self, call: CallId) -> Event {
        let talks = self.reference.consulted(call).is_some_and(|(_, talks)| talks);
        let lost = self.dice.chance() < 0.2;
        match self.dice.roll(4) {
            0 => {
                let why = [None, Some(Refusal::Declined), Some(Refusal::NoAnswer), Some(Refusal::Lost)][self.dice.roll(4)];
                Event::ConsultOver { call, why }
            }
            _ if talks => Event::HandedOver { call, talk: Talk { lost, ..Talk::default() } },
            _ => Event::Consulted { call },
        }
    }

    /// The person did not answer: the agent is free at once, and the place is kept under another call.
    fn not_reached(&mut self, call: CallId, talk: Talk) {
        let (ticket, since) = self.reference.place_of(call);
        self.step(Event::Finished { call, talk });
        if self.dice.chance() < 0.7 {
            self.calls += 1;
            let gap = Duration::from_secs(self.dice.roll(400) as u64);
            let ticket = Ticket { call_back: Some(gap), waited: self.at.since(since), ..ticket };
            self.step(Event::Enqueue { call: CallId(self.calls), ticket });
        }
    }

    /// Everybody works until nobody waits.
    fn wind_down(&mut self) {
        for agent in 0..self.agents {
            self.step(Event::Presence { agent: format!("agent {agent}"), presence: Presence::Available });
        }
        for _ in 0..2_000 {
            while let Some(call) = self.somebody(|at| matches!(at, At::Offered(_))) {
                let accepts = self.accepts(call);
                self.step(accepts);
                self.step(Event::Joined { call });
            }
            while let Some(call) = self.somebody(|at| matches!(at, At::Talking(_))) {
                self.step(Event::Finished { call, talk: Talk::default() });
            }
            if self.somebody(|at| at != At::Gone).is_none() {
                return;
            }
            self.pass();
        }
        panic!("somebody still waits though everybody works");
    }
}

#[test]
fn no_rule_is_broken_in_random_shifts() {
    let shifts: u64 = std::env::var("HOTLINE_SHIFTS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let (mut offers, mut rests, mut calls, mut asked, mut joined, mut handed) = (0, 0, 0, 0, 0, 0);
    let mut parked = (0, 0, 0);
    // Offers with a choice, those in which what was borne decided it, and those that spared somebody a second abusive call.
    let mut chosen = (0, 0, 0);
    for seed in 0..shifts {
        let result = std::panic::catch_unwind(|| {
            let mut shift = Shift::new(seed);
            for _ in 0..if shift.is_calm { 900 } else { 400 } {
                shift.anything();
                if shift.dice.chance() < 0.4 {
                    shift.pass();
                }
            }
            shift.wind_down();
            let Reference { rests, handed_over, parked, chosen, spared, .. } = shift.reference;
            (shift.offers, rests, shift.calls, shift.called_back, (handed_over, parked), (chosen, spared))
        });
        let Ok((o, r, c, back, over, choice)) = result else { panic!("seed {seed} breaks a rule (its message stands above)") };
        (offers, rests, calls) = (offers + o, rests + r, calls + c);
        (asked, joined, handed) = (asked + back.0, joined + back.1, handed + over.0);
        parked = (parked.0 + over.1.0, parked.1 + over.1.1, parked.2 + over.1.2);
        chosen = (chosen.0 + choice.0.0, chosen.1 + choice.0.1, chosen.2 + choice.1);
    }
    println!(
        "{shifts} shifts, {calls} calls, {offers} offers, {rests} rests, {asked} call-backs of which {joined} were joined, \
         {handed} callers handed over to a colleague; {} were parked, {} of them fetched, {} came back by time; \
         {} offers had a choice, {} of them by what was borne, {} spared somebody",
        parked.0, parked.1, parked.2, chosen.0, chosen.1, chosen.2
    );
    let least = shifts as usize / 2;
    assert!(chosen.0 > least * 4 && chosen.1 > least / 10 && chosen.2 > least / 10, "{chosen:?}");
    assert!(parked.0 > least && parked.1 > least / 4 && parked.2 > least / 4, "{parked:?}");
    assert!(asked > shifts as usize * 5 && joined > shifts as usize, "{asked} {joined}");
    assert!(handed > shifts as usize / 20, "{handed} callers were handed over");
    assert!(offers > shifts as usize * 30 && rests > 0, "the shifts must try what they are to show: {offers} {rests}");
}
