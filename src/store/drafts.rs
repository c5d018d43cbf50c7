//! What agents made of the answers that their desk proposed. Each is a decision of the call (`draft_taken`, `draft_changed`,
//! `draft_rejected`, with the intent as its reason), kept and forgotten as those are.

use super::database::sql_int;
use super::{Store, StoreError};
use crate::base::{CallId, Moment, WallTime};
use serde::Serialize;
use sqlx::Row;

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftVerdict {
    /// Used as it was.
    Taken,
    /// Used with other words.
    Changed,
    /// Not used.
    Rejected,
}

/// How the answers to an intent fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DraftFigures {
    /// The flow.
    pub flow: String,
    /// What was answered to.
    pub intent: String,
    /// In how many calls it was used as it was.
    pub taken: u64,
    /// Used with other words.
    pub changed: u64,
    /// Not used.
    pub rejected: u64,
}

impl DraftVerdict {
    fn word(self) -> &'static str {
        match self {
            DraftVerdict::Taken => "draft_taken",
            DraftVerdict::Changed => "draft_changed",
            DraftVerdict::Rejected => "draft_rejected",
        }
    }
}

impl Store {
    /// Remembers what became of the draft for this intent in a call, once. False where the call's records are gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn judge_draft(&self, call: CallId, at: Moment, intent: &str, verdict: DraftVerdict) -> Result<bool, StoreError> {
        let call = call.to_string();
        sqlx::query(
            "INSERT INTO decisions (call, at_us, what, why) SELECT id, $1, $2, $3 FROM calls WHERE id = $4 \
             AND NOT EXISTS (SELECT 1 FROM decisions WHERE call = $4 AND what = $2 AND why = $3)",
        )
        .bind(sql_int(at.micros()))
        .bind(verdict.word())
        .bind(intent)
        .bind(&call)
        .execute(&self.pool)
        .await?;
        let row = sqlx::query("SELECT COUNT(*) AS n FROM calls WHERE id = $1").bind(&call).fetch_one(&self.pool).await?;
        Ok(row.try_get::<i64, _>("n")? > 0)
    }

    /// How drafts fared in calls that began at `since` or later and whose words are still kept; by flow and intent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn draft_figures(&self, since: WallTime) -> Result<Vec<DraftFigures>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.flow, d.what, d.why, COUNT(*) AS n FROM decisions d JOIN calls c ON c.id = d.call \
             WHERE d.what IN ('draft_taken', 'draft_changed', 'draft_rejected') AND d.why IS NOT NULL AND c.began_ms >= $1 \
             GROUP BY c.flow, d.what, d.why ORDER BY c.flow, d.why",
        )
        .bind(since.0)
        .fetch_all(&self.pool)
        .await?;
        let mut found: Vec<DraftFigures> = Vec::new();
        for row in &rows {
            let (flow, intent): (String, String) = (row.try_get("flow")?, row.try_get("why")?);
            if found.last().is_none_or(|last| (&last.flow, &last.intent) != (&flow, &intent)) {
                found.push(DraftFigures { flow, intent, taken: 0, changed: 0, rejected: 0 });
            }
            let Some(last) = found.last_mut() else { continue };
            let n = u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or(0);
            match row.try_get::<String, _>("what")?.as_str() {
                "draft_taken" => last.taken = n,
                "draft_changed" => last.changed = n,
                _ => last.rejected = n,
            }
        }
        Ok(found)
    }
}
