//! Retention: sounds and words go after their days; rows without them stay, for statistics.

use super::calls::call_id;
use super::{Store, StoreError};
use crate::base::{CallId, WallTime};
use serde::Serialize;
use sqlx::Row;
use std::collections::BTreeMap;

pub(super) const DAY_MS: i64 = 86_400_000;

/// Files that a call wrote after it was deleted are looked for this long.
const DELETED_MS_MAX: i64 = 2 * DAY_MS;

/// How long things of one flow are kept, in days after the call; `None` = until somebody deletes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Clips, recordings, messages.
    pub audio_days: Option<u32>,
    /// Words, slots, answers, the caller's number, the event log.
    pub text_days: Option<u32>,
}

/// Retention by flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRules {
    /// By the flow's name.
    pub by_flow: BTreeMap<String, Retention>,
    /// What the configuration says: for flows that say nothing, and for calls of those that are no longer served.
    pub otherwise: Retention,
    /// Days that the audit of the console is kept; `None` = as long as there is room.
    pub audit_days: Option<u32>,
}

/// What a run of the retention job did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Removed {
    /// Calls whose sounds went.
    pub audio: u64,
    /// Calls whose words went.
    pub text: u64,
    /// Hand-over cards that were no longer valid.
    pub cards: u64,
    /// Things that somebody did in the console.
    pub audit: u64,
    /// Sessions of the console that had ended.
    pub sessions: u64,
}

impl Store {
    /// Removes what is past its days at `now`, and cards that are no longer valid. Safe to run at any time, again and again.
    ///
    /// # Errors
    /// At the first file or row that cannot be removed; what was removed before stays removed.
    pub async fn enforce_retention(&self, now: WallTime, rules: &RetentionRules) -> Result<Removed, StoreError> {
        let mut removed = Removed {
            cards: sqlx::query("DELETE FROM cards WHERE valid_until_ms <= $1")
                .bind(now.0)
                .execute(&self.pool)
                .await?
                .rows_affected(),
            audit: self.remove_old_audit(rules.audit_days.map(|days| before(now, days))).await?,
            sessions: self.remove_old_sessions(now).await?,
            ..Removed::default()
        };
        let flows = sqlx::query("SELECT DISTINCT flow FROM calls WHERE audio_removed = 0 OR text_removed = 0")
            .fetch_all(&self.pool)
            .await?;
        for row in flows {
            let flow: String = row.try_get(0)?;
            let days = rules.by_flow.get(&flow).unwrap_or(&rules.otherwise);
            if let Some(days) = days.audio_days {
                removed.audio += self.remove_old_audio(&flow, before(now, days)).await?;
            }
            if let Some(days) = days.text_days {
                removed.text += self.remove_old_text(&flow, before(now, days)).await?;
            }
        }
        self.remove_old_lines(now).await?;
        self.remove_old_last_agents(now).await?;
        self.forget_call_backs(now, rules).await?;
        self.remove_files_of_deleted_calls(now).await?;
        Ok(removed)
    }

    async fn remove_old_audio(&self, flow: &str, limit: WallTime) -> Result<u64, StoreError> {
        let mut count = 0;
        for (call, began) in self.ended_before("audio_removed", flow, limit).await? {
            self.remove_audio(call, began).await?;
            sqlx::query("UPDATE calls SET audio_removed = 1 WHERE id = $1").bind(call.to_string()).execute(&self.pool).await?;
            count += 1;
        }
        Ok(count)
    }

    async fn remove_old_text(&self, flow: &str, limit: WallTime) -> Result<u64, StoreError> {
        let mut count = 0;
        for (call, began) in self.ended_before("text_removed", flow, limit).await? {
            self.remove_events(call, began).await?;
            let mut db = self.begin().await?;
            for sql in [
                "UPDATE turns SET heard = NULL, slots = NULL, answer = NULL WHERE call = $1",
                "UPDATE utterances SET text = NULL WHERE call = $1",
                "UPDATE decisions SET why = NULL WHERE call = $1",
                "UPDATE tasks SET what = NULL, old = NULL, new = NULL WHERE call = $1",
                "UPDATE wrapups SET summary = NULL WHERE call = $1",
                "DELETE FROM cards WHERE call = $1",
                "DELETE FROM lines WHERE call = $1",
                "DELETE FROM last_agents WHERE call = $1",
                "UPDATE calls SET caller = NULL, text_removed = 1 WHERE id = $1",
            ] {
                sqlx::query(sql).bind(call.to_string()).execute(&mut *db).await?;
            }
            db.commit().await?;
            count += 1;
        }
        Ok(count)
    }

    /// Ended calls of a flow from before `limit` whose `flag` column is not set yet.
    async fn ended_before(
        &self,
        flag: &'static str,
        flow: &str,
        limit: WallTime,
    ) -> Result<Vec<(CallId, WallTime)>, StoreError> {
        // The flag is one of two column names of ours, never input.
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT id, began_ms FROM calls WHERE flow = $1 AND began_ms < $2 AND {flag} = 0 AND disposition IS NOT NULL"
        ));
        let rows = sqlx::query(sql).bind(flow).bind(limit.0).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((call_id(row.try_get("id")?)?, WallTime(row.try_get("began_ms")?)))).collect()
    }

    async fn remove_files_of_deleted_calls(&self, now: WallTime) -> Result<(), StoreError> {
        for row in sqlx::query("SELECT id, began_ms FROM deleted_calls").fetch_all(&self.pool).await? {
            self.remove_files(call_id(row.try_get("id")?)?, WallTime(row.try_get("began_ms")?)).await?;
        }
        sqlx::query("DELETE FROM deleted_calls WHERE deleted_ms < $1")
            .bind(now.0.saturating_sub(DELETED_MS_MAX))
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

pub(super) fn before(now: WallTime, days: u32) -> WallTime {
    WallTime(now.0.saturating_sub(i64::from(days) * DAY_MS))
}
