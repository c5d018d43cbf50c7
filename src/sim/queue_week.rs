//! A week of a contact centre, made up and played through the queue machine: bursts, agents who vanish, phones that are not picked
//! up, callers who give up. It tells what callers and agents would have met, and whether announced waits were kept.

use crate::acd::{
    Acd, AgentSetup, AgentState, Command, Event, Interval, Left, Now, Overflow, Presence, QueueSetup, Refusal, Setup, Strain,
    Talk, Ticket, band,
};
use crate::base::{CallId, Dice, Language, Moment, WallTime};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

/// What is played.
#[derive(Debug, Clone)]
pub struct Week {
    /// People on the pay-roll; about three in five are there at a time.
    pub agents: usize,
    /// Calls in all.
    pub calls: usize,
    /// Days, from a Monday on.
    pub days: u64,
    /// The same seed brings the same week.
    pub seed: u64,
    /// Agents rest after hard calls.
    pub rests: bool,
}

/// How announced waits of a band of positions were kept.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Kept {
    /// Callers who were told an interval and then served, or who waited longer than it.
    pub told: u64,
    /// Served inside it.
    pub inside: u64,
    /// Served sooner.
    pub sooner: u64,
    /// Median width of the intervals, minutes.
    pub width_minutes: f64,
    /// Median of width by midpoint.
    pub width_share: f64,
    /// Share of the intervals that were at most a minute wide or 60 % of their midpoint.
    pub narrow: f64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct WeekReport {
    /// Calls that came.
    pub calls: usize,
    /// Served by a person.
    pub served: usize,
    /// Served within 20 s of all.
    pub service_level: f64,
    /// Gave up.
    pub abandoned: usize,
    /// Told that they cannot be served.
    pub unserved: usize,
    /// Seconds until served: median and the 95th of a hundred.
    pub wait_median: f64,
    /// The 95th of a hundred.
    pub wait_p95: f64,
    /// Longest wait of anybody, seconds.
    pub wait_longest: f64,
    /// By position: 1, 2–4, 5–9, 10 and more.
    pub kept: [Kept; 4],
    /// All of them.
    pub kept_all: Kept,
    /// Rests after hard calls.
    pub rests: usize,
    /// Abusive calls, and those that came right after one to the same agent (only where nobody else was idle).
    pub abusive: usize,
    /// Of those.
    pub abusive_in_a_row: usize,
    /// Share of the logged-in time in which agents talked or wrapped up.
    pub occupancy: f64,
    /// Steps of the machine.
    pub steps: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrives(usize),
    GivesUp(u128),
    Answers(u128, u64),
    RingsOut(u128, u64),
    Declines(u128, u64),
    HangsUp(u128),
    Agent(usize, u8),
}

const DAY: f64 = 86_400.0;
/// Share of a weekday's calls by the hour, from 8 to 20.
const HOURS: [f64; 12] = [0.06, 0.10, 0.12, 0.11, 0.08, 0.08, 0.10, 0.11, 0.10, 0.07, 0.04, 0.03];

struct Caller {
    came: f64,
    handled: f64,
    patience: f64,
    ticket: Ticket,
    strain: Strain,
    told: Option<(Interval, usize, f64)>,
    /// The offer that stands.
    offer: u64,
    done: bool,
}

struct Play {
    acd: Acd,
    dice: Dice,
    /// By time in microseconds, then by the order of making.
    next: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    made: u64,
    callers: Vec<Caller>,
    by: BTreeMap<u128, usize>,
    report: WeekReport,
    waits: Vec<f64>,
    widths: [Vec<(f64, f64)>; 4],
    talking: BTreeMap<u128, usize>,
    last_abusive: Vec<bool>,
    busy: f64,
    here: f64,
    agents: usize,
    /// Who has just picked up.
    joins: Vec<u128>,
}

fn normal(dice: &mut Dice) -> f64 {
    // Box and Muller 1958.
    (-2.0 * (1.0 - dice.chance()).ln()).sqrt() * (std::f64::consts::TAU * dice.chance()).cos()
}

/// Log-normal of this mean and coefficient of variation.
fn lasting(dice: &mut Dice, mean: f64, spread: f64) -> f64 {
    let variance = (1.0 + spread * spread).ln();
    (mean.ln() - variance / 2.0 + variance.sqrt() * normal(dice)).exp()
}

fn moment(seconds: f64) -> Moment {
    Moment::from_micros((seconds.max(0.0) * 1e6) as u64)
}

fn set_up(week: &Week) -> Setup {
    let names = ["sales", "help", "complaints"];
    let mut queues: Vec<QueueSetup> = names.iter().map(|n| QueueSetup::named(n)).collect();
    queues[0].overflow.push(Overflow { to: "help".into(), after: Duration::from_secs(90), waiting: None });
    queues[2].choose = crate::acd::Choose::BestSkill;
    let agents = (0..week.agents).map(|n| {
        let mut skills = BTreeMap::from([("help".to_string(), 1 + (n % 10) as u8)]);
        if n % 2 == 0 {
            skills.insert("sales".into(), 1 + (n % 7) as u8);
        }
        if n % 3 == 0 {
            skills.insert("complaints".into(), 1 + (n % 9) as u8);
        }
        let languages = if n % 10 < 3 { BTreeSet::from([Language::EN, Language::ZH]) } else { BTreeSet::from([Language::EN]) };
        AgentSetup { name: format!("agent {n}"), skills, languages, returns: None }
    });
    let mut setup = Setup::new(queues, agents.collect());
    if !week.rests {
        setup.rest = Duration::ZERO;
    }
    setup
}

/// Plays it.
pub fn play(week: &Week) -> WeekReport {
    let setup = set_up(week);
    let acd = Acd::new(setup, Now { at: Moment::ZERO, wall: WallTime(0) }).unwrap_or_else(|e| panic!("our own set-up: {e:?}"));
    let mut play = Play {
        acd,
        dice: Dice::new(week.seed),
        next: BinaryHeap::new(),
        made: 0,
        callers: Vec::new(),
        by: BTreeMap::new(),
        report: WeekReport { calls: week.calls, ..WeekReport::default() },
        waits: Vec::new(),
        widths: Default::default(),
        talking: BTreeMap::new(),
        last_abusive: vec![false; week.agents],
        busy: 0.0,
        here: 0.0,
        agents: week.agents,
        joins: Vec::new(),
    };
    play.arrivals(week);
    play.shifts(week);
    play.run();
    play.finish()
}

impl Play {
    fn at(&mut self, seconds: f64, what: Happening) {
        self.made += 1;
        self.next.push(Reverse((moment(seconds).micros(), self.made, what)));
    }

    /// Callers come by the hour of the day; some quarters of an hour bring three times as many.
    fn arrivals(&mut self, week: &Week) {
        let share = |day: u64| if day % 7 < 5 { 1.0 } else { 0.3 };
        let all: f64 = (0..week.days).map(share).sum();
        let mut times = Vec::new();
        for day in 0..week.days {
            let calls = week.calls as f64 * share(day) / all;
            let mut slots = Vec::new();
            for quarter in 0..48 {
                let burst = if self.dice.chance() < 0.05 { 3.0 } else { 1.0 };
                slots.push(HOURS[quarter / 4] / 4.0 * burst);
            }
            let sum: f64 = slots.iter().sum();
            for (quarter, weight) in slots.iter().enumerate() {
                let expected = calls * weight / sum;
                let number = expected as usize + usize::from(self.dice.chance() < expected.fract());
                for _ in 0..number {
                    let begin = day as f64 * DAY + 8.0 * 3_600.0 + quarter as f64 * 900.0;
                    times.push(begin + self.dice.chance() * 900.0);
                }
            }
        }
        times.sort_by(f64::total_cmp);
        self.report.calls = times.len();
        for (n, came) in times.into_iter().enumerate() {
            let kind = self.dice.chance();
            let (queue, mean) = match kind {
                k if k < 0.3 => ("sales", 260.0),
                k if k < 0.85 => ("help", 220.0),
                _ => ("complaints", 380.0),
            };
            let abusive = self.dice.chance() < 0.03;
            let ticket = Ticket {
                queue: queue.into(),
                priority: if self.dice.chance() < 0.1 { 3 } else { 0 },
                language: if self.dice.chance() < 0.08 { Language::ZH } else { Language::EN },
                caller: 1 + self.dice.roll(9_000) as u64,
                abusive,
                only: None,
                prefer: None,
                sent_by: None,
                emergency: false,
                returned: false,
                kept: None,
                call_back: None,
                waited: Duration::ZERO,
            };
            let strain = Strain { abusive, loud: abusive || self.dice.chance() < 0.04, hard: queue == "complaints" };
            let caller = Caller {
                came,
                handled: lasting(&mut self.dice, mean, 0.7).clamp(10.0, 5_400.0),
                patience: lasting(&mut self.dice, 600.0, 1.0),
                ticket,
                strain,
                told: None,
                offer: 0,
                done: false,
            };
            self.callers.push(caller);
            self.by.insert(n as u128 + 1, n);
            self.at(came, Happening::Arrives(n));
        }
    }

    /// Two shifts a day with a lunch break; now and then somebody vanishes for half an hour.
    fn shifts(&mut self, week: &Week) {
        for day in 0..week.days {
            let weekend = day % 7 >= 5;
            for agent in 0..week.agents {
                if weekend && agent % 3 != (day % 3) as usize {
                    continue;
                }
                let start = day as f64 * DAY + if agent % 5 < 3 { 7.9 } else { 11.9 } * 3_600.0 + self.dice.chance() * 300.0;
                let lunch = start + (3.0 + self.dice.chance() * 2.0) * 3_600.0;
                self.at(start, Happening::Agent(agent, 2));
                self.at(lunch, Happening::Agent(agent, 1));
                self.at(lunch + 1_800.0, Happening::Agent(agent, 2));
                if self.dice.chance() < 0.1 {
                    let lost = start + self.dice.chance() * 7.0 * 3_600.0;
                    self.at(lost, Happening::Agent(agent, 0));
                    self.at(lost + 1_800.0, Happening::Agent(agent, 2));
                }
                self.at(start + 8.3 * 3_600.0, Happening::Agent(agent, 0));
                self.here += 7.8 * 3_600.0;
            }
        }
    }

    fn run(&mut self) {
        loop {
            let timer = self.acd.next_timer().map(Moment::micros);
            let next = self.next.peek().map(|Reverse((at, _, _))| *at);
            let Some(at) = timer.into_iter().chain(next).min() else { return };
            let now = Now { at: Moment::from_micros(at), wall: WallTime(0) };
            let event = if next.is_some_and(|next| next <= at) {
                let Some(Reverse((_, _, what))) = self.next.pop() else { return };
                match self.event(at as f64 / 1e6, what) {
                    Some(event) => event,
                    None => continue,
                }
            } else {
                Event::Tick
            };
            let mut out = Vec::new();
            self.acd.step(now, event, &mut out);
            self.report.steps += 1;
            for command in out {
                self.carry_out(at as f64 / 1e6, command);
            }
            for call in std::mem::take(&mut self.joins) {
                self.acd.step(now, Event::Joined { call: CallId(call) }, &mut Vec::new());
            }
        }
    }

    fn event(&mut self, at: f64, what: Happening) -> Option<Event> {
        match what {
            Happening::Arrives(n) => {
                let call = n as u128 + 1;
                let patience = self.callers[n].patience;
                self.at(at + patience, Happening::GivesUp(call));
                Some(Event::Enqueue { call: CallId(call), ticket: self.callers[n].ticket.clone() })
            }
            Happening::GivesUp(call) => {
                let n = self.by[&call];
                if self.callers[n].done || self.talking.contains_key(&call) {
                    return None;
                }
                self.callers[n].done = true;
                self.report.abandoned += 1;
                self.judge(n, at, false);
                Some(Event::Leave { call: CallId(call), why: Left::HungUp })
            }
            Happening::Answers(call, offer) => {
                let n = self.is_on_offer(call, offer)?;
                let agent = self.agent_of(at, call)?;
                let caller = &self.callers[n];
                self.waits.push(at - caller.came);
                let (abusive, handled) = (caller.strain.abusive, caller.handled);
                self.report.served += 1;
                if abusive {
                    self.report.abusive += 1;
                    self.report.abusive_in_a_row += usize::from(self.last_abusive[agent]);
                }
                self.last_abusive[agent] = abusive;
                self.busy += handled + 30.0;
                self.talking.insert(call, agent);
                self.judge(n, at, true);
                self.at(at + handled, Happening::HangsUp(call));
                self.joins.push(call);
                Some(Event::Accepted { call: CallId(call), agent: format!("agent {agent}") })
            }
            Happening::RingsOut(call, offer) => {
                self.is_on_offer(call, offer)?;
                // The agent notices after a while.
                if let Some(agent) = self.agent_of(at, call) {
                    self.at(at + 120.0, Happening::Agent(agent, 2));
                }
                Some(Event::Refused { call: CallId(call), offer, why: Refusal::NoAnswer })
            }
            Happening::Declines(call, offer) => {
                self.is_on_offer(call, offer)?;
                Some(Event::Refused { call: CallId(call), offer, why: Refusal::Declined })
            }
            Happening::HangsUp(call) => {
                self.talking.remove(&call);
                let n = self.by[&call];
                self.callers[n].done = true;
                Some(Event::Finished { call: CallId(call), talk: Talk { strain: self.callers[n].strain, lost: false } })
            }
            Happening::Agent(agent, presence) => {
                let presence = match presence {
                    0 => Presence::Offline,
                    1 => Presence::Away("lunch".into()),
                    _ => Presence::Available,
                };
                Some(Event::Presence { agent: format!("agent {agent}"), presence })
            }
        }
    }

    fn is_on_offer(&self, call: u128, offer: u64) -> Option<usize> {
        let n = *self.by.get(&call)?;
        let caller = &self.callers[n];
        (!caller.done && caller.offer == offer && !self.talking.contains_key(&call)).then_some(n)
    }

    fn agent_of(&self, at: f64, call: u128) -> Option<usize> {
        let views = self.acd.agent_views(moment(at));
        views.iter().position(|v| v.state == AgentState::Offered(CallId(call))).filter(|a| *a < self.agents)
    }

    fn carry_out(&mut self, at: f64, command: Command) {
        match command {
            Command::Offer { call, ring, offer, .. } => {
                let n = self.by[&call.0];
                self.callers[n].offer = offer;
                match self.dice.chance() {
                    c if c < 0.03 => self.at(at + ring.as_secs_f64(), Happening::RingsOut(call.0, offer)),
                    c if c < 0.04 => self.at(at + 3.0, Happening::Declines(call.0, offer)),
                    _ => {
                        let picks_up = at + 2.0 + self.dice.chance() * 5.0;
                        self.at(picks_up, Happening::Answers(call.0, offer));
                    }
                }
            }
            Command::Withdraw { call, .. } => {
                let n = self.by[&call.0];
                self.callers[n].offer = 0;
            }
            Command::Place { call, position, wait, .. } => {
                let n = self.by[&call.0];
                if let (None, Some(wait)) = (self.callers[n].told, wait) {
                    self.callers[n].told = Some((wait, position, at));
                }
            }
            Command::Unserved { call, .. } => {
                let n = self.by[&call.0];
                self.callers[n].done = true;
                self.report.unserved += 1;
            }
            Command::Changed | Command::Consult { .. } | Command::NoConsult { .. } => {}
        }
    }

    fn judge(&mut self, n: usize, at: f64, served: bool) {
        let Some((told, position, when)) = self.callers[n].told else { return };
        let band = band(position);
        let (from, to) = (f64::from(told.from) / 60.0, f64::from(told.to) / 60.0);
        self.widths[band].push((to - from, (to - from) / ((to + from) / 2.0)));
        let wait = Duration::from_secs_f64(at - when);
        if !served && !told.is_over(wait) {
            return;
        }
        for kept in [&mut self.report.kept[band], &mut self.report.kept_all] {
            kept.told += 1;
            kept.inside += u64::from(served && told.holds(wait));
            kept.sooner += u64::from(!told.holds(wait) && !told.is_over(wait));
        }
    }

    fn finish(mut self) -> WeekReport {
        self.waits.sort_by(f64::total_cmp);
        let at = |q: f64| self.waits.get((q * self.waits.len() as f64) as usize).copied().unwrap_or(0.0);
        (self.report.wait_median, self.report.wait_p95) = (at(0.5), at(0.95));
        self.report.wait_longest = self.waits.last().copied().unwrap_or(0.0);
        let soon = self.waits.iter().filter(|w| **w <= 20.0).count();
        self.report.service_level = soon as f64 / self.report.calls.max(1) as f64;
        self.report.rests = self.acd.rests();
        self.report.occupancy = self.busy / self.here.max(1.0);
        let middle = |values: &mut Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        let all: Vec<(f64, f64)> = self.widths.iter().flatten().copied().collect();
        for (band, kept) in self.report.kept.iter_mut().chain([&mut self.report.kept_all]).enumerate() {
            let widths = self.widths.get(band).unwrap_or(&all);
            let narrow = widths.iter().filter(|(minutes, share)| *minutes <= 1.0 || *share <= 0.6).count();
            kept.narrow = narrow as f64 / widths.len().max(1) as f64;
            kept.width_minutes = middle(&mut widths.iter().map(|w| w.0).collect());
            kept.width_share = middle(&mut widths.iter().map(|w| w.1).collect());
        }
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The week that `hotline bench queue` plays, whole.
    #[test]
    fn in_a_week_nobody_is_lost_and_what_callers_are_told_is_kept_in_every_band() {
        let week = Week { agents: 50, calls: 20_000, days: 7, seed: 1, rests: true };
        let report = play(&week);
        assert_eq!(report.served + report.abandoned + report.unserved, report.calls, "nobody is lost: {report:?}");
        println!(
            "{} calls: within 20 s {:.1} %, gave up {:.1} %, unserved {}",
            report.calls,
            report.service_level * 100.0,
            report.abandoned as f64 / report.calls as f64 * 100.0,
            report.unserved
        );
        assert!(report.calls > 19_000, "{report:?}");
        for (positions, kept) in
            ["1", "2 to 4", "5 to 9", "10 and more", "all"].iter().zip(report.kept.iter().chain([&report.kept_all]))
        {
            let share = kept.inside as f64 / kept.told as f64;
            println!(
                "position {positions}: {} told, {:.1} % kept, {:.1} % of use",
                kept.told,
                share * 100.0,
                kept.narrow * 100.0
            );
            assert!(kept.told >= 500 && (0.80..=0.95).contains(&share), "position {positions}: {report:?}");
            assert!(kept.narrow > 0.5, "position {positions}: {report:?}");
        }
        // Far from what is seen (58 % and 6 %), so that a worse week is noticed.
        assert!(report.service_level > 0.5 && report.abandoned * 10 < report.calls, "{report:?}");
    }
}
