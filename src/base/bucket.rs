//! Token buckets: how much may come at once, and how much again with time.

use super::Moment;
use std::collections::HashMap;
use std::hash::Hash;

/// One bucket. Rates are tokens a second, `most` is what it holds when it is full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    tokens: f64,
    at: Moment,
}

impl Bucket {
    /// A full one.
    pub fn full(most: f64, now: Moment) -> Bucket {
        Bucket { tokens: most, at: now }
    }

    /// What is in it now.
    pub fn level(&self, rate: f64, most: f64, now: Moment) -> f64 {
        (self.tokens + now.since(self.at).as_secs_f64() * rate).min(most)
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, rate: f64, most: f64, now: Moment) -> bool {
        let level = self.level(rate, most, now);
        let there = level >= 1.0;
        if there {
            // Not written back where nothing is taken: the sum of many small rests would not be what the time makes whole.
            *self = Bucket { tokens: level - 1.0, at: now };
        }
        there
    }
}

/// A bucket for each key, bounded in number.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: f64,
    most: f64,
    keys_max: usize,
    buckets: HashMap<K, Bucket>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// None yet.
    pub fn new(rate: f64, most: f64, keys_max: usize) -> Buckets<K> {
        Buckets { rate, most, keys_max, buckets: HashMap::new() }
    }

    /// Takes a token of this key, if there is one. When too many keys are remembered those with full buckets are forgotten; if
    /// there are none, an unknown key gets nothing.
    pub fn take(&mut self, key: &K, now: Moment) -> bool {
        let (rate, most) = (self.rate, self.most);
        if self.buckets.len() >= self.keys_max && !self.buckets.contains_key(key) {
            self.buckets.retain(|_, bucket| bucket.level(rate, most, now) < most);
            if self.buckets.len() >= self.keys_max {
                return false;
            }
        }
        self.buckets.entry(key.clone()).or_insert_with(|| Bucket::full(most, now)).take(rate, most, now)
    }

    /// Keys that are remembered.
    pub fn keys(&self) -> usize {
        self.buckets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_in_vain_costs_nothing() {
        // 200 ms a token; asked every millisecond.
        let mut bucket = Bucket::full(20.0, Moment::ZERO);
        let taken: Vec<u64> = (0..1_000).filter(|ms| bucket.take(5.0, 20.0, Moment::from_millis(*ms))).collect();
        assert_eq!(taken, (0..20).chain([200, 400, 600, 800]).collect::<Vec<_>>());
    }

    #[test]
    fn keys_are_bounded_and_full_buckets_forgotten() {
        let mut buckets = Buckets::new(1.0, 2.0, 10);
        assert_eq!((0..100).filter(|key| buckets.take(key, Moment::ZERO)).count(), 10);
        assert!(buckets.take(&3, Moment::ZERO) && !buckets.take(&3, Moment::ZERO), "those that are known have their own");
        assert!(buckets.take(&100, Moment::from_millis(1_000)));
        assert_eq!(buckets.keys(), 2, "3 and 100");
    }
}
