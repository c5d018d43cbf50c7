//! Who asked for a person, and who came to one, day by day: what a hotline should be judged by.

use super::calls::from_json;
use super::{Store, StoreError};
use crate::base::{Disposition, WallTime};
use serde::Serialize;
use sqlx::Row;
use std::collections::BTreeMap;

/// One day of one flow.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReachDay {
    /// The day in UTC, `YYYY-MM-DD`.
    pub day: String,
    /// The flow.
    pub flow: String,
    /// Calls that have ended.
    pub calls: u32,
    /// Ended by the flow, without a person.
    pub answered: u32,
    /// Came to a person, for whatever reason.
    pub to_person: u32,
    /// Asked for a person in words or by key.
    pub asked: u32,
    /// Of these: came to one.
    pub asked_reached: u32,
    /// Of these: left a message.
    pub asked_message: u32,
    /// Of these: gave up before.
    pub asked_gave_up: u32,
    /// Of these: ended otherwise, which must not be.
    pub asked_unserved: u32,
    /// Milliseconds from the first request to a person's voice, half are below; `None` = nobody came to one.
    pub wait_half_ms: Option<u64>,
    /// 95 % are below.
    pub wait_most_ms: Option<u64>,
    /// Transfers and messages by their reason.
    pub because: BTreeMap<String, u32>,
}

impl Store {
    /// Calls that began at `since` or later and have ended, by day and flow, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reach(&self, since: WallTime) -> Result<Vec<ReachDay>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.began_ms, c.flow, c.disposition_json, c.request_to_person_ms, \
             CASE WHEN EXISTS (SELECT 1 FROM decisions d WHERE d.call = c.id AND d.what = 'asked') THEN 1 ELSE 0 END AS asked \
             FROM calls c WHERE c.disposition_json IS NOT NULL AND c.began_ms >= $1 ORDER BY c.began_ms",
        )
        .bind(since.0)
        .fetch_all(&self.pool)
        .await?;
        let mut days: BTreeMap<(String, String), (ReachDay, Vec<u64>)> = BTreeMap::new();
        for row in &rows {
            let day = WallTime(row.try_get("began_ms")?).utc().format("%Y-%m-%d").to_string();
            let flow: String = row.try_get("flow")?;
            let entry = days.entry((day.clone(), flow.clone())).or_default();
            (entry.0.day, entry.0.flow) = (day, flow);
            let disposition: String = row.try_get("disposition_json")?;
            let asked = row.try_get::<i64, _>("asked")? != 0;
            add(&mut entry.0, &from_json("a disposition", &disposition)?, asked);
            let wait: Option<i64> = row.try_get("request_to_person_ms")?;
            entry.1.extend(wait.and_then(|ms| u64::try_from(ms).ok()));
        }
        Ok(days.into_values().map(|(day, waits)| with_waits(day, waits)).collect())
    }
}

fn add(day: &mut ReachDay, disposition: &Disposition, asked: bool) {
    if matches!(disposition, Disposition::NotReached { .. }) {
        // Nobody called: the call in which it was asked for is counted.
        return;
    }
    let wanted = asked || matches!(disposition, Disposition::Abandoned { wanted_person: true });
    day.calls += 1;
    day.asked += u32::from(wanted);
    let of_asked = match disposition {
        Disposition::Transferred { because, .. } => {
            day.to_person += 1;
            *day.because.entry(because.clone()).or_default() += 1;
            &mut day.asked_reached
        }
        Disposition::MessageTaken { because } | Disposition::CallBack { because } => {
            *day.because.entry(because.clone()).or_default() += 1;
            &mut day.asked_message
        }
        Disposition::Abandoned { .. } | Disposition::Lost => &mut day.asked_gave_up,
        Disposition::Answered => {
            day.answered += 1;
            &mut day.asked_unserved
        }
        _ => &mut day.asked_unserved,
    };
    *of_asked += u32::from(wanted);
}

fn with_waits(mut day: ReachDay, mut waits: Vec<u64>) -> ReachDay {
    waits.sort_unstable();
    let at = |share: usize| waits.get((waits.len() * share / 100).min(waits.len().saturating_sub(1))).copied();
    (day.wait_half_ms, day.wait_most_ms) = (at(50), at(95));
    day
}
