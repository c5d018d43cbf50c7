//! Whether a trunk is there, by its answers to OPTIONS (RFC 3261 §11): any final answer but 408 and 503 says that it lives.

use crate::base::Moment;
use std::time::Duration;

/// How long an OPTIONS may stay without an answer before it is a miss; shorter than Timer F, so that a dead trunk is known soon.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What became of one OPTIONS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ping {
    /// A final answer with this status.
    Answered(u16),
    /// None in time, or it could not be sent.
    Silent,
}

/// Up or down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    every: Duration,
    misses_max: u32,
    misses: u32,
    up: bool,
    next: Moment,
}

impl Health {
    /// Up until shown otherwise; the first OPTIONS goes at once.
    pub(crate) fn new(every: Duration, misses_max: u32, now: Moment) -> Health {
        Health { every, misses_max: misses_max.max(1), misses: 0, up: true, next: now }
    }

    /// Whether calls may go there.
    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    /// When the next OPTIONS is due.
    pub(crate) fn next(&self) -> Moment {
        self.next
    }

    /// One is on its way: the next is due a whole period later. A trunk that misses is asked again sooner.
    pub(crate) fn sent(&mut self, now: Moment) {
        self.next = now + self.every;
    }

    /// What became of it. `Some(up)` = the state has changed just now.
    pub(crate) fn heard(&mut self, now: Moment, ping: Ping) -> Option<bool> {
        let lives = matches!(ping, Ping::Answered(status) if status >= 200 && status != 408 && status != 503);
        if lives {
            self.misses = 0;
            return (!std::mem::replace(&mut self.up, true)).then_some(true);
        }
        self.misses = self.misses.saturating_add(1);
        if self.up {
            // Be sure soon: the tries that decide come closer together.
            self.next = self.next.min(now + self.every / 4);
        }
        let down = self.misses >= self.misses_max && self.up;
        self.up &= !down;
        down.then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn down_after_three_misses_and_up_after_one_answer() {
        let at = Moment::from_millis;
        let mut health = Health::new(Duration::from_secs(30), 3, at(0));
        assert!(health.is_up() && health.next() == at(0));
        health.sent(at(0));
        assert_eq!(health.next(), at(30_000));
        assert_eq!(health.heard(at(100), Ping::Answered(404)), None, "404 is an answer of somebody who lives");
        health.sent(at(30_000));
        assert_eq!(health.heard(at(35_000), Ping::Silent), None);
        assert_eq!(health.next(), at(42_500), "asked again sooner");
        assert_eq!(health.heard(at(42_600), Ping::Answered(503)), None);
        assert_eq!(health.heard(at(50_100), Ping::Answered(408)), Some(false));
        assert!(!health.is_up());
        assert_eq!(health.heard(at(60_000), Ping::Silent), None, "told once");
        assert_eq!(health.heard(at(90_000), Ping::Answered(200)), Some(true));
        assert_eq!(health.heard(at(120_000), Ping::Silent), None, "the misses count anew");
        assert!(health.is_up());
    }
}
