//! Who asked for a person, and who came to one, day by day: what a hotline should be judged by.

use super::{Store, StoreError};
use crate::base::WallTime;
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
    /// Transfers by their reason.
    pub because: BTreeMap<String, u32>,
}

impl Store {
    /// Calls that began at `since` or later and have ended, by day and flow, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reach(&self, since: WallTime) -> Result<Vec<ReachDay>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.began_ms, c.flow, c.disposition, c.disposition_json, c.request_to_person_ms, \
             EXISTS (SELECT 1 FROM decisions d WHERE d.call = c.id AND d.what = 'asked') AS asked \
             FROM calls c WHERE c.disposition IS NOT NULL AND c.began_ms >= ? ORDER BY c.began_ms",
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
            let disposition: String = row.try_get("disposition")?;
            let whole: Option<String> = row.try_get("disposition_json")?;
            let asked = row.try_get::<i64, _>("asked")? != 0;
            add(&mut entry.0, &disposition, whole.as_deref(), asked);
            let wait: Option<i64> = row.try_get("request_to_person_ms")?;
            entry.1.extend(wait.and_then(|ms| u64::try_from(ms).ok()));
        }
        Ok(days.into_values().map(|(day, waits)| with_waits(day, waits)).collect())
    }
}

fn add(day: &mut ReachDay, disposition: &str, whole: Option<&str>, asked: bool) {
    let told: serde_json::Value = whole.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let because = find(&told, "because").and_then(|b| b.as_str().map(str::to_string));
    let wanted = asked || find(&told, "wanted_person").is_some_and(|w| w.as_bool() == Some(true));
    day.calls += 1;
    day.asked += u32::from(wanted);
    match disposition {
        "answered" => day.answered += 1,
        "transferred" => day.to_person += 1,
        _ => {}
    }
    if let Some(because) = because {
        *day.because.entry(because).or_default() += 1;
    }
    if wanted {
        match disposition {
            "transferred" => day.asked_reached += 1,
            "message_taken" => day.asked_message += 1,
            "abandoned" | "lost" => day.asked_gave_up += 1,
            _ => day.asked_unserved += 1,
        }
    }
}

/// A field wherever it stands: dispositions are written as `{ "transferred": { … } }` or flat.
fn find<'v>(value: &'v serde_json::Value, key: &str) -> Option<&'v serde_json::Value> {
    let map = value.as_object()?;
    map.get(key).or_else(|| map.values().find_map(|inner| find(inner, key)))
}

fn with_waits(mut day: ReachDay, mut waits: Vec<u64>) -> ReachDay {
    waits.sort_unstable();
    let at = |share: usize| waits.get((waits.len() * share / 100).min(waits.len().saturating_sub(1))).copied();
    (day.wait_half_ms, day.wait_most_ms) = (at(50), at(95));
    day
}
