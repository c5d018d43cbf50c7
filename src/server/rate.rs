//! New calls a minute per source: a token bucket per address, bounded in number.

use super::config::Network;
use crate::base::Moment;
use std::collections::HashMap;
use std::net::IpAddr;

/// Most sources remembered; beyond that the fullest buckets (the quietest sources) are forgotten.
const SOURCES_MAX: usize = 10_000;

pub(super) struct Rate {
    per_minute: f64,
    trusted: Vec<Network>,
    buckets: HashMap<IpAddr, (f64, Moment)>,
}

impl Rate {
    pub(super) fn new(per_minute: u32, trusted: Vec<Network>) -> Rate {
        Rate { per_minute: f64::from(per_minute.max(1)), trusted, buckets: HashMap::new() }
    }

    /// Whether one more call from this source may begin now.
    pub(super) fn admits(&mut self, now: Moment, source: IpAddr) -> bool {
        if self.trusted.iter().any(|network| network.contains(source)) {
            return true;
        }
        if self.buckets.len() >= SOURCES_MAX && !self.buckets.contains_key(&source) {
            let full = self.per_minute;
            self.buckets.retain(|_, (tokens, at)| *tokens + (now - *at).as_secs_f64() * full / 60.0 < full);
            if self.buckets.len() >= SOURCES_MAX {
                return false;
            }
        }
        let (tokens, at) = self.buckets.entry(source).or_insert((self.per_minute, now));
        *tokens = (*tokens + (now - *at).as_secs_f64() * self.per_minute / 60.0).min(self.per_minute);
        *at = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_shed_and_one_source_does_not_touch_another() {
        let mut rate = Rate::new(6, Vec::new());
        let (a, b): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let admitted = (0..10).filter(|_| rate.admits(Moment::ZERO, a)).count();
        assert_eq!(admitted, 6);
        assert!(rate.admits(Moment::ZERO, b));
        assert!(!rate.admits(Moment::from_millis(9_000), a));
        assert!(rate.admits(Moment::from_millis(19_500), a), "one token in ten seconds");
    }
}
