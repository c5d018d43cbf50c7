//! Agents: what they leave behind after a call, where they were, and what is known of a caller's earlier calls.

use super::calls::{call_id, from_json};
use super::database::plain;
use super::{Store, StoreError};
use crate::base::{CallId, Disposition, Pii, WallTime};
use sqlx::Row;

/// Most earlier calls that are read.
const EARLIER_MAX: i64 = 20;

/// What an agent leaves behind after a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WrapUp {
    /// One word of the configuration.
    pub disposition: Option<String>,
    /// In the agent's words; `None` also once text retention has passed.
    pub summary: Option<Pii<String>>,
}

/// An earlier call of a caller.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierCall {
    /// Which.
    pub call: CallId,
    /// When.
    pub began: WallTime,
    /// Which flow.
    pub flow: String,
    /// What was understood, oldest first.
    pub meanings: Vec<String>,
    /// How it ended; `None` = it goes on.
    pub disposition: Option<Disposition>,
    /// What the agent wrote, if one did.
    pub summary: Option<Pii<String>>,
    /// What the caller answered to what was asked after the talk.
    pub after_talk: Option<Pii<String>>,
}

/// Where an agent was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceRow {
    /// Who.
    pub agent: String,
    /// `available`, `away` or `offline`.
    pub state: String,
    /// Why away.
    pub reason: Option<String>,
}

impl Store {
    /// Keeps (or changes) what an agent leaves behind; `false` when there is no such call.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wrap_up(&self, call: CallId, agent: &str, now: WallTime, left: &WrapUp) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO wrapups (call, agent, at_ms, disposition, summary) SELECT id, $1, $2, $3, $4 FROM calls WHERE id = $5 \
             ON CONFLICT (call, agent) DO UPDATE SET at_ms = excluded.at_ms, disposition = excluded.disposition, \
             summary = excluded.summary",
        )
        .bind(plain(agent))
        .bind(now.0)
        .bind(left.disposition.as_deref().map(plain))
        .bind(left.summary.as_ref().map(|summary| plain(summary.reveal())))
        .bind(call.to_string())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// What this agent left behind after a call.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wrapped_up(&self, call: CallId, agent: &str) -> Result<Option<WrapUp>, StoreError> {
        let row = sqlx::query("SELECT disposition, summary FROM wrapups WHERE call = $1 AND agent = $2")
            .bind(call.to_string())
            .bind(agent)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            let summary: Option<String> = row.try_get("summary")?;
            Ok(WrapUp { disposition: row.try_get("disposition")?, summary: summary.map(Pii::new) })
        })
        .transpose()
    }

    /// Earlier calls of whoever makes this one, newest first, at most 20; none where the number is hidden or forgotten.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn earlier_calls(&self, call: CallId) -> Result<Vec<EarlierCall>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.id, c.began_ms, c.flow, c.disposition_json, \
             (SELECT string_agg(m.meaning, ' ') FROM (SELECT t.meaning FROM turns t WHERE t.call = c.id AND t.meaning IS NOT NULL \
             ORDER BY t.turn LIMIT 100) m) AS meanings, \
             (SELECT w.summary FROM wrapups w WHERE w.call = c.id ORDER BY w.at_ms DESC LIMIT 1) AS summary, \
             (SELECT string_agg(a.heard, ' · ') FROM (SELECT t.heard FROM turns t WHERE t.call = c.id AND t.meaning IS NOT NULL \
             AND t.sensitive = 0 AND t.heard <> '' AND t.at_us > (SELECT MAX(d.at_us) FROM decisions d \
             WHERE d.call = c.id AND d.what = 'after_talk') ORDER BY t.turn LIMIT 10) a) AS answers \
             FROM calls c JOIN calls this ON this.caller = c.caller AND this.id = $1 AND this.id <> c.id \
             WHERE length(c.caller) >= 3 AND lower(c.caller) <> 'anonymous' AND c.began_ms <= this.began_ms \
             ORDER BY c.began_ms DESC LIMIT $2",
        )
        .bind(call.to_string())
        .bind(EARLIER_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let disposition: Option<String> = row.try_get("disposition_json")?;
                let summary: Option<String> = row.try_get("summary")?;
                let meanings: Option<String> = row.try_get("meanings")?;
                let answers: Option<String> = row.try_get("answers")?;
                Ok(EarlierCall {
                    call: call_id(row.try_get("id")?)?,
                    began: WallTime(row.try_get("began_ms")?),
                    flow: row.try_get("flow")?,
                    meanings: meanings.unwrap_or_default().split(' ').filter(|m| !m.is_empty()).map(String::from).collect(),
                    disposition: disposition.as_deref().map(|d| from_json("a disposition", d)).transpose()?,
                    summary: summary.map(Pii::new),
                    after_talk: answers.map(Pii::new),
                })
            })
            .collect()
    }

    /// When a call began; `None` when there is no such call.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn began(&self, call: CallId) -> Result<Option<WallTime>, StoreError> {
        let row =
            sqlx::query("SELECT began_ms FROM calls WHERE id = $1").bind(call.to_string()).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get("began_ms")).transpose()?.map(WallTime))
    }

    /// Remembers where an agent is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_presence(&self, row: &PresenceRow, now: WallTime) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO presence (agent, state, reason, at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (agent) DO UPDATE SET state = excluded.state, reason = excluded.reason, at_ms = excluded.at_ms",
        )
        .bind(plain(&row.agent))
        .bind(plain(&row.state))
        .bind(row.reason.as_deref().map(plain))
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Where agents were, as last remembered at `since` or later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn presences(&self, since: WallTime) -> Result<Vec<PresenceRow>, StoreError> {
        let rows = sqlx::query("SELECT agent, state, reason FROM presence WHERE at_ms >= $1")
            .bind(since.0)
            .fetch_all(&self.pool)
            .await?;
        let row = |row: &sqlx::any::AnyRow| {
            Ok(PresenceRow { agent: row.try_get("agent")?, state: row.try_get("state")?, reason: row.try_get("reason")? })
        };
        rows.iter().map(row).collect()
    }
}
