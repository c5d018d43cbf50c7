//! How punctual the plane is, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// 100 buckets of 0.1 ms, then 100 of 10 ms; the last holds the rest.
const FINE: u64 = 100;
const BUCKETS: usize = 200;

/// The counters; the plane writes, anybody reads.
#[derive(Debug)]
pub(super) struct Punctuality {
    buckets: [AtomicU64; BUCKETS],
    max_us: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) events_dropped: AtomicU64,
    pub(super) legs: AtomicU64,
    pub(super) legs_failed: AtomicU64,
}

/// Figures of the plane since its start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lateness {
    /// Half of the ticks were at most this late, milliseconds (in steps of 0.1 up to 10 ms, then of 10 ms).
    pub p50_ms: f64,
    /// 99 of 100 ticks were at most this late.
    pub p99_ms: f64,
    /// The latest tick.
    pub max_ms: f64,
    /// Ticks served.
    pub ticks: u64,
    /// Ticks left out because the plane was more than five behind.
    pub skipped: u64,
    /// Events that nobody took in time.
    pub events_dropped: u64,
    /// Legs that are open now.
    pub legs: u64,
    /// Legs that were closed because of a fault of ours.
    pub legs_failed: u64,
}

impl Punctuality {
    pub(super) fn new() -> Punctuality {
        Punctuality {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            max_us: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            events_dropped: AtomicU64::new(0),
            legs: AtomicU64::new(0),
            legs_failed: AtomicU64::new(0),
        }
    }

    pub(super) fn tick(&self, late_us: u64) {
        let fine = late_us / 100;
        let bucket = if fine < FINE { fine } else { FINE + late_us / 10_000 - 1 };
        let bucket = usize::try_from(bucket).unwrap_or(BUCKETS).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.max_us.fetch_max(late_us, Ordering::Relaxed);
    }

    /// Begins to count punctuality anew; what is counted over the plane's life stays.
    pub(super) fn restart(&self) {
        self.buckets.iter().for_each(|b| b.store(0, Ordering::Relaxed));
        self.max_us.store(0, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Lateness {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        let ticks: u64 = counts.iter().sum();
        let max_ms = self.max_us.load(Ordering::Relaxed) as f64 / 1_000.0;
        let quantile = |per_cent: u64| {
            let wanted = (ticks * per_cent).div_ceil(100).max(1);
            let mut seen = 0;
            let bucket = counts.iter().position(|c| {
                seen += c;
                seen >= wanted
            });
            let upper = match bucket.map_or(0, |b| b as u64) {
                b if b < FINE => (b + 1) as f64 / 10.0,
                b => ((b - FINE + 2) * 10) as f64,
            };
            upper.min(max_ms)
        };
        Lateness {
            p50_ms: quantile(50),
            p99_ms: quantile(99),
            max_ms,
            ticks,
            skipped: self.skipped.load(Ordering::Relaxed),
            events_dropped: self.events_dropped.load(Ordering::Relaxed),
            legs: self.legs.load(Ordering::Relaxed),
            legs_failed: self.legs_failed.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_upper_bounds() {
        let p = Punctuality::new();
        assert_eq!(p.snapshot(), Lateness::default());
        (0..98).for_each(|_| p.tick(120));
        p.tick(15_000);
        p.tick(9_000_000);
        let s = p.snapshot();
        assert_eq!((s.p50_ms, s.p99_ms, s.max_ms, s.ticks), (0.2, 20.0, 9_000.0, 100));
    }
}
