//! How much an agent has had to bear: an index from 0 to 100 that calls raise and time lowers. It decides who is offered the next
//! hard call, and when a short rest is due. It is the agent's own; others see a team's mean.

use crate::base::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The index halves in so long a time without a call.
const HALF_LIFE: Duration = Duration::from_secs(1_800);
/// What each thing adds. Set by hand, so that three abusive calls in half an hour, or ten hard ones, bring a rest.
const ABUSE: f64 = 30.0;
const LOUD: f64 = 8.0;
const HARD: f64 = 5.0;
/// For each minute of talk beyond [`LONG_AFTER`].
const LONG_MINUTE: f64 = 1.0;
const LONG_AFTER: Duration = Duration::from_secs(300);
/// For a call that began less than [`PAUSE`] after the last one ended.
const BACK_TO_BACK: f64 = 3.0;
const PAUSE: Duration = Duration::from_secs(60);

/// What made a call hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Strain {
    /// The caller was abusive.
    pub abusive: bool,
    /// The caller was loud.
    pub loud: bool,
    /// A complaint, or a story that took many turns.
    pub hard: bool,
}

/// One agent's index.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    value: f64,
    at: Moment,
    /// The last call was abusive.
    pub(super) abused: bool,
}

impl Load {
    /// 0–100.
    pub(super) fn index(&self, at: Moment) -> f64 {
        let halves = at.since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.value * 0.5f64.powf(halves)
    }

    /// A call of this length is over; `pause` = since the one before.
    pub(super) fn add(&mut self, at: Moment, strain: Strain, length: Duration, pause: Option<Duration>) {
        let mut more = f64::from(u8::from(strain.abusive)) * ABUSE;
        more += f64::from(u8::from(strain.loud)) * LOUD + f64::from(u8::from(strain.hard)) * HARD;
        more += length.saturating_sub(LONG_AFTER).as_secs_f64() / 60.0 * LONG_MINUTE;
        if pause.is_some_and(|pause| pause < PAUSE) {
            more += BACK_TO_BACK;
        }
        self.value = (self.index(at) + more).min(100.0);
        self.at = at;
        self.abused = strain.abusive;
    }

    /// The rest was taken: what led to it does not lead to the next one at once.
    pub(super) fn rested(&mut self, at: Moment) {
        self.value = self.index(at) / 2.0;
        self.at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abuse_weighs_and_time_heals() {
        let mut load = Load::default();
        let minute = |m: u64| Moment::from_millis(m * 60_000);
        let bad = Strain { abusive: true, loud: true, hard: false };
        load.add(minute(5), bad, Duration::from_secs(300), None);
        load.add(minute(10), bad, Duration::from_secs(240), Some(Duration::from_secs(30)));
        assert!(load.index(minute(10)) > 70.0, "{}", load.index(minute(10)));
        assert!((load.index(minute(40)) * 2.0 - load.index(minute(10))).abs() < 1e-6);
        let mut calm = Load::default();
        for call in 0..100u64 {
            calm.add(minute(call * 6), Strain::default(), Duration::from_secs(300), Some(Duration::from_secs(30)));
        }
        assert!(
            calm.index(minute(600)) < 30.0,
            "a shift of plain calls back to back needs no rest: {}",
            calm.index(minute(600))
        );
    }
}
