//! Calls: the row, the whole story, deletion.

use super::database::{flag, from_sql, plain, sql_int};
use super::{AttemptRow, DecisionRow, MessageRow, Store, StoreError, TaskRow, TurnRow, UtteranceRow};
use crate::base::{CallId, Disposition, Fault, Moment, PhoneNumber, WallTime};
use crate::call::LegRecord;
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::path::PathBuf;

/// One call in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallRow {
    /// Which.
    pub id: CallId,
    /// When it came.
    pub began: WallTime,
    /// How long it took, milliseconds; `None` while it goes on.
    pub length_ms: Option<u64>,
    /// Who; `None` once text retention has passed.
    pub caller: Option<PhoneNumber>,
    /// The number dialled.
    pub dialled: PhoneNumber,
    /// Which flow.
    pub flow: String,
    /// Hash of the flow's text.
    pub flow_hash: String,
    /// Turns so far.
    pub turns: u64,
    /// How it ended; `None` while it goes on.
    #[serde(flatten)]
    pub disposition: Option<Disposition>,
    /// Whose doing the ending is.
    pub fault: Option<Fault>,
    /// Consent to recording: given, refused, or never asked.
    pub consent: Option<bool>,
    /// Milliseconds from the first request for a person to a person's voice.
    pub request_to_person_ms: Option<u64>,
    /// Audio retention has passed.
    pub audio_removed: bool,
    /// Text retention has passed.
    pub text_removed: bool,
    /// The moment it began; other moments of this call are told relative to it.
    #[serde(skip)]
    pub(super) began_at: Moment,
}

/// All that is known of one call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallStory {
    /// The call.
    pub call: CallRow,
    /// Questions and answers, in order.
    pub turns: Vec<TurnRow>,
    /// What was heard, in order.
    pub utterances: Vec<UtteranceRow>,
    /// Decisions towards a person, in order.
    pub decisions: Vec<DecisionRow>,
    /// Tries to reach a person, in order.
    pub attempts: Vec<AttemptRow>,
    /// Messages taken.
    pub messages: Vec<MessageRow>,
    /// What was left for people to look after.
    pub tasks: Vec<TaskRow>,
    /// The audio of each leg, in the order in which they were closed.
    pub legs: Vec<LegRecord>,
    /// The two-channel recording, where there is one.
    pub recording: Option<PathBuf>,
    /// The event log, where there is one.
    pub events: Option<PathBuf>,
}

const CALL_COLUMNS: &str = "SELECT c.*, (SELECT COUNT(*) FROM turns t WHERE t.call = c.id) AS turn_count FROM calls c";

impl Store {
    /// The newest `last` calls, newest first.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn calls(&self, last: u32) -> Result<Vec<CallRow>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{CALL_COLUMNS} ORDER BY c.began_ms DESC, c.began_us DESC, c.id DESC LIMIT $1"));
        let rows = sqlx::query(sql).bind(i64::from(last)).fetch_all(&self.pool).await?;
        rows.iter().map(call_row).collect()
    }

    /// Ids of at most two calls that begin with these hex digits (two = the beginning is not enough).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn calls_beginning_with(&self, digits: &str) -> Result<Vec<CallId>, StoreError> {
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let rows = sqlx::query("SELECT id FROM calls WHERE id LIKE $1 || '%' LIMIT 2")
            .bind(digits.to_ascii_lowercase())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| call_id(row.try_get("id")?)).collect()
    }

    /// Everything about one call; `None` when there is no such call.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn call(&self, id: CallId) -> Result<Option<CallStory>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{CALL_COLUMNS} WHERE c.id = $1"));
        let Some(row) = sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.pool).await? else {
            return Ok(None);
        };
        let call = call_row(&row)?;
        let mut db = self.pool.acquire().await?;
        let (began, start) = (call.began, call.began_at);
        let mut utterances = super::utterances::of_call(&mut db, id, start).await?;
        for u in &mut utterances {
            u.clip = Some(self.clip_path(id, began, u.utterance)).filter(|p| p.is_file());
        }
        let mut messages = super::messages::of_call(&mut db, id, start).await?;
        super::messages::add_words(&mut messages, &utterances);
        for m in &mut messages {
            m.sound = Some(self.message_path(id, began)).filter(|p| p.is_file());
        }
        Ok(Some(CallStory {
            turns: super::turns::of_call(&mut db, id, start).await?,
            utterances,
            decisions: super::decisions::of_call(&mut db, id, start).await?,
            attempts: super::attempts::of_call(&mut db, id, start).await?,
            tasks: super::tasks::of_call(&mut db, id).await?,
            messages,
            legs: super::legs::of_call(&mut db, id).await?,
            recording: Some(self.recording_path(id, began)).filter(|p| p.is_file()),
            events: Some(self.event_path(id, began)).filter(|p| p.is_file()),
            call,
        }))
    }

    /// Removes a call for good: rows, hand-over cards, clips, recording, event log. `false` when there is no such call.
    /// `now` is written beside the id, so that files which a call still going on writes later are removed as well.
    ///
    /// # Errors
    /// When the database or the disk refuses; then it can simply be tried again.
    pub async fn delete(&self, id: CallId, now: WallTime) -> Result<bool, StoreError> {
        let key = id.to_string();
        let mut db = self.begin_alone().await?;
        let found = sqlx::query("SELECT began_ms FROM calls WHERE id = $1").bind(&key).fetch_optional(&mut *db).await?;
        let Some(began) = found.map(|row| WallTime(row.get(0))) else {
            return Ok(false);
        };
        // Files first: when that fails the row is still there to find them by.
        self.remove_files(id, began).await?;
        sqlx::query(
            "INSERT INTO deleted_calls (id, began_ms, deleted_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET began_ms = excluded.began_ms, deleted_ms = excluded.deleted_ms",
        )
        .bind(&key)
        .bind(began.0)
        .bind(now.0)
        .execute(&mut *db)
        .await?;
        sqlx::query("DELETE FROM call_backs WHERE call = $1").bind(&key).execute(&mut *db).await?;
        sqlx::query("DELETE FROM cards WHERE call = $1").bind(&key).execute(&mut *db).await?;
        sqlx::query("DELETE FROM calls WHERE id = $1").bind(&key).execute(&mut *db).await?;
        db.commit().await?;
        Ok(true)
    }

    /// Gives calls that never ended (the gateway died in them) their ending. To be called once, before the gateway takes
    /// calls. How many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_interrupted(&self) -> Result<u64, StoreError> {
        let disposition = Disposition::Failed { why: "the gateway stopped while the call went on".to_string() };
        let done =
            sqlx::query("UPDATE calls SET disposition = $1, disposition_json = $2, fault = $3 WHERE disposition IS NULL")
                .bind(disposition.name())
                .bind(to_json(&disposition))
                .bind(word(&disposition.fault()))
                .execute(&self.pool)
                .await?;
        Ok(done.rows_affected())
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of one record, bound in the order of the columns")]
pub(super) async fn began(
    db: &mut AnyConnection,
    call: CallId,
    now: Moment,
    at: WallTime,
    caller: &PhoneNumber,
    dialled: &PhoneNumber,
    flow: &str,
    flow_hash: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO calls (id, began_ms, began_us, caller, dialled, flow, flow_hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(call.to_string())
    .bind(at.0)
    .bind(sql_int(now.micros()))
    .bind(plain(caller.as_str()))
    .bind(plain(dialled.as_str()))
    .bind(plain(flow))
    .bind(flow_hash)
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn consent(db: &mut AnyConnection, call: CallId, given: bool) -> Result<(), StoreError> {
    sqlx::query("UPDATE calls SET consent = $1 WHERE id = $2")
        .bind(i64::from(given))
        .bind(call.to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// The card of an ended call stays valid for one more hour, whatever was planned when it was published.
const CARD_MS_AFTER_THE_CALL: i64 = 3_600_000;

pub(super) async fn ended(
    db: &mut AnyConnection,
    call: CallId,
    at: Moment,
    disposition: &Disposition,
    fault: Fault,
    request_to_person_ms: Option<u64>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE calls SET ended_us = $1, disposition = $2, disposition_json = $3, fault = $4, request_to_person_ms = $5 WHERE id = $6",
    )
    .bind(sql_int(at.micros()))
    .bind(disposition.name())
    .bind(to_json(disposition))
    .bind(word(&fault))
    .bind(request_to_person_ms.map(sql_int))
    .bind(call.to_string())
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "UPDATE cards SET valid_until_ms = $1 + (SELECT began_ms + (ended_us - began_us) / 1000 FROM calls WHERE id = cards.call) \
         WHERE call = $2 AND EXISTS (SELECT 1 FROM calls WHERE id = cards.call)",
    )
    .bind(CARD_MS_AFTER_THE_CALL)
    .bind(call.to_string())
    .execute(db)
    .await?;
    Ok(())
}

/// How long after the call's beginning, milliseconds.
pub(super) fn after_start_ms(at_us: i64, start: Moment) -> u64 {
    from_sql(at_us).saturating_sub(start.micros()) / 1_000
}

/// A value that serialises to one JSON word, as that word.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enum without data serialises to a word, got {other:?}"),
    }
}

/// A word back to its value.
pub(super) fn from_word<T: serde::de::DeserializeOwned>(what: &'static str, word: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word.to_string()))
        .map_err(|e| StoreError::Damaged { what, why: e.to_string() })
}

/// Our own types have string keys only and always serialise.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("records serialise: string keys, no failing types")
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Damaged { what, why: e.to_string() })
}

/// A call id as the database holds it.
pub(super) fn call_id(text: &str) -> Result<CallId, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged { what: "a call", why: format!("{text:?} is no call id") })
}

fn call_row(row: &AnyRow) -> Result<CallRow, StoreError> {
    let began_us: i64 = row.try_get("began_us")?;
    let began_at = Moment::from_micros(from_sql(began_us));
    let ended_us: Option<i64> = row.try_get("ended_us")?;
    let disposition: Option<String> = row.try_get("disposition_json")?;
    let fault: Option<String> = row.try_get("fault")?;
    let caller: Option<String> = row.try_get("caller")?;
    Ok(CallRow {
        id: call_id(row.try_get("id")?)?,
        began: WallTime(row.try_get("began_ms")?),
        length_ms: ended_us.map(|us| after_start_ms(us, began_at)),
        caller: caller.as_deref().map(PhoneNumber::new),
        dialled: PhoneNumber::new(row.try_get("dialled")?),
        flow: row.try_get("flow")?,
        flow_hash: row.try_get("flow_hash")?,
        turns: from_sql(row.try_get("turn_count")?),
        disposition: disposition.as_deref().map(|d| from_json("a disposition", d)).transpose()?,
        fault: fault.as_deref().map(|f| from_word("a fault", f)).transpose()?,
        consent: row.try_get::<Option<i64>, _>("consent")?.map(|given| given != 0),
        request_to_person_ms: row.try_get::<Option<i64>, _>("request_to_person_ms")?.map(from_sql),
        audio_removed: flag(row, "audio_removed")?,
        text_removed: flag(row, "text_removed")?,
        began_at,
    })
}
