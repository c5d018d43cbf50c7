//! What callers said and nobody understood, and what people say that it meant.

use super::database::plain;
use super::{Store, StoreError};
use crate::base::{CallId, Pii, UtteranceId, WallTime};
use serde::Serialize;
use sqlx::Row;
use std::path::PathBuf;

/// Most misses that are read at once.
const MISSES_MAX: i64 = 20_000;

/// One thing that was not understood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Miss {
    /// The call.
    pub call: CallId,
    /// Its turn.
    pub turn: u32,
    /// When the call began.
    pub began: WallTime,
    /// The call's flow.
    pub flow: String,
    /// Hash of its text.
    pub flow_hash: String,
    /// The node that asked.
    pub node: String,
    /// What was heard.
    pub text: Pii<String>,
    /// The sound, where it is kept.
    pub clip: Option<PathBuf>,
    /// What people say that it meant.
    pub label: Option<String>,
}

impl Miss {
    /// How people name it: the beginning of the call's id and the turn.
    pub fn name(&self) -> String {
        format!("{}.{}", &self.call.to_string()[..8], self.turn)
    }
}

impl Store {
    /// What was said and not understood, or understood wrongly as somebody has said by a label, in calls that began at `since` or later, oldest first; at most 20 000.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn misses(&self, since: WallTime) -> Result<Vec<Miss>, StoreError> {
        let rows = sqlx::query(
            "SELECT t.call, t.turn, t.node, t.heard, c.began_ms, c.flow, c.flow_hash, l.intent, \
             (SELECT u.utterance FROM utterances u WHERE u.call = t.call AND u.at_us <= t.at_us AND u.utterance < 1000000 AND COALESCE(u.meaning, '') <> '(message)' ORDER BY u.at_us DESC LIMIT 1) AS utterance \
             FROM turns t JOIN calls c ON c.id = t.call LEFT JOIN labels l ON l.call = t.call AND l.turn = t.turn \
             WHERE (t.meaning IS NULL OR l.intent IS NOT NULL) AND t.heard_by = 'voice' AND t.sensitive = 0 AND t.heard <> '' AND c.began_ms >= $1 \
             ORDER BY c.began_ms, t.call, t.turn LIMIT $2",
        )
        .bind(since.0)
        .bind(MISSES_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let call = super::calls::call_id(row.try_get("call")?)?;
                let began = WallTime(row.try_get("began_ms")?);
                let utterance: Option<i64> = row.try_get("utterance")?;
                let clip = utterance.and_then(|u| u32::try_from(u).ok());
                let clip = clip.map(|u| self.clip_path(call, began, UtteranceId(u))).filter(|path| path.is_file());
                Ok(Miss {
                    call,
                    turn: u32::try_from(row.try_get::<i64, _>("turn")?).unwrap_or(u32::MAX),
                    began,
                    flow: row.try_get("flow")?,
                    flow_hash: row.try_get("flow_hash")?,
                    node: row.try_get("node")?,
                    text: Pii::new(row.try_get("heard")?),
                    clip,
                    label: row.try_get("intent")?,
                })
            })
            .collect()
    }

    /// Says what a turn meant; `None` takes it back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn label(&self, call: CallId, turn: u32, intent: Option<&str>, now: WallTime) -> Result<(), StoreError> {
        let (call, turn) = (call.to_string(), i64::from(turn));
        match intent {
            Some(intent) => {
                sqlx::query(
                    "INSERT INTO labels (call, turn, intent, at_ms) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (call, turn) DO UPDATE SET intent = excluded.intent, at_ms = excluded.at_ms",
                )
                .bind(call)
                .bind(turn)
                .bind(plain(intent))
                .bind(now.0)
                .execute(&self.pool)
                .await?
            }
            None => {
                sqlx::query("DELETE FROM labels WHERE call = $1 AND turn = $2")
                    .bind(call)
                    .bind(turn)
                    .execute(&self.pool)
                    .await?
            }
        };
        Ok(())
    }
}
