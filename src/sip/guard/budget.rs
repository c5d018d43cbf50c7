//! How many answers a source may draw from us by garbage: we must not become anybody's amplifier or log filler.

use super::one_source;
use crate::base::{Buckets, Moment};
use std::net::IpAddr;

/// Answers that a source may draw at once, and again in a second.
const BURST: f64 = 20.0;
const PER_SECOND: f64 = 5.0;
/// Sources remembered.
const SOURCES_MAX: usize = 1024;

/// A token bucket per source address. When too many sources are remembered, unknown ones get nothing.
#[derive(Debug)]
pub struct AnswerBudget(Buckets<IpAddr>);

impl Default for AnswerBudget {
    fn default() -> AnswerBudget {
        AnswerBudget(Buckets::new(PER_SECOND, BURST, SOURCES_MAX))
    }
}

impl AnswerBudget {
    /// Whether one more answer may go to `source`, and takes it.
    pub fn take(&mut self, source: IpAddr, now: Moment) -> bool {
        self.0.take(&one_source(source), now)
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
        assert_eq!(budget.0.keys(), SOURCES_MAX);
        assert!(!budget.take(address(9999), Moment::ZERO));
        assert!(budget.take(address(9999), Moment::from_millis(1000)));
        assert_eq!(budget.0.keys(), 1);
    }
}
