//! How many calls went out by number: within the last hour, the last day, and for one caller. Memory is bounded, and what no
//! longer fits in is refused.

use super::Caps;
use crate::base::Moment;
use std::collections::HashMap;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Callers that are remembered at once. Beyond, calls of further ones are refused until a day has passed for some.
const CALLERS_MAX: usize = 10_000;

/// Counts for one trunk.
#[derive(Debug)]
pub(crate) struct Tally {
    hour: Window,
    day: Window,
    /// When each caller's first call of its day was, and how many there were.
    callers: HashMap<String, (Moment, u32)>,
}

impl Tally {
    pub(crate) fn new() -> Tally {
        Tally { hour: Window::new(HOUR), day: Window::new(DAY), callers: HashMap::new() }
    }

    /// Counts one call if all caps allow it; nothing is counted otherwise.
    pub(crate) fn take(&mut self, now: Moment, caps: Caps, caller: &str) -> bool {
        let within = |cap: Option<u32>, count: u32| cap.is_none_or(|cap| count < cap);
        if !within(caps.per_hour, self.hour.count(now)) || !within(caps.per_day, self.day.count(now)) {
            return false;
        }
        if !self.caller(now, caps.per_caller, caller) {
            return false;
        }
        self.hour.add(now);
        self.day.add(now);
        true
    }

    fn caller(&mut self, now: Moment, cap: Option<u32>, caller: &str) -> bool {
        let Some(cap) = cap else { return true };
        if self.callers.len() >= CALLERS_MAX && !self.callers.contains_key(caller) {
            self.callers.retain(|_, (since, _)| now - *since < DAY);
            if self.callers.len() >= CALLERS_MAX {
                return false;
            }
        }
        let (since, count) = self.callers.entry(caller.to_string()).or_insert((now, 0));
        if now - *since >= DAY {
            (*since, *count) = (now, 0);
        }
        let room = *count < cap;
        *count += u32::from(room);
        room
    }
}

/// Pieces of a window: the more, the sooner the oldest are forgotten.
const PIECES: usize = 60;

/// Counts over the last `length` and at most one piece more: never fewer than there were.
#[derive(Debug)]
struct Window {
    piece: Duration,
    /// By number of the piece since the start of time, modulo their count: which piece, and how many.
    counts: [(u64, u32); PIECES + 1],
}

impl Window {
    fn new(length: Duration) -> Window {
        Window { piece: length / PIECES as u32, counts: [(0, 0); PIECES + 1] }
    }

    fn number(&self, now: Moment) -> u64 {
        now.millis() / u64::try_from(self.piece.as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn count(&self, now: Moment) -> u32 {
        let oldest = self.number(now).saturating_sub(PIECES as u64);
        self.counts.iter().filter(|(number, _)| *number >= oldest).map(|(_, count)| count).sum()
    }

    fn add(&mut self, now: Moment) {
        let number = self.number(now);
        let place = &mut self.counts[(number % (PIECES as u64 + 1)) as usize];
        if place.0 != number {
            *place = (number, 0);
        }
        place.1 = place.1.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_the_cap_in_any_hour() {
        let mut tally = Tally::new();
        let caps = Caps { per_caller: None, per_hour: Some(10), per_day: None };
        let mut taken: Vec<u64> = Vec::new();
        // A try every 37 seconds for ten hours.
        for second in (0..36_000).step_by(37) {
            if tally.take(Moment::from_millis(second * 1_000), caps, "x") {
                taken.push(second);
            }
        }
        assert!(taken.len() >= 90, "{taken:?}");
        for (i, at) in taken.iter().enumerate() {
            let within = taken[i..].iter().take_while(|t| **t < at + 3_600).count();
            assert!(within <= 10, "{within} within the hour from {at}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut tally = Tally::new();
        let caps = Caps { per_caller: Some(1), per_hour: None, per_day: None };
        let taken = (0..20_000).filter(|n| tally.take(Moment::ZERO, caps, &n.to_string())).count();
        assert_eq!((taken, tally.callers.len()), (CALLERS_MAX, CALLERS_MAX));
        assert!(tally.take(Moment::from_millis(86_400_000), caps, "19999"), "a day later there is room");
    }
}
