//! Turns: one question and its answer.

use super::StoreError;
use super::calls::{after_start_ms, from_json, to_json};
use super::open::{from_sql, sql_int};
use crate::base::{CallId, Confidence, Moment, Pii};
use crate::call::TurnRecord;
use crate::nlu::{IntentName, Slots};
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

/// One turn as remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnRow {
    /// Counted from 0.
    pub turn: u32,
    /// Milliseconds from the call's beginning.
    pub at_ms: u64,
    /// The node that asked.
    pub node: String,
    /// What the caller said or keyed; `None` once text retention has passed, empty when sensitive.
    pub heard: Option<Pii<String>>,
    /// `voice`, `keys` or `silence`.
    pub by: String,
    /// How sure the ears were.
    pub heard_confidence: Confidence,
    /// What it was taken for; `None` = misunderstood.
    pub meaning: Option<IntentName>,
    /// How sure the matcher was.
    pub meaning_confidence: Confidence,
    /// Slots so far; `None` once text retention has passed.
    pub slots: Option<Pii<Slots>>,
    /// What we said next; `None` once text retention has passed.
    pub answer: Option<Pii<String>>,
    /// Words were withheld from the start.
    pub sensitive: bool,
}

pub(super) async fn insert(db: &mut SqliteConnection, call: CallId, turn: &TurnRecord) -> Result<(), StoreError> {
    // A sensitive turn holds no words, whoever made the record.
    let keep = !turn.sensitive;
    let slots = if keep { to_json(turn.slots.reveal()) } else { "{}".to_string() };
    sqlx::query(
        "INSERT OR REPLACE INTO turns \
         SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM calls WHERE id = ?",
    )
    .bind(i64::from(turn.turn))
    .bind(sql_int(turn.at.micros()))
    .bind(turn.node.as_str())
    // Revealed into the record, which retention governs.
    .bind(if keep { turn.heard.reveal().as_str() } else { "" })
    .bind(turn.by.as_str())
    .bind(turn.heard_confidence.get())
    .bind(turn.meaning.as_deref())
    .bind(turn.meaning_confidence.get())
    .bind(slots)
    // What we said after a PIN may repeat it.
    .bind(if keep { turn.answer.reveal().as_str() } else { "" })
    .bind(turn.sensitive)
    .bind(call.to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut SqliteConnection, call: CallId, start: Moment) -> Result<Vec<TurnRow>, StoreError> {
    let rows = sqlx::query("SELECT * FROM turns WHERE call = ? ORDER BY turn").bind(call.to_string()).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            let slots: Option<String> = row.try_get("slots")?;
            Ok(TurnRow {
                turn: u32::try_from(from_sql(row.try_get("turn")?)).unwrap_or(u32::MAX),
                at_ms: after_start_ms(row.try_get("at_us")?, start),
                node: row.try_get("node")?,
                heard: row.try_get::<Option<String>, _>("heard")?.map(Pii::new),
                by: row.try_get("heard_by")?,
                heard_confidence: Confidence::new(row.try_get("heard_confidence")?),
                meaning: row.try_get("meaning")?,
                meaning_confidence: Confidence::new(row.try_get("meaning_confidence")?),
                slots: slots.as_deref().map(|s| from_json("a turn's slots", s)).transpose()?,
                answer: row.try_get::<Option<String>, _>("answer")?.map(Pii::new),
                sensitive: row.try_get("sensitive")?,
            })
        })
        .collect()
}
