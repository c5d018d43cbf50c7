//! How many answers a source may draw from us by garbage: we must not become anybody's amplifier or log filler.

use super::one_source;
use crate::base::Moment;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Answers that a source may draw at once.
const BURST: u32 = 20;
/// One more comes back after this.
const REFILL: Duration = Duration::from_millis(200);
/// Sources remembered.
const SOURCES_MAX: usize = 1024;

/// A token bucket per source address. When too many sources are remembered, unknown ones get nothing.
#[derive(Debug, Default)]
pub struct AnswerBudget {
    sources: HashMap<IpAddr, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    left: u32,
    /// When `left` was last brought up to date.
    at: Moment,
}

impl AnswerBudget {
    /// Whether one more answer may go to `source`, and takes it.
    pub fn take(&mut self, source: IpAddr, now: Moment) -> bool {
        let source = one_source(source);
        if !self.sources.contains_key(&source) && self.sources.len() >= SOURCES_MAX {
            // A full bucket is worth no memory.
            self.sources.retain(|_, bucket| {
                bucket.refill(now);
                bucket.left < BURST
            });
            if self.sources.len() >= SOURCES_MAX {
                return false;
            }
        }
        let bucket = self.sources.entry(source).or_insert(Bucket { left: BURST, at: now });
        bucket.refill(now);
        match bucket.left.checked_sub(1) {
            Some(left) => {
                bucket.left = left;
                true
            }
            None => false,
        }
    }
}

impl Bucket {
    fn refill(&mut self, now: Moment) {
        let steps = (now.since(self.at).as_micros() / REFILL.as_micros()).min(u128::from(BURST));
        let steps = u32::try_from(steps).unwrap_or(BURST);
        if steps == 0 {
            return;
        }
        self.left = (self.left + steps).min(BURST);
        // The rest of a step is kept unless the bucket is full anyway.
        self.at = if self.left == BURST { now } else { self.at + REFILL * steps };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from(n).into()
    }

    #[test]
    fn a_burst_then_a_trickle() {
        let mut budget = AnswerBudget::default();
        let mut taken = |ms| budget.take(address(1), Moment::from_millis(ms));
        assert_eq!((0..100).filter(|_| taken(0)).count(), 20);
        assert_eq!((0..1000u64).filter(|i| taken(*i)).count(), 4);
        assert!(taken(10_000));
    }

    #[test]
    fn many_sources_are_bounded_and_forgotten() {
        let mut budget = AnswerBudget::default();
        for n in 0..5000 {
            budget.take(address(n), Moment::ZERO);
        }
        assert_eq!(budget.sources.len(), SOURCES_MAX);
        assert!(!budget.take(address(9999), Moment::ZERO));
        assert!(budget.take(address(9999), Moment::from_millis(1000)));
        assert_eq!(budget.sources.len(), 1);
    }
}
