//! How long a wait will be, as an interval that can be kept: from how long calls last and how long callers stay (survival curves,
//! Kaplan and Meier 1958, in which conversations that go on and callers who were served count as what is known of them), played
//! forward over who talks and who waits, and corrected by how earlier announcements turned out (after adaptive conformal
//! inference, Gibbs and Candès 2021).

use crate::base::{Dice, Moment};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Observations kept for each curve.
const KEPT: usize = 400;
/// Until there are so many, the configuration's guess takes part as that many observations.
const GUESSED: usize = 20;
/// A curve is made anew after so many new observations.
const RENEW_AFTER: usize = 8;
/// Futures played forward for one announcement.
const FUTURES: usize = 64;
/// Narrowest interval, seconds: nobody needs to know it better.
const NARROWEST: u32 = 60;
/// Where that is more, an interval may be this share of its middle and is still of use.
const USEFUL: f64 = 0.6;
/// Share of callers who are to be served inside what they were told.
const KEPT_SHARE: f64 = 0.835;
/// What is given up to be narrower by as much as people find useful, of what is given up to be useful.
const SLOPE: f64 = 0.7;
/// How fast the interval learns from how it turned out.
const STEP: f64 = 0.01;
/// Longest wait that is announced.
const LONGEST: f64 = 4.0 * 3_600.0;

/// "Three to five minutes": what callers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// Seconds, whole half minutes; 0 = from now on.
    pub from: u32,
    /// Seconds, at least a minute more than `from`.
    pub to: u32,
}

impl Interval {
    /// Whether a wait ended inside it.
    pub fn holds(self, wait: Duration) -> bool {
        wait >= Duration::from_secs(u64::from(self.from)) && !self.is_over(wait)
    }

    /// Whether a wait is longer.
    pub fn is_over(self, wait: Duration) -> bool {
        wait > Duration::from_secs(u64::from(self.to))
    }
}

/// How often announced intervals were kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitFigures {
    /// Callers who were told an interval and were served, or waited longer than it.
    pub told: u64,
    /// Those served inside it.
    pub kept: u64,
}

/// A survival curve, learned as time goes by.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    /// Seconds, and whether it ended there (otherwise it is only known to be longer).
    seen: VecDeque<(f64, bool)>,
    new: usize,
    /// Times in rising order with the share that is longer.
    steps: Vec<(f64, f64)>,
    /// Mean beyond the last step.
    tail: f64,
}

impl Curve {
    /// Before anything was seen: durations around this, with the spread that telephone calls have (a log-normal with a coefficient
    /// of variation of 0.8).
    pub(super) fn guess(usual: Duration) -> Curve {
        let usual = usual.as_secs_f64().max(1.0);
        // Quantiles of the log-normal at (i + 0.5) / 20, times the mean.
        const SHAPE: [f64; GUESSED] = [
            0.197, 0.284, 0.346, 0.402, 0.456, 0.509, 0.563, 0.619, 0.678, 0.742, 0.812, 0.890, 0.979, 1.082, 1.206, 1.362,
            1.571, 1.884, 2.446, 4.02,
        ];
        let seen = SHAPE.iter().map(|share| (share * usual, true)).collect();
        let mut curve = Curve { seen, new: 0, steps: Vec::new(), tail: usual };
        curve.renew(&[]);
        curve
    }

    /// What was seen before, as [`Curve::seen`] gave it; `None` where nothing of it can be used.
    pub(super) fn of(seen: &[(f64, bool)]) -> Option<Curve> {
        let possible = |(seconds, _): &&(f64, bool)| (0.0..=LONGEST).contains(seconds);
        let mut seen: VecDeque<(f64, bool)> = seen.iter().filter(possible).copied().collect();
        seen.drain(..seen.len().saturating_sub(KEPT));
        if seen.len() < GUESSED {
            return None;
        }
        let mut curve = Curve { seen, new: 0, steps: Vec::new(), tail: 1.0 };
        curve.renew(&[]);
        Some(curve)
    }

    /// Everything that it was learned from: seconds to a tenth, and whether it ended there.
    pub(super) fn seen(&self) -> Vec<(f64, bool)> {
        self.seen.iter().map(|(seconds, ended)| ((seconds * 10.0).round() / 10.0, *ended)).collect()
    }

    /// One more observation; `ended` is false where it is only known to be longer.
    pub(super) fn see(&mut self, took: Duration, ended: bool) {
        if self.seen.len() >= KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back((took.as_secs_f64(), ended));
        self.new += 1;
    }

    /// Makes the curve anew if enough was seen; `going_on` = what has lasted so long and has not ended.
    pub(super) fn renew_with(&mut self, going_on: impl Iterator<Item = Duration>) {
        if self.new >= RENEW_AFTER {
            let going_on: Vec<f64> = going_on.map(|d| d.as_secs_f64()).collect();
            self.renew(&going_on);
        }
    }

    fn renew(&mut self, going_on: &[f64]) {
        self.new = 0;
        let mut all: Vec<(f64, bool)> = self.seen.iter().copied().chain(going_on.iter().map(|s| (*s, false))).collect();
        // What ended comes before what went on at the same time.
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        self.steps.clear();
        let (mut share, mut at_risk) = (1.0, all.len() as f64);
        for (seconds, ended) in &all {
            if *ended {
                share *= 1.0 - 1.0 / at_risk;
                self.steps.push((*seconds, share));
            }
            at_risk -= 1.0;
        }
        // As if it ended at an even rate: all the time that was seen, by how often it ended.
        let ends = all.iter().filter(|(_, ended)| *ended).count().max(1);
        self.tail = (all.iter().map(|(seconds, _)| seconds).sum::<f64>() / ends as f64).max(1.0);
    }

    /// The share that lasts longer than this.
    fn longer(&self, seconds: f64) -> f64 {
        let place = self.steps.partition_point(|(at, _)| *at <= seconds);
        if place == 0 { 1.0 } else { self.steps[place - 1].1 }
    }

    /// How long something goes on that has lasted for `elapsed` seconds.
    pub(super) fn draw_rest(&self, elapsed: f64, dice: &mut Dice) -> f64 {
        let share = self.longer(elapsed) * (1.0 - dice.chance());
        let place = self.steps.partition_point(|(_, longer)| *longer >= share);
        match self.steps.get(place) {
            Some((at, _)) if *at > elapsed => at - elapsed,
            _ => {
                let seen = self.steps.last().map_or(0.0, |(at, _)| (at - elapsed).max(0.0));
                seen - self.tail * (1.0 - dice.chance()).max(1e-9).ln()
            }
        }
    }
}

/// An agent as futures see them, seconds from now.
#[derive(Debug, Clone, Copy)]
pub(super) enum Busy {
    /// Talks in a call of this queue for so long.
    Talks { queue: usize, elapsed: f64 },
    /// Free after so long at the latest.
    Until(f64),
    /// Is being offered a call of this queue.
    Rings { queue: usize },
}

/// A caller who is ahead.
#[derive(Debug, Clone)]
pub(super) struct Ahead {
    pub(super) queue: usize,
    pub(super) waited: f64,
    pub(super) agents: Vec<Able>,
    /// Is called back: nobody is on the line who might give up.
    pub(super) stays: bool,
}

/// An agent who may serve a caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Able {
    /// Place in the list of agents.
    pub(super) agent: usize,
    /// Not before so many seconds from now: when the agent's queue begins to help.
    pub(super) after: f64,
}

/// What is known at a moment for one caller's wait.
pub(super) struct Outlook<'a> {
    pub(super) agents: &'a [Busy],
    pub(super) ahead: &'a [Ahead],
    /// Who may serve the caller.
    pub(super) mine: &'a [Able],
    /// Per queue.
    pub(super) talking: &'a [Curve],
    /// Seconds, per queue.
    pub(super) wrap_up: &'a [f64],
    pub(super) patience: &'a [Curve],
    /// Seconds from an offer to its answer.
    pub(super) pick_up: f64,
}

impl Outlook<'_> {
    /// Waits in seconds of many futures, in rising order; empty where nobody can serve the caller.
    pub(super) fn waits(&self, seed: u64) -> Vec<f64> {
        if self.mine.is_empty() {
            return Vec::new();
        }
        let mut dice = Dice::new(seed);
        let mut free = vec![0.0; self.agents.len()];
        let mut waits: Vec<f64> = (0..FUTURES).map(|_| self.one(&mut free, &mut dice)).collect();
        waits.sort_by(f64::total_cmp);
        waits
    }

    /// Until an agent is free who has talked for so long: nobody is before the wrap-up.
    fn service(&self, queue: usize, elapsed: f64, dice: &mut Dice) -> f64 {
        self.talking[queue].draw_rest(elapsed, dice) + self.wrap_up[queue]
    }

    fn one(&self, free: &mut [f64], dice: &mut Dice) -> f64 {
        for (slot, agent) in free.iter_mut().zip(self.agents) {
            *slot = match *agent {
                Busy::Talks { queue, elapsed } => self.service(queue, elapsed, dice),
                Busy::Until(seconds) => seconds,
                Busy::Rings { queue } => self.pick_up / 2.0 + self.service(queue, 0.0, dice),
            };
        }
        let first = |free: &[f64], agents: &[Able]| {
            let at = |able: &Able| (free[able.agent].max(able.after), able.agent);
            agents.iter().map(at).min_by(|a, b| a.0.total_cmp(&b.0))
        };
        for caller in self.ahead {
            let Some((at, agent)) = first(free, &caller.agents) else { continue };
            // Who gives up first takes nobody's time.
            if caller.stays || self.patience[caller.queue].draw_rest(caller.waited, dice) > at {
                free[agent] = at + self.pick_up + self.service(caller.queue, 0.0, dice);
            }
        }
        first(free, self.mine).map_or(LONGEST, |(at, _)| (at + self.pick_up).min(LONGEST))
    }
}

/// Turns futures into an interval, and learns from how it turned out. One for each band of queue lengths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Keeper {
    /// What waits really were, by what futures said; they know nothing of lunch, of callers who go first, of phones that ring out.
    shift: f64,
    /// The share of futures that is given up for an interval that people find useful. Where few futures are to be had for it, the
    /// broad interval is told: like this, more intervals are useful than if each held the same share.
    price: f64,
}

impl Default for Keeper {
    fn default() -> Keeper {
        Keeper { shift: 1.0, price: 1.0 - KEPT_SHARE }
    }
}

/// Whether an interval is narrow enough to be of use to people.
fn is_useful(from: u32, to: u32) -> bool {
    to - from <= NARROWEST || f64::from(to - from) <= USEFUL * f64::from(to + from) / 2.0
}

/// Seconds that are spoken: half minutes up to five, whole ones up to ten, then fives.
fn marks() -> impl Iterator<Item = u32> + Clone {
    (0..300).step_by(30).chain((300..600).step_by(60)).chain((600..=14_400).step_by(300))
}

/// Bands of positions that learn apart: 1, 2–4, 5–9, 10 and more.
pub(super) const BANDS: usize = 4;

/// The band of a position (from 1).
pub fn band(position: usize) -> usize {
    match position {
        0 | 1 => 0,
        2..=4 => 1,
        5..=9 => 2,
        _ => 3,
    }
}

impl Keeper {
    /// The interval that holds most of the futures for how broad it is, and the middle one, in seconds; `waits` in rising order.
    pub(super) fn interval(&self, waits: &[f64]) -> Option<(Interval, f64)> {
        let middle = *waits.get(waits.len() / 2)?;
        let up_to = |mark: u32| waits.partition_point(|wait| wait * self.shift <= f64::from(mark));
        let marks: Vec<(u32, usize)> = marks().map(|mark| (mark, up_to(mark))).collect();
        let useful = (middle * self.shift * USEFUL).max(f64::from(NARROWEST));
        let mut best: Option<(f64, Interval)> = None;
        for &(from, sooner) in &marks {
            // A wait that is already over its first second is none of nothing.
            let before = if from == 0 { 0 } else { sooner };
            if before == waits.len() {
                break;
            }
            for &(to, by_then) in marks.iter().filter(|(to, _)| *to >= from + NARROWEST) {
                let inside = by_then - before;
                let useless = f64::from(u8::from(!is_useful(from, to)));
                let cost = self.price * (useless + SLOPE * f64::from(to - from) / useful);
                let worth = inside as f64 / waits.len() as f64 - cost;
                // Of two that are as good the later one: who is served sooner than they were told is not disappointed.
                if inside > 0 && best.is_none_or(|(most, _)| worth >= most) {
                    best = Some((worth, Interval { from, to }));
                }
                if by_then == waits.len() {
                    break;
                }
            }
        }
        let longest = Interval { from: 3_600, to: 14_400 };
        Some((best.map_or(longest, |(_, interval)| interval), middle))
    }

    /// As far as it can be.
    pub(super) fn bounded(self) -> Keeper {
        let Keeper { shift, price } = self;
        Keeper { shift: if shift.is_finite() { shift.clamp(0.3, 4.0) } else { 1.0 }, price: price.clamp(0.0, 0.7) }
    }

    /// A wait is over (`served`), or is longer than the interval. `middle` is what the interval was made with.
    pub(super) fn learn(&mut self, (told, middle): (Interval, f64), wait: Duration, served: bool) {
        let over = told.is_over(wait);
        if !served && !over {
            // Who gave up inside it tells nothing.
            return;
        }
        let kept = served && told.holds(wait);
        self.price = (self.price - STEP * (KEPT_SHARE - f64::from(u8::from(kept)))).clamp(0.0, 0.7);
        let longer = wait.as_secs_f64() > middle * self.shift;
        self.shift = (self.shift * if longer { 1.0 + STEP } else { 1.0 - STEP }).clamp(0.3, 4.0);
    }
}

/// A seed that differs for each announcement and is the same at every run.
pub(super) fn seed(order: u64, at: Moment) -> u64 {
    order.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ at.micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_counts_what_goes_on_as_longer() {
        let mut curve = Curve::guess(Duration::from_secs(100));
        curve.seen.clear();
        for seconds in [10, 20, 30, 40] {
            curve.see(Duration::from_secs(seconds), true);
        }
        curve.renew(&[]);
        assert!((curve.longer(25.0) - 0.5).abs() < 1e-9);
        curve.renew(&[35.0; 4]);
        // Kaplan-Meier by hand: 7/8, 6/7, 5/6 of it are longer than 30.
        assert!((curve.longer(30.0) - 5.0 / 8.0).abs() < 1e-9, "{}", curve.longer(30.0));
        let mut dice = Dice::new(1);
        let mean = (0..4_000).map(|_| curve.draw_rest(15.0, &mut dice)).sum::<f64>() / 4_000.0;
        assert!(mean > 15.0, "what has lasted 15 s goes on at least to 20: {mean}");
    }

    #[test]
    fn what_has_lasted_long_is_drawn_from_the_long_ones() {
        let curve = Curve::guess(Duration::from_secs(200));
        let mut dice = Dice::new(3);
        assert!((0..500).all(|_| curve.draw_rest(0.0, &mut dice) > 0.0));
        // Beyond everything seen there is still an end.
        let rests: Vec<f64> = (0..500).map(|_| curve.draw_rest(5_000.0, &mut dice)).collect();
        assert!(rests.iter().all(|r| r.is_finite() && *r >= 0.0) && rests.iter().sum::<f64>() > 0.0);
    }

    #[test]
    fn intervals_are_whole_minutes_as_narrow_as_may_be() {
        let of = |waits: &[f64]| Keeper::default().interval(waits).expect("there are futures").0;
        assert_eq!(of(&[5.0; 64]), Interval { from: 0, to: 60 });
        assert_eq!(of(&[200.0; 64]), Interval { from: 180, to: 240 });
        let even: Vec<f64> = (0..64).map(|n| 170.0 + f64::from(n) * 2.0).collect();
        assert_eq!(of(&even), Interval { from: 180, to: 300 }, "what is outside is few");
        let long: Vec<f64> = (0..64).map(|n| 900.0 + f64::from(n) * 10.0).collect();
        assert_eq!(of(&long), Interval { from: 900, to: 1_500 });
        assert_eq!(of(&[99_999.0; 64]), Interval { from: 3_600, to: 14_400 });
        assert!(Keeper::default().interval(&[]).is_none());
        let told = Interval { from: 180, to: 300 };
        let s = |s| Duration::from_secs(s);
        assert!(!told.holds(s(179)) && told.holds(s(180)) && told.holds(s(300)) && !told.holds(s(301)) && told.is_over(s(301)));
    }

    #[test]
    fn one_agent_and_one_ahead_take_about_two_calls() {
        let talking = [Curve::guess(Duration::from_secs(120))];
        let patience = [Curve::guess(Duration::from_secs(100_000))];
        let ahead = [Ahead { queue: 0, waited: 0.0, agents: vec![Able { agent: 0, after: 0.0 }], stays: false }];
        let agents = [Busy::Talks { queue: 0, elapsed: 0.0 }];
        let outlook = Outlook {
            agents: &agents,
            ahead: &ahead,
            mine: &[Able { agent: 0, after: 0.0 }],
            talking: &talking,
            wrap_up: &[0.0],
            patience: &patience,
            pick_up: 5.0,
        };
        let waits = outlook.waits(7);
        let mean = waits.iter().sum::<f64>() / waits.len() as f64;
        assert!((150.0..330.0).contains(&mean), "{mean}");
        assert!(Outlook { mine: &[], ..outlook }.waits(7).is_empty());
    }

    #[test]
    fn an_interval_that_is_broken_grows_and_one_that_is_kept_shrinks() {
        // One to four minutes and a long tail.
        let tail: Vec<f64> = (0..64).map(|n| f64::from(60 + n * 4 + (n - 48).max(0) * 16)).collect();
        let mut keeper = Keeper::default();
        let (told, middle) = keeper.interval(&tail).expect("there");
        for _ in 0..10 {
            keeper.learn((told, middle), Duration::from_secs(500), true);
        }
        let (wider, _) = keeper.interval(&tail).expect("there");
        assert!(wider.to > told.to, "{told:?} {wider:?}");
        let before = keeper;
        keeper.learn((told, middle), Duration::from_secs(30), false);
        assert!(keeper.price == before.price && keeper.shift == before.shift, "who gave up inside tells nothing");
        for n in 0..2_000 {
            keeper.learn((told, middle), Duration::from_secs(if n % 2 == 0 { 100 } else { 200 }), true);
        }
        let (narrow, _) = keeper.interval(&tail).expect("there");
        assert!(narrow.to - narrow.from < told.to - told.from, "{told:?} {narrow:?}");
    }
}
